"""Numbers of half precision are added up in full precision."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

HALVES = (torch.float16, torch.bfloat16)


def as_written(device: torch.device) -> AbstractContextManager:
    """Within, operators compute in the type of their inputs, whatever autocast would make of them."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def full(x: Tensor) -> Tensor:
    """float32 for half precision; anything else as it is."""
    return x.float() if x.dtype in HALVES else x
