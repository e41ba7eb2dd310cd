"""Timing what is fast beside its plain twin (measure/in_turn.py), and the machine that it is timed on."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skeleton_lab.measure.in_turn import SECONDS, in_turn
from skeleton_lab.measure.memory import peak_bytes


@dataclass(frozen=True)
class Benchmark:
    """Two ways to the same result.

    what: one line that says what is compared with what; amount: how much, in `unit`, one call of either does; target:
    how many times as fast as `plain` the fast one is meant to be; at_least: how much of the unit it is meant to do in a
    second, 0 where only the ratio counts; least_memory: the memory of `plain` is meant to be so many times that of the
    fast one, None where it is not measured.
    """

    what: str
    fast: Callable[[], object]
    plain: Callable[[], object]
    amount: float
    unit: str
    target: float
    at_least: float = 0.0
    least_memory: float | None = None


@dataclass(frozen=True)
class Timing:
    """The seconds of each call, round by round; peak_bytes: of the fast one and of the plain one, where it is asked."""

    benchmark: Benchmark
    fast: tuple[float, ...]
    plain: tuple[float, ...]
    peak_bytes: tuple[int, int] | None = None

    @property
    def ratio(self) -> float:
        """How many times as fast: the median over the rounds, in each of which one follows the other at once."""
        return float(np.median(np.divide(self.plain, self.fast)))

    @property
    def rate(self) -> float:
        """How much of the unit the fast one does in a second."""
        return self.benchmark.amount / float(np.median(self.fast))

    @property
    def met(self) -> bool:
        times = self.ratio >= self.benchmark.target and self.rate >= self.benchmark.at_least
        return times and (self.peak_bytes is None or self.memory_ratio >= (self.benchmark.least_memory or 0))

    @property
    def memory_ratio(self) -> float:
        """How many times as much memory the plain one takes."""
        assert self.peak_bytes is not None
        fast, plain = self.peak_bytes
        return plain / fast

    def as_json(self) -> dict[str, Any]:
        low, high = np.quantile(np.divide(self.plain, self.fast), (0.25, 0.75))
        return {
            "what": self.benchmark.what,
            "unit": f"{self.benchmark.unit}/s",
            "fast": self.rate,
            "plain": self.benchmark.amount / float(np.median(self.plain)),
            "ratio": self.ratio,
            "ratio_quartiles": [float(low), float(high)],
            "target": self.benchmark.target,
            "at_least": self.benchmark.at_least,
            "met": self.met,
            "rounds": len(self.fast),
            **({"peak_megabytes": [size / 1e6 for size in self.peak_bytes]} if self.peak_bytes else {}),
        }


def measure(benchmark: Benchmark, seconds: float = SECONDS) -> Timing:
    """Time both for about so many seconds."""
    times = in_turn({"fast": benchmark.fast, "plain": benchmark.plain}, seconds)
    memory = None
    if benchmark.least_memory is not None:
        memory = peak_bytes(benchmark.fast), peak_bytes(benchmark.plain)
    return Timing(benchmark, times["fast"], times["plain"], memory)


def machine() -> dict[str, Any]:
    """What the times hold for."""
    return {
        "processor": processor(),
        "cores": cpu_count(),
        "threads": "1 each",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def device_name() -> str:
    """What networks are timed on: the GPU, or one core of the processor."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else processor()


def processor() -> str:
    """The processor's name, as Linux knows it, or as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
