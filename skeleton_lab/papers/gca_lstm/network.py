"""GCA-LSTM: an LSTM over joints and frames that pays attention to informative cells, by its memory of the whole clip.

Axes: N clips, M person slots, T frames, V joints, S cells of the lattice in packed order (ops/lattice.py), U units that
attention is paid to (cells, or body parts in frames), C channels of an input, D channels of a cell, A = 5·D columns of
the gates, Q streams, I iterations, K classes.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import Layout
from skeleton_lab.backbones.st_lstm import (
    GlobalContext,
    SkeletonLattice,
    STLSTMLayer,
    gaussian,
    scaled_channels,
    spread,
)
from skeleton_lab.ops.dropout import Dropout
from skeleton_lab.papers.gca_lstm.settings import GCALSTMSettings


class UnitLinear(nn.Module):
    """A linear layer of each unit's own, without bias: (U, N, D) → (U, N, out)."""

    def __init__(self, units: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(units, in_features, out_features).normal_(std=spread(in_features)))

    def forward(self, x_UND: Tensor) -> Tensor:
        return torch.bmm(x_UND, self.weight)


class Informativeness(nn.Module):
    """How much each unit matters (Eqs. 5 and 6): r (U, N), whose sum over the units of a clip is 1.

    units: how many, where each has weights of its own; None: all have the same. We2 is written as two halves, of the
    unit and of the memory, so that neither is copied for the other.
    """

    def __init__(self, channels: int, units: int | None) -> None:
        super().__init__()

        def linear(out_features: int, in_features: int = channels) -> nn.Module:
            if units is not None:
                return UnitLinear(units, in_features, out_features)
            return gaussian(nn.Linear(in_features, out_features, bias=False))

        self.of_unit, self.of_memory, self.score = linear(channels), linear(channels), linear(1)
        # Of all inputs of We2, not of half of them.
        for half in (self.of_unit, self.of_memory):
            nn.init.normal_(half.get_parameter("weight"), std=spread(2 * channels))

    def forward(self, unit_UND: Tensor, memory_ND: Tensor) -> Tensor:
        """unit_UND: what `of_unit` made of the units, which is the same in all iterations that share weights."""
        known_ND = memory_ND
        if isinstance(self.of_memory, UnitLinear):
            known_ND = memory_ND.expand(len(unit_UND), -1, -1)
        e_UN = self.score(torch.tanh(unit_UND + self.of_memory(known_ND))).squeeze(-1)
        return e_UN.float().softmax(dim=0)


class Parts(nn.Module):
    """Body parts in frames, the units of coarse attention: (S, N, D) → (U, N, D), means over their cells (Eq. 12).

    unit: the unit of each cell, (S,), by part and frame. Parts that no joint of the order is in are left out.
    """

    unit: Tensor
    size: Tensor

    def __init__(self, layout: Layout, cells: SkeletonLattice) -> None:
        super().__init__()
        members = [set(joints) & set(cells.visits) for joints in layout.parts.values()]
        members = [joints for joints in members if joints]
        part_of = torch.tensor([next(n for n, part in enumerate(members) if joint in part) for joint in cells.visits])
        unit_S = part_of[cells.lattice.joint] * cells.lattice.frames + cells.lattice.frame
        self.count = len(members) * cells.lattice.frames
        self.register_buffer("unit", unit_S, persistent=False)
        self.register_buffer("size", torch.bincount(unit_S, minlength=self.count), persistent=False)

    def forward(self, h_SND: Tensor) -> Tensor:
        total_UND = h_SND.new_zeros(self.count, *h_SND.shape[1:]).index_add(0, self.unit, h_SND)
        return total_UND / self.size[:, None, None]


class Attended(NamedTuple):
    """logits: (N, K); informativeness: of each cell in each iteration, I × (S, N)."""

    logits: Tensor
    informativeness: list[Tensor]


