"""ST-GCN as its authors' code is built: torch.einsum over the partitions, and convolutions over time as they are.

The twin of backbones/st_gcn.py in its published form, without dropout, in the frame of backbones/stack.py.

Axes: P persons, K partitions of the graph, C channels, T frames, V and W joints (from V to W).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from skeleton_lab.measure.literal.temporal import residual

KERNEL = 9


class GraphConv(nn.Module):
    def __init__(self, in_channels: int, channels: int, graph_KVW: Tensor) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, len(graph_KVW) * channels, kernel_size=1)
        self.importance = nn.Parameter(torch.ones_like(graph_KVW))
        self.register_buffer("partitions", graph_KVW, persistent=False)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        graph_KVW = self.get_buffer("partitions") * self.importance
        x_PKCTV = self.conv(x_PCTV).unflatten(1, (len(graph_KVW), -1))
        return torch.einsum("pkctv,kvw->pctw", x_PKCTV, graph_KVW.to(x_PKCTV.dtype)).contiguous()


class Block(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int, graph_KVW: Tensor, first: bool) -> None:
        super().__init__()
        self.graph_conv = GraphConv(in_channels, channels, graph_KVW)
        self.temporal = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, (KERNEL, 1), (stride, 1), (KERNEL // 2, 0)),
            nn.BatchNorm2d(channels),
        )
        self.residual = residual(in_channels, channels, stride, first)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTV = self.temporal(self.graph_conv(x_PCTV))
        return torch.relu(y_PCTV if self.residual is None else y_PCTV + self.residual(x_PCTV))


def take_weights(literal: nn.Module, network: nn.Module) -> None:
    """Give a literal network the weights and running statistics of its fast twin."""
    literal.load_state_dict(as_literal(network.state_dict(), literal))


def as_literal(tensors: Mapping[str, Tensor], literal: nn.Module) -> dict[str, Tensor]:
    """Weights of the fast twin, or their gradients, by name."""
    return {name.replace(".graph.importance", ".importance"): tensor for name, tensor in tensors.items()}
