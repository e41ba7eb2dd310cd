"""Segmented linear attention: every frame of a clip attends to all frames of its clip, and to no other clip's, at a
cost that grows with their number and not with its square (STAR, Eqs. 4 to 6).

Axes: F frames of all clips, one clip after another; N clips; T frames of the longest clip; V joints, each
attending for itself; H heads; D channels of a head; E = D + 1.

With φ(x) = elu(x) + 1, applied to queries and keys that are scaled by D^(−1/4) each, and S the frames of a clip,

    y_i = φ(q_i)ᵀ U / φ(q_i)ᵀ z        U = Σ_{j ∈ S} φ(k_j) v_jᵀ        z = Σ_{j ∈ S} φ(k_j)

U and z, side by side, are the clip's memory (V, H, D, D + 1): a matrix product over all its frames at once, and the sum
over its pieces where it is cut into some. Nothing of size F·D·D is ever made. There is no epsilon below the fraction:
φ is positive. The plain twin, a loop over queries and keys, stands in measure/literal/star.py.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from skeleton_lab.ops.precision import full


def feature_map(x: Tensor) -> Tensor:
    """φ of queries or keys (…, D), which it scales by D^(−1/4)."""
    return _FeatureMap.apply(x)


class _FeatureMap(Function):
    """φ' is 1 where φ is above 1, else φ itself: nothing but φ is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.scale = x.shape[-1] ** -0.25
        y = functional.elu(x * ctx.scale, inplace=True).add_(1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return y.clamp(max=1).mul_(gradients[0].contiguous()).mul_(ctx.scale)


def remember(key_FVHD: Tensor, value_FVHD: Tensor, lengths: Sequence[int]) -> Tensor:
    """What the frames of each clip leave behind: its Σ φ(k) [v, 1]ᵀ, (N, V, H, D, D + 1), in full precision.

    lengths: how many of the F frames are each clip's; of a clip without frames it is 0.
    """
    # All clips at once, padded to the longest. Padding has φ(k) = 0, so that it adds nothing.
    key_NVHTD = _padded(feature_map(full(key_FVHD)), lengths)
    value_NVHTE = _padded(functional.pad(full(value_FVHD), (0, 1), value=1.0), lengths)
    return _product(key_NVHTD.transpose(-1, -2), value_NVHTE)


def recall(query_FVHD: Tensor, memory_NVHDE: Tensor, lengths: Sequence[int]) -> Tensor:
    """What the queries of each clip find in its memory: (F, V, H, D), of the queries' type."""
    found_NVHTE = _product(_padded(feature_map(full(query_FVHD)), lengths), memory_NVHDE)
    found_FVHE = _packed(found_NVHTE.permute(0, 3, 1, 2, 4), lengths)
    return _Ratio.apply(found_FVHE).to(query_FVHD.dtype)


class _Ratio(Function):
    """(…, D + 1) → (…, D): each but the last, over the last, which is not 0."""

    @staticmethod
    def forward(ctx: Any, found: Tensor) -> Tensor:
        below = found[..., -1:].contiguous()
        ratio = found[..., :-1] / below
        ctx.save_for_backward(ratio, below)
        return ratio

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        ratio, below = ctx.saved_tensors
        of_found = ratio.new_empty(*ratio.shape[:-1], ratio.shape[-1] + 1)
        torch.div(gradients[0], below, out=of_found[..., :-1])
        torch.sum(of_found[..., :-1] * ratio, dim=-1, out=of_found[..., -1]).neg_()
        return of_found


def segmented_linear_attention(
    query_FVHD: Tensor, key_FVHD: Tensor, value_FVHD: Tensor, lengths: Sequence[int]
) -> Tensor:
    """Queries, keys and values (F, V, H, D) of clips of so many frames each → (F, V, H, D)."""
    return recall(query_FVHD, remember(key_FVHD, value_FVHD, lengths), lengths)


def _padded(x_FVHD: Tensor, lengths: Sequence[int]) -> Tensor:
    """(F, V, H, D) → (N, V, H, T, D), T the longest, zero where a clip is shorter."""
    clips, longest = len(lengths), max(lengths)
    if clips == 1:
        return x_FVHD.unsqueeze(0).permute(0, 2, 3, 1, 4)
    x_GVHD = x_FVHD.new_zeros(clips * longest, *x_FVHD.shape[1:])
    x_GVHD = x_GVHD.index_copy(0, _places(lengths, x_FVHD.device), x_FVHD)
    return x_GVHD.unflatten(0, (clips, longest)).permute(0, 2, 3, 1, 4)


def _packed(x_NTVHE: Tensor, lengths: Sequence[int]) -> Tensor:
    """(N, T, V, H, E) → (F, V, H, E)."""
    if len(lengths) == 1:
        return x_NTVHE[0]
    return x_NTVHE.flatten(0, 1).index_select(0, _places(lengths, x_NTVHE.device))


def _places(lengths: Sequence[int], device: torch.device) -> Tensor:
    """Where each of the F frames stands among the G = N·T places of padded clips."""
    lengths_N = torch.tensor(lengths)
    starts_N = lengths_N.cumsum(0) - lengths_N
    shift_N = torch.arange(len(lengths)) * max(lengths) - starts_N
    return (torch.arange(sum(lengths)) + shift_N.repeat_interleave(lengths_N)).to(device)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """In full precision under autocast too: the sums run over whole clips."""
    with torch.autocast(a.device.type, enabled=False):
        return a @ b
