"""What a trained network makes of recordings that nobody has named.

Axes: N recordings, K classes.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning import Trainer
from torch import Tensor

from data_modules.data_module import DividedDataModule
from data_modules.divisions import Draw
from data_modules.errors import UnreadableRecordingError
from data_modules.films import open_film
from data_modules.readers.reader import Extra, Fold, Protocol, Reader
from data_modules.readers.unlabelled import FILM_KINDS, film_of, read_unlabelled
from data_modules.sequence import SkeletonSequence
from data_modules.settings import VideoSettings
from data_modules.skeletons import Clips, SkeletonDataModule
from data_modules.store import Problem, Store, write_store
from data_modules.transcode import FilmFolder
from data_modules.video_pose import VideoPoseDataModule
from skeleton_lab.figures.animation import animate
from skeleton_lab.figures.film_animation import animate_film
from skeleton_lab.papers.deform3d.examples import as_film
from skeleton_lab.papers.deform3d.module import Deform3DModule
from skeleton_lab.reproduce.finished import Finished
from skeleton_lab.reproduce.train import predict, quieten
from skeleton_lab.settings import ExecutionSettings
from skeleton_lab.training.module import ClassificationModule

AT_ONCE = 16
ROOT = Path("/")
NO_FILM = f"left out; call it as the file of poses, ending in {', '.join(FILM_KINDS)}"


@dataclass(frozen=True)
class Predicted:
    """A recording, and its likeliest classes with their probabilities, the likeliest first."""

    name: str
    likeliest: tuple[tuple[str, float], ...]


def read_inputs(
    paths: Sequence[Path], reader: Reader, with_films: bool, progress: Callable[[int, int], None]
) -> tuple[list[SkeletonSequence], list[Problem]]:
    """The recordings of files, called as these below the folder that holds them all, and those that cannot be used.

    with_films: those that lie beside them belong to them; who has none cannot be used.
    """
    above = os.path.commonpath([path.absolute().parent for path in paths]) if paths else ""
    sequences: list[SkeletonSequence] = []
    problems: list[Problem] = []
    for done, path in enumerate(paths, 1):
        found = list(read_unlabelled(path, reader))
        if with_films:
            found = [_with_film(each, path) if isinstance(each, SkeletonSequence) else each for each in found]
        problems += [each for each in found if isinstance(each, Problem)]
        usable = [each for each in found if isinstance(each, SkeletonSequence)]
        for each in usable:
            file = path.absolute().relative_to(above).as_posix()
            name = file if len(found) == 1 else f"{file}: {each.sample_id}"
            sequences.append(replace(each, sample_id=name))
        progress(done, len(paths))
    return sequences, problems


def _with_film(sequence: SkeletonSequence, path: Path) -> SkeletonSequence | Problem:
    """A recording of a file and its film, in whose pixels it is where nothing else is said."""
    film = _named_film(sequence, path) or film_of(path)
    if film is None:
        return Problem(path.name, f"{path}: there is no film of this name beside it", NO_FILM)
    try:
        height, width, _ = open_film(film).picture(0).shape
    except UnreadableRecordingError as error:
        return Problem(path.name, str(error), error.remedy)
    return replace(
        sequence,
        video=film.relative_to(ROOT).as_posix(),
        image_width=sequence.image_width or width,
        image_height=sequence.image_height or height,
    )


def _named_film(sequence: SkeletonSequence, path: Path) -> Path | None:
    """The one that an official recording names, in its dataset's folder."""
    folders = path.absolute().parents if sequence.video else ()
    return next((folder / sequence.video for folder in folders if (folder / sequence.video).exists()), None)


class Predictor:
    """A finished run's network and the recordings that it is asked about, as clips of its test set would be."""

    def __init__(self, run: Finished, reader: Reader, store: Store, execution: ExecutionSettings) -> None:
        settings, protocol = run.settings, run.protocol(reader)
        self.classes = protocol.classes
        self.module: ClassificationModule = run.module(reader)
        self.execution = execution
        # All of them are test clips; what trains is not asked for.
        every = Protocol(protocol.classes, lambda index: [Fold(np.arange(len(index)), np.arange(len(index)))])
        data = replace(settings.data, fold=0, train_clips=None)
        self.data: DividedDataModule
        if isinstance(data, VideoSettings):
            films = FilmFolder(ROOT, Path(os.devnull))  # the originals alone
            self.data = VideoPoseDataModule(store, films, every, data, AT_ONCE, settings.seed)
        else:
            self.data = SkeletonDataModule(store, every, replace(data, noise_metres=0.0), AT_ONCE, settings.seed)

    def __call__(self, count: int) -> list[Predicted]:
        """The `count` likeliest classes of every recording."""
        quieten()
        trainer = Trainer(
            accelerator=self.execution.accelerator,
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        logits_NK = predict(trainer, self.module, self.data)["logits"]
        names = self.data.clips.opened().index.sample_id[self.data.test].tolist()
        return [
            Predicted(name, self.likeliest(logits_K, count)) for name, logits_K in zip(names, logits_NK, strict=True)
        ]

    def likeliest(self, logits_K: Tensor, count: int) -> tuple[tuple[str, float], ...]:
        top = logits_K.float().softmax(dim=-1).topk(min(count, len(self.classes)))
        return tuple((self.classes[k], p) for p, k in zip(top.values.tolist(), top.indices.tolist(), strict=True))

    @torch.no_grad()
    def animate(self, position: int, heading: str, path: Path) -> None:
        """Draw a recording's frames, with what the network attended to."""
        module, clips, draw = self.module.cpu(), self.data.clips, Draw(position)
        batch = self.data.collate([clips[draw]])
        if isinstance(module, Deform3DModule):
            animate_film(heading, as_film(module, batch), path)
            return
        assert isinstance(clips, Clips)
        shown, store = module.shown(batch, clips.upright()[draw]), clips.opened()
        per_second = float(len(shown) * store.index.fps[position] / store.frames[position])
        animate(heading, shown, per_second, path)


@contextmanager
def stored(sequences: Sequence[SkeletonSequence], reader: Reader) -> Iterator[Store]:
    """A store of recordings that is gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        known: tuple[Extra, ...] = ("confidence", "pixels")
        extras = [name for name in known if any(getattr(each, name) is not None for each in sequences)]
        yield write_store(Path(scratch) / "store", reader.layout, extras, sequences)
