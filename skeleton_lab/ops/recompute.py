"""Memory for time: what leads from the inputs of a part of a network to its result is computed again in the backward
pass instead of being kept. Results and gradients are the same to the bit, dropout included.

`ops.recompute=false` keeps everything.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

_recomputes = True


def set_recompute(recomputes: bool) -> None:
    """Whether `recomputed` computes again, from now on."""
    global _recomputes
    _recomputes = recomputes


def recomputed(function: Callable[..., Tensor], *inputs: object) -> Tensor:
    """function(*inputs), of which the backward pass finds the inputs alone, where it is not told to keep everything."""
    if not (_recomputes and torch.is_grad_enabled()):
        return function(*inputs)
    return checkpoint(function, *inputs, use_reentrant=False)
