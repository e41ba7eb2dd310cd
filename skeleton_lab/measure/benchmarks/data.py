"""Reading, opening and preparing data, beside the plain ways.

Axes: N clips, C coordinates, T frames, V joints, M persons.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.demo import write_demo
from data_modules.divisions import Draw
from data_modules.films import open_film, write_video
from data_modules.layouts import NTU25
from data_modules.prepare import prepare
from data_modules.readers import reader_for, skeleton_file
from data_modules.sequence import SkeletonSequence
from data_modules.settings import SkeletonSettings
from data_modules.skeletons import Clips
from data_modules.store import open_store, write_store
from data_modules.transcode import FilmFolder, make_small
from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.measure.literal import padded_recordings
from skeleton_lab.measure.literal import skeleton_file as literal_skeleton_file
from skeleton_lab.measure.literal.preparation import Draws, prepare_clip

NTU120_CLIPS = 114_480


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
        at_least=50_000,
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
        fast=lambda: [prepared[Draw(position, epoch=1)] for position in range(len(store))],
        plain=lambda: [plain(position) for position in range(len(store))],
        amount=len(store),
        unit="clips",
        target=20,
    )


def opening(folder: Path) -> Benchmark:
    frames = 4  # what opening costs depends on how many recordings there are, not on how long they are
    still = np.zeros((frames, 1, NTU25.num_joints, 3), np.float32)
    there = np.ones((frames, 1), np.bool_)
    sequences = (
        SkeletonSequence(still, there, number % 120, f"S001C001P001R001A001-{number:06}", NTU25, fps=30.0)
        for number in range(NTU120_CLIPS)
    )
    store = write_store(folder / "store", NTU25, (), sequences)
    np.save(folder / "whole.npy", store.joints_RVC, allow_pickle=False)
    return Benchmark(
        what=f"open a prepared dataset of {NTU120_CLIPS:,} recordings: mapped, or one array read into memory",
        fast=lambda: open_store(folder / "store"),
        plain=lambda: np.load(folder / "whole.npy", allow_pickle=False),
        amount=1,
        unit="stores",
        target=1,
        at_least=1,
    )


def films(folder: Path) -> Benchmark:
    # A film as cameras make it: large, and with a key frame only where it begins.
    noise = np.random.default_rng(0).integers(0, 255, (90, 24, 32, 3)).astype(np.uint8)
    write_video(folder / "film.mp4", (picture.repeat(20, 0).repeat(20, 1) for picture in noise), 30, 250, "mp4", 20)
    prepared = FilmFolder(folder, folder / "small")
    make_small(prepared, "film.mp4", 128)
    drawn = np.sort(np.random.default_rng(1).integers(0, len(noise), (6, 12)), axis=1).tolist()
    return Benchmark(
        what="12 frames of a film of 640 × 480: from its small version, or from itself",
        fast=lambda: [prepared.open("film.mp4").read(numbers, 128) for numbers in drawn],
        plain=lambda: [open_film(folder / "film.mp4").read(numbers, 128) for numbers in drawn],
        amount=len(drawn),
        unit="clips",
        target=2,
    )


def _recordings(folder: Path, clips: int) -> list[Path]:
    """Recordings of the demo world in the official format."""
    return reader_for("demo").find(write_demo("demo", folder, clips, seed=0))


def _megabytes(paths: list[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6
