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

from data_modules.divisions import Draw
from data_modules.readers.reader import Extra, Fold, Protocol, Reader
from data_modules.readers.unlabelled import read_unlabelled
from data_modules.sequence import SkeletonSequence
from data_modules.skeletons import SkeletonDataModule
from data_modules.store import Problem, Store, write_store
from skeleton_lab.figures.skeletons import ShownSkeleton
from skeleton_lab.reproduce.finished import Finished
from skeleton_lab.reproduce.train import predict, quieten
from skeleton_lab.settings import ExecutionSettings
from skeleton_lab.training.module import ClassificationModule

AT_ONCE = 16


@dataclass(frozen=True)
class Predicted:
    """A recording, and its likeliest classes with their probabilities, the likeliest first."""

    name: str
    likeliest: tuple[tuple[str, float], ...]


def read_inputs(
    paths: Sequence[Path], reader: Reader, progress: Callable[[int, int], None]
) -> tuple[list[SkeletonSequence], list[Problem]]:
    """The recordings of files, called as these below the folder that holds them all, and those that cannot be used."""
    above = os.path.commonpath([path.absolute().parent for path in paths]) if paths else ""
    sequences: list[SkeletonSequence] = []
    problems: list[Problem] = []
    for done, path in enumerate(paths, 1):
        found = list(read_unlabelled(path, reader))
        problems += [each for each in found if isinstance(each, Problem)]
        usable = [each for each in found if isinstance(each, SkeletonSequence)]
        for each in usable:
            file = path.absolute().relative_to(above).as_posix()
            name = file if len(found) == 1 else f"{file}: {each.sample_id}"
            sequences.append(replace(each, sample_id=name))
        progress(done, len(paths))
    return sequences, problems


class Predictor:
    """A finished run's network and the recordings that it is asked about, as clips of its test set would be."""

    def __init__(self, run: Finished, reader: Reader, store: Store, execution: ExecutionSettings) -> None:
        settings, protocol = run.settings, run.protocol(reader)
        self.classes = protocol.classes
        self.module: ClassificationModule = run.module(reader)
        self.execution = execution
        # All of them are test clips; what trains is not asked for.
        every = Protocol(protocol.classes, lambda index: [Fold(np.arange(len(index)), np.arange(len(index)))])
        data = replace(settings.data, fold=0, train_clips=None, noise_metres=0.0)
        self.data = SkeletonDataModule(store, every, data, AT_ONCE, settings.seed)

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
        names = self.data.clips.opened().index.sample_id.tolist()
        return [
            Predicted(name, self.likeliest(logits_K, count)) for name, logits_K in zip(names, logits_NK, strict=True)
        ]

    def likeliest(self, logits_K: Tensor, count: int) -> tuple[tuple[str, float], ...]:
        top = logits_K.float().softmax(dim=-1).topk(min(count, len(self.classes)))
        return tuple((self.classes[k], p) for p, k in zip(top.values.tolist(), top.indices.tolist(), strict=True))

    @torch.no_grad()
    def pictures(self, position: int) -> tuple[list[ShownSkeleton], float]:
        """A recording's frames with what the network attended to, and how many of them pass in a second."""
        draw, clips = Draw(position), self.data.clips
        shown = self.module.cpu().shown(self.data.collate([clips[draw]]), clips.upright()[draw])
        store = clips.opened()
        return shown, float(len(shown) * store.index.fps[position] / store.frames[position])


@contextmanager
def stored(sequences: Sequence[SkeletonSequence], reader: Reader) -> Iterator[Store]:
    """A store of recordings that is gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        extras: tuple[Extra, ...] = ("confidence",) if any(each.confidence is not None for each in sequences) else ()
        yield write_store(Path(scratch) / "store", reader.layout, extras, sequences)
