"""Sums, means, maxima and softmax over each segment of a ragged batch: clips one after another, without any padding.

Axes: F rows of all segments, one segment after another; N segments; … whatever follows, each element on its own.

offsets (N + 1,) int64, beginning at 0, ending at F and never falling, say that segment n holds the rows S_n from
offsets[n] to offsets[n + 1] − 1:

    sum      y_n = Σ_{f ∈ S_n} x_f                       ∂y_n / ∂x_f = 1
    mean     y_n = Σ_{f ∈ S_n} x_f / max(|S_n|, 1)       ∂y_n / ∂x_f = 1 / |S_n|
    max      y_n = max_{f ∈ S_n} x_f                     ∂y_n / ∂x_f = [x_f = y_n] / |{g ∈ S_n : x_g = y_n}|
    softmax  y_f = exp(x_f − m_n) / Σ_{g ∈ S_n} exp(x_g − m_n), with m_n the maximum of f's segment
    repeat   y_f = x_n for f ∈ S_n                       ∂y_f / ∂x_n = 1, so that its gradient is a sum and the reverse

An empty segment has sum, mean and maximum 0. Where several rows are the maximum they share its gradient evenly, in both
backends (torch_scatter's own gradient goes to one of them; that of torch.segment_reduce shares only what is positive).
Numbers of half precision are summed in float32.

A segment's rows are always added in the same order, in values and gradients alike, and never atomically: a result
repeats to the bit, and that of one segment does not depend on what else is in the batch.

Backends: 'native' is torch alone and the default; 'torch_scatter' takes sums, maxima and repetitions from segment_csr
and gather_csr of torch-scatter. It is imported only when it is asked for: with its own gradients, on one CPU thread and
clips of 25 joints of 16 or 64 channels, torch-scatter took 1.04 to 4 times as long for sum and mean, 1.2 to 1.7 times
for max, 6 to 8 times for softmax. It was quicker for rows of 8 numbers alone (0.2 to 0.6 times, 1 ms either way). On
CUDA neither was timed.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from skeleton_lab.errors import RequestError, unknown
from skeleton_lab.ops.precision import full

BACKENDS = ("native", "torch_scatter")
# From so many numbers in a row on, a loop over the segments is the faster way on a CPU: 2 to 3 times for 25 joints of
# 16 to 64 channels. For rows of 64 numbers in segments of a few rows it is 10 times slower.
WIDE = 128

_torch_scatter: Any = None  # the module, while it is the backend


def set_backend(name: str) -> None:
    """What reduces segments from now on: 'native' or 'torch_scatter'. Raises RequestError where it is not there."""
    global _torch_scatter
    if name not in BACKENDS:
        raise unknown("value of ops.backend", name, BACKENDS)
    _torch_scatter = _imported() if name == "torch_scatter" else None


def backend() -> str:
    """What reduces segments now."""
    return "torch_scatter" if _torch_scatter else "native"


def _imported() -> Any:
    try:
        return import_module("torch_scatter")
    except ModuleNotFoundError as error:
        raise RequestError("ops.backend=torch_scatter: it is not installed; run `make setup-scatter`") from error
    except (ImportError, OSError) as error:
        # What was compiled fits one version of torch only.
        raise RequestError(
            "ops.backend=torch_scatter: it was built for another torch; run `make clean setup-scatter`"
        ) from error


def segment_sum(x: Tensor, offsets: Tensor) -> Tensor:
    """x (F, …) → (N, …), of the same type. Raises ValueError for offsets that do not fit x, unless they lie on a GPU,
    where looking would mean waiting for it."""
    _check(x, offsets)
    return _Sum.apply(full(x), offsets).to(x.dtype)


def segment_mean(x: Tensor, offsets: Tensor) -> Tensor:
    """x (F, …) → (N, …), of the same type. Errors as for segment_sum."""
    _check(x, offsets)
    rows_N = offsets.diff().clamp(min=1).view(-1, *[1] * (x.dim() - 1))
    return (_Sum.apply(full(x), offsets) / rows_N).to(x.dtype)


def segment_max(x: Tensor, offsets: Tensor) -> Tensor:
    """x (F, …) → (N, …), of the same type. Errors as for segment_sum."""
    _check(x, offsets)
    return _Max.apply(full(x), offsets).to(x.dtype)


def segment_softmax(x: Tensor, offsets: Tensor) -> Tensor:
    """x (F, …) → (F, …), of the same type: each segment's rows add up to 1. Errors as for segment_sum."""
    _check(x, offsets)
    if _loops(x):
        return torch.cat([part.softmax(dim=0) for part in x.split(offsets.diff().tolist())])
    x_F = full(x)
    largest_F = _Repeat.apply(_reduce(x_F.detach(), offsets, "max"), offsets, len(x))
    exp_F = (x_F - largest_F).exp()
    return (exp_F / _Repeat.apply(_Sum.apply(exp_F, offsets), offsets, len(x))).to(x.dtype)


