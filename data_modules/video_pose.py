"""The LightningDataModule of films and the poses in them.

Axes: N clips, M persons, T frames, H rows, W columns, V joints, C = 3 colours or 2 coordinates.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from data_modules import video_transforms as transforms
from data_modules.data_module import DividedDataModule, StoredClips
from data_modules.divisions import WHOLE, Draw, Part, choose_fold
from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.films import resize
from data_modules.readers.reader import Fold, Protocol
from data_modules.settings import Selection, VideoSettings, video_problems
from data_modules.store import Store
from data_modules.transcode import FilmFolder

MEND_SIZE = "mend the size of its pictures, or replace the film"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class VideoPoseClip:
    """One recording: frames uint8 (T, H, W, 3), pixels float32 (T, M, V, 2), visible (T, M, V), as in the batch.

    Where poses are shown alone, frames have no rows and no columns.
    """

    frames_THWC: NDArray[np.uint8]
    pixels_TMVC: NDArray[np.float32]
    visible_TMV: NDArray[np.bool_]
    label: int
    position: int


@dataclass(frozen=True)
class Damaged:
    """In the place of a clip: its film cannot be used. Plain data, which processes can send to one another."""

    path: Path
    problem: str
    remedy: str


@dataclass
class VideoPoseBatch:
    """Clips side by side.

    frames: uint8 (N, T, 3, H, W), red, green and blue. label, position: (N,), the latter in the store.
    pixels: float32 (N, M, T, V, 2), x to the right and y down in these frames; whole numbers are centres of pixels.
    visible: bool (N, M, T, V), whether the joint is there, sure enough and inside the frame. Elsewhere pixels mean
        nothing.
    """

    frames: Tensor
    pixels: Tensor
    visible: Tensor
    label: Tensor
    position: Tensor


class VideoPoseClips(StoredClips[VideoPoseClip | Damaged, VideoSettings]):
    """The clips of a store with their films."""

    def __init__(
        self, store: Store, films: FilmFolder, labels: NDArray[np.int64], settings: VideoSettings, seed: int
    ) -> None:
        super().__init__(store, labels, settings, seed)
        self.films = films

    def __getitem__(self, draw: Draw) -> VideoPoseClip | Damaged:
        store, settings, position = self.opened(), self.settings, draw.position
        trains, rng = draw.epoch is not None, draw.generator(self.seed)
        count = settings.clip_len if trains else settings.test_clip_len or settings.clip_len
        times = transforms.sample_times(int(store.frames[position]), count, rng)
        try:
            frames = self._frames(store, position, times)
        except UnreadableRecordingError as error:
            return Damaged(error.path, error.problem, error.remedy)
        size = frames.shape[2], frames.shape[1]
        if settings.modality == "pose":
            size = transforms.fit(*_recorded_size(store, position), settings.short_side)
        pixels, visible = self._pose(store, position, times, size)
        clip = self._cut(frames, size, pixels, visible, position, rng if trains else None)
        if trains and settings.flip and rng is not None and rng.random() < 0.5:
            return self._mirrored(clip)
        return clip

    def _frames(self, store: Store, position: int, times: NDArray[np.int64]) -> transforms.Frames:
        """(T, H, W, 3), the short side as the settings say; without rows and columns where none are shown."""
        index = store.index
        if self.settings.modality == "pose":
            return np.zeros((len(times), 0, 0, 3), np.uint8)
        video = str(index.video[position])
        film = self.films.open(video)
        first = int(index.first_frame[position])
        # -1, as many as the film has, is left to film_frames.
        recorded = int(index.recorded_frames[position]) or first + int(store.frames[position])
        numbers = transforms.film_frames(times + first, recorded, film.frames)
        frames_THWC = film.read(numbers.tolist(), self.settings.short_side)
        size, recorded_size = (frames_THWC.shape[2], frames_THWC.shape[1]), _recorded_size(store, position)
        if not transforms.is_shaped_like(size, recorded_size):
            theirs, joints = transforms.in_words(size), transforms.in_words(recorded_size)
            shapes = f"its pictures are shaped {theirs}, those that its joints lie in {joints}"
            raise UnreadableRecordingError(self.films.original(video), f"{shapes} (image_size)", remedy=MEND_SIZE)
        return frames_THWC

    def _pose(
        self, store: Store, position: int, times: NDArray[np.int64], size: transforms.Size
    ) -> tuple[transforms.Pixels, transforms.Visible]:
        """Joints (T, M, V, 2) in pictures of `size`, and (T, M, V) which of them are there and sure enough."""
        sequence = store.sequence(position)
        pixels = sequence.joints_TMVC if self.layout.dimensions == 2 else sequence.pixels_TMVC
        assert pixels is not None
        pixels = pixels[times]
        # A joint in the uppermost left corner is how files say that there is none.
        visible = sequence.valid_TM[times][..., None] & (pixels != 0).any(axis=-1)
        if sequence.confidence_TMV is not None:
            visible &= sequence.confidence_TMV[times] > self.settings.least_confidence
        return transforms.scale_pixels(pixels, _recorded_size(store, position), size), visible

    def _cut(
        self,
        frames: transforms.Frames,
        size: transforms.Size,
        pixels: transforms.Pixels,
        visible: transforms.Visible,
        position: int,
        rng: np.random.Generator | None,
    ) -> VideoPoseClip:
        crop, corner, side = self.settings.crop, *self._square(size, pixels, visible, rng)
        pixels = transforms.scale_pixels(pixels - np.array(corner, np.float32), (side, side), (crop, crop))
        if self.settings.modality != "pose":
            frames = transforms.crop_frames(frames, corner, side)
            if self.settings.drawn_joints == "hidden":
                frames = transforms.hide_dots(frames)
            frames = resize(frames, (crop, crop))
        visible = visible & transforms.inside(pixels, (crop, crop))
        return VideoPoseClip(frames, pixels, visible, int(self.labels[position]), position)

    def _square(
        self,
        size: transforms.Size,
        pixels: transforms.Pixels,
        visible: transforms.Visible,
        rng: np.random.Generator | None,
    ) -> tuple[tuple[int, int], int]:
        """What is cut out of pictures of `size`: the upper left pixel, and the side."""
        if self.settings.crop_around == "bodies":
            return transforms.square_around(pixels, visible, size, rng)
        return transforms.crop_corner(size, self.settings.crop, rng), self.settings.crop

    def _mirrored(self, clip: VideoPoseClip) -> VideoPoseClip:
        shown = clip.frames_THWC, self.settings.crop, clip.pixels_TMVC, clip.visible_TMV
        return VideoPoseClip(*transforms.mirror(*shown, self.layout.mirrored), clip.label, clip.position)


def _recorded_size(store: Store, position: int) -> transforms.Size:
    """Of the pictures that the recording's joints lie in."""
    return int(store.index.image_width[position]), int(store.index.image_height[position])


