"""Counting against counts by hand."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skeleton_lab.measure.macs import Macs, count_macs


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 8, 3, padding=1)
        self.dropout = nn.Dropout(0.5)
        self.linear = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(self.conv(x)).transpose(1, 2)
        return self.linear(F.scaled_dot_product_attention(y, y, y))


CONV, ATTENTION, LINEAR = 10 * 8 * 9, 2 * 10 * 10 * 8, 10 * 5 * 8


def test_all_counts_every_product() -> None:
    assert count_macs(Mixed(), (torch.zeros(1, 3, 10),), {}).all == CONV + ATTENTION + LINEAR


def test_rules_say_what_the_paper_counts() -> None:
    rules = {nn.Linear: lambda layer, x, y: x.numel(), nn.Module: lambda layer, x, y: 0}
    assert count_macs(Mixed(), (torch.zeros(1, 3, 10),), rules).as_paper == 10 * 8


def test_the_most_derived_rule_applies() -> None:
    class Special(nn.Linear):
        pass

    rules = {nn.Linear: lambda *_: 1, Special: lambda *_: 100}
    assert count_macs(nn.Sequential(nn.Linear(2, 2), Special(2, 2)), (torch.zeros(1, 2),), rules).as_paper == 101


def test_counting_leaves_the_module_as_it_was() -> None:
    module = Mixed().train()
    count_macs(module, (torch.zeros(1, 3, 10),), {nn.Linear: lambda *_: 1})
    assert module.training
    assert not any(layer._forward_hooks for layer in module.modules())


def test_sums_and_shares() -> None:
    assert Macs(2, 3) + Macs(1, 1) == Macs(3, 4)
    assert Macs(10, 20).scaled(0.5) == Macs(5, 10)
