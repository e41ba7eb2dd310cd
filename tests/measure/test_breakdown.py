"""The parts of a small network, counted by hand."""

import time

import pytest
import torch
from torch import Tensor, nn

from skeleton_lab.measure.breakdown import (
    Profiled,
    macs_by_part,
    milliseconds_by_part,
    names_of_parts,
    parameters_by_part,
)
from skeleton_lab.measure.macs import Macs, count_macs


class Narrow(nn.Linear):
    """A layer that derives from one of PyTorch's."""


class Scores(nn.Module):
    """Without a name of its own, and with nothing of PyTorch's in it."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.scale) @ x.transpose(1, 2)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.values = Narrow(8, 8)
        self.scores = Scores()

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(x) @ self.values(x)


class Small(nn.Module):
    """10 frames, 3 → 8 channels, 5 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(nn.Sequential(), Attention(), nn.ReLU())
        self.table = nn.ParameterList([nn.Parameter(torch.ones(8, 5))])

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.conv(x).transpose(1, 2)) @ self.table[0]


PARTS = {Attention: "MatMul"}
RULES = {
    nn.Conv1d: lambda layer, x, y: y.numel() * layer.weight[0].numel(),
    nn.ReLU: lambda layer, x, y: y.numel(),
    Attention: lambda layer, x, y: 7,
}
CLIP = (torch.zeros(1, 3, 10),)


def test_macs_by_part() -> None:
    assert macs_by_part(Small(), CLIP, RULES, PARTS) == {
        "Conv1d": Macs(10 * 8 * 9, 10 * 8 * 9),
        "Linear": Macs(0, 10 * 8 * 8),
        "MatMul": Macs(7, 2 * 10 * 10 * 8),
        "ReLU": Macs(10 * 8, 0),
        "other": Macs(0, 10 * 8 * 5),
    }


def test_parts_add_up_to_the_whole() -> None:
    parts = macs_by_part(Small(), CLIP, RULES, PARTS)
    assert sum(parts.values(), Macs(0, 0)) == count_macs(Small(), CLIP, RULES)


def test_a_layer_that_is_called_twice_counts_twice() -> None:
    linear = nn.Linear(2, 2)
    found = macs_by_part(nn.Sequential(linear, linear), (torch.zeros(1, 2),), {nn.Linear: lambda *_: 1}, {})
    assert found == {"Linear": Macs(2, 8)}


def test_parameters_by_part() -> None:
    assert parameters_by_part(Small(), PARTS) == {"Conv1d": 8 * 9 + 8, "Linear": 72, "MatMul": 8, "other": 40}


def test_parameters_that_are_shared_count_once() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    assert parameters_by_part(nn.Sequential(first, second), {}) == {"Linear": 4 + 2 + 2}


def test_what_has_no_name_takes_that_of_what_is_around_it() -> None:
    network = Small()
    names = names_of_parts(network, PARTS)
    assert names[network] == names[network.blocks] == names[network.table] == "other"
    attention = network.blocks[1]
    assert isinstance(attention, Attention)
    assert (names[attention], names[attention.scores], names[attention.values]) == ("MatMul", "MatMul", "Linear")
    assert names_of_parts(network, {})[attention.scores] == "other"


class Slow(nn.Module):
    """Takes 20 ms of its own and calls a layer that takes none worth mentioning."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.02)
        return self.relu(x)


@pytest.mark.skipif(torch.cuda.is_available(), reason="sleeping takes no time of a GPU's")
def test_time_belongs_to_the_nearest_part() -> None:
    networks = {"slow": Slow(), "slower": nn.Sequential(Slow(), Slow())}
    profiled = {
        name: Profiled(lambda network=network: network(torch.zeros(4)), network, {Slow: "sleep"})  # type: ignore[misc]
        for name, network in networks.items()
    }
    found = milliseconds_by_part(profiled, rounds=2)
    assert found["slow"].keys() >= {"sleep", "ReLU"}
    assert found["slow"]["sleep"] > 20
    assert found["slower"]["sleep"] > 40
    assert found["slower"]["ReLU"] < 20
    assert not any(module._forward_hooks for network in networks.values() for module in network.modules())
