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

Rule = Callable[[Any, Tensor, Tensor], "int | Macs"]
"""From a layer, its input and its output to the MACs that a paper counts for it; as Macs where there are products that
PyTorch's counter does not see, which are then its `all`."""


@dataclass(frozen=True)
class Macs:
    """as_paper: by the paper's own rules. all: every convolution and matrix product, graphs and attention too."""

    as_paper: int
    all: int

    def __add__(self, other: "Macs") -> "Macs":
        return Macs(self.as_paper + other.as_paper, self.all + other.all)

    def scaled(self, times: float) -> "Macs":
        return Macs(round(self.as_paper * times), round(self.all * times))


def count_macs(module: nn.Module, inputs: tuple[Any, ...], rules: Mapping[type[nn.Module], Rule]) -> Macs:
    """Run `module` once, in evaluation mode, and count.

    rules: what the paper counts for each type of layer; of several that fit, the most derived type's.
    """
    return sum(macs_by_module(module, inputs, rules).values(), Macs(0, 0))


def macs_by_module(
    module: nn.Module, inputs: tuple[Any, ...], rules: Mapping[type[nn.Module], Rule]
) -> dict[nn.Module, Macs]:
    """As `count_macs`, of each module by itself: what the modules within it do is theirs."""
    counter = _Counter(rules)
    handles = [handle for each in module.modules() for handle in counter.watch(each)]
    training = module.training
    module.eval()
    try:
        # Only the explicit formulation of attention is counted by PyTorch.
        with torch.no_grad(), counter.flops, sdpa_kernel(SDPBackend.MATH):
            module(*inputs)
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
    return counter.found


class _Counter:
    """Reads PyTorch's count whenever a module begins and ends."""

    def __init__(self, rules: Mapping[type[nn.Module], Rule]) -> None:
        self.rules = rules
        self.flops = FlopCounterMode(display=False)
        self.found: dict[nn.Module, Macs] = {}
        # For each module that has begun and not yet ended: the count at its beginning, and what those within it did.
        self.open: list[list[int]] = []

    def watch(self, module: nn.Module) -> list[Any]:
        return [module.register_forward_pre_hook(self._begin), module.register_forward_hook(self._end)]

    def _begin(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self.open.append([self.flops.get_total_flops(), 0])

    def _end(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        before, within = self.open.pop()
        spent = self.flops.get_total_flops() - before
        if self.open:
            self.open[-1][1] += spent
        rule = rule_of(module, self.rules)
        ruled = 0 if rule is None else rule(module, args[0] if args else output, output)
        own = ruled if isinstance(ruled, Macs) else Macs(ruled, 0)
        self.found[module] = self.found.get(module, Macs(0, 0)) + own + Macs(0, (spent - within) // 2)


def rule_of(layer: nn.Module, rules: Mapping[type[nn.Module], Any]) -> Any:
    """What is said of the most derived of the layer's types; None where nothing is said of any."""
    return next((rules[kind] for kind in type(layer).__mro__ if kind in rules), None)
