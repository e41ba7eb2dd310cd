"""The recurrence of a spatio-temporal LSTM: every cell of a lattice of joints and frames follows two others.

    i, f_J, f_T, o = σ(…), u = tanh(…)      of   x_jt + h_{j−1,t} W_J + h_{j,t−1} W_T
    past_jt = f_J · c_{j−1,t} + f_T · c_{j,t−1}
    c_jt = i · u + past_jt                  or, with a gate g,   g · i · u + (1 − g) · past_jt
    h_jt = o · tanh(c_jt)

Source: GCA-LSTM (Liu et al., TIP 2017), Eqs. 1 to 3. The gate is its informativeness r_jt, a number for each cell (Eq.
7), or ST-LSTM's trust gate exp(−λ (u − p)²), p = tanh(h_{j−1,t} P_J + h_{j,t−1} P_T) (Liu et al., ECCV 2016), whose
weights are further columns of W_J and W_T. Beyond the lattice's edges h and c are 0.

Cells with the same j + t do not depend on one another: the lattice is done diagonal by diagonal, in J + T − 1 steps and
not in J · T. "Packed" is the order of cells in which each diagonal lies in one piece, its joints ascending. Gradients
are written by hand: steps work on slices in place, and no more than the gates, c and h is kept for them.

Axes: S cells in packed order, J joints (or visits of joints), T frames, N clips, D channels, A = 5·D columns of i, f_J,
f_T, o, u in this order, G the same or, with the trust gate, 6·D with p; R = S·N.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from skeleton_lab.ops.precision import full

sigmoid_backward, tanh_backward = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward

# λ of the trust gate.
TRUST_SHARPNESS = 0.5


class Step(NamedTuple):
    """A diagonal's cells, as slices of the packed order.

    joint: those that have a joint before them, and joint_before: that one's cells; frame, frame_before: likewise.
    """

    cells: slice
    joint: slice
    joint_before: slice
    frame: slice
    frame_before: slice

    def rows(self, clips: int) -> "Step":
        """The same of cells and clips, (S, N) → R."""
        return Step(*(slice(each.start * clips, each.stop * clips) for each in self))


@dataclass(frozen=True)
class Lattice:
    """J × T cells."""

    joints: int
    frames: int

    @property
    def cells(self) -> int:
        return self.joints * self.frames

    @cached_property
    def joint(self) -> Tensor:
        """The joint of each cell, (S,)."""
        return torch.tensor([j for d in self._diagonals for j in d])

    @cached_property
    def frame(self) -> Tensor:
        """The frame of each cell, (S,)."""
        return torch.tensor([number - j for number, d in enumerate(self._diagonals) for j in d])

    @cached_property
    def place(self) -> Tensor:
        """Where the cell of each joint and frame is in the packed order, (J, T)."""
        place_JT = torch.empty(self.joints, self.frames, dtype=torch.long)
        place_JT[self.joint, self.frame] = torch.arange(self.cells)
        return place_JT

    @property
    def links(self) -> int:
        """How many cells have a joint before them, and how many a frame, together."""
        return 2 * self.cells - self.joints - self.frames

    def steps(self) -> list[Step]:
        """The diagonals, in order."""
        found, first, before = [], 0, range(0)
        for joints in self._diagonals:
            # What is added to a joint's number for its cell's place in this diagonal, and in the one before.
            here, there = first - joints.start, first - len(before) - before.start
            with_joint = range(max(joints.start, 1), max(joints.stop, 1))
            with_frame = range(joints.start, min(joints.stop, before.stop))
            found.append(
                Step(
                    _moved(joints, here),
                    _moved(with_joint, here),
                    _moved(with_joint, there - 1),
                    _moved(with_frame, here),
                    _moved(with_frame, there),
                )
            )
            first, before = first + len(joints), joints
        return found

    @cached_property
    def _diagonals(self) -> list[range]:
        """The joints of each diagonal."""
        return [
            range(max(0, number - self.frames + 1), min(self.joints, number + 1))
            for number in range(self.joints + self.frames - 1)
        ]


def _moved(joints: range, by: int) -> slice:
    """An empty range stays one, at 0: before the first diagonal there is nothing to count from."""
    return slice(joints.start + by, joints.stop + by) if len(joints) else slice(0, 0)


Recurrence = Callable[[Tensor, Tensor, Tensor, Lattice, Tensor | None], Tensor]


def by_diagonals(
    x_SNA: Tensor, joint_weight_DG: Tensor, frame_weight_DG: Tensor, lattice: Lattice, gate_SN: Tensor | None = None
) -> Tensor:
    """h, (S, N, D), in full precision.

    x_SNA: what inputs add to the gates before their σ or tanh. gate_SN: the informativeness of each cell, or None;
    there is none where the weights have columns for the trust gate. Raises ValueError for shapes that do not fit.
    """
    _check(x_SNA, joint_weight_DG, lattice, gate_SN)
    # What is done in place, as the products are, autocast leaves alone.
    weights = full(joint_weight_DG), full(frame_weight_DG)
    return _ByDiagonals.apply(full(x_SNA), *weights, None if gate_SN is None else full(gate_SN), lattice)


def by_cells(
    x_SNA: Tensor, joint_weight_DG: Tensor, frame_weight_DG: Tensor, lattice: Lattice, gate_SN: Tensor | None = None
) -> Tensor:
    """As `by_diagonals`, one cell after another, with PyTorch's gradients: what it is tested against."""
    _check(x_SNA, joint_weight_DG, lattice, gate_SN)
    channels = joint_weight_DG.shape[0]
    # Not indexed cell by cell: the gradient of each index would be as large as all of x.
    x_S, gate_S = x_SNA.unbind(), () if gate_SN is None else gate_SN.unsqueeze(-1).unbind()
    nothing_ND = x_SNA.new_zeros(x_SNA.shape[1], channels)
    h: dict[tuple[int, int], Tensor] = {}
    c: dict[tuple[int, int], Tensor] = {}
    for t in range(lattice.frames):
        for j in range(lattice.joints):
            s = int(lattice.place[j, t])
            h_J, h_T = h.get((j - 1, t), nothing_ND), h.get((j, t - 1), nothing_ND)
            a_NG = h_J @ joint_weight_DG + h_T @ frame_weight_DG
            a_NA, p = x_S[s] + a_NG[:, : 5 * channels], a_NG[:, 5 * channels :].tanh()
            i, f_J, f_T, o = a_NA[:, : 4 * channels].sigmoid().chunk(4, dim=1)
            u = a_NA[:, 4 * channels :].tanh()
            past = f_J * c.get((j - 1, t), nothing_ND) + f_T * c.get((j, t - 1), nothing_ND)
            gate = trust(u, p) if p.shape[1] else gate_S[s] if gate_S else None
            c[j, t] = i * u + past if gate is None else gate * i * u + (1 - gate) * past
            h[j, t] = o * c[j, t].tanh()
    in_order = zip(lattice.joint.tolist(), lattice.frame.tolist(), strict=True)
    return torch.stack([h[cell] for cell in in_order])


