"""What is doubtful about how recordings are divided: classes, subjects on both sides, the same recording twice.

Axes: N sequences.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from data_modules.readers.reader import Fold, Index, Protocol
from data_modules.store import Problem

# The largest class has so many times more recordings than a rare one.
RARE = 10
# How many subjects a line names.
NAMED = 10


def division_problems(index: Index, protocols: Mapping[str, Protocol], contents: NDArray[np.str_]) -> list[Problem]:
    """One entry for each doubt. contents: (N,), the same for the same poses."""
    folds = {name: protocol.folds(index) for name, protocol in protocols.items()}
    found = list(_classes(index, protocols))
    for name, protocol in protocols.items():
        found += _sides(index, name, protocol, folds[name])
        found += _subjects(index, name, folds[name]) if not protocol.mixes_subjects else ()
    return found + list(_twins(index, folds, contents))


def _classes(index: Index, protocols: Mapping[str, Protocol]) -> Iterator[Problem]:
    """Empty and rare classes, once for every way to name them."""
    for label, classes in dict.fromkeys((protocol.label, protocol.classes) for protocol in protocols.values()):
        counts = np.bincount(getattr(index, label), minlength=len(classes))
        for name, count in zip(classes, counts.tolist(), strict=False):
            if count == 0:
                yield Problem(name, "the class has no recordings", "add some, or train without this class")
            elif count * RARE <= counts.max():
                yield Problem(
                    name,
                    f"the class has {count} recordings, the largest {counts.max()}",
                    "such classes count little in top1: look at mean_class_top1 too",
                )


def _sides(index: Index, name: str, protocol: Protocol, folds: list[Fold]) -> Iterator[Problem]:
    """Classes that stand on one side only. With several folds a class need not be tested in each."""
    labels = getattr(index, protocol.label)
    counts = {
        side: np.array([np.bincount(labels[getattr(fold, side)], minlength=len(protocol.classes)) for fold in folds])
        for side in ("train", "test")
    }
    remedy = "nothing can be said of it: divide the recordings otherwise"
    if len(folds) > 1:
        for fold in np.flatnonzero((counts["train"].sum(axis=1) == 0) | (counts["test"].sum(axis=1) == 0)).tolist():
            yield Problem(f"{name}, fold {fold}", "no recordings to train or to test with", remedy)
    present = (counts["train"] + counts["test"]).sum(axis=0) > 0
    untested = present & (counts["test"].sum(axis=0) == 0)
    for position in np.flatnonzero(untested).tolist():
        yield Problem(protocol.classes[position], f"{name} has no test recordings of it", remedy)
    missing = (counts["train"] == 0) & (counts["test"] > 0)
    for position in np.flatnonzero(missing.any(axis=0)).tolist():
        where = "" if len(folds) == 1 else f" in fold {int(missing[:, position].argmax())}"
        yield Problem(protocol.classes[position], f"{name} has no training recordings of it{where}", remedy)


def _subjects(index: Index, name: str, folds: list[Fold]) -> Iterator[Problem]:
    """The subjects who both train and test, in any of the folds."""
    sides = [np.intersect1d(index.subject[fold.train], index.subject[fold.test]) for fold in folds]
    both = np.unique(np.concatenate(sides)) if sides else np.empty(0, np.int64)
    both = both[both >= 0].tolist()
    if both:
        yield Problem(
            f"subject{'s' if len(both) > 1 else ''} {_listed(both)}",
            f"{'are' if len(both) > 1 else 'is'} in training and in test of {name}",
            "fine if that is meant, else keep each subject on one side: the test shows people the network knows",
        )


def _listed(numbers: list[int]) -> str:
    """'1, 2 and 3'; of many, the first ones."""
    if len(numbers) > NAMED:
        return f"{', '.join(map(str, numbers[:NAMED]))} and {len(numbers) - NAMED} more"
    return " and ".join(filter(None, [", ".join(map(str, numbers[:-1])), str(numbers[-1])]))


def _twins(index: Index, folds: Mapping[str, list[Fold]], contents: NDArray[np.str_]) -> Iterator[Problem]:
    """Recordings of the same poses, and the protocols that train on one of them and test on another."""
    _, group, counts = np.unique(contents, return_inverse=True, return_counts=True)
    doubles = np.flatnonzero(counts[group] > 1)
    members: dict[int, list[int]] = {}
    for position in doubles.tolist():
        members.setdefault(int(group[position]), []).append(position)
    leaking = {name: _leaking(group, doubles, protocol_folds) for name, protocol_folds in folds.items()}
    for number, (first, *others) in members.items():
        leaks = [name for name, groups in leaking.items() if number in groups]
        sample, twins = str(index.sample_id[first]), ", ".join(map(str, index.sample_id[others][:3]))
        across = f"; {', '.join(leaks)} trains on one and tests on the other" if leaks else ""
        yield Problem(sample, f"the same poses as {twins}{across}", "keep one of them")


def _leaking(group: NDArray[np.int64], doubles: NDArray[np.int64], folds: list[Fold]) -> set[int]:
    """The groups of equal recordings that are on both sides of a fold."""
    found: set[int] = set()
    for fold in folds if len(doubles) else ():
        train, test = (np.intersect1d(doubles, side) for side in (fold.train, fold.test))
        found |= set(group[train].tolist()) & set(group[test].tolist())
    return found
