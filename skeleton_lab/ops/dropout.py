"""Dropout in a fraction of the time that PyTorch's takes on a CPU.

    y_i = x_i · b_i / (1 − p)        b_i = 0 with probability p, else 1        ∂y_i / ∂x_i = b_i / (1 − p)

PyTorch draws a floating-point number for each element and keeps one for the backward pass. Here each takes 8 random
bits of a 64-bit number and keeps a byte; p is met to within 1 / 512, and the scale is that of the p which is met. The
numbers come from PyTorch's generator. On a GPU this is PyTorch's own dropout, which is fused there.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

LEVELS = 2**8


def dropout(x: Tensor, probability: float, training: bool = True) -> Tensor:
    """Of any shape and floating type; x itself where nothing is dropped."""
    if x.is_cuda or not training or probability in (0, 1):
        return functional.dropout(x, probability, training)
    return _Dropout.apply(x, min(round(probability * LEVELS), LEVELS - 1))


class Dropout(nn.Module):
    """`dropout` as a layer."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.probability, self.training)


class _Dropout(Function):
    """dropped: of 256 levels, as many as are dropped."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None).view(torch.uint8)
        kept = (drawn[: x.numel()] >= dropped).view(x.shape)
        ctx.save_for_backward(kept)
        ctx.scale = LEVELS / (LEVELS - dropped)
        return x * kept.to(x.dtype).mul_(ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return gradients[0] * kept.to(gradients[0].dtype).mul_(ctx.scale), None
