"""Figure 4: clips of the test set, each skeleton with the joints that the policy chose for it.

Axes: N clips, M person slots, P persons, T frames, V joints, J joints that are left, C coordinates, A actions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data_modules.divisions import in_order
from data_modules.layouts import Layout
from data_modules.skeletons import SkeletonDataModule
from skeleton_lab.figures.skeletons import PLAIN, ShownClip, ShownSkeleton, upwards
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


def examples(module: AdaSGNModule, data: SkeletonDataModule, classes: Sequence[str]) -> list[ShownClip]:
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
def recognised(module: AdaSGNModule, data: SkeletonDataModule) -> Iterator[Example]:
    """Clips of the test set that are classified rightly, at most `SEARCHED` of them looked at, evenly spread."""
    positions = data.test[:: -(-len(data.test) // SEARCHED)]
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
    skeletons = [_skeleton(example, frame, module) for frame in frames]
    return ShownClip(f"{classes[example.label]}: frames {', '.join(str(frame + 1) for frame in frames)}", skeletons)


def _skeleton(example: Example, frame: int, module: AdaSGNModule) -> ShownSkeleton:
    action = int(example.actions[frame])
    with torch.no_grad():
        joints_JC = module.network.joint_transforms[action](example.x[frame]).numpy()
    count, size = len(joints_JC), "SB"[action % 2]
    place = module.layout.joint_levels.index(count) / (len(module.layout.joint_levels) - 1)
    return ShownSkeleton(
        upwards(joints_JC, module.layout),
        edges(module.layout, count),
        f"{size}-{count}",
        shade=np.full(count, place, np.float32),
        area=np.full(count, PLAIN, np.float32),
    )


def edges(layout: Layout, joints: int) -> list[tuple[int, int]]:
    """What joins the joints that are left: two groups are joined where a bone leads from one to the other."""
    groups = layout.poolings.get(joints) or [(joint,) for joint in range(layout.num_joints)]
    group_of = {joint: number for number, group in enumerate(groups) for joint in group}
    pairs = {tuple(sorted((group_of[child], group_of[parent]))) for child, parent in layout.bones}
    return sorted((first, second) for first, second in pairs if first != second)
