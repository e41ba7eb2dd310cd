"""Times that were measured in one session, kept beside the table that they stand in.

They are measured anew, all of them, when one is missing, or where the machine or the code is another.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skeleton_lab.files import write_json
from skeleton_lab.measure.bench import device_name
from skeleton_lab.measure.in_turn import FEWEST_ROUNDS, SECONDS, in_turn
from skeleton_lab.training.provenance import provenance


@dataclass(frozen=True)
class Times:
    """ms: by the names of what was timed, medians; what, how: for the note that says how they were measured; origin:
    the provenance of the session; rounds: how often each was called."""

    ms: Mapping[str, float] = field(default_factory=dict)
    what: str = ""
    how: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 0

    @property
    def note(self) -> str:
        """How they were measured; '' where there are none."""
        if not self.ms:
            return ""
        return (
            f"{self.what}: median of {self.rounds} rounds in which all networks follow one another, {self.how}, "
            f"float32, 1 thread, on {self.origin['hardware']}, torch {torch.__version__}."
        )


def kept_times(
    names: Collection[str], path: Path, what: str, how: str, measure: Callable[[], tuple[Mapping[str, float], int]]
) -> Times:
    """The times of all `names`, from the file at `path` where it has them of this machine and code, else measured now
    and kept there. measure: gives the milliseconds by name, and the number of rounds."""
    origin = {**provenance(), "hardware": device_name()}
    known = _read(path)
    same = all(known.origin.get(key) == origin[key] for key in ("commit", "versions", "hardware"))
    if same and set(names) <= set(known.ms):
        return known
    ms, rounds = measure()
    measured = Times(dict(ms), what, how, origin, rounds)
    write_json(path, asdict(measured))
    return measured


def timed_in_turn(
    calls: Mapping[str, Callable[[], object]], seconds: float = SECONDS, fewest_rounds: int = FEWEST_ROUNDS
) -> tuple[dict[str, float], int]:
    """The median milliseconds of each call, and how many rounds it is of."""
    times = in_turn(calls, seconds, fewest_rounds)
    medians = {name: 1e3 * float(np.median(found)) for name, found in times.items()}
    return medians, len(next(iter(times.values())))


def _read(path: Path) -> Times:
    """What is kept; nothing where there is no such file, or one that says something else."""
    try:
        return Times(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, TypeError, ValueError):
        return Times()
