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
    held_out: whether it is evaluated as one of the training recordings that are held out to choose an epoch by.
    """

    position: int
    epoch: int | None = None
    crop: int | None = None
    held_out: bool = False

    def generator(self, seed: int) -> np.random.Generator | None:
        """What the clip is drawn with: its own for every seed, epoch or crop, and recording (of each epoch the
        recording at 0 has the numbers that also order that epoch). None draws nothing."""
        if self.epoch is not None:
            return np.random.default_rng((seed, self.epoch, self.position))
        if self.crop is not None:
            return np.random.default_rng((seed, EVALUATION, self.position, CROP, self.crop))
        return None


class Part(NamedTuple):
    """What one of `of` processes that train together sees: the part `number`, counted from 0."""

    number: int = 0
    of: int = 1


WHOLE = Part()
# Batch normalisation needs two clips for a spread.
FEWEST = 2


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


class Batches(Sampler[list[Draw]]):
    """One process's part of each batch. All processes go through the same batches, which together are those of one
    process alone.

    sampler: the clips of an epoch. evenly: the batches are of the same size, to one clip; otherwise the last one has
    what is left, and is dropped where that is too little for every process.
    sizes: (N,), how much work each recording is, by its position; a batch's parts have the same amount of it, as far as
    that goes. None: they have the same number of clips.
    """

    def __init__(
        self,
        sampler: "Draws | list[Draw]",
        batch_size: int,
        part: Part = WHOLE,
        sizes_N: NDArray[np.int64] | None = None,
        evenly: bool = False,
    ) -> None:
        self.sampler = sampler  # under this name Lightning looks for `set_epoch`
        self.part = part
        self.sizes_N = sizes_N
        self.ends = _ends(len(sampler), batch_size, part, evenly)

    def __iter__(self) -> Iterator[list[Draw]]:
        draws, begin = list(self.sampler), 0
        for end in self.ends:
            yield self._own(draws[begin:end])
            begin = end

    def __len__(self) -> int:
        return len(self.ends)

    def _own(self, batch: list[Draw]) -> list[Draw]:
        if self.part.of == 1:
            return batch
        if self.sizes_N is None:
            return batch[self.part.number :: self.part.of]
        parts = balanced_parts(self.sizes_N[[draw.position for draw in batch]], self.part.of)
        return [batch[row] for row in parts[self.part.number]]


def _ends(clips: int, batch_size: int, part: Part, evenly: bool) -> list[int]:
    """Where each batch ends. Raises DataError where the processes are too many for them."""
    least = 1 if evenly else FEWEST
    if part.of > 1 and min(clips, batch_size) < least * part.of:
        raise DataError(
            f"{clips} clips in batches of {batch_size} are too few for {part.of} devices: give fewer devices="
        )
    if evenly:
        count = -(-clips // batch_size)
        return [clips * (number + 1) // count for number in range(count)]
    ends = list(range(batch_size, clips + 1, batch_size))
    left = clips - len(ends) * batch_size
    return [*ends, clips] if left >= FEWEST * part.of or not ends else ends


def balanced_parts(sizes_N: NDArray[np.int64], parts: int) -> list[list[int]]:
    """The rows of N clips in `parts` parts of about the same size, none of them empty where there are clips for all:
    largest first, each to the part that has the least so far."""
    found: list[list[int]] = [[] for _ in range(parts)]
    totals = [0] * parts
    for row in np.argsort(-sizes_N, kind="stable"):
        least = min(range(parts), key=lambda number: (totals[number], len(found[number])))
        found[least].append(int(row))
        totals[least] += int(sizes_N[row])
    return [sorted(rows) for rows in found]


def in_order(positions: NDArray[np.int64], crops: int = 1, held_out: bool = False) -> list[Draw]:
    """The clips of an evaluation: one of each recording, nothing of it drawn at random; or `crops` random ones of each,
    one after the other."""
    numbers: list[int | None] = [None] if crops == 1 else [*range(crops)]
    return [Draw(int(position), None, crop, held_out) for position in positions for crop in numbers]


def evenly_spread(positions: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the positions, in equal steps over all of them."""
    return positions[:: max(1, -(-len(positions) // most))]


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
