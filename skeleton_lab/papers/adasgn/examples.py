"""Figure 4: clips of the test set, each skeleton with the joints that the policy chose for it.

Axes: N clips, M person slots, P persons, T frames, V joints, A actions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data_modules.data_module import DividedDataModule
from data_modules.divisions import evenly_spread, in_order
from skeleton_lab.figures.skeletons import ShownClip
from skeleton_lab.papers.adasgn.chosen import chosen_skeleton
from skeleton_lab.papers.adasgn.module import AdaSGNModule, persons

# The classes of the paper's two examples, as NTU RGB+D names them.
CLASSES = ("falling down", "brush hair")
FRAMES = 5
# Clips of the test set that are looked through, in steps over all of them.
SEARCHED = 400


@dataclass(frozen=True)
class Example:
    """A recognised clip: its first person x (T, V, 3), the actions (T,), and their cost in GMACs beyond action 0."""

    label: int
    x: Tensor
    actions: Tensor
    cost: float


def examples(module: AdaSGNModule, data: DividedDataModule, classes: Sequence[str]) -> list[ShownClip]:
    """A recognised clip of each of the paper's two classes, or, where there are none of these, the cheapest and the
    dearest of all recognised ones; one where all cost the same. Empty where none is recognised."""
    found = list(recognised(module, data))
    if not found:
        return []
    of_class = {classes[example.label]: example for example in reversed(found)}
    chosen = [of_class[name] for name in CLASSES if name in of_class]
    if len(chosen) < len(CLASSES):
        ordered = sorted(found, key=lambda example: example.cost)
        chosen = [ordered[0], ordered[-1]] if ordered[0].cost < ordered[-1].cost else ordered[:1]
    return [_shown(example, module, classes) for example in chosen]


@torch.no_grad()
def recognised(module: AdaSGNModule, data: DividedDataModule) -> Iterator[Example]:
    """Clips of the test set that are classified rightly, at most `SEARCHED` of them looked at, evenly spread."""
    positions = evenly_spread(data.test, SEARCHED)
    network = module.inference_network()
    for draw in in_order(positions):
        batch = data.collate([data.clips[draw]])
        seen = persons(batch, module.model.absent_persons)
        if not len(seen.x):
            continue
        decision = network(seen.x)
        if decision.logits.mean(dim=0).argmax() == batch.label[0]:
            actions_T = decision.actions[0].argmax(dim=-1)
            cost = module.gmacs_A.index_select(0, actions_T)[actions_T > 0].sum() / len(actions_T)
            yield Example(int(batch.label[0]), seen.x[0], actions_T, cost.item())


def _shown(example: Example, module: AdaSGNModule, classes: Sequence[str]) -> ShownClip:
    frames = np.linspace(0, len(example.x) - 1, FRAMES).round().astype(int).tolist()
    skeletons = [
        chosen_skeleton(example.x[frame], int(example.actions[frame]), module.network, module.layout)
        for frame in frames
    ]
    return ShownClip(f"{classes[example.label]}: frames {', '.join(str(frame + 1) for frame in frames)}", skeletons)
