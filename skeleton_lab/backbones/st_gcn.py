"""ST-GCN: spatial temporal graph convolutional networks (Yan et al., AAAI 2018).

Axes: N clips, M person slots, P persons that are computed, T frames, V joints, C channels, K partitions of the graph,
X = V·K.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import STGCNSettings
from skeleton_lab.backbones.stack import GraphNetwork, residual_of, temporal_conv
from skeleton_lab.layers.learned_graph import LearnedGraph, learned_graph
from skeleton_lab.layers.pointwise import PointwiseConv

# What the released weights_init draws all weights with.
INITIAL_STD = 0.02


class GraphConv(nn.Module):
    """Σ_k (W_k x + b_k) A_k over the partitions (Eq. 10): (P, C_in, T, V) → (P, C_out, T, V)."""

    def __init__(self, in_channels: int, channels: int, graph: LearnedGraph) -> None:
        super().__init__()
        self.conv = PointwiseConv(in_channels, graph.count * channels)
        self.graph = graph

    def forward(self, x_PCTV: Tensor) -> Tensor:
        # With channels last the joints of all partitions are rows of one matrix for each frame.
        x_PTVC = self.conv(x_PCTV).permute(0, 2, 3, 1)
        x_PTXC = x_PTVC.unflatten(3, (self.graph.count, -1)).flatten(2, 3)
        graph_VX = self.graph().permute(2, 1, 0).flatten(1).to(x_PTXC.dtype)
        return (graph_VX @ x_PTXC).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A graph convolution, then a convolution over time: (P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V).

    residual: whether the input is added, through a convolution of its own where shapes differ.
    """

    def __init__(
        self,
        graph_conv: GraphConv,
        in_channels: int,
        channels: int,
        stride: int,
        dropout: float,
        residual: bool,
    ) -> None:
        super().__init__()
        self.graph_conv = graph_conv
        self.temporal = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            *temporal_conv(channels, stride),
            nn.Dropout(dropout),
        )
        self.residual = residual_of(in_channels, channels, stride) if residual else None

    def forward(self, x_PCTV: Tensor) -> Tensor:
        x_PCTV = x_PCTV.contiguous(memory_format=torch.channels_last)
        y_PCTV = self.temporal(self.graph_conv(x_PCTV))
        return functional.relu(y_PCTV if self.residual is None else y_PCTV + self.residual(x_PCTV))


class STGCN(GraphNetwork):
    """3,098,832 parameters at 25 joints and 60 classes, with any graph of three partitions that is learned of."""

    def __init__(
        self, settings: STGCNSettings, layout: Layout, classes: int, channels: int = 3, persons: int = 2
    ) -> None:
        """persons: the slots of a clip; all share their weights, so the network is the same for any number."""

        def block(number: int, c_in: int, c_out: int, stride: int) -> Block:
            graph_conv = GraphConv(c_in, c_out, learned_graph(settings, layout))
            return Block(graph_conv, c_in, c_out, stride, settings.dropout if number else 0.0, residual=number > 0)

        super().__init__(block, settings, layout, classes, channels, persons)
        initialise(self)


def initialise(network: nn.Module) -> None:
    """ST-GCN's start: weights of convolutions N(0, 0.02), of batch normalisation N(1, 0.02), and no bias."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, INITIAL_STD)
            nn.init.zeros_(layer.get_parameter("bias"))
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, INITIAL_STD)
