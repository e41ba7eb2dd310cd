"""The start of convolutions in pyskl and in CTR-GCN's released code."""

from torch import nn


def kaiming_by_outputs(conv: nn.Conv2d, convolutions: int = 1) -> None:
    """Draw the weights from N(0, 2 / fan-out) and set the biases to 0 (He et al., 2015, by what a layer gives).

    convolutions: how many equal ones stand side by side in `conv`. Each starts as it would by itself: together they
    would have a fan-out so many times as large.
    """
    height, width = conv.kernel_size
    fan_out = conv.out_channels // convolutions * height * width
    nn.init.normal_(conv.weight, 0.0, (2 / fan_out) ** 0.5)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
