"""Attention between those joints of a skeleton that a graph connects (STAR, Eqs. 1 to 3).

Axes: F skeletons, each attending for itself; V joints; H heads; D channels of a head; E edges; R = F·H.

An edge e = (i, j) says that joint i attends to joint j. With d = D channels of a head,

    s_e = q_i · k_j / √d        α_e = exp(s_e) / Σ_{e' = (i, ·)} exp(s_e')        y_i = Σ_{e = (i, j)} α_e v_j

(Eq. 2's ⟨q, k⟩ is exp(q·k / √d).) An edge that is there twice counts twice. A joint without edges gets 0.

Two forms of the same: `sparse_attention` works on the list of edges; `masked_attention` on the whole V × V matrix,
whose entries are −∞ where there is no edge. For the 25 joints of a body and their 166 pairs the matrix is quicker on a
CPU: it moves a fraction of the memory, since the list needs a copy of the query, key and value of each edge
(`skeleton-lab bench star_attention`).
"""

import math

import torch
from torch import Tensor

from skeleton_lab.ops.dropout import dropout as drop
from skeleton_lab.ops.segments import segment_softmax, segment_sum


def sparse_attention(
    query_FVHD: Tensor,
    key_FVHD: Tensor,
    value_FVHD: Tensor,
    edges_2E: Tensor,
    dropout: float = 0.0,
) -> Tensor:
    """(F, V, H, D) → (F, V, H, D). edges: (2, E), i and j of each, in the order of i. dropout: of single weights α."""
    at, to = edges_2E
    joints = query_FVHD.shape[1]
    offsets = torch.bincount(at, minlength=joints).cumsum(0)
    offsets = torch.cat([offsets.new_zeros(1), offsets])
    scores_FEH = (query_FVHD[:, at] * key_FVHD[:, to]).sum(dim=-1) / math.sqrt(query_FVHD.shape[-1])
    weights_EFH = drop(segment_softmax(scores_FEH.transpose(0, 1), offsets), dropout)
    weighted_EFHD = weights_EFH.unsqueeze(-1) * value_FVHD[:, to].transpose(0, 1)
    return segment_sum(weighted_EFHD, offsets).transpose(0, 1)


def masked_attention(
    query_FVHD: Tensor,
    key_FVHD: Tensor,
    value_FVHD: Tensor,
    bias_VV: Tensor | None,
    dropout: float = 0.0,
) -> Tensor:
    """(F, V, H, D) → (F, V, H, D). bias: of `edge_bias`, in which
    every joint has an edge; None connects every joint with every joint, itself included."""
    frames, joints, heads, channels = query_FVHD.shape
    query, key, value = (x.transpose(1, 2).reshape(-1, joints, channels) for x in (query_FVHD, key_FVHD, value_FVHD))
    bias = query.new_zeros(()) if bias_VV is None else bias_VV.to(query.dtype)
    scores_RVV = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=1 / math.sqrt(channels))
    weights_RVV = drop(scores_RVV.softmax(dim=-1), dropout)
    found_RVD = weights_RVV.to(value.dtype) @ value
    return found_RVD.view(frames, heads, joints, channels).transpose(1, 2)


def edge_bias(edges_2E: Tensor, joints: int) -> Tensor:
    """What `masked_attention` adds to scores, (V, V), float64: −∞ where there is no edge, log n where n are alike."""
    count_VV = torch.zeros(joints, joints, dtype=torch.float64)
    count_VV.index_put_((edges_2E[0], edges_2E[1]), torch.ones(edges_2E.shape[1], dtype=torch.float64), accumulate=True)
    return count_VV.log()
