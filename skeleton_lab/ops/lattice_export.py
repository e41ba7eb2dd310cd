"""The recurrence of ops/lattice.py as a graph of operations that can be exported: nothing is written in place, and the
number of clips may vary.

Axes: S cells in packed order, N clips, A columns of the gates without a trust gate, D channels, G columns of the gates.
"""

import torch
from torch import Tensor
from torch.nn import functional

from skeleton_lab.ops.lattice import Lattice, trust


def by_slices(
    x_SNA: Tensor, joint_weight_DG: Tensor, frame_weight_DG: Tensor, lattice: Lattice, gate_SN: Tensor | None = None
) -> Tensor:
    """As `by_diagonals`, with every diagonal as tensors of its own: h, (S, N, D)."""
    channels, columns = joint_weight_DG.shape
    found: list[Tensor] = []
    h_SND = c_SND = x_SNA[:0, :, :channels]
    begins_before = 0
    for step in lattice.steps():
        begins, ends = step.cells.start, step.cells.stop

        def taken(before_SND: Tensor, at: slice, begins_before: int = begins_before) -> Tensor:
            return before_SND[at.start - begins_before : at.stop - begins_before] if at.stop else before_SND[:0]

        def placed(y_SND: Tensor, at: slice, begins: int = begins, ends: int = ends) -> Tensor:
            """Zeros for the cells that have nothing before them."""
            start, stop = (at.start, at.stop) if at.stop else (begins, begins)
            return functional.pad(y_SND, (0, 0, 0, 0, start - begins, ends - stop))

        of_joint = placed(taken(h_SND, step.joint_before) @ joint_weight_DG, step.joint)
        of_frame = placed(taken(h_SND, step.frame_before) @ frame_weight_DG, step.frame)
        a_SNG = of_joint + of_frame
        a_SNA = x_SNA[step.cells] + a_SNG[..., : 5 * channels]
        i, f_joint, f_frame, o = a_SNA[..., : 4 * channels].sigmoid().chunk(4, dim=-1)
        u = a_SNA[..., 4 * channels :].tanh()
        past_SND = f_joint * placed(taken(c_SND, step.joint_before), step.joint)
        past_SND = past_SND + f_frame * placed(taken(c_SND, step.frame_before), step.frame)
        gate = None if gate_SN is None else gate_SN[step.cells].unsqueeze(-1)
        if columns > 5 * channels:
            gate = trust(u, a_SNG[..., 5 * channels :].tanh())
        c_SND = i * u + past_SND if gate is None else gate * i * u + (1 - gate) * past_SND
        h_SND = o * c_SND.tanh()
        found.append(h_SND)
        begins_before = begins
    return torch.cat(found)
