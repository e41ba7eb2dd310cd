"""What STAR's joints attended to, as it is drawn.

Axes: F frames of all persons of a clip, one person after another; T frames, M persons, V joints, C channels, H heads.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from data_modules.collate import Clip
from data_modules.layouts import Layout
from skeleton_lab.figures.skeletons import Floats, ShownSkeleton, from_least_to_most, together, weighed
from skeleton_lab.papers.star.network import STAR, Block, JointAttention

# Of each skeleton's edges, those that are drawn.
STRONGEST = 12


@torch.no_grad()
def attention_between_joints(network: STAR, x_FVC: Tensor, offsets: Tensor) -> Tensor:
    """In the last layer, the mean over heads: (F, V, V), from the joint that attends to the one attended to. Each joint
    has 1 to give."""
    block, seen = network.blocks[-1], []
    assert isinstance(block, Block)
    # Called once for every piece of a batch.
    hook = block.joint_attention.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    try:
        network(x_FVC, offsets)
    finally:
        hook.remove()
    return torch.cat([_weights(block.joint_attention, x).mean(dim=1) for x in seen])


def _weights(layer: JointAttention, x_FVC: Tensor) -> Tensor:
    """(F, H, V, V)."""
    query, key, _ = layer.qkv(x_FVC).unflatten(-1, (3, layer.heads, -1)).permute(2, 0, 3, 1, 4)
    scores_FHVV = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    return (scores_FHVV if layer.bias is None else scores_FHVV + layer.bias).softmax(dim=-1)


def drawn(clip: Clip, attention_FVV: Tensor, layout: Layout) -> list[ShownSkeleton]:
    """The frames of a clip: joints by how much all others attend to them, and the strongest edges between two joints.
    attention: of the frames in which somebody is there, one person after another."""
    frames, persons = clip.valid_TM.shape
    row_TM = np.full((persons, frames), -1)
    row_TM[clip.valid_TM.T] = np.arange(len(attention_FVV))
    row_TM = row_TM.T
    to_FVV = attention_FVV.numpy() * ~np.eye(layout.num_joints, dtype=bool)
    received_FV = from_least_to_most(to_FVV.sum(axis=1))
    nothing_MV, shown = np.zeros((persons, layout.num_joints), np.float32), []
    for t, (x_MVC, there_M) in enumerate(zip(clip.joints_TMVC, clip.valid_TM, strict=True)):
        title = f"frame {t + 1}"
        skeletons = [
            _with_links(
                weighed(x_MVC[m, None], there_M[m, None], received_FV[row_TM[t, m], None], layout, title),
                to_FVV[row_TM[t, m]],
            )
            for m in np.flatnonzero(there_M)
        ]
        shown.append(together(skeletons, title) if skeletons else weighed(x_MVC, there_M, nothing_MV, layout, title))
    return shown


def _with_links(skeleton: ShownSkeleton, attention_VV: Floats) -> ShownSkeleton:
    both_VV = np.triu(attention_VV + attention_VV.T)
    strongest = np.argsort(both_VV, axis=None)[::-1][:STRONGEST]
    pairs = [divmod(int(place), len(both_VV)) for place in strongest]
    most = max(float(both_VV.max()), 1e-6)
    links = [(a, b, float(both_VV[a, b]) / most) for a, b in pairs if both_VV[a, b] > 0]
    return replace(skeleton, links=links)
