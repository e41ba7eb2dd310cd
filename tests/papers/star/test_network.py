"""STAR: its size, its invariances, and the network as released beside it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from data_modules.layouts import HAND22, NTU25, Layout
from skeleton_lab.measure.literal import star as literal
from skeleton_lab.ops.piecewise import set_recompute
from skeleton_lab.papers.star import network as star_network
from skeleton_lab.papers.star.edges import joint_edges
from skeleton_lab.papers.star.network import STAR
from skeleton_lab.papers.star.settings import STARSettings

SMALL = STARSettings(channels=16, layers=2, heads=4, head_channels=8)
LENGTHS = [7, 3, 12]


def batch(lengths: list[int], layout: Layout = NTU25) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(sum(lengths), layout.num_joints, 9, dtype=torch.float64, generator=generator)
    return x, torch.tensor([0, *lengths]).cumsum(0)


def network(**changes: object) -> STAR:
    torch.manual_seed(0)
    return STAR(STARSettings(**{**vars(SMALL), **changes}), NTU25, 5).double().eval()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("channels", "classes", "parameters"),
    [(64, 60, 426_494), (128, 60, 1_262_462), (64, 120, 434_234), (128, 120, 1_270_202)],
)
def test_parameters(channels: int, classes: int, parameters: int) -> None:
    built = STAR(STARSettings(channels=channels), NTU25, classes)
    assert sum(parameter.numel() for parameter in built.parameters()) == parameters


def test_joints_attend_to_those_within_three_bones() -> None:
    edges = joint_edges(NTU25, STARSettings())
    assert edges.shape == (2, 166)
    assert (edges[0] != edges[1]).all()
    assert (edges[0].diff() >= 0).all()
    assert joint_edges(NTU25, STARSettings(hops=1)).shape == (2, 48)


def test_repeated_edges_are_those_of_the_powers_of_the_adjacency_matrix() -> None:
    adjacency = torch.zeros(25, 25)
    for child, parent in NTU25.bones:
        adjacency[child, parent] = adjacency[parent, child] = 1
    powers = [torch.linalg.matrix_power(adjacency, steps) > 0 for steps in (1, 2, 3)]
    counted = torch.zeros(25, 25)
    edges = joint_edges(NTU25, STARSettings(edges="repeated"))
    counted.index_put_(tuple(edges), torch.ones(edges.shape[1]), accumulate=True)
    assert torch.equal(counted, sum(power.float() for power in powers))


@pytest.mark.parametrize("attention", ["sparse", "full"])
def test_it_is_the_released_network(attention: str) -> None:
    fast = network(attention=attention)
    twin = literal.STAR(fast.edges, 25, 5, 9, 16, layers=2, heads=4, hidden=8).double().eval()
    literal.take_weights(twin, fast)
    x, offsets = batch(LENGTHS)
    found, wanted = fast(x, offsets), twin(x, LENGTHS)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)
    found.square().sum().backward()
    wanted.square().sum().backward()
    gradients = literal.as_literal({name: parameter.grad for name, parameter in fast.named_parameters()})
    for name, parameter in twin.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-6, atol=1e-9)


def test_working_piece_by_piece_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, offsets = batch(LENGTHS)
    whole = network()(x, offsets)
    monkeypatch.setattr(star_network, "FRAMES_AT_ONCE", 5)
    torch.testing.assert_close(network()(x, offsets), whole, rtol=0, atol=1e-12)


def test_dropout_is_the_same_when_a_piece_is_computed_again() -> None:
    def gradients() -> list[Tensor]:
        built = network().train()
        torch.manual_seed(1)
        built(*batch(LENGTHS)).square().sum().backward()
        return [parameter.grad for parameter in built.parameters()]

    again = gradients()
    set_recompute(False)
    try:
        kept = gradients()
    finally:
        set_recompute(True)
    assert all(torch.equal(found, wanted) for found, wanted in zip(again, kept, strict=True))


def test_logits_of_a_clip_do_not_depend_on_the_others() -> None:
    built = network()
    x, offsets = batch(LENGTHS)
    together = built(x, offsets)
    for clip, (start, stop) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        alone = built(x[start:stop], torch.tensor([0, stop - start]))[0]
        torch.testing.assert_close(together[clip], alone, rtol=0, atol=1e-12)


def test_a_clip_of_nobody_has_logits_of_its_own() -> None:
    built = network()
    x, offsets = batch([7, 0, 3])
    logits = built(x, offsets)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits[2], built(x[7:], torch.tensor([0, 3]))[0])


def test_other_skeletons_have_their_own_edges() -> None:
    built = STAR(SMALL, HAND22, 5).double().eval()
    assert built(*batch([4, 6], HAND22)).shape == (2, 5)


@pytest.mark.parametrize(
    "change", [{"edges": "repeated"}, {"positions": "vaswani"}, {"context_weights": "per_frame"}, {"pooling": "sum"}]
)
def test_every_option_does_something(change: dict[str, str]) -> None:
    x, offsets = batch(LENGTHS)
    difference = (network(**change)(x, offsets) - network()(x, offsets)).abs().max()
    assert 1e-6 < difference < 1e3


def test_a_trained_network_is_loaded_with_all_of_it(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "weights")
    other = STAR(SMALL, NTU25, 5).double().eval()
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    x, offsets = batch(LENGTHS)
    assert torch.equal(other(x, offsets), network()(x, offsets))
