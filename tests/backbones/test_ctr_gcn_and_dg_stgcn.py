"""CTR-GCN's and DG-STGCN's counts, invariances and options; tests/measure has their plain formulations.

Axes: N clips, M person slots, P persons, T frames, V joints, C channels, K subsets.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from data_modules.layouts import HAND22, LAYOUTS, NTU25, Layout, layout_of
from skeleton_lab.backbones.ctr_gcn import CTRGCN, TopologyRefinement
from skeleton_lab.backbones.dg_stgcn import DGSTGCN
from skeleton_lab.backbones.settings import CTRGCNSettings, DGSTGCNSettings
from skeleton_lab.errors import RequestError
from skeleton_lab.layers.graph import partitions
from tests.helpers import assert_close, parameters, settings_of, settled, shaken, unlearned

STICK = layout_of("stick", list("abcde"), {"all": [["c", "b", "a"], ["c", "d", "e"]]})
NARROW = 1 / 16
FOUR, SIX = CTRGCNSettings(width=NARROW), CTRGCNSettings(width=NARROW, temporal="six_branches")
DYNAMIC = DGSTGCNSettings(width=NARROW)
Settings = CTRGCNSettings | DGSTGCNSettings
every_kind = pytest.mark.parametrize("settings", [FOUR, SIX, DYNAMIC], ids=["four_branches", "six_branches", "dynamic"])


def built(settings: Settings, layout: Layout = STICK, classes: int = 7) -> nn.Module:
    kind = CTRGCN if isinstance(settings, CTRGCNSettings) else DGSTGCN
    return kind(settings, layout, classes)  # type: ignore[arg-type]


def small(settings: Settings, layout: Layout = STICK) -> nn.Module:
    network = shaken(built(settings, layout))
    return settled(network, skeletons(8, 2, 16, layout=layout, seed=1))


def skeletons(*shape: int, layout: Layout = STICK, seed: int = 0) -> Tensor:
    return torch.randn(*shape, layout.num_joints, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("settings", "classes", "count"),
    [
        (CTRGCNSettings(), 60, 1_446_672),
        (CTRGCNSettings(form="original"), 60, 1_446_672),
        (CTRGCNSettings(temporal="six_branches"), 60, 1_638_984),
        (DGSTGCNSettings(), 60, 1_701_172),
        (DGSTGCNSettings(), 120, 1_716_592),
    ],
)
def test_parameter_count(settings: Settings, classes: int, count: int) -> None:
    assert parameters(built(settings, NTU25, classes)) == count


@every_kind
@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_any_skeleton_and_any_length(settings: Settings, layout: Layout, frames: int) -> None:
    assert small(settings, layout)(skeletons(2, 1, frames, layout=layout)).shape == (2, 7)


@every_kind
def test_absent_persons_are_left_out_or_averaged_too(settings: Settings) -> None:
    network, x_NMTVC = small(settings), skeletons(2, 2, 9)
    present_NM = torch.tensor([[True, False], [True, True]])
    x_NMTVC[0, 1] = 0
    masked, everybody = network(x_NMTVC, present_NM), network(x_NMTVC)
    assert_close(masked[:1], network(x_NMTVC[:1, :1]), 1e-4)
    assert_close(masked[1], everybody[1], 1e-4)
    assert not torch.allclose(masked[0], everybody[0])


@every_kind
def test_absent_persons_take_no_part_in_training(settings: Settings) -> None:
    batches, present_NM = [skeletons(3, 2, 9) for _ in range(2)], torch.tensor([[True, False]] * 3)
    batches[1][:, 1] = 50
    networks = [built(settings) for _ in batches]
    networks[1].load_state_dict(networks[0].state_dict())
    found = [network(x_NMTVC, present_NM) for network, x_NMTVC in zip(networks, batches, strict=True)]
    assert_close(found[0], found[1])
    for name, value in networks[0].state_dict().items():
        assert torch.equal(value, networks[1].state_dict()[name]), name


@every_kind
def test_every_parameter_gets_a_gradient(settings: Settings) -> None:
    """With some weights or others: a branch of few channels may be dead."""
    without = []
    for seed in range(3):
        network = shaken(built(settings, HAND22), seed)
        network(skeletons(3, 2, 12, layout=HAND22)).square().sum().backward()
        without.append(unlearned(network))
    assert not set.intersection(*without)


@every_kind
def test_half_precision(settings: Settings) -> None:
    network, x_NMTVC = small(replace(settings, width=1 / 4)), skeletons(3, 2, 9)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(x_NMTVC)
    full = network(x_NMTVC)
    assert (half - full).abs().max() < 0.1 * full.abs().max()


def test_the_original_takes_the_graph_in_the_other_direction() -> None:
    graph_KUV = torch.tensor(partitions(STICK, "spatial"))
    pyskl = shaken(TopologyRefinement(6, 8, graph_KUV, "pyskl"))
    original = TopologyRefinement(6, 8, graph_KUV, "original")
    original.load_state_dict(pyskl.state_dict())
    x_PCTV = torch.randn(2, 6, 4, 5)
    values_PKDTV = pyskl.values(x_PCTV).unflatten(1, (3, 8))
    graph_PKDUV = (pyskl.shares() @ pyskl.relations(x_PCTV).flatten(3)).unflatten(3, (5, 5))
    assert_close(pyskl(x_PCTV), torch.einsum("pkduv,pkdtu->pdtv", graph_PKDUV, values_PKDTV))
    assert_close(original(x_PCTV), torch.einsum("pkduv,pkdtv->pdtu", graph_PKDUV, values_PKDTV))


def test_the_original_has_no_relu_before_the_residual() -> None:
    x_PCTV = torch.randn(2, 4, 6, 5).relu()
    added = {}
    for form in ("pyskl", "original"):
        network = shaken(CTRGCN(replace(FOUR, form=form), STICK, 7)).eval()  # type: ignore[arg-type]
        added[form] = network.blocks[1].after(network.blocks[1].temporal(x_PCTV))
    assert_close(added["pyskl"], added["original"].relu())
    assert (added["original"] < 0).any()


def test_graphs_are_drawn_from_the_seeded_generator() -> None:
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(DGSTGCN(replace(DYNAMIC, subsets=8), NTU25, 7))
    first, same, other = (torch.stack([block.graph.graph for block in network.blocks]) for network in networks)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert first.mean().item() == pytest.approx(0.04, abs=5e-4)
    assert first.std().item() == pytest.approx(0.02, rel=0.02)


def test_what_is_too_narrow_is_refused() -> None:
    with pytest.raises(RequestError, match=r"model\.width=0\.03: four branches need at least 0\.0625"):
        settings_of("ctr_gcn", {"model.width": 0.03})
    assert settings_of("ctr_gcn", {"model.width": 0.03, "model.temporal": "six_branches"})
    with pytest.raises(RequestError, match=r"model\.subsets=0"):
        settings_of("dg_stgcn", {"model.subsets": 0})
