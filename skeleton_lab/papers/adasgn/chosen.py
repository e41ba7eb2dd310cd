"""Skeletons with the joints that the policy chose for them.

Axes: M person slots, P persons who are there, T frames, V joints, J joints that are left, C coordinates, A actions.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from data_modules.collate import Clip
from data_modules.layouts import Layout
from skeleton_lab.figures.skeletons import PLAIN, Floats, ShownSkeleton, together, upwards
from skeleton_lab.papers.adasgn.network import AdaSGN


def chosen_joints(clip: Clip, actions_PT: Tensor, network: AdaSGN, layout: Layout) -> list[ShownSkeleton]:
    """The frames of a clip, and on each person the joints of the action that was taken for them, where the learnt
    matrices put them: with bones between these, nobody would be recognised."""
    present = np.flatnonzero(clip.valid_TM.any(axis=0)).tolist()
    x_TMVC, shown = torch.from_numpy(clip.joints_TMVC), []
    for t, there_M in enumerate(clip.valid_TM):
        # Where nobody is there, the first person's zeros are drawn, as the network saw them.
        persons = [(p, m) for p, m in enumerate(present) if there_M[m]] or [(0, present[0] if present else 0)]
        skeletons = [chosen_skeleton(x_TMVC[t, m], int(actions_PT[p, t]), network, layout) for p, m in persons]
        bodies = [_bones(clip.joints_TMVC[t, m], layout) for _, m in persons]
        title = f"frame {t + 1}: {', '.join(each.title for each in skeletons)}"
        shown.append(together([*bodies, *(replace(each, edges=[]) for each in skeletons)], title))
    return shown


def _bones(x_VC: Floats, layout: Layout) -> ShownSkeleton:
    """A person without marks on the joints."""
    nothing_V = np.zeros(len(x_VC), np.float32)
    return ShownSkeleton(upwards(x_VC, layout), layout.bones, "", nothing_V, nothing_V)


@torch.no_grad()
def chosen_skeleton(x_VC: Tensor, action: int, network: AdaSGN, layout: Layout) -> ShownSkeleton:
    """One person's joints where the action's matrix puts them; titled by the action, 'S-9'."""
    joints_JC = network.joint_transforms[action](x_VC).numpy()
    count, size = len(joints_JC), "SB"[action % 2]
    place = layout.joint_levels.index(count) / (len(layout.joint_levels) - 1)
    return ShownSkeleton(
        upwards(joints_JC, layout),
        edges(layout, count),
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