def segment_repeat(x: Tensor, offsets: Tensor, rows: int) -> Tensor:
    """x (N, …) → (F, …), of the same type: each segment's value for all of its rows. rows: F, which a GPU would have to
    be asked for."""
    return _Repeat.apply(full(x), offsets, rows).to(x.dtype)


class _Sum(Function):
    @staticmethod
    def forward(ctx: Any, x_F: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(offsets)
        ctx.rows = len(x_F)
        return _reduce(x_F, offsets, "sum")

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (offsets,) = ctx.saved_tensors
        return _Repeat.apply(gradients[0], offsets, ctx.rows), None


class _Repeat(Function):
    @staticmethod
    def forward(ctx: Any, x_N: Tensor, offsets: Tensor, rows: int) -> Tensor:
        ctx.save_for_backward(offsets)
        return _repeat(x_N, offsets, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (offsets,) = ctx.saved_tensors
        return _Sum.apply(gradients[0], offsets), None, None


class _Max(Function):
    @staticmethod
    def forward(ctx: Any, x_F: Tensor, offsets: Tensor) -> Tensor:
        max_N = _reduce(x_F, offsets, "max")
        ctx.save_for_backward(x_F, max_N, offsets)
        return max_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x_F, max_N, offsets = ctx.saved_tensors
        if not _loops(x_F):
            is_max_F = (x_F == _repeat(max_N, offsets, len(x_F))).to(x_F.dtype)
            share_N = gradients[0] / _reduce(is_max_F, offsets, "sum")
            return is_max_F * _repeat(share_N, offsets, len(x_F)), None
        shares_F = torch.empty_like(x_F)
        lengths = offsets.diff().tolist()
        for share, x, maximum, gradient in zip(
            shares_F.split(lengths), x_F.split(lengths), max_N, gradients[0], strict=True
        ):
            torch.eq(x, maximum, out=share)
            share.mul_(gradient / share.sum(dim=0))
        return shares_F, None


def _loops(x: Tensor) -> bool:
    """Whether softmax and the gradient of max go from segment to segment, each of which then stays in a CPU's cache.
    A GPU would be asked for every one. The lengths have no say, since a result must not depend on the batch."""
    return x.device.type == "cpu" and _torch_scatter is None and x.numel() >= WIDE * len(x)


def _reduce(x_F: Tensor, offsets: Tensor, how: Literal["sum", "max"]) -> Tensor:
    """The values of segment_sum or segment_max, without gradients: by the fastest deterministic way of the place."""
    way: Callable[[Tensor, Tensor, Literal["sum", "max"]], Tensor]
    way = _by_torch_scatter if _torch_scatter else _by_offsets if x_F.is_cuda else _by_index
    return way(x_F, offsets, how)


def _by_index(x_F: Tensor, offsets: Tensor, how: Literal["sum", "max"]) -> Tensor:
    """On a CPU, where these run from row to row; on a GPU they would add atomically."""
    segment_F = _repeat(torch.arange(len(offsets) - 1, device=x_F.device), offsets, len(x_F))
    zeros_N = x_F.new_zeros(len(offsets) - 1, *x_F.shape[1:])
    if how == "sum":
        return zeros_N.index_add_(0, segment_F, x_F)
    index_F = segment_F.view(-1, *[1] * (x_F.dim() - 1)).expand_as(x_F)
    return zeros_N.scatter_reduce_(0, index_F, x_F, "amax", include_self=False)


def _by_offsets(x_F: Tensor, offsets: Tensor, how: Literal["sum", "max"]) -> Tensor:
    """On a GPU, where a thread goes through the rows of each element of each segment."""
    # unsafe: without checks, for which it would wait.
    y_N = torch.segment_reduce(x_F, how, offsets=offsets, axis=0, unsafe=True)
    if how == "sum":
        return y_N
    is_empty_N = (offsets.diff() == 0).view(-1, *[1] * (x_F.dim() - 1))
    return y_N.masked_fill_(is_empty_N, 0)


def _by_torch_scatter(x_F: Tensor, offsets: Tensor, how: Literal["sum", "max"]) -> Tensor:
    if not x_F.numel():  # segment_csr would return what the memory happens to hold
        return x_F.new_zeros(len(offsets) - 1, *x_F.shape[1:])
    return _torch_scatter.segment_csr(x_F, offsets, reduce=how)


def _repeat(x_N: Tensor, offsets: Tensor, rows: int) -> Tensor:
    if _torch_scatter and x_N.numel() and rows:
        return _torch_scatter.gather_csr(x_N, offsets)
    return x_N.repeat_interleave(offsets.diff(), dim=0, output_size=rows)


def _check(x: Tensor, offsets: Tensor) -> None:
    if offsets.is_cuda:
        return
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(x) or (offsets.diff() < 0).any():
        raise ValueError(f"offsets must begin at 0, never fall, and end at the {len(x)} rows: {offsets.tolist()[:8]}")
