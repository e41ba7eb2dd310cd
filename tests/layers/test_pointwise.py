"""Convolutions of single joints, against nn.Conv2d.

Axes: P persons, C channels, T frames, V joints.
"""

import pytest
import torch
from torch import nn

from skeleton_lab.layers.pointwise import PointwiseConv
from tests.helpers import assert_close


# float32 goes through a function of its own (ops/pointwise_convolution.py).
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_same_as_a_convolution(
    stride: int, memory: torch.memory_format, dtype: torch.dtype, tolerance: float
) -> None:
    torch.manual_seed(0)
    ours, plain = PointwiseConv(4, 6, stride).to(dtype), nn.Conv2d(4, 6, 1, (stride, 1)).double()
    plain.load_state_dict(ours.state_dict())
    x_PCTV = torch.randn(3, 4, 7, 5, dtype=dtype)
    found = []
    for layer, leaf in ((ours, x_PCTV.clone(memory_format=memory)), (plain, x_PCTV.double())):
        leaf.requires_grad_()
        y_PCTV = layer(leaf)
        y_PCTV.square().sum().backward()
        assert leaf.grad is not None
        found.append((y_PCTV, leaf.grad, *(each.grad for each in layer.parameters())))
    for mine, theirs in zip(*found, strict=True):
        assert_close(mine.double(), theirs, tolerance)


def test_gradients_keep_channels_last() -> None:
    layer = PointwiseConv(4, 6, 2)
    x_PCTV = torch.randn(3, 4, 7, 5).to(memory_format=torch.channels_last).requires_grad_()
    layer(x_PCTV).sum().backward()
    assert x_PCTV.grad is not None
    assert x_PCTV.grad.is_contiguous(memory_format=torch.channels_last)


def test_narrow_weights_under_autocast() -> None:
    layer = PointwiseConv(3, 2)
    x_PCTV = torch.randn(3, 3, 7, 5).to(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y_PCTV = layer(x_PCTV)
    y_PCTV.float().sum().backward()
    assert y_PCTV.dtype == torch.bfloat16
    assert layer.weight.grad is not None
