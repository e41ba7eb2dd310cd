"""The LightningDataModule of skeletons alone."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from data_modules import transforms
from data_modules.augmentation import augmented, with_noise
from data_modules.collate import Clip, PaddedBatch, RaggedBatch, collate_padded, collate_ragged
from data_modules.divisions import Draw, Draws, balanced, choose_fold, hold_out, in_order
from data_modules.errors import DataError
from data_modules.readers.reader import Protocol
from data_modules.sampling import sample_frames
from data_modules.settings import Selection, SkeletonSettings, settings_problems
from data_modules.store import Store, open_store

Batch = PaddedBatch | RaggedBatch

# What tells the draws of noise from all others, and its draws in evaluation from those of every epoch.
NOISE = 1
EVALUATION = 2**32


class Clips(Dataset[Clip]):
    """The clips of a store, transformed; drawn anew in every epoch when `Draw` says so.

    A random draw depends on the seed, the epoch and the clip alone: not on workers, ranks, or what was drawn before.
    Raises DataError for settings that the store's recordings cannot have.
    """

    def __init__(self, store: Store, labels: NDArray[np.int64], settings: SkeletonSettings, seed: int) -> None:
        _check(settings, store)
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
        settings, (position, epoch) = self.settings, draw
        recording = self._recording(self.store, draw)
        rng = None if epoch is None else np.random.default_rng((self.seed, epoch, position))
        sample = sample_frames(settings.sampling, recording.frames.valid_TM, settings.clip_len, rng)
        joints = transforms.show(recording, sample, settings.stream)
        if rng is not None:
            joints = augmented(joints, rng, settings.rotation_degrees, settings.scale_spread, self.layout.dimensions)
        return Clip(joints, sample.shown_SM, int(self.labels[position]), position)

    def _recording(self, store: Store, draw: Draw) -> transforms.Recording:
        settings, (position, epoch) = self.settings, draw
        frames = transforms.first_persons(store.sequence(position), settings.persons)
        if settings.noise_metres and settings.noise_on in ("both", "test" if epoch is None else "train"):
            # Its own generator, so that the same frames are shown with noise and without.
            rng = np.random.default_rng((self.seed, EVALUATION if epoch is None else epoch, position, NOISE))
            frames = replace(frames, joints_TMVC=with_noise(frames.joints_TMVC, rng, settings.noise_metres))
        size = int(store.index.image_width[position]), int(store.index.image_height[position])
        normalisation = transforms.normalisation_of(frames, settings, size)
        return transforms.Recording(frames, bool(frames.valid_TM.all()), self.layout, normalisation)


def _check(settings: SkeletonSettings, store: Store) -> None:
    for problem in settings_problems(settings, store.layout):
        raise DataError(problem)
    if settings.origin == "image":
        unknown = (store.index.image_width < 1) | (store.index.image_height < 1)
        if unknown.any():
            raise DataError(
                f"data.origin=image: the size of the picture is not known for {unknown.sum()} of {len(store)} "
                f"recordings, such as {store.index.sample_id[unknown.argmax()]}; take data.origin=joint"
            )


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
        fold = choose_fold(protocol.folds(store.index), settings.fold, f"{settings.dataset}/{settings.protocol}")
        self.test = fold.test
        self.train, self.validation = hold_out(fold, store, selection, seed)
        if settings.train_clips is not None:
            self.train = balanced(self.train, labels, settings.train_clips, seed)

    def train_dataloader(self) -> DataLoader[Clip]:
        # A last batch of one clip would leave batch normalisation without a spread.
        drop_last = len(self.train) % self.batch_size == 1 and len(self.train) > self.batch_size
        return self._loader(Draws(self.train, self.seed), drop_last)

    def val_dataloader(self) -> DataLoader[Clip] | list:
        return self._loader(in_order(self.validation)) if len(self.validation) else []

    def test_dataloader(self) -> DataLoader[Clip]:
        return self._loader(in_order(self.test))

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
