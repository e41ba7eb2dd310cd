"""Protocols that leave something out: one fold for each subject, sequence or group."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from data_modules.readers.reader import Fold, Index

Folds = Callable[[Index], list[Fold]]


def leave_one_out(group: Callable[[Index], NDArray[np.int64]]) -> Folds:
    """A fold for each group, in ascending order: its recordings are tested, all others train.

    group: from the index to the number (N,) of the group that each recording belongs to.
    """

    def folds(index: Index) -> list[Fold]:
        groups = group(index)
        return [Fold(np.flatnonzero(groups != left), np.flatnonzero(groups == left)) for left in np.unique(groups)]

    return folds


leave_one_subject_out = leave_one_out(lambda index: index.subject)
leave_one_sequence_out = leave_one_out(lambda index: np.arange(len(index)))
