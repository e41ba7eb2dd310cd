"""Dropout in a fraction of the time that PyTorch's takes on a CPU.

    y_i = x_i · b_i / (1 − p)        b_i = 0 with probability p, else 1        ∂y_i / ∂x_i = b_i / (1 − p)

PyTorch draws a floating-point number for each element. Here each takes 8 random bits of a 64-bit number; p is met to
within 1 / 512, and the scale is that of the p which is met. The numbers come from PyTorch's generator. Elsewhere
than on a CPU this is PyTorch's own dropout, which is fused there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 2**8

_generator: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Within it, in this thread, numbers come from this generator and not from PyTorch's."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


def dropout(x: Tensor, probability: float, training: bool = True) -> Tensor:
    """Of any shape and floating type; x itself where nothing is dropped."""
    if _draws_bytes(x, probability, training):
        return x * kept(x, probability)
    return functional.dropout(x, probability, training)


class Dropout(nn.Module):
    """`dropout` as a layer."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.probability, self.training)

    def added(self, x: Tensor, y: Tensor) -> Tensor:
        """x + dropout(y) of one shape, in one step."""
        if _draws_bytes(y, self.probability, self.training):
            return torch.addcmul(x, y, kept(y, self.probability))
        return x + self(y)


def _draws_bytes(x: Tensor, probability: float, training: bool) -> bool:
    """Whether there is anything to draw, and on a CPU."""
    return x.device.type == "cpu" and training and probability not in (0, 1)


def kept(like: Tensor, probability: float) -> Tensor:
    """b / (1 − p) for each element of a tensor, of its shape and type; p above 0 and below 1."""
    dropped = min(round(probability * LEVELS), LEVELS - 1)
    numbers = torch.empty(-(-like.numel() // 8), dtype=torch.int64)
    drawn = numbers.random_(-(2**63), None, generator=_generator.get()).view(torch.uint8)
    # Compared in place as numbers of the tensor's type: PyTorch has no quick comparison of bytes.
    is_kept = drawn[: like.numel()].view(like.shape).to(like.dtype).ge_(dropped)
    return is_kept.mul_(LEVELS / (LEVELS - dropped))
