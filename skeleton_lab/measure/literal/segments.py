"""Segments of a ragged batch reduced one by one: the twin of ops/segments.py, with gradients by autograd.

Axes: F rows of all segments, N segments.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def segment_sum(x_F: Tensor, offsets: Tensor) -> Tensor:
    return _stacked(x_F, offsets, lambda part: part.sum(dim=0))


def segment_mean(x_F: Tensor, offsets: Tensor) -> Tensor:
    return _stacked(x_F, offsets, lambda part: part.mean(dim=0))


def segment_max(x_F: Tensor, offsets: Tensor) -> Tensor:
    return _stacked(x_F, offsets, lambda part: part.amax(dim=0))


def segment_softmax(x_F: Tensor, offsets: Tensor) -> Tensor:
    return torch.cat([part.softmax(dim=0) for part in _parts(x_F, offsets)])


def segment_repeat(x_N: Tensor, offsets: Tensor, rows: int) -> Tensor:
    lengths = offsets.diff().tolist()
    return torch.cat([x.expand(length, *x.shape) for x, length in zip(x_N, lengths, strict=True)])


def _stacked(x_F: Tensor, offsets: Tensor, reduced: Callable[[Tensor], Tensor]) -> Tensor:
    """Each segment reduced; zero where it is empty."""
    return torch.stack([reduced(part) if len(part) else x_F.new_zeros(x_F.shape[1:]) for part in _parts(x_F, offsets)])


def _parts(x_F: Tensor, offsets: Tensor) -> list[Tensor]:
    # Slices would do the same, but each would fill a gradient as large as the whole batch.
    return list(x_F.split(offsets.diff().tolist()))
