"""What the LightningDataModules of skeletons and of films have in common.

Axes: N recordings.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from data_modules.divisions import WHOLE, Batches, Draws, Part, balanced, hold_out, in_order
from data_modules.readers.reader import Fold
from data_modules.settings import Selection
from data_modules.store import Store, open_store

Clip = TypeVar("Clip", covariant=True)
Settings = TypeVar("Settings")


class StoredClips(Dataset[Clip], Generic[Clip, Settings]):
    """The clips of a store; drawn anew in every epoch when `Draw` says so. labels: (N,), the class of each recording.

    A random draw depends on the seed, the epoch (or crop) and the clip alone: not on workers, ranks, or what was drawn
    before.
    """

    def __init__(self, store: Store, labels: NDArray[np.int64], settings: Settings, seed: int) -> None:
        self.path = store.path
        self.store: Store | None = store
        self.labels = labels
        self.settings = settings
        self.layout = store.layout
        self.seed = seed

    def __getstate__(self) -> dict:
        """Workers map the file anew instead of receiving a copy of it."""
        return {**self.__dict__, "store": None}

    def opened(self) -> Store:
        """The store, which a worker opens at its first clip."""
        if self.store is None:
            self.store = open_store(self.path)
        return self.store


class DividedDataModule(LightningDataModule):
    """Training, validation and test clips of one fold.

    selection: 'last' keeps no validation clips; 'validation' takes a tenth of the training subjects (of the sequences,
    where subjects are not known) out of training; 'test' is the papers' habit of watching the test set itself.
    train_clips: at most this many training clips, the same number of each class as far as they go; None takes all.
    test_crops: how many clips of each test recording are shown, one after the other; validation shows one.
    part: what this process sees of every batch, where several train together, and of the test recordings.
    sizes: (N,), how much work each recording is; None where all are the same.
    Raises DataError, when a loader is asked for, where there are fewer clips than so many processes need.
    """

    loader: ClassVar[type[DataLoader]] = DataLoader
    clips: StoredClips
    num_classes: int

    def __init__(
        self,
        clips: StoredClips,
        fold: Fold,
        collate: Callable[[list], Any],
        batch_size: int,
        selection: Selection,
        train_clips: int | None,
        workers: int,
        test_crops: int = 1,
        part: Part = WHOLE,
        sizes_N: NDArray[np.int64] | None = None,
    ) -> None:
        super().__init__()
        self.clips = clips
        self.collate = collate
        self.batch_size = batch_size
        self.workers = workers
        self.selection = selection
        self.test_crops = test_crops
        self.part = part
        self.sizes_N = sizes_N
        self.seed = clips.seed
        self.test = fold.test
        self.train, self.validation = hold_out(fold, clips.opened(), selection, self.seed)
        if train_clips is not None:
            self.train = balanced(self.train, clips.labels, train_clips, self.seed)

    def train_dataloader(self) -> DataLoader:
        draws = Draws(self.train, self.seed)
        return self._loader(batch_sampler=Batches(draws, self.batch_size, self.part, self.sizes_N))

    def val_dataloader(self) -> DataLoader | list:
        if not len(self.validation):
            return []
        # As many batches for every process, none of them empty.
        draws = in_order(self.validation, held_out=self.selection == "validation")
        batches = Batches(draws, self.batch_size, self.part, self.sizes_N, evenly=True)
        return self._loader(batch_sampler=batches)

    def test_dataloader(self) -> DataLoader:
        """The processes' parts one after the other are the test set in its order."""
        own = np.array_split(self.test, self.part.of)[self.part.number]
        return self._loader(sampler=in_order(own, self.test_crops), batch_size=self.batch_size)

    def _loader(self, **batches: Any) -> DataLoader:
        return self.loader(
            self.clips,
            num_workers=self.workers,
            collate_fn=self.collate,
            # A loader draws a number whenever it begins, which must not shift what the network draws.
            generator=torch.Generator().manual_seed(self.seed),
            **batches,
        )
