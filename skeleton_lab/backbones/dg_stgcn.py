"""DG-STGCN: dynamic spatial-temporal modelling on graphs that start at random (Duan et al., 2022).

Axes: N clips, M person slots, P persons that are computed, T frames, U and V joints (from U to V), C channels, K
subsets of channels with a graph each, D channels of a subset.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import DGSTGCNSettings
from skeleton_lab.backbones.stack import GraphNetwork, residual_of
from skeleton_lab.layers.learned_graph import random_graphs
from skeleton_lab.layers.pointwise import PointwiseConv
from skeleton_lab.layers.pooling import mean_over_frames
from skeleton_lab.layers.temporal import SixBranchesWithGlobalJoint
from skeleton_lab.ops.channel_graphs import mixed

# The channels of each subset are so many times fewer than the unit's.
SUBSET_SHARE = 8


class DynamicGraph(nn.Module):
    """The graph of each channel of each person: x (P, C, T, V) → (P, K·D, U, V).

    A_k + α tanh(θ(x̄)_u − φ(x̄)_v) + β softmax_u(θ(x̄)_u · φ(x̄)_v), x̄ the mean over time: learned freely for a subset,
    compared by channel, compared by subset (section 3.2). The released code has an α and a β for each subset, and uses
    the first of them for all.
    """

    def __init__(self, in_channels: int, subsets: int, width: int, joints: int) -> None:
        super().__init__()
        self.graph = nn.Parameter(random_graphs(subsets, joints))
        self.alpha, self.beta = nn.Parameter(torch.zeros(subsets)), nn.Parameter(torch.zeros(subsets))
        self.compare = PointwiseConv(in_channels, 2 * subsets * width)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        # With joints last, and not channels: so are all that follows then, and the graphs.
        compared_PCV = self.compare(mean_over_frames(x_PCTV)).squeeze(2).contiguous()
        from_PKDU, to_PKDV = compared_PCV.unflatten(1, (2, len(self.graph), -1)).unbind(dim=1)
        alike_PKUV = (from_PKDU.transpose(2, 3) @ to_PKDV).softmax(dim=2)
        of_subset_PKUV = torch.addcmul(self.graph, alike_PKUV, self.beta[0])
        differ_PKDUV = torch.tanh(from_PKDU.unsqueeze(4) - to_PKDV.unsqueeze(3))
        return torch.addcmul(of_subset_PKUV.unsqueeze(2), differ_PKDUV, self.alpha[0]).flatten(1, 2)


class Block(nn.Module):
    """ReLU(temporal(ReLU(BN(graph convolution) + x)) + x): (P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V)."""

    def __init__(
        self, settings: DGSTGCNSettings, joints: int, number: int, in_channels: int, channels: int, stride: int
    ) -> None:
        super().__init__()
        width = max(1, channels // SUBSET_SHARE)
        inner = settings.subsets * width
        self.before = nn.Sequential(PointwiseConv(in_channels, inner), nn.BatchNorm2d(inner), nn.ReLU(inplace=True))
        self.graph = DynamicGraph(in_channels, settings.subsets, width, joints)
        self.behind = nn.Sequential(PointwiseConv(inner, channels), nn.BatchNorm2d(channels))
        self.down = residual_of(in_channels, channels, stride=1)
        self.temporal = SixBranchesWithGlobalJoint(channels, stride, joints)
        self.dropout = nn.Dropout(settings.dropout if number else 0.0)
        self.residual = residual_of(in_channels, channels, stride) if number else None

    def forward(self, x_PCTV: Tensor) -> Tensor:
        x_PCTV = x_PCTV.contiguous(memory_format=torch.channels_last)
        mixed_PCTV = mixed(self.before(x_PCTV), self.graph(x_PCTV))
        y_PCTV = functional.relu_(self.behind(mixed_PCTV) + self.down(x_PCTV))
        y_PCTV = self.dropout(self.temporal(y_PCTV))
        return functional.relu(y_PCTV) if self.residual is None else functional.relu_(y_PCTV + self.residual(x_PCTV))


class DGSTGCN(GraphNetwork):
    """(N, M, T, V, channels) → logits (N, classes). 1,701,172 parameters at 25 joints, 60 classes and 8 subsets."""

    def __init__(
        self, settings: DGSTGCNSettings, layout: Layout, classes: int, channels: int = 3, persons: int = 2
    ) -> None:
        def block(number: int, c_in: int, c_out: int, stride: int) -> Block:
            return Block(settings, layout.num_joints, number, c_in, c_out, stride)

        super().__init__(block, settings, layout, classes, channels, persons, norm="shared")
