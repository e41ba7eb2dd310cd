"""What a graph begins as, what is learned of it, and what is kept with the weights. Axes: K partitions, V joints."""

import pytest
import torch
from torch import Tensor

from data_modules.layouts import HAND22, NTU25
from skeleton_lab.layers.graph import partitions
from skeleton_lab.layers.learned_graph import LearnedGraph
from skeleton_lab.settings import Adaptive, GraphMode

SPATIAL = torch.tensor(partitions(NTU25, "spatial"))

every_way = pytest.mark.parametrize("adaptive", ["importance", "init", "offset", "none"])


@every_way
@pytest.mark.parametrize("mode", ["spatial", "stgcn_spatial"])
def test_it_begins_as_the_skeleton(mode: GraphMode, adaptive: Adaptive) -> None:
    found, expected = LearnedGraph(NTU25, mode, adaptive)(), torch.tensor(partitions(NTU25, mode))
    # An offset begins just beside it, everywhere and in both directions.
    difference = found - expected
    assert difference.abs().max() <= 1.1e-6
    moved = (difference != 0).float().mean().item()
    assert moved > 0.9 if adaptive == "offset" else moved == 0
    if adaptive == "offset":
        assert difference.min() < 0 < difference.max()


@every_way
def test_random_graphs_come_from_the_seed(adaptive: Adaptive) -> None:
    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return LearnedGraph(HAND22, "random", adaptive, count=8)().detach()

    first = drawn(1)
    assert first.shape == (8, 22, 22)
    assert first.mean().item() == pytest.approx(0.04, abs=0.002)
    assert first.std().item() == pytest.approx(0.02, abs=0.002)
    assert torch.equal(first, drawn(1))
    assert not torch.equal(first, drawn(2))


@pytest.mark.parametrize(
    ("adaptive", "expected"),
    [("importance", SPATIAL), ("init", torch.ones_like(SPATIAL)), ("offset", torch.ones_like(SPATIAL))],
)
def test_what_is_learned(adaptive: Adaptive, expected: Tensor) -> None:
    """The change of what the graph adds up to for a change of each parameter."""
    graph = LearnedGraph(NTU25, "spatial", adaptive)
    (learned,) = graph.parameters()
    assert torch.equal(torch.autograd.grad(graph().sum(), learned)[0], expected)


def test_what_is_not_learned() -> None:
    assert not list(LearnedGraph(NTU25, "spatial", "none").parameters())


@every_way
@pytest.mark.parametrize("mode", ["spatial", "random"])
def test_weights_hold_what_cannot_be_made_again(mode: GraphMode, adaptive: Adaptive) -> None:
    graph, other = (LearnedGraph(NTU25, mode, adaptive) for _ in range(2))
    other.load_state_dict(graph.state_dict())
    assert torch.equal(graph(), other())
    if mode == "spatial":
        assert len(graph.state_dict()) == len(list(graph.parameters()))
