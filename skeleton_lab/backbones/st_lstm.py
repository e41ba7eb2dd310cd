"""ST-LSTM: skeletons by an LSTM over joints and frames at once (Liu et al., ECCV 2016), and with a representation of
the whole clip (GCA-LSTM's rows "ST-LSTM + Global").

Axes: N clips, M person slots, T frames, V joints, S cells of the lattice in packed order (ops/lattice.py), C channels
of an input, D channels of a cell, A = 5·D columns of the gates, K classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.joint_orders import Order, joint_order
from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import ContextStart, LatticeSettings, STLSTMSettings
from skeleton_lab.backbones.sgn import scaled
from skeleton_lab.ops.dropout import Dropout
from skeleton_lab.ops.lattice import Lattice, Recurrence, by_diagonals


class SkeletonLattice(nn.Module):
    """Clips as the inputs of a lattice: (N, M, T, V, C) → (S, N, M·C). The persons of a joint stand side by side.

    visits: the joint of each row of the lattice; lattice: its cells.
    """

    source: Tensor

    def __init__(self, layout: Layout, order: Order, frames: int) -> None:
        super().__init__()
        self.visits = joint_order(layout, order)
        self.lattice = Lattice(len(self.visits), frames)
        source_S = self.lattice.frame * layout.num_joints + torch.tensor(self.visits)[self.lattice.joint]
        self.register_buffer("source", source_S, persistent=False)

    def forward(self, x_NMTVC: Tensor) -> Tensor:
        return x_NMTVC.permute(2, 3, 0, 1, 4).flatten(3).flatten(0, 1)[self.source]


class LatticeRecurrence(nn.Module):
    """What cells take over from those before them: (S, N, A) and, in an attention layer, (S, N) → h (S, N, D)."""

    def __init__(self, channels: int, lattice: Lattice, trust_gate: bool = False) -> None:
        super().__init__()
        self.lattice = lattice
        columns = (6 if trust_gate else 5) * channels
        self.joint_weight = nn.Parameter(torch.empty(channels, columns).normal_(std=spread(channels)))
        self.frame_weight = nn.Parameter(torch.empty(channels, columns).normal_(std=spread(channels)))
        # ops/lattice.py has two ways to the same result.
        self.compute: Recurrence = by_diagonals

    def forward(self, a_SNA: Tensor, gate_SN: Tensor | None = None) -> Tensor:
        return self.compute(a_SNA, self.joint_weight, self.frame_weight, self.lattice, gate_SN)


class STLSTMLayer(nn.Module):
    """Eqs. 1 to 3: (S, N, C) → h (S, N, D); with informativeness (S, N), Eq. 7."""

    def __init__(
        self, in_channels: int, channels: int, lattice: Lattice, forget_bias: float, trust_gate: bool = False
    ) -> None:
        super().__init__()
        self.inputs = nn.Linear(in_channels, 5 * channels)
        nn.init.normal_(self.inputs.weight, std=spread(channels))
        with torch.no_grad():
            self.inputs.bias.zero_()[channels : 3 * channels] = forget_bias
        self.recurrence = LatticeRecurrence(channels, lattice, trust_gate)

    def forward(self, x_SNC: Tensor) -> Tensor:
        return self.recurrence(self.inputs(x_SNC))


class GlobalContext(nn.Module):
    """All hidden states of a clip as one: (S, N, D) → (N, D), their mean (Eq. 4) or a layer with ReLU on all."""

    def __init__(self, cells: int, channels: int, start: ContextStart) -> None:
        super().__init__()
        self.layer = gaussian(nn.Linear(cells * channels, channels)) if start == "feed_forward" else None

    def forward(self, h_SND: Tensor) -> Tensor:
        if self.layer is None:
            return h_SND.mean(dim=0)
        return F.relu(self.layer(h_SND.transpose(0, 1).flatten(1)))


class STLSTM(nn.Module):
    """Two layers: (N, M, T, V, C) → (N, K).

    The logits of a global representation; or, where every cell classifies, the mean over cells of their logarithms of
    probabilities, which is the released code's score divided by the number of cells.
    """

    def __init__(
        self, settings: STLSTMSettings, layout: Layout, classes: int, in_channels: int, persons: int, frames: int
    ) -> None:
        super().__init__()
        channels = scaled_channels(settings)
        self.cells = SkeletonLattice(layout, settings.order, frames)
        lattice = self.cells.lattice
        assert settings.forget_bias is not None
        first_bias, second_bias = settings.forget_bias
        self.first = STLSTMLayer(persons * in_channels, channels, lattice, first_bias, settings.trust_gate)
        self.second = STLSTMLayer(channels, channels, lattice, second_bias, settings.trust_gate)
        self.context: GlobalContext | None = None
        if settings.representation != "local":
            self.context = GlobalContext(lattice.cells, channels, settings.representation)
        self.dropout = Dropout(settings.dropout)
        self.classifier = gaussian(nn.Linear(channels, classes))

    def forward(self, x_NMTVC: Tensor) -> Tensor:
        h_SND = self.dropout(self.second(self.dropout(self.first(self.cells(x_NMTVC)))))
        if self.context is None:
            return self.classifier(h_SND).float().log_softmax(dim=-1).mean(dim=0)
        return self.classifier(self.dropout(self.context(h_SND)))


def scaled_channels(settings: LatticeSettings) -> int:
    return scaled(settings.channels, settings.width)


def spread(inputs: int) -> float:
    """The standard deviation of weights at the start: that of PyTorch's uniform ones for so many inputs."""
    return (3 * inputs) ** -0.5


def gaussian(layer: nn.Linear) -> nn.Linear:
    """With weights of N(0, spread²) and no bias (Algorithm 1: "zero-mean Gaussian")."""
    nn.init.normal_(layer.weight, std=spread(layer.in_features))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