def _check(x_SNA: Tensor, weight_DG: Tensor, lattice: Lattice, gate_SN: Tensor | None) -> None:
    channels, columns = weight_DG.shape
    if columns not in (5 * channels, 6 * channels) or x_SNA.shape[-1] != 5 * channels:
        raise ValueError(f"{channels} channels need 5 times as many columns, and 6 for weights with a trust gate")
    if len(x_SNA) != lattice.cells:
        raise ValueError(f"{len(x_SNA)} inputs for the {lattice.cells} cells of {lattice}")
    if columns == 6 * channels and gate_SN is not None:
        raise ValueError("a cell has one gate: the trust gate, or informativeness")


@lru_cache(maxsize=64)
def _steps(lattice: Lattice, clips: int) -> list[Step]:
    return [step.rows(clips) for step in lattice.steps()]


class _ByDiagonals(torch.autograd.Function):
    """Every array is of rows R; a step reads and writes slices of them."""

    @staticmethod
    def forward(
        ctx: Any, x_SNA: Tensor, joint_DG: Tensor, frame_DG: Tensor, gate_SN: Tensor | None, lattice: Lattice
    ) -> Tensor:
        clips, (channels, columns) = x_SNA.shape[1], joint_DG.shape
        x, gate = x_SNA.flatten(0, 1), None if gate_SN is None else gate_SN.reshape(-1, 1)
        gates, h = x.new_empty(len(x), columns), x.new_empty(len(x), channels)
        c = torch.zeros_like(h)
        added = torch.empty_like(h) if gate is not None or columns > x.shape[1] else None
        steps = _steps(lattice, clips)
        for step in steps:
            rows = gates[step.cells]
            rows[:, : x.shape[1]] = x[step.cells]
            rows[:, x.shape[1] :] = 0
            gates[step.joint].addmm_(h[step.joint_before], joint_DG)
            gates[step.frame].addmm_(h[step.frame_before], frame_DG)
            rows[:, : 4 * channels].sigmoid_()
            rows[:, 4 * channels :].tanh_()
            _, f_joint, f_frame, *_ = gates.split(channels, dim=1)
            c[step.joint].addcmul_(f_joint[step.joint], c[step.joint_before])
            c[step.frame].addcmul_(f_frame[step.frame], c[step.frame_before])
            i, _, _, o, u, *p = rows.split(channels, dim=1)
            c_rows = c[step.cells]
            if added is None:
                c_rows.addcmul_(i, u)
            else:
                # g i u + (1 − g) past = past + g (i u − past)
                torch.mul(i, u, out=added[step.cells]).sub_(c_rows)
                c_rows.addcmul_(trust(u, p[0]) if gate is None else gate[step.cells], added[step.cells])
            torch.tanh(c_rows, out=h[step.cells]).mul_(o)
        ctx.steps, ctx.clips = steps, clips
        ctx.save_for_backward(gates, c, h, added, gate, joint_DG, frame_DG)
        return h.view(-1, clips, channels)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_SND: Tensor) -> tuple[Tensor | None, ...]:
        gates, c, h, added, gate, joint_DG, frame_DG = ctx.saved_tensors
        channels = h.shape[1]
        # Of the gates: before σ and tanh. Of c: at first what comes from later cells, at last that of `past`.
        d_gates, d_h, d_c = torch.empty_like(gates), grad_SND.reshape(h.shape).clone(), torch.zeros_like(c)
        d_joint, d_frame = torch.zeros_like(joint_DG), torch.zeros_like(frame_DG)
        d_gate = None if gate is None else torch.empty_like(gate)
        _, f_joint, f_frame, *_ = gates.split(channels, dim=1)
        _, d_f_joint, d_f_frame, *_ = d_gates.split(channels, dim=1)
        for step in reversed(ctx.steps):
            here = step.cells
            of_gate = (None if gate is None else gate[here], None if d_gate is None else d_gate[here])
            of_added = None if added is None else added[here]
            _cells_backward(gates[here], d_gates[here], c[here].tanh(), d_c[here], d_h[here], of_added, *of_gate)
            torch.mul(d_c[step.joint], c[step.joint_before], out=d_f_joint[step.joint])
            torch.mul(d_c[step.frame], c[step.frame_before], out=d_f_frame[step.frame])
            _before_activation(d_gates[here], gates[here], channels)
            d_c[step.joint_before].addcmul_(d_c[step.joint], f_joint[step.joint])
            d_c[step.frame_before].addcmul_(d_c[step.frame], f_frame[step.frame])
            d_h[step.joint_before].addmm_(d_gates[step.joint], joint_DG.T)
            d_h[step.frame_before].addmm_(d_gates[step.frame], frame_DG.T)
            d_joint.addmm_(h[step.joint_before].T, d_gates[step.joint])
            d_frame.addmm_(h[step.frame_before].T, d_gates[step.frame])
        d_gate_SN = None if d_gate is None else d_gate.view(-1, ctx.clips)
        return d_gates[:, : 5 * channels].unflatten(0, (-1, ctx.clips)), d_joint, d_frame, d_gate_SN, None


