"""Convolutions of single joints as products, against nn.Conv2d.

Axes: P persons, C channels, T frames, V joints.
"""

import pytest
import torch
from torch import nn

from skeleton_lab.layers.pointwise import PointwiseConv
from tests.helpers import assert_close


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_same_as_a_convolution(stride: int, memory: torch.memory_format) -> None:
    torch.manual_seed(0)
    ours, plain = PointwiseConv(4, 6, stride).double(), nn.Conv2d(4, 6, 1, (stride, 1)).double()
    plain.load_state_dict(ours.state_dict())
    x_PCTV = torch.randn(3, 4, 7, 5, dtype=torch.float64)
    found = []
    for layer, leaf in ((ours, x_PCTV.clone(memory_format=memory)), (plain, x_PCTV.clone())):
        leaf.requires_grad_()
        y_PCTV = layer(leaf)
        (y_PCTV * y_PCTV.detach().cos()).sum().backward()
        assert leaf.grad is not None
        found.append((y_PCTV, leaf.grad, *(each.grad for each in layer.parameters())))
    for mine, theirs in zip(*found, strict=True):
        assert_close(mine, theirs, 1e-12)
