"""ST-LSTM: its size, its inputs, what its cells know, and cells that neither die nor overflow.

Axes: N clips, M person slots, T frames, V joints, C channels, S cells, D channels of a cell, K classes.
"""

from dataclasses import replace
from typing import Any

import pytest
import torch

from data_modules.layouts import KINECT20, LAYOUTS, NTU25, Layout
from skeleton_lab.backbones.settings import STLSTMSettings
from skeleton_lab.backbones.st_lstm import STLSTM, SkeletonLattice, STLSTMLayer
from skeleton_lab.config import compose
from skeleton_lab.reproduce.tables import load_table
from tests.helpers import assert_close, parameters, shaken, skeletons, unlearned

CHAIN = {"order": "chain", "trust_gate": False}
VARIANTS: list[dict[str, Any]] = [
    {},
    CHAIN,
    {**CHAIN, "representation": "feed_forward"},
    {**CHAIN, "representation": "mean"},
]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)


def settings(**changes: Any) -> STLSTMSettings:
    found = STLSTMSettings(**changes)
    found.fit(None)  # type: ignore[arg-type]
    return found


def small(layout: Layout = NTU25, persons: int = 2, frames: int = 4, **changes: Any) -> STLSTM:
    network = STLSTM(settings(width=1 / 16, **changes), layout, 7, 3, persons, frames)
    shaken(network)
    return network.eval()


@pytest.mark.parametrize(
    ("variant", "count"),
    [
        # Each layer 5·D·(I + 2·D + 1) and, for the trust gate, 2·D²; the classifier (D + 1)·60.
        ({}, 168_320 + 246_400 + 2 * 32_768 + 7_740),
        (CHAIN, 168_320 + 246_400 + 7_740),
        ({**CHAIN, "representation": "mean"}, 168_320 + 246_400 + 7_740),
        ({**CHAIN, "representation": "feed_forward"}, 168_320 + 246_400 + 7_740 + (25 * 20 * 128 + 1) * 128),
    ],
)
def test_parameter_count(variant: dict[str, Any], count: int) -> None:
    assert parameters(STLSTM(settings(**variant), NTU25, 60, 3, 2, 20)) == count


@every_variant
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_any_skeleton(layout: Layout, variant: dict[str, Any]) -> None:
    x_NMTVC = skeletons(3, 1, 4, layout=layout)
    assert small(layout, persons=1, **variant)(x_NMTVC).isfinite().all()


def test_inputs_stand_where_their_joint_and_frame_are() -> None:
    cells, x_NMTVC = SkeletonLattice(NTU25, "tree", 6), skeletons(2, 2, 6)
    x_SNC = cells(x_NMTVC)
    assert x_SNC.shape == (31 * 6, 2, 6)
    for j, t in ((0, 0), (5, 3), (30, 5)):
        for person in range(2):
            joint = x_NMTVC[:, person, t, cells.visits[j]]
            assert torch.equal(x_SNC[cells.lattice.place[j, t], :, 3 * person : 3 * person + 3], joint)


@every_variant
def test_an_absent_person_is_one_who_was_never_asked_for(variant: dict[str, Any]) -> None:
    """Zeros in the second slot give what a network without such a slot gives."""
    two, x_NMTVC = small(**variant), skeletons(3, 2, 4)
    x_NMTVC[:, 1] = 0
    one = small(persons=1, **variant)
    weights = two.state_dict()
    weights["first.inputs.weight"] = weights["first.inputs.weight"][:, :3]
    one.load_state_dict(weights)
    assert_close(two(x_NMTVC), one(x_NMTVC[:, :1]))


@every_variant
def test_a_clip_does_not_depend_on_the_batch(variant: dict[str, Any]) -> None:
    network, x_NMTVC = small(**variant), skeletons(5, 2, 4)
    assert_close(network(x_NMTVC)[2:3], network(x_NMTVC[2:3]))


def test_every_cell_classifies() -> None:
    """The mean of the logarithms of what each cell finds probable."""
    network, x_NMTVC = small(**CHAIN), skeletons(2, 2, 4)
    h_SND = network.second(network.first(network.cells(x_NMTVC)))
    found = [network.classifier(h_ND).softmax(dim=-1).log() for h_ND in h_SND]
    assert_close(network(x_NMTVC), torch.stack(found).mean(dim=0))


