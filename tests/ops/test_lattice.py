"""The recurrence by diagonals gives what the double loop gives: values, gradients, and what they do not depend on.

Axes: S cells, N clips, D channels, A and G columns of the gates.
"""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from skeleton_lab.ops.lattice import Lattice, Recurrence, by_cells, by_diagonals
from tests.helpers import assert_close

LATTICES = [Lattice(1, 1), Lattice(1, 5), Lattice(4, 1), Lattice(3, 5), Lattice(6, 2), Lattice(4, 4)]
GATES = ["none", "informativeness", "trust"]
every_lattice = pytest.mark.parametrize("lattice", LATTICES, ids=lambda each: f"{each.joints} x {each.frames}")
every_gate = pytest.mark.parametrize("gate", GATES)


class Inputs(NamedTuple):
    x_SNA: Tensor
    joint_DG: Tensor
    frame_DG: Tensor
    gate_SN: Tensor | None


def inputs(lattice: Lattice, gate: str, clips: int = 2, channels: int = 3, seed: int = 0) -> Inputs:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    columns = (6 if gate == "trust" else 5) * channels
    informativeness = torch.rand(lattice.cells, clips, generator=generator, dtype=torch.float64).requires_grad_()
    return Inputs(
        normal(lattice.cells, clips, 5 * channels),
        normal(channels, columns),
        normal(channels, columns),
        informativeness if gate == "informativeness" else None,
    )


def hidden(way: Recurrence, given: Inputs, lattice: Lattice) -> Tensor:
    return way(given.x_SNA, given.joint_DG, given.frame_DG, lattice, given.gate_SN)


def gradients(way: Recurrence, given: Inputs, lattice: Lattice) -> list[Tensor]:
    """Of all inputs, for gradients of h of both signs; 0 where nothing depends on an input."""
    h_SND = hidden(way, given, lattice)
    grad_SND = torch.linspace(-2, 3, h_SND.numel(), dtype=h_SND.dtype).view_as(h_SND)
    of = [each for each in given if each is not None]
    return list(torch.autograd.grad(h_SND, of, grad_SND, materialize_grads=True))


@every_gate
@every_lattice
def test_values_and_gradients_are_those_of_the_double_loop(lattice: Lattice, gate: str) -> None:
    given = inputs(lattice, gate)
    assert_close(hidden(by_diagonals, given, lattice), hidden(by_cells, given, lattice), 1e-12)
    for ours, theirs in zip(gradients(by_diagonals, given, lattice), gradients(by_cells, given, lattice), strict=True):
        assert_close(ours, theirs, 1e-11)


@every_gate
def test_gradients_are_those_of_finite_differences(gate: str) -> None:
    lattice = Lattice(3, 2)
    given = inputs(lattice, gate, clips=1, channels=2)
    of = [each for each in given if each is not None]
    assert torch.autograd.gradcheck(
        lambda *values: hidden(by_diagonals, Inputs(*values, *[None] * (4 - len(values))), lattice), of
    )


def test_a_cell_by_hand() -> None:
    """Joint 2 of frame 2, which follows two others, as Eqs. 1, 2, 3 and 7 are written."""
    lattice, given = Lattice(2, 2), inputs(Lattice(2, 2), "informativeness", clips=1)
    x_SNA, joint_DG, frame_DG, r_SN = given
    assert r_SN is not None
    h, c = {}, {}
    zero = torch.zeros(1, 3, dtype=torch.float64)
    for j, t in ((0, 0), (1, 0), (0, 1), (1, 1)):
        place = int(lattice.place[j, t])
        pre = x_SNA[place] + h.get((j - 1, t), zero) @ joint_DG + h.get((j, t - 1), zero) @ frame_DG
        i, f_joint, f_frame, o = (pre[:, 3 * n : 3 * n + 3].sigmoid() for n in range(4))
        r = r_SN[place].unsqueeze(-1)
        past = f_joint * c.get((j - 1, t), zero) + f_frame * c.get((j, t - 1), zero)
        c[j, t] = r * i * pre[:, 12:].tanh() + (1 - r) * past
        h[j, t] = o * c[j, t].tanh()
    assert_close(hidden(by_diagonals, given, lattice)[-1], h[1, 1], 1e-12)