def _cells_backward(
    gates: Tensor,
    d_gates: Tensor,
    tanh_c: Tensor,
    d_c: Tensor,
    d_h: Tensor,
    added: Tensor | None,
    gate: Tensor | None,
    d_gate: Tensor | None,
) -> None:
    """The gradients of i, o, u, p and the gate of a diagonal; d_c becomes that of `past`. Forget gates are set to 0."""
    channels = d_c.shape[1]
    i, _, _, o, u, *p = gates.split(channels, dim=1)
    d_i, _, _, d_o, d_u, *d_p = d_gates.split(channels, dim=1)
    d_gates[:, channels : 3 * channels] = 0
    torch.mul(d_h, tanh_c, out=d_o)
    d_c += tanh_backward(d_h * o, tanh_c)
    opened = None if added is None else trust(u, p[0]) if gate is None else gate
    d_new = d_c if opened is None else d_c * opened
    torch.mul(d_new, u, out=d_i)
    torch.mul(d_new, i, out=d_u)
    if added is None or opened is None:
        return
    d_opened = d_c * added
    d_c -= d_new
    if d_gate is not None:
        torch.sum(d_opened, dim=1, keepdim=True, out=d_gate)
    else:
        d_opened.mul_(opened).mul_(u - p[0]).mul_(2 * TRUST_SHARPNESS)
        d_u -= d_opened
        d_p[0].copy_(d_opened)


def _before_activation(d_gates: Tensor, gates: Tensor, channels: int) -> None:
    """Gradients of the gates to those of what σ and tanh are taken of, in place."""
    for columns, backward in ((slice(0, 4 * channels), sigmoid_backward), (slice(4 * channels, None), tanh_backward)):
        backward.grad_input(d_gates[:, columns], gates[:, columns], grad_input=d_gates[:, columns])


def trust(u: Tensor, p: Tensor) -> Tensor:
    return torch.exp(-TRUST_SHARPNESS * (u - p) ** 2)