class AttentionStream(nn.Module):
    """A memory of the clip that attention refines: h of the first layer (S, N, D) → Attended.

    parts: the units of coarse attention; None: every cell is a unit.
    """

    def __init__(self, settings: GCALSTMSettings, cells: SkeletonLattice, parts: Parts | None, classes: int) -> None:
        super().__init__()
        channels, iterations = scaled_channels(settings), settings.attention_iterations
        lattice, self.parts = cells.lattice, parts
        self.start = GlobalContext(lattice.cells, channels, settings.start)
        units = lattice.cells if parts is None else parts.count
        self.informativeness = nn.ModuleList(
            Informativeness(channels, None if settings.share_within else units)
            for _ in range(min(iterations, 1) if settings.share_across else iterations)
        )
        self.layer: STLSTMLayer | None = None
        if settings.attention == "gate" and iterations:
            assert settings.forget_bias is not None
            self.layer = STLSTMLayer(channels, channels, lattice, settings.forget_bias[1])
        self.refine = nn.ModuleList(gaussian(nn.Linear(2 * channels, channels)) for _ in range(iterations))
        self.dropout = Dropout(settings.dropout)
        self.classifier = gaussian(nn.Linear(channels, classes))

    def forward(self, h_SND: Tensor, iterations: int) -> Attended:
        """iterations: how many of them, from 0 to all."""
        memory_ND, found = self.start(h_SND), []
        units_UND = h_SND if self.parts is None else self.parts(h_SND)
        # Nothing of these changes from one iteration to the next.
        scores = [score for score in self.informativeness[:iterations] if isinstance(score, Informativeness)]
        known = [score.of_unit(units_UND) for score in scores]
        a_SNA = self.layer.inputs(h_SND) if self.layer is not None and iterations else h_SND
        for n in range(iterations):
            shared = n % len(known)
            r_UN = scores[shared](known[shared], memory_ND)
            r_SN = r_UN if self.parts is None else r_UN[self.parts.unit]
            if self.layer is None:
                attended_ND = torch.einsum("sn,snd->nd", r_SN.to(h_SND.dtype), h_SND)
            else:
                attended_ND = self.layer.recurrence(a_SNA, r_SN)[-1]
            memory_ND = F.relu(self.refine[n](torch.cat([attended_ND, memory_ND], dim=-1)))
            found.append(r_SN)
        return Attended(self.classifier(self.dropout(memory_ND)), found)


class GCALSTM(nn.Module):
    """(N, M, T, V, C) → logits of each stream, (Q, N, K): fine, coarse, or both in this order.

    8,746,172 parameters with fine attention at 25 joints of two persons, 20 frames, and 60 classes; 94 % of them make
    the memory's start of all hidden states.
    """

    def __init__(
        self, settings: GCALSTMSettings, layout: Layout, classes: int, in_channels: int, persons: int, frames: int
    ) -> None:
        super().__init__()
        assert settings.forget_bias is not None
        self.iterations = settings.attention_iterations
        self.cells = SkeletonLattice(layout, settings.order, frames)
        self.first = STLSTMLayer(
            persons * in_channels, scaled_channels(settings), self.cells.lattice, settings.forget_bias[0]
        )
        self.dropout = Dropout(settings.dropout)
        kinds = {"both": ("fine", "coarse")}.get(settings.streams, (settings.streams,))
        self.streams = nn.ModuleList(
            AttentionStream(settings, self.cells, Parts(layout, self.cells) if kind == "coarse" else None, classes)
            for kind in kinds
        )

    def forward(self, x_NMTVC: Tensor, iterations: int | None = None) -> Tensor:
        """iterations: of attention; all of them unless fewer are asked for."""
        return torch.stack([stream.logits for stream in self.attend(x_NMTVC, iterations)])

    def attend(self, x_NMTVC: Tensor, iterations: int | None = None) -> list[Attended]:
        h_SND = self.dropout(self.first(self.cells(x_NMTVC)))
        return [stream(h_SND, self.iterations if iterations is None else iterations) for stream in self.streams]

    def informativeness(self, x_NMTVC: Tensor) -> Tensor:
        """(Q, I, N, T, V): of each joint in each frame, the mean over its visits; 0 of joints that are not visited."""
        r_QISN = torch.stack([torch.stack(stream.informativeness) for stream in self.attend(x_NMTVC)])
        r_TVQIN = r_QISN.new_zeros(x_NMTVC.shape[2] * x_NMTVC.shape[3], *r_QISN.shape[:2], len(x_NMTVC))
        visits = torch.bincount(self.cells.source, minlength=len(r_TVQIN)).clamp(min=1)
        r_TVQIN.index_add_(0, self.cells.source, r_QISN.movedim(2, 0))
        return (r_TVQIN / visits[:, None, None, None]).unflatten(0, x_NMTVC.shape[2:4]).permute(2, 3, 4, 0, 1)