def collate_video(clips: list[VideoPoseClip | Damaged], persons: int) -> VideoPoseBatch | Damaged:
    """Clips side by side, in `persons` slots; a clip of more persons keeps its first ones. One damaged clip stands for
    the whole batch."""
    whole = [clip for clip in clips if isinstance(clip, VideoPoseClip)]
    if len(whole) < len(clips):
        return next(clip for clip in clips if isinstance(clip, Damaged))
    frames, _, joints, _ = whole[0].pixels_TMVC.shape
    pixels = np.zeros((len(whole), persons, frames, joints, 2), np.float32)
    visible = np.zeros(pixels.shape[:-1], np.bool_)
    for row, clip in enumerate(whole):
        m = min(persons, clip.pixels_TMVC.shape[1])
        pixels[row, :m] = clip.pixels_TMVC.swapaxes(0, 1)[:m]
        visible[row, :m] = clip.visible_TMV.swapaxes(0, 1)[:m]
    return VideoPoseBatch(
        frames=torch.from_numpy(np.stack([clip.frames_THWC.transpose(0, 3, 1, 2) for clip in whole])),
        pixels=torch.from_numpy(pixels),
        visible=torch.from_numpy(visible),
        label=torch.tensor([clip.label for clip in whole]),
        position=torch.tensor([clip.position for clip in whole]),
    )


