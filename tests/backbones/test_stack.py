"""The frame of ten blocks: what it asks of a block, and what it does before and after them.

Axes: N clips, M person slots, P persons, T frames, V joints, C channels.
"""

import pytest
import torch
from torch import Tensor, nn

from data_modules.layouts import HAND22
from skeleton_lab.backbones.settings import BackboneSettings
from skeleton_lab.backbones.stack import DataNorm, GraphNetwork, residual_of
from tests.helpers import assert_close, shaken

both_norms = pytest.mark.parametrize("norm", ["shared", "per_slot"])


class Frames(nn.Module):
    """Every `stride`-th frame, with as many channels as asked for; notes what it is given."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.channels, self.stride = channels, stride
        self.given: list[tuple[int, ...]] = []

    def forward(self, x_PCTV: Tensor) -> Tensor:
        self.given.append(tuple(x_PCTV.shape))
        return x_PCTV[:, :1, :: self.stride].repeat(1, self.channels, 1, 1)


def frame(norm: DataNorm = "shared", width: float = 1.0) -> GraphNetwork:
    return GraphNetwork(
        lambda number, c_in, c_out, stride: Frames(c_out, stride), BackboneSettings(width=width), HAND22, 5, norm=norm
    )


def test_blocks_are_asked_for_by_number_channels_and_stride() -> None:
    asked = []

    def block(*arguments: int) -> nn.Module:
        asked.append(arguments)
        return Frames(arguments[2], arguments[3])

    GraphNetwork(block, BackboneSettings(width=0.5), HAND22, 5, channels=9)
    assert [number for number, *_ in asked] == list(range(10))
    assert [c_out for _, _, c_out, _ in asked] == [32] * 4 + [64] * 3 + [128] * 3
    assert [c_in for _, c_in, *_ in asked] == [9] + [32] * 4 + [64] * 3 + [128] * 2
    assert [number for number, _, _, stride in asked if stride == 2] == [4, 7]


@both_norms
def test_only_persons_who_are_there_reach_the_blocks(norm: DataNorm) -> None:
    network, present_NM = frame(norm).eval(), torch.tensor([[True, False], [True, True], [False, False]])
    x_NMTVC = torch.randn(3, 2, 13, 22, 3)
    network(x_NMTVC, present_NM)
    network(x_NMTVC)
    first, last = network.blocks[0], network.blocks[-1]
    assert first.given == [(3, 3, 13, 22), (6, 3, 13, 22)]
    assert last.given == [(3, 256, 4, 22), (6, 256, 4, 22)]  # 13, 7, 4


@both_norms
def test_each_coordinate_of_each_joint_is_normalised(norm: DataNorm) -> None:
    """Over those who are there: nobody else has a part in its mean and spread."""
    network = frame(norm)
    scale_VC, shift_VC = torch.rand(22, 3) + 0.5, 10 * torch.randn(22, 3)
    x_NMTVC = torch.randn(8, 2, 40, 22, 3) * scale_VC + shift_VC
    x_NMTVC[:, 1] += 5
    present_NM = torch.ones(8, 2, dtype=torch.bool)
    present_NM[::2, 1] = False
    x_NMTVC[~present_NM] = 1e4
    y_PTVC = network._normalised(x_NMTVC, present_NM)
    groups = [y_PTVC]
    if norm == "per_slot":
        slot_P = present_NM.nonzero()[:, 1]
        groups = [y_PTVC[slot_P == slot] for slot in range(2)]
    for group in groups:
        assert_close(group.mean(dim=(0, 1)), torch.zeros(22, 3), 1e-4)
        assert_close(group.std(dim=(0, 1), correction=0), torch.ones(22, 3), 1e-4)


@pytest.mark.parametrize(("in_channels", "stride"), [(8, 1), (4, 1), (8, 2)])
def test_residuals(in_channels: int, stride: int) -> None:
    residual, x_PCTV = shaken(residual_of(in_channels, 8, stride)).eval(), torch.randn(2, in_channels, 7, 3)
    assert residual(x_PCTV).shape == (2, 8, -(-7 // stride), 3)
    assert torch.equal(residual(x_PCTV), x_PCTV) is (in_channels == 8 and stride == 1)
