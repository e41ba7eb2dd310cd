"""The LightningDataModule of skeletons alone.

Axes: N recordings.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from data_modules import transforms
from data_modules.augmentation import augmented, with_noise
from data_modules.collate import Clip, PaddedBatch, RaggedBatch, collate_padded, collate_ragged
from data_modules.data_module import DividedDataModule, StoredClips
from data_modules.divisions import EVALUATION, WHOLE, Draw, Part, choose_fold
from data_modules.errors import DataError
from data_modules.readers.reader import Protocol
from data_modules.sampling import sample_frames
from data_modules.settings import Selection, SkeletonSettings, settings_problems
from data_modules.store import Store

Batch = PaddedBatch | RaggedBatch

# What tells the draws of noise from all others.
NOISE = 1


class Clips(StoredClips[Clip, SkeletonSettings]):
    """The clips of a store, transformed. Raises DataError for settings that the store's recordings cannot have."""

    def __init__(self, store: Store, labels: NDArray[np.int64], settings: SkeletonSettings, seed: int) -> None:
        _check(settings, store)
        super().__init__(store, labels, settings, seed)

    def upright(self) -> "Clips":
        """The same frames of the same recordings as positions that are not turned, for pictures."""
        assert self.store is not None
        settings = replace(self.settings, stream="joint", align_up=None, align_right=None)
        return Clips(self.store, self.labels, settings, self.seed)

    def __getitem__(self, draw: Draw) -> Clip:
        settings, position = self.settings, draw.position
        recording = self._recording(self.opened(), draw)
        rng = draw.generator(self.seed)
        sample = sample_frames(
            settings.sampling, recording.frames.valid_TM, settings.clip_len, rng, settings.frame_step
        )
        joints = transforms.show(recording, sample, settings.stream)
        if rng is not None and draw.epoch is not None:
            joints = augmented(joints, rng, settings.rotation_degrees, settings.scale_spread, self.layout.dimensions)
        return Clip(joints, sample.shown_SM, int(self.labels[position]), position)

    def _recording(self, store: Store, draw: Draw) -> transforms.Recording:
        settings, position, epoch = self.settings, draw.position, draw.epoch
        division = "train" if epoch is not None else "validation" if draw.held_out else "test"
        frames = transforms.first_persons(store.sequence(position), settings.persons)
        if settings.person_order == "along_x":
            frames = transforms.along_x(frames, settings.centre_joint)
        if settings.noise_metres and settings.noise_on in ("both", division):
            # Its own generator, so that the same frames are shown with noise and without. It is part of the recording:
            # all crops of a test recording show the same.
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


class SkeletonDataModule(DividedDataModule):
    """Training, validation and test clips of one protocol; selection is as in DividedDataModule.

    Raises DataError for settings that the store's recordings cannot have, and for a fold that the protocol does not
    have.
    """

    clips: Clips

    def __init__(
        self,
        store: Store,
        protocol: Protocol,
        settings: SkeletonSettings,
        batch_size: int,
        seed: int,
        selection: Selection = "last",
        workers: int = 0,
        part: Part = WHOLE,
    ) -> None:
        labels: NDArray[np.int64] = getattr(store.index, protocol.label)
        clips = Clips(store, labels, settings, seed)
        fold = choose_fold(protocol.folds(store.index), settings.fold, f"{settings.dataset}/{settings.protocol}")
        collate = partial(
            collate_ragged if settings.collation == "ragged" else collate_padded, persons=settings.persons
        )
        # Clips of one length are the same work; where they are ragged, their frames are.
        sizes_N = frames_present(store) if settings.collation == "ragged" and part.of > 1 else None
        clipped = settings.train_clips, workers, settings.test_crops
        super().__init__(clips, fold, collate, batch_size, selection, *clipped, part, sizes_N)
        self.num_classes = len(protocol.classes)


def frames_present(store: Store) -> NDArray[np.int64]:
    """Of each recording the frames in which a person is there, those of all its persons together, (N,)."""
    return np.add.reduceat(store.valid_R, store.offsets[:-1], dtype=np.int64)
