"""GCA-LSTM's network: its size in every scheme, the equations by hand, and what attention does not depend on.

Axes: N clips, M person slots, T frames, V joints, C channels, S cells, U units, D channels of a cell, Q streams,
I iterations, K classes.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import LAYOUTS, NTU25, Layout, layout_of
from skeleton_lab.backbones.st_lstm import SkeletonLattice
from skeleton_lab.ops.lattice import by_cells
from skeleton_lab.papers.gca_lstm.network import GCALSTM, Informativeness, Parts
from skeleton_lab.papers.gca_lstm.settings import GCALSTMSettings
from tests.helpers import assert_close, parameters, shaken, skeletons

VARIANTS: list[dict[str, Any]] = [
    {},
    {"start": "mean"},
    {"streams": "coarse"},
    {"streams": "both"},
    {"attention": "soft"},
    {"attention": "soft", "streams": "coarse"},
    {"share_within": False},
    {"share_across": True},
    {"share_within": False, "share_across": True, "streams": "both"},
    {"order": "tree", "streams": "both"},
    {"attention_iterations": 0},
    {"attention_iterations": 3},
]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)
# Layer 1, layer 2, We2 and We1, WF, Wc, and the layer of all hidden states.
FIRST, SECOND, SCORE, REFINE, CLASSIFIER, START = 168_320, 246_400, 32_896, 32_896, 7_740, 8_192_128


def settings(**changes: Any) -> GCALSTMSettings:
    found = GCALSTMSettings(**changes)
    found.fit(None)  # type: ignore[arg-type]
    return found


def small(layout: Layout = NTU25, persons: int = 2, frames: int = 4, **changes: Any) -> GCALSTM:
    network = GCALSTM(settings(width=1 / 16, **changes), layout, 7, 3, persons, frames)
    shaken(network)
    return network.eval()


@pytest.mark.parametrize(
    ("variant", "count"),
    [
        ({}, FIRST + SECOND + START + 2 * SCORE + 2 * REFINE + CLASSIFIER),
        ({"start": "mean"}, FIRST + SECOND + 2 * SCORE + 2 * REFINE + CLASSIFIER),
        ({"streams": "both"}, FIRST + 2 * (SECOND + START + 2 * SCORE + 2 * REFINE + CLASSIFIER)),
        ({"share_across": True}, FIRST + SECOND + START + SCORE + 2 * REFINE + CLASSIFIER),
        ({"share_within": False}, FIRST + SECOND + START + 500 * 2 * SCORE + 2 * REFINE + CLASSIFIER),
        ({"share_within": False, "share_across": True}, FIRST + SECOND + START + 500 * SCORE + 2 * REFINE + CLASSIFIER),
        (
            {"share_within": False, "streams": "coarse"},
            FIRST + SECOND + START + 100 * 2 * SCORE + 2 * REFINE + CLASSIFIER,
        ),
        ({"attention_iterations": 3}, FIRST + SECOND + START + 3 * SCORE + 3 * REFINE + CLASSIFIER),
        ({"attention_iterations": 0}, FIRST + START + CLASSIFIER),
        ({"attention": "soft"}, FIRST + START + 2 * SCORE + 2 * REFINE + CLASSIFIER),
    ],
    ids=str,
)
def test_parameter_count(variant: dict[str, Any], count: int) -> None:
    assert parameters(GCALSTM(settings(**variant), NTU25, 60, 3, 2, 20)) == count


def by_hand(network: GCALSTM, x_NMTVC: Tensor, iterations: int = 2) -> Tensor:
    """Eqs. 1 to 9 as they are written, of one fine stream whose memory starts with a layer."""
    (stream,) = network.streams
    h_SND = plain(network.first, network.cells(x_NMTVC))
    memory_ND = torch.relu(stream.start.layer(h_SND.transpose(0, 1).reshape(len(x_NMTVC), -1)))
    for n in range(iterations):
        score = stream.informativeness[n]
        we2_D2D = torch.cat([score.of_unit.weight, score.of_memory.weight], dim=1)
        e_SN = torch.stack(
            [score.score(torch.tanh(torch.cat([h_ND, memory_ND], dim=1) @ we2_D2D.T))[:, 0] for h_ND in h_SND]
        )
        r_SN = e_SN.exp() / e_SN.exp().sum(dim=0)
        attended_ND = plain(stream.layer, h_SND, r_SN)[-1]
        memory_ND = torch.relu(stream.refine[n](torch.cat([attended_ND, memory_ND], dim=1)))
    return stream.classifier(memory_ND)


def plain(layer: nn.Module, x_SNC: Tensor, gate_SN: Tensor | None = None) -> Tensor:
    recurrence = layer.recurrence
    return by_cells(layer.inputs(x_SNC), recurrence.joint_weight, recurrence.frame_weight, recurrence.lattice, gate_SN)  # type: ignore[operator]


@pytest.mark.parametrize("iterations", [0, 1, 2])
def test_the_equations_by_hand(iterations: int) -> None:
    network, x_NMTVC = small(), skeletons(3, 2, 4)
    assert_close(network(x_NMTVC, iterations)[0], by_hand(network, x_NMTVC, iterations))


def test_fewer_iterations_are_those_of_a_network_that_has_no_more() -> None:
    """Step n of Algorithm 1 trains the network of n iterations."""
    x_NMTVC = skeletons(3, 2, 4)
    whole, one = small(), small(attention_iterations=1)
    one.load_state_dict({name: whole.state_dict()[name] for name in one.state_dict()})
    assert_close(whole(x_NMTVC, 1), one(x_NMTVC))


def test_the_mean_of_all_hidden_states() -> None:
    network, x_NMTVC = small(start="mean", attention_iterations=0), skeletons(3, 2, 4)
    (stream,) = network.streams
    assert isinstance(stream.classifier, nn.Linear)
    h_SND = network.first(network.cells(x_NMTVC))
    assert_close(network(x_NMTVC)[0], stream.classifier(h_SND.mean(dim=0)))


def test_soft_attention_weighs_the_hidden_states_of_the_first_layer() -> None:
    network, x_NMTVC = small(attention="soft", attention_iterations=1), skeletons(3, 2, 4)
    (attended,) = network.attend(x_NMTVC)
    (r_SN,) = attended.informativeness
    (stream,) = network.streams
    h_SND = network.first(network.cells(x_NMTVC))
    memory_ND = stream.start(h_SND)  # type: ignore[operator]
    weighed_ND = (r_SN.unsqueeze(-1) * h_SND).sum(dim=0)
    memory_ND = torch.relu(stream.refine[0](torch.cat([weighed_ND, memory_ND], dim=1)))  # type: ignore[index, operator]
    assert_close(attended.logits, stream.classifier(memory_ND))  # type: ignore[operator]


@pytest.mark.parametrize("order", ["chain", "tree"])
def test_parts_are_means_over_their_joints(order: Any) -> None:
    """Eq. 12, of NTU RGB+D's five parts."""
    cells = SkeletonLattice(NTU25, order, 3)
    parts = Parts(NTU25, cells)
    assert parts.count == 5 * 3
    h_SND = torch.randn(cells.lattice.cells, 2, 4)
    units_UND = parts(h_SND)
    for p, joints in enumerate(NTU25.parts.values()):
        for t in range(3):
            of_part = [int(cells.lattice.place[j, t]) for j, joint in enumerate(cells.visits) if joint in joints]
            assert_close(units_UND[3 * p + t], h_SND[of_part].mean(dim=0))


