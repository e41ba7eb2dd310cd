"""Times that were measured in one session, and kept.

What is compared is of one session: where none has all that is asked for, by this machine and this code, all of it is
measured anew.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import data_modules
import skeleton_lab
from skeleton_lab import config
from skeleton_lab.files import write_json
from skeleton_lab.measure.bench import device_name
from skeleton_lab.measure.in_turn import FEWEST_ROUNDS, SECONDS, in_turn
from skeleton_lab.ops.segments import backend
from skeleton_lab.training.provenance import provenance

# What has to be the same for times to stand for those that would be measured now. The commit does not say it: where
# files have changes, it does not tell which.
SAME = ("code", "backend", "versions", "hardware")
NATIVE = "native"


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
        other = self.origin.get("backend", NATIVE)
        return (
            f"{self.what}: median of {self.rounds} rounds in which all networks follow one another, {self.how}, "
            f"float32, 1 thread, on {self.origin['hardware']}, torch {self.origin['versions']['torch']}"
            f"{'' if other == NATIVE else f', ops.backend={other}'}, commit {self.origin['commit']}."
        )


def kept_times(
    names: Collection[str],
    path: Path,
    what: str,
    how: str,
    measure: Callable[[], tuple[Mapping[str, float], int]] | None,
) -> Times:
    """The times of all `names`: from a session of this machine and code, else measured now and kept at `path`.

    path: 'kind.json', or 'kind-….json' where sessions of several tables lie side by side, each of which is looked at.
    measure: gives the milliseconds by name, and the number of rounds. None measures nothing: then they are those of the
        session that has the most of the names, and of these the last, of whatever machine and code it is.
    """
    kind = path.stem.partition("-")[0]
    sessions = [_read(each) for each in (path, *path.parent.glob(f"{kind}-*.json"))]
    if measure is None:
        return _fullest(sessions, names)
    origin = {**provenance(), "hardware": device_name(), "code": code_digest(), "backend": backend()}
    for known in sessions:
        if set(names) <= set(known.ms) and all(known.origin.get(key) == origin[key] for key in SAME):
            return known
    ms, rounds = measure()
    measured = Times(dict(ms), what, how, origin, rounds)
    write_json(path, asdict(measured))
    return measured


def _fullest(sessions: Sequence[Times], names: Collection[str]) -> Times:
    """The session with the most of the names, and of these the last; none where no session has any."""
    having = [times for times in sessions if not set(names).isdisjoint(times.ms)]
    return max(having, key=lambda times: (len(set(names) & set(times.ms)), times.origin["started"]), default=Times())


def code_digest() -> str:
    """Of all that says what a network computes, committed or not: the packages, and the models' declarations."""
    digest = hashlib.sha256()
    for package in (skeleton_lab, data_modules):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            digest.update(path.read_bytes())
    for path in sorted((config.DECLARATIONS / "models").glob("*.yaml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


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
