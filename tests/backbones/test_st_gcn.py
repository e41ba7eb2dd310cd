"""ST-GCN against its published counts, a plain formulation, and the invariances it must have.

Axes: N clips, M person slots, P persons, T frames, V joints, C channels, K partitions of the graph.
"""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import HAND22, LAYOUTS, NTU25, Layout, layout_of
from skeleton_lab.backbones.settings import STGCNSettings
from skeleton_lab.backbones.st_gcn import STGCN, Block, GraphConv
from tests.helpers import assert_close, parameters, settled, shaken, unlearned

STICK = layout_of("stick", list("abcde"), {"all": [["c", "b", "a"], ["c", "d", "e"]]})
NARROW = STGCNSettings(width=1 / 16)


def small(layout: Layout = STICK, **changes: object) -> STGCN:
    network = STGCN(STGCNSettings(**{"width": 1 / 16, **changes}), layout, 7)  # type: ignore[arg-type]
    settled(shaken(network), skeletons(8, 2, 16, layout=layout, seed=1))
    return network


def skeletons(*shape: int, layout: Layout = STICK, seed: int = 0) -> Tensor:
    return torch.randn(*shape, layout.num_joints, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("classes", "count"), [(60, 3_098_832), (120, 3_114_252)])
@pytest.mark.parametrize("partitions", ["spatial", "stgcn_spatial"])
def test_parameter_count(classes: int, count: int, partitions: str) -> None:
    settings = STGCNSettings(partitions=partitions)  # type: ignore[arg-type]
    assert parameters(STGCN(settings, NTU25, classes)) == count


@pytest.mark.parametrize("adaptive", ["importance", "init", "offset", "none"])
@pytest.mark.parametrize("partitions", ["spatial", "random"])
def test_any_graph(partitions: str, adaptive: str) -> None:
    """A graph that is learned has as many parameters as entries, whatever it begins as."""
    full = STGCN(STGCNSettings(partitions=partitions, adaptive=adaptive), NTU25, 60)  # type: ignore[arg-type]
    assert parameters(full) == 3_098_832 - (18_750 if adaptive == "none" else 0)
    five = small(HAND22, partitions=partitions, adaptive=adaptive, random_partitions=5)
    assert {block.graph_conv.graph().shape for block in five.blocks} == {(5 if partitions == "random" else 3, 22, 22)}
    assert five(skeletons(2, 1, 9, layout=HAND22)).shape == (2, 7)


def normalised(norm: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)


def plain_graph_conv(conv: GraphConv, x_PCTV: Tensor) -> Tensor:
    """Entry by entry: joint w takes over from joint v."""
    graph_KVV = conv.graph.partitions * conv.graph.importance
    channels = conv.conv.out_channels // len(graph_KVV)
    y_PCTV = torch.zeros(len(x_PCTV), channels, *x_PCTV.shape[2:], dtype=x_PCTV.dtype)
    for k, a_VV in enumerate(graph_KVV):
        weight, bias = (part[k * channels : (k + 1) * channels] for part in (conv.conv.weight, conv.conv.bias))
        for v in range(a_VV.shape[0]):
            for w in range(a_VV.shape[1]):
                own_PTC = x_PCTV[..., v].transpose(1, 2) @ weight[:, :, 0, 0].T + bias
                y_PCTV[..., w] += a_VV[v, w] * own_PTC.transpose(1, 2)
    return y_PCTV


def plain_block(block: Block, x_PCTV: Tensor) -> Tensor:
    first_norm, _, conv, second_norm, _ = block.temporal
    y_PCTV = F.relu(normalised(first_norm, plain_graph_conv(block.graph_conv, x_PCTV)))
    assert isinstance(conv, nn.Conv2d)
    stride, (frames,) = conv.stride[0], (x_PCTV.shape[2],)
    outs = []
    for at in range(0, frames, stride):
        around = [(tap, at + tap - 4) for tap in range(9) if 0 <= at + tap - 4 < frames]
        taken = sum(torch.einsum("pcv,dc->pdv", y_PCTV[:, :, t], conv.weight[:, :, tap, 0]) for tap, t in around)
        outs.append(taken + conv.bias[:, None])
    y_PCTV = normalised(second_norm, torch.stack(outs, dim=2))
    if isinstance(block.residual, nn.Sequential):
        y_PCTV = y_PCTV + normalised(block.residual[1], block.residual[0](x_PCTV))
    elif block.residual is not None:
        y_PCTV = y_PCTV + x_PCTV
    return F.relu(y_PCTV)


