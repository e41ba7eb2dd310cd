"""Activation checkpointing of networks of films: memory for time, as `ops.checkpoint` says."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

_is_on = False

NORMS = nn.BatchNorm2d | nn.BatchNorm3d


def set_checkpoint(is_on: bool) -> None:
    """Whether what is `checkpointed` keeps its inputs alone, from now on."""
    global _is_on
    _is_on = is_on


def checkpointed(module: nn.Module, *inputs: Any) -> Any:
    """module(*inputs). Where checkpointing is on, the backward pass computes it a second time; results, gradients and
    the statistics of batch normalisation are those of computing it once."""
    if not (_is_on and torch.is_grad_enabled()):
        return module(*inputs)

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), _statistics_as_they_are(module)

    return checkpoint(module, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def _statistics_as_they_are(module: nn.Module) -> Iterator[None]:
    norms = [layer for layer in module.modules() if isinstance(layer, NORMS) and layer.training]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = torch.zeros((), dtype=torch.long)
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
