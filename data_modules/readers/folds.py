"""Ways to divide recordings into training and test; each is a function from the index to its folds.

Axes: N recordings.
"""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from data_modules.readers.reader import Fold, Index

Folds = Callable[[Index], list[Fold]]


def fold_by(is_train: Callable[[Index], NDArray[np.bool_]]) -> Folds:
    """One fold: the recordings for which `is_train` (N,) holds, against all others."""
    return lambda index: [Fold.where(is_train(index))]


def train_on_subjects(*trains: Collection[int]) -> Folds:
    """A fold for each choice of subjects: they train, all others are tested."""
    return lambda index: [Fold.where(np.isin(index.subject, list(subjects))) for subjects in trains]


def leave_one_out(group: Callable[[Index], NDArray[np.int64]]) -> Folds:
    """A fold for each group, in ascending order: its recordings are tested, all others train.

    group: from the index to the number (N,) of the group that each recording belongs to.
    """

    def folds(index: Index) -> list[Fold]:
        groups = group(index)
        return [Fold.where(groups != left_out) for left_out in np.unique(groups)]

    return folds


leave_one_subject_out = leave_one_out(lambda index: index.subject)
leave_one_sequence_out = leave_one_out(lambda index: np.arange(len(index)))


def by_lists(index: Index) -> list[Fold]:
    """One fold, as the dataset's own lists divide the recordings; those that no list names are in neither half."""
    return [Fold.where(index.split == "train", index.split == "test")]


def ranks_in_class(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many recordings of the same class stand before each one (N,)."""
    ranks = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = labels == label
        ranks[members] = np.arange(members.sum())
    return ranks
