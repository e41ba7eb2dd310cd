"""How a user divides their own recordings: by subject (camera, setup, replication), by name, or leaving one out.

Axes: N recordings.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import DataError, did_you_mean
from data_modules.readers.own_template import NUMBERS
from data_modules.readers.reader import Fold, Index

RULES = ("train", "test", "leave_one_out")
WILDCARDS = re.compile(r"[*?\[]")
# Without a rule, every third recording of each class tests.
EVERY = 3


@dataclass(frozen=True)
class Choice:
    """Some of the recordings: those that have one of the wanted numbers in every column, or whose sample id fits."""

    columns: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()

    def of(self, index: Index) -> NDArray[np.bool_]:
        """(N,), which of them."""
        chosen = np.full(len(index), not self.patterns)
        for column, wanted in self.columns.items():
            chosen &= np.isin(getattr(index, column), wanted)
        if self.patterns:
            exact, globs = set(self.patterns), [text for text in self.patterns if WILDCARDS.search(text)]
            for position, sample in enumerate(index.sample_id.tolist()):
                chosen[position] = sample in exact or any(fnmatchcase(sample, text) for text in globs)
        return chosen

    def idle(self, index: Index) -> list[str]:
        """The numbers and patterns that fit no recording, in words."""
        found = [
            f"{column} {number}"
            for column, wanted in self.columns.items()
            for number in wanted
            if number not in getattr(index, column)
        ]
        return found + [repr(text) for text in self.patterns if not Choice(patterns=(text,)).of(index).any()]


@dataclass(frozen=True)
class Split:
    """One rule. Where only one side is chosen, everything else is on the other; with `leave_one_out`, every number of
    that column is the test set of a fold; with nothing, every third recording of each class tests."""

    name: str
    train: Choice | None = None
    test: Choice | None = None
    leave_one_out: str | None = None

    @property
    def choices(self) -> dict[str, Choice]:
        return {side: choice for side, choice in (("train", self.train), ("test", self.test)) if choice is not None}

    def folds(self, index: Index) -> list[Fold]:
        """The divisions. Raises DataError where a recording is chosen for both sides."""
        if self.leave_one_out is not None:
            column = getattr(index, self.leave_one_out)
            return [_fold(column != left_out, column == left_out) for left_out in np.unique(column)]
        if not self.choices:
            test = _every_third(index)
            return [_fold(~test, test)]
        chosen = {side: choice.of(index) for side, choice in self.choices.items()}
        train = chosen["train"] if "train" in chosen else ~chosen["test"]
        test = chosen["test"] if "test" in chosen else ~chosen["train"]
        if (train & test).any():
            both = index.sample_id[train & test][0]
            raise DataError(f"splits.{self.name}: {both} is in both train and test; change the rule in dataset.yaml")
        return [_fold(train, test)]


def _fold(train: NDArray[np.bool_], test: NDArray[np.bool_]) -> Fold:
    return Fold(np.flatnonzero(train), np.flatnonzero(test))


def _every_third(index: Index) -> NDArray[np.bool_]:
    rank = np.zeros(len(index), np.int64)
    for label in np.unique(index.label):
        members = index.label == label
        rank[members] = np.arange(members.sum())
    return rank % EVERY == EVERY - 1


def split_of(name: str, rule: Any, columns: Collection[str]) -> Split:
    """A rule as dataset.yaml has it. columns: those of NUMBERS that the files' template names.

    Raises ValueError, naming the key, for anything that is no rule.
    """
    key = f"splits.{name}"
    if not isinstance(rule, dict) or not rule:
        raise ValueError(f"{key}: write a rule such as {{test: {{subject: [3, 4]}}}} or {{leave_one_out: subject}}")
    for part in rule:
        if part not in RULES:
            raise ValueError(f"{key}: unknown key {part!r:.40}; {did_you_mean(str(part)[:40], RULES)}")
    if "leave_one_out" in rule:
        if len(rule) > 1:
            raise ValueError(f"{key}: leave_one_out stands alone, without train and test")
        column = rule["leave_one_out"]
        _check_column(f"{key}.leave_one_out", column, columns)
        return Split(name, leave_one_out=column)
    sides = {side: _choice(f"{key}.{side}", chosen, columns) for side, chosen in rule.items()}
    return Split(name, sides.get("train"), sides.get("test"))


def _choice(key: str, chosen: Any, columns: Collection[str]) -> Choice:
    if isinstance(chosen, dict) and chosen:
        for column, wanted in chosen.items():
            _check_column(key, column, columns)
            if not _is_list_of(wanted, int):
                raise ValueError(f"{key}.{column}: write a list of whole numbers, such as [3, 4]")
        return Choice(columns={column: tuple(wanted) for column, wanted in chosen.items()})
    if _is_list_of(chosen, str):
        return Choice(patterns=tuple(chosen))
    raise ValueError(f"{key}: write {{subject: [3, 4]}} or a list of sample names, such as ['wave/*']")


def _is_list_of(found: Any, kind: type) -> bool:
    return isinstance(found, Sequence) and not isinstance(found, str) and bool(found) and all(
        isinstance(one, kind) and not isinstance(one, bool) for one in found
    )  # fmt: skip


def _check_column(key: str, column: Any, columns: Collection[str]) -> None:
    if column not in NUMBERS:
        raise ValueError(f"{key}: {column!r:.40} is nothing to divide by; {did_you_mean(str(column)[:40], NUMBERS)}")
    if column not in columns:
        raise ValueError(f"{key}: `files` has no placeholder {{{column}}}, so no recording's {column} is known")
