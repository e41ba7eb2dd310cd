"""ST-TR's streams against their published counts, a plain formulation of attention, and the invariances they must have.

Axes: N clips, M person slots, P persons, T frames, V joints, C channels, H heads.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from data_modules.layouts import LAYOUTS, NTU25, Layout, layout_of
from skeleton_lab.backbones.settings import STTRSettings
from skeleton_lab.backbones.st_tr import STTR, SelfAttention
from skeleton_lab.layers.graph import partitions
from skeleton_lab.layers.graph_conv import AdaptiveGraphUnit
from tests.helpers import assert_close, parameters, settled, shaken, unlearned

STICK = layout_of("stick", list("abcde"), {"all": [["c", "b", "a"], ["c", "d", "e"]]})
SPATIAL = STTRSettings(width=1 / 16, attention="spatial")
TEMPORAL = replace(SPATIAL, attention="temporal")
every_stream = pytest.mark.parametrize(
    "settings",
    [SPATIAL, TEMPORAL, replace(SPATIAL, agcn=True), replace(TEMPORAL, agcn=True)],
    ids=["S-TR", "T-TR", "S-TR agcn", "T-TR agcn"],
)


def small(settings: STTRSettings, layout: Layout = STICK) -> STTR:
    network = STTR(settings, layout, 7)
    settled(shaken(network), skeletons(8, 2, 16, layout=layout, seed=1))
    return network


def skeletons(*shape: int, layout: Layout = STICK, seed: int = 0) -> Tensor:
    return torch.randn(*shape, layout.num_joints, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("settings", "channels", "count"),
    [
        (STTRSettings(attention="spatial"), 3, 3_075_338),
        (STTRSettings(attention="temporal"), 3, 1_768_870),
        (STTRSettings(attention="spatial", agcn=True), 3, 3_094_826),
        (STTRSettings(attention="temporal", agcn=True), 3, 2_140_358),
        # Joints and bones, all channels doubled: 12.13 and 6.84 million.
        (STTRSettings(attention="spatial", width=2), 6, 12_126_348),
        (STTRSettings(attention="temporal", width=2), 6, 6_840_914),
    ],
)
def test_parameter_count(settings: STTRSettings, channels: int, count: int) -> None:
    assert parameters(STTR(settings, NTU25, 60, channels)) == count


def plain_attention(layer: SelfAttention, x_PCTV: Tensor) -> Tensor:
    """Head by head, place by place, for a stride of 1."""
    norm = layer.norm
    persons, channels, frames, joints = x_PCTV.shape
    flat = x_PCTV.permute(0, 2, 1, 3).reshape(persons, frames, -1)
    flat = (flat - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
    x_PTVC = flat.view(persons, frames, channels, joints).transpose(2, 3)
    qkv = x_PTVC @ layer.qkv.weight[:, :, 0, 0].T + layer.qkv.bias
    seen = torch.zeros(persons, frames, joints, layer.values, dtype=x_PCTV.dtype)
    keys, values = layer.keys // layer.heads, layer.values // layer.heads
    for h in range(layer.heads):
        q = qkv[..., h * keys : (h + 1) * keys]
        k = qkv[..., layer.keys + h * keys : layer.keys + (h + 1) * keys]
        v = qkv[..., 2 * layer.keys + h * values : 2 * layer.keys + (h + 1) * values]
        for t in range(frames):
            for j in range(joints):
                others = (slice(None), t) if layer.over == "spatial" else (slice(None), slice(None), j)
                scores = (k[others] * q[:, t, None, j]).sum(dim=-1) / keys**0.5
                weights = torch.softmax(scores, dim=-1)
                seen[:, t, j, h * values : (h + 1) * values] = (weights[..., None] * v[others]).sum(dim=1)
    out = seen @ layer.combine.weight[:, :, 0, 0].T + layer.combine.bias
    return out.permute(0, 3, 1, 2)


@pytest.mark.parametrize("over", ["spatial", "temporal"])
def test_attention_equals_the_plain_formulation(over: str) -> None:
    layer = SelfAttention(6, 32, joints=5, over=over, drop_keys=0.5)
    assert (layer.heads, layer.keys) == (8, 8)
    shaken(layer).double().eval()
    x_PCTV = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    assert_close(layer(x_PCTV), plain_attention(layer, x_PCTV), 1e-10)


@pytest.mark.parametrize("over", ["spatial", "temporal"])
def test_dropped_keys_are_not_seen_and_the_others_make_up_for_them(over: str) -> None:
    """With equal scores, attention is the mean of the values that a head sees: in training one of random halves."""
    layer = SelfAttention(1, 8, joints=6, over=over, drop_keys=0.5)
    assert layer.heads == 2
    with torch.no_grad():
        layer.qkv.weight.zero_()
        layer.qkv.bias.zero_()
        layer.qkv.weight[2 * layer.keys :] = 1.0  # the values are the input
        layer.combine.weight.copy_(torch.eye(8)[..., None, None])
        layer.combine.bias.zero_()
    x_PCTV = torch.randn(1, 1, 6, 6)
    seen_PCTV = layer.eval()(x_PCTV)
    axis = 3 if over == "spatial" else 2
    value = layer._normalised(x_PCTV)
    assert_close(seen_PCTV, value.mean(dim=axis, keepdim=True).expand_as(seen_PCTV))
    layer.train()
    layer.norm.eval()
    torch.manual_seed(0)
    group, dropped = value.movedim(axis, -1)[0, 0], []  # what belongs together is a row
    for _ in range(60):
        seen = layer(x_PCTV).movedim(axis, -1)[0]
        assert_close(seen, seen[..., :1].expand_as(seen))  # every query sees the same keys
        for row, means in zip(group, seen[:, :, 0].T, strict=True):
            subsets = torch.tensor([[bit >> place & 1 for place in range(6)] for bit in range(1, 64)]).float()
            distance = (subsets @ row / subsets.sum(dim=1) - means[0]).abs()
            assert distance.min() < 1e-4
            dropped.append(6 - subsets[distance.argmin()].sum().item())
    assert sum(dropped) / len(dropped) == pytest.approx(3, abs=0.35)


def test_where_all_keys_would_be_dropped_all_are_seen() -> None:
    layer = SelfAttention(6, 16, joints=5, over="spatial", drop_keys=1.0).train()
    layer.norm.eval()
    x_PCTV = torch.randn(2, 6, 4, 5)
    found = layer(x_PCTV)
    assert_close(found, layer.eval()(x_PCTV), 1e-3)


def test_the_adaptive_graph_by_hand() -> None:
    unit = AdaptiveGraphUnit(4, 8, STICK, "spatial")
    shaken(unit).eval()
    x_PCTV = torch.randn(2, 4, 3, 5)
    fixed, outs = torch.tensor(partitions(STICK, "spatial")), torch.zeros(2, 8, 3, 5)
    for k in range(3):
        theta, phi = unit.theta[k](x_PCTV), unit.phi[k](x_PCTV)
        scores = torch.einsum("pctv,pctw->pvw", theta, phi) / (theta.shape[1] * 3)
        graph_PVV = scores.softmax(dim=1) + fixed[k] + unit.learned[k]
        outs += unit.convs[k](torch.einsum("pctv,pvw->pctw", x_PCTV, graph_PVV))
    assert_close(unit(x_PCTV), torch.relu(unit.norm(outs) + unit.residual(x_PCTV)), 1e-4)


@every_stream
@pytest.mark.parametrize("frames", [1, 2, 7, 12])
def test_any_length(settings: STTRSettings, frames: int) -> None:
    assert small(settings)(skeletons(2, 2, frames)).shape == (2, 7)


@pytest.mark.parametrize("settings", [SPATIAL, TEMPORAL])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_any_skeleton(settings: STTRSettings, layout: Layout) -> None:
    assert small(settings, layout)(skeletons(1, 1, 6, layout=layout)).shape == (1, 7)


@every_stream
def test_absent_persons_are_left_out_or_averaged_too(settings: STTRSettings) -> None:
    network, x_NMTVC = small(settings), skeletons(2, 2, 9)
    present_NM = torch.tensor([[True, False], [True, True]])
    masked, everybody = network(x_NMTVC, present_NM), network(x_NMTVC)
    assert_close(masked[:1], network(x_NMTVC[:1, :1]), 1e-4)
    assert_close(masked[1], everybody[1], 1e-4)
    assert not torch.allclose(masked[0], everybody[0])


@every_stream
def test_absent_persons_take_no_part_in_training(settings: STTRSettings) -> None:
    batches, present_NM = [skeletons(3, 2, 9) for _ in range(2)], torch.tensor([[True, False], [True, True]] * 2)[:3]
    batches[1][~present_NM] = 50
    networks = [STTR(replace(settings, dropout=0.0, drop_keys=0.0), STICK, 7) for _ in batches]
    networks[1].load_state_dict(networks[0].state_dict())
    found = [network(x_NMTVC, present_NM) for network, x_NMTVC in zip(networks, batches, strict=True)]
    assert_close(found[0], found[1])
    for name, value in networks[0].state_dict().items():
        assert torch.equal(value, networks[1].state_dict()[name]), name


def test_slots_have_norms_of_their_own() -> None:
    network, x_NMTVC = STTR(SPATIAL, STICK, 7).train(), skeletons(4, 2, 9)
    x_NMTVC[:, 1] += 10
    network(x_NMTVC)
    first, second = network.norm.norms
    assert isinstance(first, nn.BatchNorm1d)
    assert isinstance(second, nn.BatchNorm1d)
    assert first.running_mean.abs().max() < 0.5 < second.running_mean.min()


@pytest.mark.parametrize(("over", "stride"), [("spatial", 1), ("temporal", 1), ("temporal", 2)])
def test_what_attends_to_what(over: str, stride: int) -> None:
    """S-TR's attention reaches every joint of a frame and no other frame, T-TR's every frame of a joint."""
    layer = SelfAttention(4, 16, joints=5, over=over, drop_keys=0.5, stride=stride).double().eval()
    x_PCTV = torch.randn(1, 4, 6, 5, dtype=torch.float64)
    changed = x_PCTV.clone()
    changed[0, :, 2, 1] += 1
    reached_TV = (layer(changed) - layer(x_PCTV)).abs().amax(dim=(0, 1)) > 1e-9
    expected = torch.zeros(6 // stride, 5, dtype=torch.bool)
    if over == "spatial":
        expected[2] = True
    else:
        expected[:, 1] = True
    assert (reached_TV == expected).all()


@every_stream
def test_every_parameter_but_the_unused_gets_a_gradient(settings: STTRSettings) -> None:
    network = shaken(STTR(settings, STICK, 7))
    network(skeletons(3, 2, 12)).square().sum().backward()
    # The biases of 2s-AGCN's θ add the same to all that softmax is taken over.
    without = {name for name in unlearned(network) if not (".theta." in name and name.endswith("bias"))}
    assert without == {"unused_norm.weight", "unused_norm.bias"}