class VideoPoseLoader(DataLoader):
    """Raises the error of a damaged film here: what is raised in a worker arrives as a page of its traceback."""

    def __iter__(self) -> Iterator[VideoPoseBatch]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, Damaged):
                raise UnreadableRecordingError(batch.path, batch.problem, remedy=batch.remedy)
            yield batch


class VideoPoseDataModule(DividedDataModule):
    """Training, validation and test clips of one protocol: films with the poses in them, or either alone.

    films: where the dataset's films lie (see transcode.py for small ones). Where they are shown, recordings without a
    film, or with one that is known to be damaged, are left out, which a warning counts. A film that proves damaged
    while it is read ends the epoch with an UnreadableRecordingError that names it. selection is as in
    DividedDataModule.
    Raises DataError for settings that cannot be, for a fold that the protocol does not have, and where no recordings
    with films are left for training or test.
    """

    loader = VideoPoseLoader
    clips: VideoPoseClips

    def __init__(
        self,
        store: Store,
        films: FilmFolder,
        protocol: Protocol,
        settings: VideoSettings,
        batch_size: int,
        seed: int,
        selection: Selection = "last",
        workers: int = 0,
        part: Part = WHOLE,
    ) -> None:
        for problem in video_problems(settings):
            raise DataError(problem)
        labels: NDArray[np.int64] = getattr(store.index, protocol.label)
        clips = VideoPoseClips(store, films, labels, settings, seed)
        name = f"{settings.dataset}/{settings.protocol}"
        fold = choose_fold(protocol.folds(store.index), settings.fold, name)
        fold = _usable(fold, store, None if settings.modality == "pose" else films, name)
        collate = partial(collate_video, persons=settings.persons)
        clipped = settings.train_clips, workers, settings.test_crops
        super().__init__(clips, fold, collate, batch_size, selection, *clipped, part)
        self.num_classes = len(protocol.classes)


def _usable(fold: Fold, store: Store, films: FilmFolder | None, name: str) -> Fold:
    """The recordings of a fold whose pictures' size is known and, unless there need be no films, whose films can be
    used."""
    index = store.index
    if store.layout.dimensions == 3 and store.pixels_RVC is None:
        raise DataError(
            f"{name}: nothing says where its joints are seen in pictures; choose a dataset that does, or put the films "
            "of NTU RGB+D beside its recordings and prepare it again"
        )
    usable = (index.image_width > 0) & (index.image_height > 0)
    if films is not None:
        usable &= index.video != ""
        for position in np.flatnonzero(usable):
            usable[position] = not films.is_refused(str(index.video[position]))
    kept = Fold(fold.train[usable[fold.train]], fold.test[usable[fold.test]])
    what = "a usable film" if films is not None else "a picture of known size"
    if not len(kept.train) or not len(kept.test):
        counted = f"{len(kept.train)} training and {len(kept.test)} test recordings have {what}"
        if films is None:
            raise DataError(f"{name}: {counted}; choose a dataset that says how large its pictures are")
        where = f"put the dataset's films below {films.originals} and prepare it again"
        raise DataError(f"{name}: {counted}; {where}, or show poses alone: data.modality=pose")
    left_out = len(fold.train) + len(fold.test) - len(kept.train) - len(kept.test)
    if left_out:
        log.warning("%s: %d recordings without %s are left out", name, left_out, what)
    return kept
