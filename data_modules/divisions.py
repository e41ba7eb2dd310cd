"""Which recordings train, validate and test, and in which order they are drawn: the same for every data module."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from data_modules.errors import DataError
from data_modules.readers.folds import ranks_in_class
from data_modules.readers.reader import Fold
from data_modules.settings import Selection
from data_modules.store import Store

# The draws of evaluation stand where those of training have their epoch, which is never as large.
EVALUATION = 2**32
# What tells the draws of random test clips from all others.
CROP = 2


class Draw(NamedTuple):
    """A clip to be drawn: the recording at `position` in the store, for training or for evaluation.

    epoch: of the training that it is drawn for; None in evaluation.
    crop: which of several random clips of a test recording it is; None for the one that is always the same.
    """

    position: int
    epoch: int | None = None
    crop: int | None = None

    def generator(self, seed: int) -> np.random.Generator | None:
        """What the clip is drawn with: its own for every seed, epoch or crop, and recording. None draws nothing."""
        if self.epoch is not None:
            return np.random.default_rng((seed, self.epoch, self.position))
        if self.crop is not None:
            return np.random.default_rng((seed, EVALUATION, self.position, CROP, self.crop))
        return None


class Draws(Sampler[Draw]):
    """The training clips in an order that depends on the seed and the epoch alone, so that a resumed run repeats it."""

    def __init__(self, positions: NDArray[np.int64], seed: int) -> None:
        self.positions = positions
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of every epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Draw]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.positions)
        return iter([Draw(int(position), self.epoch) for position in order])

    def __len__(self) -> int:
        return len(self.positions)


def in_order(positions: NDArray[np.int64], crops: int = 1) -> list[Draw]:
    """The clips of an evaluation: one of each recording, nothing of it drawn at random; or `crops` random ones of each,
    one after the other."""
    numbers: list[int | None] = [None] if crops == 1 else [*range(crops)]
    return [Draw(int(position), crop=crop) for position in positions for crop in numbers]


def choose_fold(folds: list[Fold], number: int, name: str) -> Fold:
    """One of a protocol's folds. name: dataset and protocol, for the messages.

    Raises DataError for a fold that the protocol does not have, and for one without training or test recordings.
    """
    if not 0 <= number < len(folds):
        raise DataError(f"{name} has folds 0 to {len(folds) - 1}: set data.fold to one of them")
    fold = folds[number]
    if not len(fold.train) or not len(fold.test):
        raise DataError(
            f"{name}: {len(fold.train)} training and {len(fold.test)} test recordings; "
            "some of the dataset's files are missing, or its division names none"
        )
    return fold


def hold_out(fold: Fold, store: Store, selection: Selection, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and validation positions; see DividedDataModule for the kinds of selection."""
    if selection == "last":
        return fold.train, fold.train[:0]
    if selection == "test":
        return fold.train, fold.test
    groups = store.index.subject[fold.train]
    if len(np.unique(groups)) < 2:
        groups = np.arange(len(fold.train))
    names = np.unique(groups)
    held_out = np.random.default_rng(seed).permutation(names)[: max(1, round(len(names) / 10))]
    validation = np.isin(groups, held_out)
    return fold.train[~validation], fold.train[validation]


def balanced(positions: NDArray[np.int64], labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """`count` of the positions: the first of every class, then the second of every class, and so on, order drawn."""
    shuffled = np.random.default_rng(seed).permutation(positions)
    ranks = ranks_in_class(labels[shuffled])
    return np.sort(shuffled[np.argsort(ranks, kind="stable")[:count]])
