"""What is fast here, timed beside its plain twin.

Both are called in turn within one run (fast, plain, fast, plain, …), so that whatever else the machine does meets both.
A new comparison is a function that makes its data in a folder and returns a Benchmark, and its entry in BENCHMARKS.
"""

import platform
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from data_modules.demo import write_demo
from data_modules.prepare import prepare
from data_modules.readers import reader_for, skeleton_file
from data_modules.settings import SkeletonSettings
from data_modules.skeletons import Clips
from skeleton_lab.measure.literal import padded_recordings
from skeleton_lab.measure.literal import skeleton_file as literal_skeleton_file
from skeleton_lab.measure.literal.preparation import Draws, prepare_clip

SECONDS = 8.0
FEWEST_ROUNDS, MOST_ROUNDS = 5, 60


@dataclass(frozen=True)
class Benchmark:
    """Two ways to the same result.

    what: one line that says what is compared with what; amount: how much, in `unit`, one call of either does; target:
    how many times as fast as `plain` the fast one is meant to be.
    """

    what: str
    fast: Callable[[], object]
    plain: Callable[[], object]
    amount: float
    unit: str
    target: float


@dataclass(frozen=True)
class Timing:
    """The seconds of each call, round by round."""

    benchmark: Benchmark
    fast: tuple[float, ...]
    plain: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as fast: the median over the rounds, in each of which one follows the other at once."""
        return float(np.median(np.divide(self.plain, self.fast)))

    @property
    def met(self) -> bool:
        return self.ratio >= self.benchmark.target

    def as_json(self) -> dict[str, Any]:
        low, high = np.quantile(np.divide(self.plain, self.fast), (0.25, 0.75))
        return {
            "what": self.benchmark.what,
            "unit": f"{self.benchmark.unit}/s",
            "fast": self.benchmark.amount / float(np.median(self.fast)),
            "plain": self.benchmark.amount / float(np.median(self.plain)),
            "ratio": self.ratio,
            "ratio_quartiles": [float(low), float(high)],
            "target": self.benchmark.target,
            "met": self.met,
            "rounds": len(self.fast),
        }


def measure(benchmark: Benchmark, seconds: float = SECONDS) -> Timing:
    """Time both for about so many seconds, on one thread each, after one round that is not counted."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fast, plain = [], []
        began = time.perf_counter()
        for done in range(MOST_ROUNDS + 1):
            fast.append(_seconds(benchmark.fast))
            plain.append(_seconds(benchmark.plain))
            if done >= FEWEST_ROUNDS and time.perf_counter() - began > seconds:
                break
    finally:
        torch.set_num_threads(threads)
    return Timing(benchmark, tuple(fast[1:]), tuple(plain[1:]))


def machine() -> dict[str, Any]:
    """What the times hold for."""
    return {
        "processor": _processor(),
        "cores": cpu_count(),
        "threads": "1 each",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def _processor() -> str:
    """The processor's name, as Linux knows it, or as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def parse(folder: Path) -> Benchmark:
    paths = _recordings(folder, clips=24)
    return Benchmark(
        what="read .skeleton files: all numbers at once, or line by line",
        fast=lambda: [skeleton_file.parse(path) for path in paths],
        plain=lambda: [literal_skeleton_file.parse(path) for path in paths],
        amount=_megabytes(paths),
        unit="MB",
        target=10,
    )


def parse_all_cores(folder: Path) -> Benchmark:
    paths = _recordings(folder, clips=24) * 4
    processes = cpu_count() or 1
    # Their start is not timed: it falls into the first round.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    chunk = -(-len(paths) // (4 * processes))
    return Benchmark(
        what=f"the same by {processes} processes that send back what they read",
        fast=lambda: list(pool.map(skeleton_file.parse, paths, chunksize=chunk)),
        plain=lambda: list(pool.map(literal_skeleton_file.parse, paths, chunksize=chunk)),
        amount=_megabytes(paths),
        unit="MB",
        target=10,
    )


def batches(folder: Path) -> Benchmark:
    _recordings(folder, clips=240)
    store = prepare(reader_for("demo"), folder, folder / "prepared")
    padded_recordings.write(folder / "padded.npy", store)
    padded = np.load(folder / "padded.npy", mmap_mode="r", allow_pickle=False)
    drawn = np.random.default_rng(0).integers(0, len(store), (8, 64)).tolist()
    return Benchmark(
        what="batches of 64 recordings: from the store, or from a padded array",
        fast=lambda: [store.ragged(positions) for positions in drawn],
        plain=lambda: [padded_recordings.ragged(padded, positions) for positions in drawn],
        amount=8 * 64,
        unit="clips",
        target=10,
    )


def clips(folder: Path) -> Benchmark:
    _recordings(folder, clips=24)
    store = prepare(reader_for("demo"), folder, folder / "prepared")
    # AdaSGN's bones for the cross-view protocol.
    settings = SkeletonSettings(
        stream="bone", centre_joint=1, align_up=[0, 20], align_right=[20, 4], persons=2, rotation_degrees=17.0
    )
    prepared = Clips(store, store.index.label, settings, seed=0)

    def plain(position: int) -> tuple[NDArray, NDArray]:
        draws = Draws(np.random.default_rng((0, 1, position)))
        return prepare_clip(store.sequence(position), store.layout, settings, (0, 0), draws)

    return Benchmark(
        what="clips for training: sampled, aligned, as bones, turned; or in loops over frames, persons and joints",
        fast=lambda: [prepared[position, 1] for position in range(len(store))],
        plain=lambda: [plain(position) for position in range(len(store))],
        amount=len(store),
        unit="clips",
        target=20,
    )


def _recordings(folder: Path, clips: int) -> list[Path]:
    """Recordings of the demo world in the official format."""
    return reader_for("demo").find(write_demo("demo", folder, clips, seed=0))


def _megabytes(paths: list[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6


# Each makes its data in a folder that it is given.
BENCHMARKS: Mapping[str, Callable[[Path], Benchmark]] = {
    "parse": parse,
    "parse_all_cores": parse_all_cores,
    "batches": batches,
    "clips": clips,
}