@every_lattice
def test_diagonals_lie_in_one_piece_in_order(lattice: Lattice) -> None:
    order = list(zip((lattice.joint + lattice.frame).tolist(), lattice.joint.tolist(), strict=True))
    assert order == sorted(order)
    assert len(set(zip(lattice.joint.tolist(), lattice.frame.tolist(), strict=True))) == lattice.cells
    assert lattice.place[-1, -1] == lattice.cells - 1
    steps = lattice.steps()
    assert len(steps) == lattice.joints + lattice.frames - 1
    pairs = [(step.joint, step.joint_before) for step in steps] + [(step.frame, step.frame_before) for step in steps]
    numbers = torch.arange(lattice.cells)
    assert sum(len(numbers[after]) for after, _ in pairs) == lattice.links
    for after, before in pairs:
        assert len(numbers[after]) == len(numbers[before])
    for step in steps:
        assert torch.equal(lattice.joint[step.joint] - 1, lattice.joint[step.joint_before])
        assert torch.equal(lattice.frame[step.joint], lattice.frame[step.joint_before])
        assert torch.equal(lattice.frame[step.frame] - 1, lattice.frame[step.frame_before])
        assert torch.equal(lattice.joint[step.frame], lattice.joint[step.frame_before])


@every_gate
def test_a_cell_knows_only_cells_before_it(gate: str) -> None:
    """By joint and by frame: a change reaches the cells from it on, and no other."""
    lattice = Lattice(4, 5)
    given = inputs(lattice, gate)
    changed = given.x_SNA.detach().clone()
    changed[lattice.place[2, 1]] += 1
    reached_S = (
        hidden(by_diagonals, given._replace(x_SNA=changed), lattice) - hidden(by_diagonals, given, lattice)
    ).abs().amax(dim=(1, 2)) > 0
    assert torch.equal(reached_S, (lattice.joint >= 2) & (lattice.frame >= 1))


def test_a_clip_does_not_depend_on_the_batch() -> None:
    lattice = Lattice(5, 4)
    given = inputs(lattice, "informativeness", clips=7)
    together = hidden(by_diagonals, given, lattice)
    assert given.gate_SN is not None
    alone = given._replace(x_SNA=given.x_SNA[:, 2:3], gate_SN=given.gate_SN[:, 2:3])
    assert_close(hidden(by_diagonals, alone, lattice), together[:, 2:3], 1e-12)


def test_half_precision_is_computed_in_full() -> None:
    lattice = Lattice(3, 3)
    given = inputs(lattice, "informativeness")
    half = Inputs(*(None if each is None else each.detach().bfloat16().requires_grad_() for each in given))
    h_SND = hidden(by_diagonals, half, lattice)
    exact = Inputs(*(None if each is None else each.detach().float() for each in half))
    assert h_SND.dtype == torch.float32
    assert torch.equal(h_SND, hidden(by_diagonals, exact, lattice))
    h_SND.sum().backward()
    assert half.x_SNA.grad is not None
    assert half.x_SNA.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("way", [by_diagonals, by_cells])
def test_shapes_that_do_not_fit_are_refused(way: Recurrence) -> None:
    lattice = Lattice(2, 3)
    given = inputs(lattice, "none")
    with pytest.raises(ValueError, match="6 inputs for the 8 cells"):
        hidden(way, given, Lattice(2, 4))
    with pytest.raises(ValueError, match="3 channels need 5 times as many columns"):
        hidden(way, given._replace(x_SNA=given.x_SNA[..., :9]), lattice)
    with pytest.raises(ValueError, match="one gate"):
        hidden(way, inputs(lattice, "trust")._replace(gate_SN=torch.ones(6, 2)), lattice)
