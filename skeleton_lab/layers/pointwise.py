"""Convolutions of single joints (ops/pointwise_convolution.py).

Axes: P persons that are computed, C channels, T frames, V joints.
"""

from torch import Tensor, nn

from skeleton_lab.ops.pointwise_convolution import pointwise_convolution


class PointwiseConv(nn.Conv2d):
    """(P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V), of every stride-th frame.

    The same as nn.Conv2d with a kernel of 1.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, channels, kernel_size=1, stride=(stride, 1))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return pointwise_convolution(x_PCTV, self.weight, self.get_parameter("bias"), self.stride[0])
