"""Convolutions of single joints as products of matrices.

Axes: P persons that are computed, C channels, T frames, V joints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class PointwiseConv(nn.Conv2d):
    """(P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V), of every stride-th frame.

    The same as nn.Conv2d with a kernel of 1. Where channels are last in memory, it is a product of matrices: oneDNN's
    gradient of a narrow weight ends the process there (PyTorch 2.13 on CPUs with AVX-512).
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, channels, kernel_size=1, stride=(stride, 1))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        if not x_PCTV.is_contiguous(memory_format=torch.channels_last):
            return super().forward(x_PCTV)
        x_PTVC = x_PCTV[:, :, :: self.stride[0]].permute(0, 2, 3, 1)
        return functional.linear(x_PTVC, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)