def test_joints_of_a_part_are_as_informative_as_each_other() -> None:
    r_ITVN = small(streams="coarse").informativeness(skeletons(3, 2, 4))[0].permute(0, 2, 3, 1)
    for joints in NTU25.parts.values():
        r_ITPN = r_ITVN[:, :, list(joints)]
        assert torch.equal(r_ITPN, r_ITPN[:, :, :1].expand_as(r_ITPN))
    per_part_ITVN = torch.stack([r_ITVN[:, :, joints[0]] for joints in NTU25.parts.values()], dim=2)
    assert_close(per_part_ITVN.sum(dim=(1, 2)), torch.ones(2, 3))


def test_informativeness_sums_to_one_and_differs_between_iterations() -> None:
    r_QINTV = small().informativeness(skeletons(3, 2, 4))
    assert r_QINTV.shape == (1, 2, 3, 4, 25)
    assert_close(r_QINTV.sum(dim=(3, 4)), torch.ones(1, 2, 3))
    assert not torch.allclose(r_QINTV[:, 0], r_QINTV[:, 1])


def test_a_joint_that_is_visited_often_has_the_mean_of_its_visits() -> None:
    network, x_NMTVC = small(order="tree"), skeletons(2, 2, 4)
    r_QINTV = network.informativeness(x_NMTVC)
    r_SN = network.attend(x_NMTVC)[0].informativeness[0]
    visits = [number for number, joint in enumerate(network.cells.visits) if joint == 20]
    assert len(visits) == 4
    expected_N = torch.stack([r_SN[network.cells.lattice.place[visit, 2]] for visit in visits]).mean(dim=0)
    assert_close(r_QINTV[0, 0, :, 2, 20], expected_N)
    assert not r_QINTV[..., 2].any()  # the neck is not on the released walk


