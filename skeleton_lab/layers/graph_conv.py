"""Graph convolutions over the partitions of a skeleton's graph.

Axes: P persons that are computed, T frames, V joints, C channels, R = C·T, K partitions of the graph.
"""

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from skeleton_lab.layers.graph import PARTITIONS, partitions
from skeleton_lab.layers.learned_graph import LearnedGraph
from skeleton_lab.settings import PartitionMode

# 2s-AGCN: the channels that two joints are compared in, and the start of what it learns of the graph.
COMPARED_SHARE = 0.25
INITIAL_EDGE = 1e-6


class GraphUnit(nn.Module):
    """ReLU(BN(Σ_k W_k (x A_k) + b_k)), the form of ST-GCN's first release: (P, C_in, T, V) → (P, C_out, T, V)."""

    def __init__(self, in_channels: int, channels: int, layout: Layout, mode: PartitionMode) -> None:
        super().__init__()
        self.convs = pointwise(in_channels, channels)
        self.graph = LearnedGraph(layout, mode, "importance")
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        initialise(self.convs)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        graph_KVV = self.graph().to(x_PCTV.dtype)
        return self.relu(self.norm(sum(conv(x_PCTV @ a_VV) for conv, a_VV in zip(self.convs, graph_KVV, strict=True))))


class AdaptiveGraphUnit(nn.Module):
    """The same with a residual, on the graph A_k + B_k + softmax(θ_k(x)ᵀ φ_k(x)): B learned freely, θ and φ over all
    frames of the clip, softmax over the joints that are taken from. Source: 2s-AGCN, Eq. 3, and its released code.
    """

    edges: Tensor

    def __init__(self, in_channels: int, channels: int, layout: Layout, mode: PartitionMode) -> None:
        super().__init__()
        self.compared = max(1, int(channels * COMPARED_SHARE))
        self.theta, self.phi = (pointwise(in_channels, self.compared) for _ in range(2))
        self.convs = pointwise(in_channels, channels)
        self.register_buffer("edges", torch.tensor(partitions(layout, mode)), persistent=False)
        self.learned = nn.Parameter(torch.full(self.edges.shape, INITIAL_EDGE))
        self.norm = nn.BatchNorm2d(channels)
        self.residual: nn.Module = nn.Identity()
        if in_channels != channels:
            conv = nn.Conv2d(in_channels, channels, kernel_size=1)
            self.residual = nn.Sequential(conv, nn.BatchNorm2d(channels))
        self.relu = nn.ReLU()
        self._initialise()

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTV = self.norm(sum(self._partition(x_PCTV, number) for number in range(PARTITIONS)))
        return self.relu(y_PCTV + self.residual(x_PCTV))

    def _partition(self, x_PCTV: Tensor, number: int) -> Tensor:
        theta_PRV, phi_PRV = (layer(x_PCTV).flatten(1, 2) for layer in (self.theta[number], self.phi[number]))
        alike_PVV = torch.softmax(theta_PRV.transpose(1, 2) @ phi_PRV / theta_PRV.shape[1], dim=1)
        graph_PVV = (alike_PVV + self.edges[number] + self.learned[number]).to(x_PCTV.dtype)
        return self.convs[number]((x_PCTV.flatten(1, 2) @ graph_PVV).view_as(x_PCTV))

    def _initialise(self) -> None:
        initialise(self)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.zeros_(layer.get_parameter("bias"))
        for conv in self.convs:
            weight = conv.get_parameter("weight")
            nn.init.normal_(weight, 0.0, (2 / (weight.numel() * PARTITIONS)) ** 0.5)
        nn.init.constant_(self.norm.weight, INITIAL_EDGE)


def pointwise(in_channels: int, channels: int) -> nn.ModuleList:
    """A convolution of single joints for each partition."""
    return nn.ModuleList(nn.Conv2d(in_channels, channels, kernel_size=1) for _ in range(PARTITIONS))


def initialise(module: nn.Module) -> None:
    """Weights of convolutions N(0, √(2 / (kernel·out))), as the released ST-TR and 2s-AGCN draw them."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
