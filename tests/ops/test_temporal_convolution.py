"""Convolutions over time through frequencies, against PyTorch's.

Axes: P persons, C channels in and D out, T frames, V joints, J frames of the kernel.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from skeleton_lab.ops import temporal_convolution as op
from skeleton_lab.ops.temporal_convolution import temporal_convolution
from tests.helpers import assert_close


def plain(x_PCTV: Tensor, weight_DCJ1: Tensor, bias_D: Tensor, stride: int) -> Tensor:
    return functional.conv2d(x_PCTV, weight_DCJ1, bias_D, (stride, 1), (weight_DCJ1.shape[2] // 2, 0))


def leaves(persons: int, frames: int, taps: int, channels: int, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(persons, channels, frames, 5), (channels + 1, channels, taps, 1), (channels + 1,)]
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    drawn[1] /= (taps * channels) ** 0.5
    return [each.to(dtype).requires_grad_() for each in drawn]


def values_and_gradients(way: Any, inputs: list[Tensor], stride: int) -> list[Tensor]:
    y_PDTV = way(*inputs, stride)
    # Of one sign on the whole: a sum near 0 would have a large relative error.
    of_y_PDTV = 1 + torch.arange(y_PDTV.numel(), dtype=torch.float64).cos().view(y_PDTV.shape)
    return [y_PDTV, *torch.autograd.grad(y_PDTV, inputs, of_y_PDTV.to(y_PDTV.dtype))]


# Even and odd windows, one and several, the last one shorter; more frames of the kernel than of the clip.
@pytest.mark.parametrize("frames", [1, 2, 15, 16, 32, 33, 61, 100])
@pytest.mark.parametrize(("taps", "stride"), [(9, 1), (9, 2), (9, 3), (5, 1), (3, 2), (1, 2)])
def test_the_same_as_a_convolution(frames: int, taps: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op, "FEWEST_CHANNELS", 1)
    inputs = leaves(3, frames, taps, 4, torch.float64)
    found = (values_and_gradients(way, inputs, stride) for way in (temporal_convolution, plain))
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, 1e-12)


def test_pieces_of_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op, "FEWEST_CHANNELS", 1)
    inputs = leaves(5, 9, 9, 4, torch.float64)
    whole = values_and_gradients(temporal_convolution, inputs, 1)
    monkeypatch.setattr(op, "ROWS", 10)
    for one, other in zip(whole, values_and_gradients(temporal_convolution, inputs, 1), strict=True):
        assert_close(one, other, 1e-12)


@pytest.mark.parametrize("stride", [1, 2])
def test_rounding_in_float32(stride: int) -> None:
    inputs = leaves(4, 61, 9, op.FEWEST_CHANNELS, torch.float32)
    exactly = values_and_gradients(plain, [each.double() for each in inputs], stride)
    for ours, theirs in zip(values_and_gradients(temporal_convolution, inputs, stride), exactly, strict=True):
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()


def test_channels_are_last_in_memory() -> None:
    y_PDTV = temporal_convolution(*leaves(2, 9, 9, op.FEWEST_CHANNELS, torch.float32), 1)
    assert y_PDTV.is_contiguous(memory_format=torch.channels_last)


def test_half_precision() -> None:
    """Under autocast the convolution is PyTorch's own."""
    inputs = leaves(2, 9, 9, op.FEWEST_CHANNELS, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = temporal_convolution(*inputs, 1), plain(*inputs, 1)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, theirs)


def test_nobody() -> None:
    _, weight_DCJ1, bias_D = leaves(1, 9, 9, op.FEWEST_CHANNELS, torch.float32)
    y_PDTV = temporal_convolution(torch.zeros(0, op.FEWEST_CHANNELS, 9, 5), weight_DCJ1, bias_D, 2)
    assert y_PDTV.shape == (0, op.FEWEST_CHANNELS + 1, 5, 5)
    y_PDTV.sum().backward()
    assert weight_DCJ1.grad is not None
    assert not weight_DCJ1.grad.any()