@every_variant
def test_every_parameter_gets_a_gradient(variant: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = STLSTM(settings(width=1 / 16, dropout=0.0, **variant), NTU25, 7, 3, 2, 4)
    network(skeletons(3, 2, 4))[:, 2].sum().backward()
    assert not unlearned(network)


def test_the_order_matters() -> None:
    x_NMTVC = skeletons(2, 2, 4)
    network = small(**CHAIN)
    assert not torch.allclose(network(x_NMTVC), network(x_NMTVC.flip(2)), atol=1e-4)
    assert not torch.allclose(network(x_NMTVC), network(x_NMTVC.flip(3)), atol=1e-4)


def last_of_the_lattice(forget_bias: float, gate: float | None) -> tuple[float, float]:
    """Mean |c| and |h| in the last cell of 25 × 20 at the start, with 128 channels; for a layer whose inputs are of the
    size of hidden states, and informativeness the same everywhere."""
    torch.manual_seed(0)
    cells = SkeletonLattice(NTU25, "chain", 20)
    layer = STLSTMLayer(128, 128, cells.lattice, forget_bias)
    x_SNC = 0.3 * torch.randn(500, 4, 128)
    gate_SN = None if gate is None else torch.full((500, 4), gate)
    with torch.no_grad():
        recurrence = layer.recurrence
        h_ND = recurrence(layer.inputs(x_SNC), gate_SN)[-1]
        # Of an output gate that is open: the cell itself.
        opened = layer.inputs(x_SNC)
        opened[..., 3 * 128 : 4 * 128] = 1e4
        recurrence.joint_weight[:, 3 * 128 : 4 * 128] = 0
        recurrence.frame_weight[:, 3 * 128 : 4 * 128] = 0
        c_ND = recurrence(opened, gate_SN)[-1]
    return c_ND.abs().mean().item(), h_ND.abs().mean().item()


def test_cells_neither_die_nor_saturate_with_the_default_forget_bias() -> None:
    """The first layer has no gate; in the second, informativeness is 1 / 500 on average, and 1 − r nearly 1."""
    first, second = last_of_the_lattice(-1.0, None), last_of_the_lattice(0.5, 1 / 500)
    for tanh_c, h in (first, second):
        assert 0.02 < tanh_c < 0.98
        assert h > 0.01


@pytest.mark.parametrize(("bias", "gate", "dead"), [(0.0, 1 / 500, True), (-0.5, 1 / 500, True), (1.0, None, False)])
def test_other_forget_biases_kill_or_saturate_them(bias: float, gate: float | None, dead: bool) -> None:
    """Why they are what they are: the second layer with 0 says nothing, the first with 1 only its sign."""
    tanh_c, _ = last_of_the_lattice(bias, gate)
    assert tanh_c < 0.01 if dead else tanh_c > 0.98


def test_cells_of_any_size_stay_finite_in_half_precision() -> None:
    """With bias 1 they pass float16's largest number; they are kept in float32."""
    layer = STLSTMLayer(16, 16, SkeletonLattice(NTU25, "chain", 20).lattice, 3.0)
    with torch.autocast("cpu", torch.bfloat16):
        h_SND = layer(torch.randn(500, 2, 16).bfloat16())
    assert h_SND.dtype == torch.float32
    h_SND.sum().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in layer.parameters())


def test_the_trust_gate_wants_another_forget_bias() -> None:
    assert settings().forget_bias == [1.0, 1.0]
    assert settings(trust_gate=False).forget_bias == [-1.0, -1.0]
    assert replace(settings(), forget_bias=[0.5, 0.5]).forget_bias == [0.5, 0.5]
    for row, bias in (("ST-LSTM", 1.0), ("ST-LSTM + Global (1)", -1.0), ("ST-LSTM + Global (2)", -1.0)):
        (cell, *_) = [each for each in load_table("gca_lstm_tab5", "paper").cells if each.row == row]
        assert compose(cell.seeds[0][0]).model.forget_bias == [bias, bias]


def test_kinect_skeletons_walk_their_bones() -> None:
    assert len(SkeletonLattice(KINECT20, "tree", 3).visits) == 39
