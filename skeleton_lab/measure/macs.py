"""Counting multiply–accumulates: as a paper counts, and all of them.

1 MAC = one multiply–accumulate; FLOPs = 2 × MACs. What papers call GFLOPs are mostly MACs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

Rule = Callable[[Any, Tensor, Tensor], int]
"""From a layer, its input and its output to the MACs that a paper counts for it."""


@dataclass(frozen=True)
class Macs:
    """as_paper: by the paper's own rules. all: every convolution and matrix product, graphs and attention too."""

    as_paper: int
    all: int

    def __add__(self, other: "Macs") -> "Macs":
        return Macs(self.as_paper + other.as_paper, self.all + other.all)

    def scaled(self, times: float) -> "Macs":
        return Macs(round(self.as_paper * times), round(self.all * times))


def count_macs(module: nn.Module, inputs: tuple[Tensor, ...], rules: Mapping[type[nn.Module], Rule]) -> Macs:
    """Run `module` once, in evaluation mode, and count.

    rules: what the paper counts for each type of layer; of several that fit, the most derived type's.
    """
    counted = 0

    def hook(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        counted += _rule(layer, rules)(layer, args[0] if args else output, output)

    layers = [layer for layer in module.modules() if _rule(layer, rules) is not None]
    handles = [layer.register_forward_hook(hook) for layer in layers]
    training = module.training
    module.eval()
    try:
        # Only the explicit formulation of attention is counted by PyTorch.
        with torch.no_grad(), FlopCounterMode(display=False) as flops, sdpa_kernel(SDPBackend.MATH):
            module(*inputs)
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
    return Macs(counted, flops.get_total_flops() // 2)


def _rule(layer: nn.Module, rules: Mapping[type[nn.Module], Rule]) -> Any:
    return next((rules[kind] for kind in type(layer).__mro__ if kind in rules), None)
