"""AA-GCN against its published counts, the network as its authors' code is built, and the invariances it must have.

Axes: N clips, M person slots, P persons, T frames, V joints, C channels, K partitions of the graph.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import HAND22, LAYOUTS, NTU25, Layout, layout_of
from skeleton_lab.backbones.aa_gcn import AAGCN, AdaptiveGraphConv, Attention
from skeleton_lab.backbones.settings import AAGCNSettings
from skeleton_lab.layers.graph import partitions
from skeleton_lab.layers.learned_graph import LearnedGraph
from skeleton_lab.measure.literal import aa_gcn as literal_aa_gcn
from skeleton_lab.measure.literal.aa_gcn import as_literal, take_weights
from tests.helpers import assert_close, parameters, settled, shaken, unlearned

STICK = layout_of("stick", list("abcde"), {"all": [["c", "b", "a"], ["c", "d", "e"]]})
WIDTH, CLASSES, TOLERANCE = 1 / 8, 7, 1e-9

every_form = pytest.mark.parametrize(
    "form",
    [{}, {"attention": True}, {"similarity": "softmax", "adaptive": "offset"}, {"partitions": "random"}],
    ids=["AA-GCN without attention", "AA-GCN", "2s-AGCN", "random graph"],
)


def built(layout: Layout = STICK, **form: Any) -> AAGCN:
    return AAGCN(AAGCNSettings(width=WIDTH, **form), layout, CLASSES)


def small(layout: Layout = STICK, **form: Any) -> AAGCN:
    network = built(layout, **form)
    settled(shaken(network), skeletons(8, 2, 16, layout=layout, seed=1))
    return network


def skeletons(*shape: int, layout: Layout = STICK, seed: int = 0) -> Tensor:
    return torch.randn(*shape, layout.num_joints, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("attention", "count"), [(False, 3_469_520), (True, 3_781_668)])
def test_parameter_count(attention: bool, count: int) -> None:
    assert parameters(AAGCN(AAGCNSettings(attention=attention), NTU25, 60)) == count
    graph = torch.tensor(partitions(NTU25, "spatial"))
    assert parameters(literal_aa_gcn.AAGCN(graph, 60, attends=attention)) == count


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("attention", [False, True], ids=["plain", "attention"])
@pytest.mark.parametrize("layout", [NTU25, HAND22], ids=lambda layout: layout.name)
def test_equals_the_literal_network(layout: Layout, attention: bool, training: bool) -> None:
    """Logits, the gradients of input and parameters, and the running statistics afterwards."""
    network = shaken(built(layout, attention=attention)).double()
    if not training:
        settled(network, skeletons(8, 2, 16, layout=layout, seed=1).double())
    graph = torch.tensor(partitions(layout, "spatial"))
    literal = literal_aa_gcn.AAGCN(graph, CLASSES, width=WIDTH, attends=attention).double()
    take_weights(literal, network)
    found = []
    for one in (network.train(training), literal.train(training)):
        x_NMTVC = skeletons(3, 2, 9, layout=layout).double().requires_grad_()
        logits_NK = one(x_NMTVC)
        F.cross_entropy(logits_NK, torch.arange(3)).backward()
        found.append((logits_NK, x_NMTVC.grad))
    for ours, theirs in zip(*found, strict=True):
        assert ours.abs().max() > 0
        assert_close(ours, theirs, TOLERANCE)
    gradients = [{name: value.grad for name, value in one.named_parameters()} for one in (network, literal)]
    assert_all_close(as_literal(gradients[0]), gradients[1])
    assert_all_close(as_literal(network.state_dict()), literal.state_dict())


def assert_all_close(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert_close(tensor, theirs[name], TOLERANCE)


def test_the_graph_of_2s_agcn_by_hand() -> None:
    """Joint w takes from joint v as the graph says, and a softmax over all v of how alike they are, over all frames."""
    torch.manual_seed(0)
    layer = AdaptiveGraphConv(3, 8, LearnedGraph(STICK, "spatial", "offset"), "softmax").double()
    x_PCTV = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    theta_phi = layer.theta_phi(x_PCTV).view(2, 3, 2, 2, 4, 5)
    y_PCTV = layer.value.biases.sum(dim=0).view(1, -1, 1, 1)
    for k, weight in enumerate(layer.value.weight[:, :, 0, 0].chunk(3, dim=1)):
        scores_PVV = torch.einsum("pctv,pctw->pvw", theta_phi[:, k, 0], theta_phi[:, k, 1]) / (2 * 4)
        graph_PVV = layer.graph()[k] + scores_PVV.exp() / scores_PVV.exp().sum(dim=1, keepdim=True)
        y_PCTV = y_PCTV + torch.einsum("dc,pctv,pvw->pdtw", weight, x_PCTV, graph_PVV)
    assert_close(layer(x_PCTV), y_PCTV, TOLERANCE)
    assert not any("similarity_scale" in name for name, _ in layer.named_parameters())


@every_form
@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_any_skeleton_and_any_length(layout: Layout, frames: int, form: dict[str, Any]) -> None:
    logits_NK = small(layout, **form)(skeletons(2, 1, frames, layout=layout))
    assert logits_NK.shape == (2, CLASSES)
    assert logits_NK.isfinite().all()


@pytest.mark.parametrize("joints", [1, 2, 3, 4])
def test_attention_on_any_number_of_joints(joints: int) -> None:
    assert Attention(8, joints)(torch.randn(2, 8, 3, joints)).shape == (2, 8, 3, joints)


@every_form
def test_absent_persons_are_left_out_or_averaged_too(form: dict[str, Any]) -> None:
    network, x_NMTVC = small(**form), skeletons(2, 2, 9)
    present_NM = torch.tensor([[True, False], [True, True]])
    x_NMTVC[0, 1] = 0
    masked, everybody = network(x_NMTVC, present_NM), network(x_NMTVC)
    assert_close(masked[:1], network(x_NMTVC[:1, :1]), 1e-4)
    assert_close(masked[1], everybody[1], 1e-4)
    assert not torch.allclose(masked[0], everybody[0], rtol=1e-3)
    nobody = network(x_NMTVC, torch.zeros(2, 2, dtype=torch.bool))
    assert_close(nobody, network.classifier.bias.expand(2, -1))


def test_absent_persons_take_no_part_in_training() -> None:
    """The statistics of the second slot are of those who are in it, and nothing else changes anything."""
    batches, present_NM = [skeletons(3, 2, 9) for _ in range(2)], torch.tensor([[True, False], [True, True]] * 2)[:3]
    batches[1][~present_NM] = 50
    networks = [built() for _ in batches]
    networks[1].load_state_dict(networks[0].state_dict())
    found = [network(x_NMTVC, present_NM) for network, x_NMTVC in zip(networks, batches, strict=True)]
    assert_close(found[0], found[1])
    second = networks[0].norm.norms[1]
    assert_close(second.running_mean, 0.1 * batches[0][1, 1].flatten(1).mean(dim=0))
    assert torch.equal(second.running_mean, networks[1].norm.norms[1].running_mean)


@every_form
def test_a_clip_does_not_depend_on_its_batch(form: dict[str, Any]) -> None:
    network, x_NMTVC = small(**form), skeletons(4, 2, 9)
    assert_close(network(x_NMTVC)[2:], network(x_NMTVC[2:]), 1e-4)


def test_slots_are_normalised_by_themselves() -> None:
    network, x_NMTVC = small(), skeletons(2, 2, 9)
    assert not torch.allclose(network(x_NMTVC), network(x_NMTVC.flip(1)), rtol=1e-3)


@every_form
def test_every_parameter_gets_a_gradient(form: dict[str, Any]) -> None:
    network = shaken(built(HAND22, **form))
    network(skeletons(3, 2, 12, layout=HAND22)).square().sum().backward()
    assert not unlearned(network)


def test_the_released_start() -> None:
    """A block adds next to nothing to its input; gates are half open, but for those of the joints."""
    torch.manual_seed(0)
    network = AAGCN(AAGCNSettings(attention=True), NTU25, 60)
    x_PCTV = torch.randn(2, 64, 10, 25).relu()
    block = network.blocks[1]
    assert (block.norm.weight == 1e-6).all()
    assert block.graph_conv.similarity_scale.item() == 0
    gated = block.attention(x_PCTV) / x_PCTV.clamp(min=1e-9)
    joints = 1 + block.attention.joints(x_PCTV.mean(dim=2)).sigmoid()
    expected = (2.25 * joints[:, :, None]).expand_as(x_PCTV)
    assert_close(gated[x_PCTV > 1e-3], expected[x_PCTV > 1e-3], 1e-4)
    assert network.classifier.weight.std().item() == pytest.approx(0.01, rel=0.05)
    value = block.graph_conv.value.weight
    assert value.std().item() == pytest.approx((2 / (3 * 64 * 64)) ** 0.5, rel=0.05)
    convs = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    assert not any(layer.bias is not None and layer.bias.any() for layer in convs.values())