def test_equals_the_plain_formulation() -> None:
    network, x_NMTVC = small().double(), skeletons(2, 2, 11).double()
    features = []
    for person in x_NMTVC.flatten(0, 1):
        x_PCTV = normalised(network.norm, person.flatten(1)).view_as(person).permute(2, 0, 1)[None]
        for block in network.blocks:
            x_PCTV = plain_block(block, x_PCTV)
        features.append(x_PCTV.mean(dim=(0, 2, 3)))
    logits_NK = network.classifier(torch.stack(features).view(2, 2, -1).mean(dim=1))
    assert_close(network(x_NMTVC), logits_NK, 1e-9)
    assert (logits_NK[0] - logits_NK[1]).abs().max() > 1e-4


@pytest.mark.parametrize("frames", [1, 2, 7, 20])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_any_skeleton_and_any_length(layout: Layout, frames: int) -> None:
    assert small(layout)(skeletons(2, 1, frames, layout=layout)).shape == (2, 7)


def test_absent_persons_are_left_out_or_averaged_too() -> None:
    network, x_NMTVC = small(), skeletons(2, 2, 9)
    present_NM = torch.tensor([[True, False], [True, True]])
    x_NMTVC[0, 1] = 0
    masked, everybody = network(x_NMTVC, present_NM), network(x_NMTVC)
    assert_close(masked[:1], network(x_NMTVC[:1, :1]))
    assert_close(masked[1], everybody[1])
    assert not torch.allclose(masked[0], everybody[0])
    nobody = network(x_NMTVC, torch.zeros(2, 2, dtype=torch.bool))
    assert_close(nobody, network.classifier.bias.expand(2, -1))


def test_absent_persons_take_no_part_in_training() -> None:
    batches, present_NM = [skeletons(3, 2, 9) for _ in range(2)], torch.tensor([[True, False]] * 3)
    batches[1][:, 1] = 50
    networks = [STGCN(STGCNSettings(width=1 / 16, dropout=0.0), STICK, 7) for _ in batches]
    networks[1].load_state_dict(networks[0].state_dict())
    found = [network(x_NMTVC, present_NM) for network, x_NMTVC in zip(networks, batches, strict=True)]
    assert_close(found[0], found[1])
    assert torch.equal(networks[0].norm.running_mean, networks[1].norm.running_mean)


def test_persons_change_places() -> None:
    network, x_NMTVC = small(), skeletons(2, 2, 9)
    assert_close(network(x_NMTVC), network(x_NMTVC.flip(1)))


def test_every_parameter_gets_a_gradient() -> None:
    network = shaken(STGCN(NARROW, HAND22, 7))
    network(skeletons(3, 2, 12, layout=HAND22)).square().sum().backward()
    assert not unlearned(network)


def test_the_released_start() -> None:
    torch.manual_seed(0)
    network = STGCN(STGCNSettings(), NTU25, 60)
    convs = torch.cat([layer.weight.flatten() for layer in network.modules() if isinstance(layer, nn.Conv2d)])
    norms = torch.cat([layer.weight for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)])
    assert convs.std().item() == pytest.approx(0.02, rel=0.01)
    assert norms.mean().item() == pytest.approx(1, abs=0.002)
    assert norms.std().item() == pytest.approx(0.02, rel=0.1)
    biases = [value for name, value in network.named_parameters() if name.endswith("bias")]
    assert not any(bias.any() for bias in biases)
    assert all((value == 1).all() for name, value in network.named_parameters() if name.endswith("importance"))
