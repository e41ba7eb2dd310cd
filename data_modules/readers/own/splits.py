"""How a user divides their own recordings: by subject (camera, setup, replication), by name, or leaving one out.

Axes: N recordings.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import DataError, did_you_mean
from data_modules.readers.folds import leave_one_out, ranks_in_class
from data_modules.readers.own.template import NUMBERS
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
        samples = set(index.sample_id.tolist())
        unmet = [text for text in self.patterns if text not in samples]
        return found + [
            repr(text)
            for text in unmet
            if not (WILDCARDS.search(text) and any(fnmatchcase(sample, text) for sample in samples))
        ]


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

    @property
    def mixes_subjects(self) -> bool:
        """Whether it has subjects on both sides by design: leaving one of something else out, and every third."""
        return self.leave_one_out != "subject" and not self.choices

    def folds(self, index: Index) -> list[Fold]:
        """The divisions. Raises DataError where a recording is chosen for both sides."""
        if self.leave_one_out is not None:
            return leave_one_out(attrgetter(self.leave_one_out))(index)
        if not self.choices:
            return [Fold.where(ranks_in_class(index.label) % EVERY != EVERY - 1)]
        chosen = {side: choice.of(index) for side, choice in self.choices.items()}
        train = chosen["train"] if "train" in chosen else ~chosen["test"]
        test = chosen["test"] if "test" in chosen else ~chosen["train"]
        if (train & test).any():
            both = index.sample_id[train & test][0]
            raise DataError(f"splits.{self.name}: {both} is in both train and test; change the rule in dataset.yaml")
        return [Fold.where(train, test)]


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
    """Whether it is a list, not empty, of whole numbers or of strings. True and false are no numbers here."""
    return isinstance(found, list) and bool(found) and all(type(one) is kind for one in found)


def _check_column(key: str, column: Any, columns: Collection[str]) -> None:
    if column not in NUMBERS:
        raise ValueError(f"{key}: {column!r:.40} is nothing to divide by; {did_you_mean(str(column)[:40], NUMBERS)}")
    if column not in columns:
        raise ValueError(f"{key}: `files` has no placeholder {{{column}}}, so no recording's {column} is known")
