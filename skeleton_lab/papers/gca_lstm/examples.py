"""Figures 7 and 8: what attention found informative, in single clips and on average.

Axes: N clips, T frames, V joints, I iterations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from data_modules.divisions import Draw, evenly_spread, in_order
from data_modules.skeletons import SkeletonDataModule
from skeleton_lab.figures.skeletons import Floats, ShownClip, from_least_to_most
from skeleton_lab.papers.gca_lstm.attention import drawn, relative_informativeness
from skeleton_lab.papers.gca_lstm.module import GCALSTMModule

# The classes of the paper's three examples, as NTU RGB+D names them.
CLASSES = ("taking a selfie", "point to something", "kick other person")
FRAMES = 5
# Clips of the test set that are looked through for examples, in steps over all of them; and how many at a time.
SEARCHED = 400
BATCH = 64


@dataclass(frozen=True)
class Example:
    """A clip of the test set at `position` of the store that was recognised; r (I, T, V), in units of what every cell
    would have if all had the same."""

    label: int
    position: int
    r: Floats


def examples(module: GCALSTMModule, data: SkeletonDataModule, classes: Sequence[str]) -> list[ShownClip]:
    """Recognised clips of the paper's three classes, or, where there are none of these, of the three in which attention
    is paid to the fewest cells: each once for every iteration. Empty where none is recognised."""
    found = sorted(recognised(module, data), key=lambda example: -float(example.r[-1].max()))
    of_class = {example.label: example for example in reversed(found)}
    named = [label for name in CLASSES for label in of_class if classes[label] == name]
    chosen = [of_class[label] for label in named or list(dict.fromkeys(each.label for each in found))[: len(CLASSES)]]
    return [clip for example in chosen for clip in _shown(example, data, classes[example.label])]


@torch.no_grad()
def recognised(module: GCALSTMModule, data: SkeletonDataModule) -> Iterator[Example]:
    """Clips of the test set that are classified rightly, at most `SEARCHED` of them looked at, evenly spread."""
    if not module.settings.model.attention_iterations:
        return
    positions = evenly_spread(data.test, SEARCHED)
    for start in range(0, len(positions), BATCH):
        draws = in_order(positions[start : start + BATCH])
        batch = module.padded(data.collate([data.clips[draw] for draw in draws]))
        r_NITV = relative_informativeness(module.network, batch.x)
        for n in (module(batch).logits.argmax(dim=-1) == batch.label).nonzero().flatten().tolist():
            yield Example(int(batch.label[n]), int(batch.position[n]), r_NITV[n].numpy())


@torch.no_grad()
def mean_attention(module: GCALSTMModule, data: SkeletonDataModule) -> Floats:
    """The informativeness of every joint in the last iteration, (V,): the mean over all clips of the test set and their
    frames, in the unit of `relative_informativeness`."""
    total_V, clips = torch.zeros(module.layout.num_joints), 0
    for batch in data.test_dataloader():
        r_NITV = relative_informativeness(module.network, module.padded(batch).x)
        total_V += r_NITV[:, -1].mean(dim=1).sum(dim=0)
        clips += len(batch.label)
    return (total_V / clips).numpy()


def _shown(example: Example, data: SkeletonDataModule, name: str) -> list[ShownClip]:
    """A clip for each iteration, all in one scale of colours and sizes."""
    clip = data.clips.upright()[Draw(example.position)]
    frames = np.linspace(0, len(clip.valid_TM) - 1, FRAMES).round().astype(int).tolist()
    shown = []
    for number, (r_TV, weight_TV) in enumerate(zip(example.r, from_least_to_most(example.r), strict=True), 1):
        skeletons = drawn(clip, weight_TV, data.clips.layout)
        title = f"{name}, iteration {number}: {r_TV.min():.2f} to {r_TV.max():.2f} of the mean"
        shown.append(ShownClip(title, [skeletons[t] for t in frames]))
    return shown
