"""Timing several ways side by side.

They are called in turn within one run (a, b, c, a, b, c, …), so that whatever else the machine does meets all of them.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

SECONDS = 8.0
FEWEST_ROUNDS, MOST_ROUNDS = 5, 60


def in_turn(
    calls: Mapping[str, Callable[[], object]], seconds: float = SECONDS, fewest_rounds: int = FEWEST_ROUNDS
) -> dict[str, tuple[float, ...]]:
    """The seconds of each call, round by round, for about so many seconds in all; at least so many rounds.

    On one thread, after one round that is not counted; a call on a GPU ends when its work is done.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    with threads(1):
        began = time.perf_counter()
        for done in range(MOST_ROUNDS + 1):
            for name, call in calls.items():
                times[name].append(_seconds(call))
            if done >= fewest_rounds and time.perf_counter() - began > seconds:
                break
    return {name: tuple(found[1:]) for name, found in times.items()}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within, PyTorch computes on so many threads of the processor."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds(call: Callable[[], object]) -> float:
    _wait()
    began = time.perf_counter()
    call()
    _wait()
    return time.perf_counter() - began


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
