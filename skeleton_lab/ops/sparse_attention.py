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
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from skeleton_lab.ops.dropout import dropout as drop
from skeleton_lab.ops.dropout import kept
from skeleton_lab.ops.precision import full
from skeleton_lab.ops.segments import segment_softmax, segment_sum

# Scores within this of 0 can be exponentiated as they are, even in float32, and added up over thousands of joints.
SAFE = 60.0


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
    """(F, V, H, D) → (F, V, H, D). bias: of `edge_bias`, in which every joint has an edge; None connects every joint
    with every joint, itself included."""
    if query_FVHD.device.type != "cpu" or torch.compiler.is_exporting():
        query, key, value = (x.transpose(1, 2) for x in (query_FVHD, key_FVHD, value_FVHD))
        bias = None if bias_VV is None else bias_VV.to(query.dtype)
        return functional.scaled_dot_product_attention(query, key, value, bias, dropout).transpose(1, 2)
    with torch.autocast("cpu", enabled=False):
        attended = _MaskedAttention.apply(full(query_FVHD), full(key_FVHD), full(value_FVHD), bias_VV, dropout)
        return attended.to(query_FVHD.dtype)


class _MaskedAttention(Function):
    """Attention on a CPU, whose weights are divided by their sum only where they have met the values: V numbers per
    joint instead of V² (and the gradient of softmax, ∂ · weight − e · (y · ∂y), needs only their product).

    R = F·H skeletons and heads. Joints come last, since products with D columns, few as they are, take more than twice
    the time of products with V.
    """

    @staticmethod
    def forward(
        ctx: Any, query_FVHD: Tensor, key_FVHD: Tensor, value_FVHD: Tensor, bias_VV: Tensor | None, dropout: float
    ) -> Tensor:
        query, key, value = (_by_head(x) for x in (query_FVHD, key_FVHD, value_FVHD))
        exp_RVV = _exponentials(query, key, bias_VV)
        sum_R1V = exp_RVV.sum(dim=-1).unsqueeze(1)
        weights_RVV = kept(exp_RVV, dropout).mul_(exp_RVV) if dropout else exp_RVV
        y_RDV = (value @ weights_RVV.transpose(1, 2)).div_(sum_R1V)
        ctx.save_for_backward(query, key, value, exp_RVV, weights_RVV, sum_R1V, y_RDV)
        return _by_joint(y_RDV, query_FVHD.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        query, key, value, exp_RVV, weights_RVV, sum_R1V, y_RDV = ctx.saved_tensors
        shape = gradients[0].shape
        of_y_RDV = _by_head(gradients[0]).div_(sum_R1V)
        of_value = of_y_RDV @ weights_RVV
        of_sum_RV1 = (of_y_RDV * y_RDV).sum(dim=1).unsqueeze(-1)
        of_scores_RVV = (of_y_RDV.transpose(1, 2) @ value).mul_(weights_RVV).addcmul_(exp_RVV, of_sum_RV1, value=-1)
        scale = query.shape[1] ** -0.5
        of_query = (key @ of_scores_RVV.transpose(1, 2)).mul_(scale)
        of_key = (query @ of_scores_RVV).mul_(scale)
        return _by_joint(of_query, shape), _by_joint(of_key, shape), _by_joint(of_value, shape), None, None


def _exponentials(query_RDV: Tensor, key_RDV: Tensor, bias_VV: Tensor | None) -> Tensor:
    """exp(scores + bias), (R, V, V), of scores less their maximum where they are too large or small to do without."""
    scores_RVV = (query_RDV * query_RDV.shape[1] ** -0.5).transpose(1, 2) @ key_RDV
    bias = scores_RVV.new_zeros(()) if bias_VV is None else bias_VV.to(scores_RVV.dtype)
    if _is_safe(scores_RVV):
        return scores_RVV.exp_().mul_(bias.exp())
    scores_RVV += bias
    return scores_RVV.sub_(scores_RVV.amax(dim=-1, keepdim=True)).exp_()


def _is_safe(scores_RVV: Tensor) -> bool:
    if not scores_RVV.numel():
        return True
    low, high = scores_RVV.aminmax()
    return low.item() > -SAFE and high.item() < SAFE


def _by_head(x_FVHD: Tensor) -> Tensor:
    """(F, V, H, D) → (R, D, V), a copy."""
    frames, joints, heads, channels = x_FVHD.shape
    x_FHDV = x_FVHD.new_empty(frames, heads, channels, joints).copy_(x_FVHD.permute(0, 2, 3, 1))
    return x_FHDV.view(-1, channels, joints)


def _by_joint(x_RDV: Tensor, shape_FVHD: torch.Size) -> Tensor:
    """(R, D, V) → (F, V, H, D)."""
    frames, joints, heads, channels = shape_FVHD
    return x_RDV.view(frames, heads, channels, joints).permute(0, 3, 1, 2)


def edge_bias(edges_2E: Tensor, joints: int) -> Tensor:
    """What `masked_attention` adds to scores, (V, V), float64: −∞ where there is no edge, log n where n are alike."""
    count_VV = torch.zeros(joints, joints, dtype=torch.float64)
    count_VV.index_put_((edges_2E[0], edges_2E[1]), torch.ones(edges_2E.shape[1], dtype=torch.float64), accumulate=True)
    return count_VV.log()
