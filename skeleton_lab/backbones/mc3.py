"""MC3, a residual network of mixed convolutions: over space and time first, then over space alone.

Source: Tran et al., "A closer look at spatiotemporal convolutions for action recognition" (CVPR 2018), MC3 of 18
layers, up to its third group: what the 3D deformable transformer looks at films with.

Axes: N clips, F = N·T frames of all clips, C channels, T frames, H rows, W columns.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RGB = 3


class Features(NamedTuple):
    """stem, fine: (N, C, T, H/2, W/2); coarse: (N, 4·C, T, H/8, W/8). Halves are rounded up."""

    stem: Tensor
    fine: Tensor
    coarse: Tensor


class ResidualBlock(nn.Module):
    """Two convolutions and a way around them. `dimensions` is 3 over space and time, 2 within frames."""

    def __init__(self, dimensions: int, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = convolution(dimensions, in_channels, channels, 3, stride)
        self.second = convolution(dimensions, channels, channels, 3)
        changes = stride > 1 or in_channels != channels
        self.around = convolution(dimensions, in_channels, channels, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.around(x))


def convolution(dimensions: int, in_channels: int, channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """With batch normalisation, and without a bias."""
    layer, norm = (nn.Conv3d, nn.BatchNorm3d) if dimensions == 3 else (nn.Conv2d, nn.BatchNorm2d)
    weights = layer(in_channels, channels, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(weights.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(weights, norm(channels))


class MC3(nn.Module):
    """(N, 3, T, H, W) → Features. 3,096,512 parameters with 64 channels.

    A convolution of 1 × 3 × 3 is one of each frame: with channels innermost in memory, the frames of all clips are a
    batch of pictures as they are.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        stem = nn.Conv3d(RGB, channels, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
        self.stem = nn.Sequential(stem, nn.BatchNorm3d(channels), nn.ReLU())
        self.first = nn.Sequential(*(ResidualBlock(3, channels, channels) for _ in range(2)))
        self.second, self.third = (
            nn.Sequential(ResidualBlock(2, wide, 2 * wide, stride=2), ResidualBlock(2, 2 * wide, 2 * wide))
            for wide in (channels, 2 * channels)
        )

    def forward(self, x_NCTHW: Tensor) -> Features:
        stem_NCTHW = self.stem(x_NCTHW.contiguous(memory_format=torch.channels_last_3d))
        fine_NCTHW = self.first(stem_NCTHW)
        coarse_FCHW = self.third(self.second(fine_NCTHW.transpose(1, 2).flatten(0, 1)))
        coarse_NCTHW = coarse_FCHW.unflatten(0, (len(x_NCTHW), -1)).transpose(1, 2)
        return Features(stem_NCTHW, fine_NCTHW, coarse_NCTHW)