@pytest.mark.parametrize("units", [None, 12])
def test_weights_of_each_unit_or_of_all(units: int | None) -> None:
    torch.manual_seed(0)
    layer = Informativeness(4, units)
    same_UND, memory_ND = torch.randn(2, 4).expand(12, -1, -1), torch.randn(2, 4)
    r_UN = layer(layer.of_unit(same_UND), memory_ND)
    assert_close(r_UN.sum(dim=0), torch.ones(2))
    assert torch.allclose(r_UN, r_UN[:1].expand_as(r_UN)) is (units is None)


def test_a_cell_that_is_not_informative_takes_over_nothing_new() -> None:
    """Eq. 7 with r = 0 everywhere: cells stay at 0; with r = 1, a cell forgets all others."""
    network = small()
    (stream,) = network.streams
    layer, h_SND = stream.layer, torch.randn(100, 2, 8)
    closed, opened = (layer.recurrence(layer.inputs(h_SND), torch.full((100, 2), each)) for each in (0.0, 1.0))  # type: ignore[union-attr, operator]
    assert not closed.any()
    assert opened.any()


@every_variant
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_any_skeleton(layout: Layout, variant: dict[str, Any]) -> None:
    network = small(layout, persons=1, frames=3, **variant)
    logits_QNK = network(skeletons(2, 1, 3, layout=layout))
    assert logits_QNK.shape == (2 if variant.get("streams") == "both" else 1, 2, 7)
    assert logits_QNK.isfinite().all()


@every_variant
def test_every_parameter_gets_a_gradient(variant: dict[str, Any]) -> None:
    network = small(**variant)
    network(skeletons(4, 2, 4))[..., 2].sum().backward()
    assert all(value.grad is not None and value.grad.any() for value in network.parameters())


@every_variant
def test_a_clip_does_not_depend_on_the_batch(variant: dict[str, Any]) -> None:
    network, x_NMTVC = small(**variant), skeletons(5, 2, 4)
    assert_close(network(x_NMTVC)[:, 2:3], network(x_NMTVC[2:3]))


@every_variant
def test_an_absent_person_is_one_who_was_never_asked_for(variant: dict[str, Any]) -> None:
    two, x_NMTVC = small(**variant), skeletons(3, 2, 4)
    x_NMTVC[:, 1] = 0
    one = small(persons=1, **variant)
    weights = two.state_dict()
    weights["first.inputs.weight"] = weights["first.inputs.weight"][:, :3]
    one.load_state_dict(weights)
    assert_close(two(x_NMTVC), one(x_NMTVC[:, :1]))


def test_two_streams_share_the_first_layer_and_nothing_else() -> None:
    network = small(streams="both")
    network.attend(skeletons(2, 2, 4))[0].logits.sum().backward()
    fine, coarse = network.streams
    assert all(value.grad is not None for value in (*network.first.parameters(), *fine.parameters()))
    assert all(value.grad is None for value in coarse.parameters())


def test_it_learns_which_joint_is_out_of_place() -> None:
    """Which no cell can tell by itself: inputs do not say of which joint they are."""
    torch.manual_seed(0)
    stick = layout_of("stick", list("abcdef"), {"one": [["a", "b", "c"]], "other": [["a", "d", "e", "f"]]})
    network = GCALSTM(settings(width=1 / 4, dropout=0.0, start="mean"), stick, 3, 3, 1, 4)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    right = []
    for _ in range(200):
        label_N = torch.randint(3, (32,))
        x_NMTVC = 0.2 * torch.randn(32, 1, 4, 6, 3)
        x_NMTVC[torch.arange(32), 0, :, 2 * label_N] += 1
        logits_NK = network(x_NMTVC)[0]
        optimizer.zero_grad()
        F.cross_entropy(logits_NK, label_N).backward()
        optimizer.step()
        right.append((logits_NK.argmax(dim=1) == label_N).float().mean().item())
    assert sum(right[-20:]) / 20 > 0.9


def test_attention_is_not_silent_at_the_start() -> None:
    """What the second layer says is large enough to be learned from: with forget bias 0 it is a hundredth of this."""
    torch.manual_seed(0)
    network = GCALSTM(settings(), NTU25, 60, 3, 2, 20).eval()
    (stream,) = network.streams
    with torch.no_grad():
        h_SND = network.first(network.cells(skeletons(2, 2, 20)))
        a_SNA = stream.layer.inputs(h_SND)  # type: ignore[union-attr, operator]
        attended_ND = stream.layer.recurrence(a_SNA, torch.full((500, 2), 1 / 500))[-1]  # type: ignore[union-attr, operator]
    assert 0.01 < attended_ND.abs().mean() < 0.6
