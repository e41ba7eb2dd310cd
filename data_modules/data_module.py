"""What the LightningDataModules of skeletons and of films have in common.

Axes: N recordings.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from data_modules.divisions import Draw, Draws, balanced, hold_out, in_order
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
    ) -> None:
        super().__init__()
        self.clips = clips
        self.collate = collate
        self.batch_size = batch_size
        self.workers = workers
        self.test_crops = test_crops
        self.seed = clips.seed
        self.test = fold.test
        self.train, self.validation = hold_out(fold, clips.opened(), selection, self.seed)
        if train_clips is not None:
            self.train = balanced(self.train, clips.labels, train_clips, self.seed)

    def train_dataloader(self) -> DataLoader:
        # A last batch of one clip would leave batch normalisation without a spread.
        drop_last = len(self.train) % self.batch_size == 1 and len(self.train) > self.batch_size
        return self._loader(Draws(self.train, self.seed), drop_last)

    def val_dataloader(self) -> DataLoader | list:
        return self._loader(in_order(self.validation)) if len(self.validation) else []

    def test_dataloader(self) -> DataLoader:
        return self._loader(in_order(self.test, self.test_crops))

    def _loader(self, sampler: Sampler[Draw] | list[Draw], drop_last: bool = False) -> DataLoader:
        return self.loader(
            self.clips,
            self.batch_size,
            sampler=sampler,
            num_workers=self.workers,
            collate_fn=self.collate,
            drop_last=drop_last,
            # A loader draws a number whenever it begins, which must not shift what the network draws.
            generator=torch.Generator().manual_seed(self.seed),
        )
