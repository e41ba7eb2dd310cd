"""The LightningDataModule of skeletons alone."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from data_modules import transforms
from data_modules.collate import Clip, PaddedBatch, RaggedBatch, collate_padded, collate_ragged
from data_modules.errors import DataError
from data_modules.readers.reader import Fold, Protocol
from data_modules.settings import Selection, SkeletonSettings
from data_modules.store import Store, open_store

Batch = PaddedBatch | RaggedBatch

# A drawn clip: its position in the store and the epoch of the draw; None draws nothing at random.
Draw = tuple[int, int | None]


class Clips(Dataset[Clip]):
    """The clips of a store, transformed; drawn anew in every epoch when `Draw` says so.

    A random draw depends on the seed, the epoch and the clip alone: not on workers, ranks, or what was drawn before.
    """

    def __init__(self, store: Store, labels: NDArray[np.int64], settings: SkeletonSettings, seed: int) -> None:
        self.path = store.path
        self.store: Store | None = store
        self.labels = labels
        self.settings = settings
        self.layout = store.layout
        self.seed = seed

    def __getstate__(self) -> dict:
        """Workers map the file anew instead of receiving a copy of it."""
        return {**self.__dict__, "store": None}

    def __getitem__(self, draw: Draw) -> Clip:
        if self.store is None:
            self.store = open_store(self.path)
        position, epoch = draw
        rng = None if epoch is None else np.random.default_rng((self.seed, epoch, position))
        frames = self.store.sequence(position)
        joints, valid = self._transformed(frames.joints_TMVC, frames.valid_TM, rng)
        return Clip(joints, valid, int(self.labels[position]), position)

    def _transformed(
        self, joints: transforms.Joints, valid: transforms.Valid, rng: np.random.Generator | None
    ) -> tuple[transforms.Joints, transforms.Valid]:
        settings = self.settings
        joints = transforms.centre(joints, valid, settings.centre_joint)
        if settings.scale_bone:
            joints = transforms.scale_by_bone(joints, valid, _pair(settings.scale_bone))
        if settings.align_up and settings.align_right:
            joints = transforms.align(joints, valid, _pair(settings.align_up), _pair(settings.align_right))
        stream = transforms.as_stream(joints, valid, settings.stream, self.layout)
        clip, shown = transforms.sample_frames(stream, valid, settings.clip_len, rng)
        if rng is not None and settings.rotation_degrees:
            clip = transforms.rotate(clip, rng.uniform(-settings.rotation_degrees, settings.rotation_degrees, 3))
        return clip, shown


def _pair(joints: list[int]) -> tuple[int, int]:
    first, second = joints
    return first, second


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
        return iter([(int(position), self.epoch) for position in order])

    def __len__(self) -> int:
        return len(self.positions)


class SkeletonDataModule(LightningDataModule):
    """Training, validation and test clips of one protocol.

    selection: 'last' keeps no validation clips; 'validation' takes a tenth of the training subjects (of the sequences,
    where subjects are not known) out of training; 'test' is the papers' habit of watching the test set itself.
    Raises DataError for a fold that the protocol does not have.
    """

    def __init__(
        self,
        store: Store,
        protocol: Protocol,
        settings: SkeletonSettings,
        batch_size: int,
        seed: int,
        selection: Selection = "last",
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.workers = workers
        self.seed = seed
        labels: NDArray[np.int64] = getattr(store.index, protocol.label)
        self.clips = Clips(store, labels, settings, seed)
        self.num_classes = len(protocol.classes)
        fold = _fold(protocol.folds(store.index), settings)
        self.test = fold.test
        self.train, self.validation = _split(fold, store, selection, seed)
        if settings.train_clips is not None:
            self.train = _balanced(self.train, labels, settings.train_clips, seed)

    def train_dataloader(self) -> DataLoader[Clip]:
        # A last batch of one clip would leave batch normalisation without a spread.
        drop_last = len(self.train) % self.batch_size == 1 and len(self.train) > self.batch_size
        return self._loader(Draws(self.train, self.seed), drop_last)

    def val_dataloader(self) -> DataLoader[Clip] | list:
        return self._loader(_in_order(self.validation)) if len(self.validation) else []

    def test_dataloader(self) -> DataLoader[Clip]:
        return self._loader(_in_order(self.test))

    def _loader(self, sampler: Sampler[Draw] | list[Draw], drop_last: bool = False) -> DataLoader[Clip]:
        settings = self.clips.settings
        collate = collate_ragged if settings.collation == "ragged" else collate_padded
        return DataLoader(
            self.clips,
            self.batch_size,
            sampler=sampler,
            num_workers=self.workers,
            collate_fn=partial(collate, persons=settings.persons),
            drop_last=drop_last,
            # A loader draws a number whenever it begins, which must not shift what the network draws.
            generator=torch.Generator().manual_seed(self.seed),
        )


def _in_order(positions: NDArray[np.int64]) -> list[Draw]:
    return [(int(position), None) for position in positions]


def _fold(folds: list[Fold], settings: SkeletonSettings) -> Fold:
    if not 0 <= settings.fold < len(folds):
        raise DataError(
            f"{settings.dataset}/{settings.protocol} has folds 0 to {len(folds) - 1}: set data.fold to one of them"
        )
    fold = folds[settings.fold]
    if not len(fold.train) or not len(fold.test):
        raise DataError(
            f"{settings.dataset}/{settings.protocol}: {len(fold.train)} training and {len(fold.test)} test recordings; "
            "some of the dataset's files are missing"
        )
    return fold


def _split(fold: Fold, store: Store, selection: Selection, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and validation positions."""
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


def _balanced(positions: NDArray[np.int64], labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """`count` of the positions: the first of every class, then the second of every class, and so on, order drawn."""
    shuffled = np.random.default_rng(seed).permutation(positions)
    rank = np.empty(len(shuffled), np.int64)
    for label in np.unique(labels[shuffled]):
        members = labels[shuffled] == label
        rank[members] = np.arange(members.sum())
    return np.sort(shuffled[np.argsort(rank, kind="stable")[:count]])
