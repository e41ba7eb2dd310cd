"""Numbers of half precision are added up in full precision."""

import torch
from torch import Tensor

HALVES = (torch.float16, torch.bfloat16)


def full(x: Tensor) -> Tensor:
    """float32 for half precision; anything else as it is."""
    return x.float() if x.dtype in HALVES else x
