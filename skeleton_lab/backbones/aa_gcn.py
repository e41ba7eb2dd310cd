"""AA-GCN: adaptive graph convolutions with attention (Shi et al., TIP 2020), and as an option those of its predecessor
2s-AGCN (Shi et al., CVPR 2019); one stream.

Axes: P persons that are computed, T frames, V joints, C channels, K partitions of the graph, D channels that joints are
compared in, R = D·T or T·V, X = V·K, E = K·C.

What the papers leave open follows pyskl, whose parameters are counted in "Are ST-GCNs over-parameterised?".
"""

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import AAGCNSettings
from skeleton_lab.backbones.stack import TEMPORAL_KERNEL, GraphNetwork, residual_of, temporal_conv
from skeleton_lab.layers.graph_conv import COMPARED_SHARE, INITIAL_EDGE
from skeleton_lab.layers.kaiming import kaiming_by_outputs
from skeleton_lab.layers.learned_graph import LearnedGraph, learned_graph
from skeleton_lab.ops.pointwise_convolution import pointwise_convolution

# What pyskl draws the weights of the classifier with.
CLASSIFIER_STD = 0.01


class JointRowsConv(nn.Conv2d):
    """(P, C, T, V) → (P, D, T, V) of single joints: from channels that are last in memory to joints that are."""

    def forward(self, x_PCTV: Tensor) -> Tensor:
        x_PCR = x_PCTV.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)
        weight_PDC = self.weight.flatten(1).expand(x_PCR.shape[0], -1, -1)
        y_PDR = torch.baddbmm(self.get_parameter("bias").unsqueeze(1), weight_PDC, x_PCR)
        return y_PDR.unflatten(2, x_PCTV.shape[2:])


class ValueConv(nn.Conv2d):
    """Σ_k (W_k x_k + b_k): (P, K·C_in, T, V) → (P, C_out, T, V). Each partition has a bias of its own, as released."""

    def __init__(self, partitions: int, in_channels: int, channels: int) -> None:
        super().__init__(partitions * in_channels, channels, kernel_size=1, bias=False)
        self.partitions = partitions
        self.biases = nn.Parameter(torch.zeros(partitions, channels))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return pointwise_convolution(x_PCTV, self.weight, self.biases.sum(dim=0))


class AdaptiveGraphConv(nn.Module):
    """Σ_k (W_k (x A_k) + b_k) with A_k = B_k + α tanh(θ_k(x)ᵀ φ_k(x) / (D·T)): (P, C_in, T, V) → (P, C_out, T, V).

    B is the learned graph. θ and φ are compared over all frames of the clip. similarity 'softmax' has softmax over the
    joints that are taken from in the place of α tanh. Sources: AA-GCN's and 2s-AGCN's released code; 2s-AGCN, Eq. 3.

    All θ and φ are one convolution. So are all W, which adds up the partitions too; it stands after the graph, where
    its biases do not pass through it.
    """

    def __init__(self, in_channels: int, channels: int, graph: LearnedGraph, similarity: str) -> None:
        super().__init__()
        self.compared = max(1, int(channels * COMPARED_SHARE))
        self.graph = graph
        # By partition, and in each θ before φ: so that a product of batches can take them as they lie.
        self.theta_phi = JointRowsConv(in_channels, graph.count * 2 * self.compared, kernel_size=1)
        self.value = ValueConv(graph.count, in_channels, channels)
        self.similarity_scale = nn.Parameter(torch.zeros(1)) if similarity == "tanh" else None

    def forward(self, x_PCTV: Tensor) -> Tensor:
        graph_PKVV = (self.graph() + self._similarity(x_PCTV)).to(x_PCTV.dtype)
        # With channels last one product of each frame puts all partitions side by side.
        graph_P1XV = graph_PKVV.permute(0, 3, 1, 2).flatten(1, 2).unsqueeze(1)
        taken_PTXC = graph_P1XV @ x_PCTV.permute(0, 2, 3, 1)
        taken_PTVE = taken_PTXC.unflatten(2, (-1, self.graph.count)).flatten(3)
        return self.value(taken_PTVE.permute(0, 3, 1, 2))

    def _similarity(self, x_PCTV: Tensor) -> Tensor:
        """How much a joint takes from another for being like it, (P, K, V, V)."""
        by_partition = (self.graph.count, 2, self.compared * x_PCTV.shape[2], x_PCTV.shape[3])
        theta_PKRV, phi_PKRV = self.theta_phi(x_PCTV).reshape(-1, *by_partition).unbind(dim=2)
        alike_PKVV = theta_PKRV.transpose(2, 3) @ phi_PKRV / theta_PKRV.shape[2]
        if self.similarity_scale is None:
            return alike_PKVV.softmax(dim=2)
        return self.similarity_scale * alike_PKVV.tanh()


class Attention(nn.Module):
    """x (1 + joints) (1 + frames) (1 + channels), each a gate from 0 to 1 that sees what those before it let through:
    (P, C, T, V) → same. Source: AA-GCN, section III-C ("STC-attention").

    Means of gated features are means with the gates as weights: x is multiplied once, at the end.
    """

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        over_joints = joints if joints % 2 else joints - 1
        self.joints = nn.Conv1d(channels, 1, over_joints, padding=over_joints // 2)
        self.frames = nn.Conv1d(channels, 1, TEMPORAL_KERNEL, padding=TEMPORAL_KERNEL // 2)
        hidden = max(1, channels // 2)
        self.channels = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        joints_P1V = 1 + self.joints(x_PCTV.mean(dim=2)).sigmoid()
        summed_PT1C = joints_P1V.unsqueeze(1) @ x_PCTV.permute(0, 2, 3, 1)
        mean_PCT = summed_PT1C.squeeze(2).transpose(1, 2) / x_PCTV.shape[3]
        frames_P1T = 1 + self.frames(mean_PCT).sigmoid()
        channels_PC = 1 + self.channels((mean_PCT * frames_P1T).mean(dim=2)).sigmoid()
        return x_PCTV * (frames_P1T.unsqueeze(3) * joints_P1V.unsqueeze(2)) * channels_PC[..., None, None]


class Block(nn.Module):
    """An adaptive graph convolution, then one over time: (P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V)."""

    def __init__(
        self, settings: AAGCNSettings, layout: Layout, in_channels: int, channels: int, stride: int, residual: bool
    ) -> None:
        super().__init__()
        graph = learned_graph(settings, layout)
        self.graph_conv = AdaptiveGraphConv(in_channels, channels, graph, settings.similarity)
        self.norm = nn.BatchNorm2d(channels)
        self.graph_residual = residual_of(in_channels, channels, stride=1)
        self.relu = nn.ReLU()
        self.attention = Attention(channels, layout.num_joints) if settings.attention else None
        self.temporal = temporal_conv(channels, stride)
        self.dropout = nn.Dropout(settings.dropout)
        self.residual = residual_of(in_channels, channels, stride) if residual else None
        initialise(self)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        x_PCTV = x_PCTV.contiguous(memory_format=torch.channels_last)
        y_PCTV = self.relu(self.norm(self.graph_conv(x_PCTV)) + self.graph_residual(x_PCTV))
        if self.attention is not None:
            y_PCTV = self.attention(y_PCTV)
        y_PCTV = self.dropout(self.temporal(y_PCTV))
        return self.relu(y_PCTV if self.residual is None else y_PCTV + self.residual(x_PCTV))


class AAGCN(GraphNetwork):
    """3,469,520 parameters at 25 joints, 60 classes and two persons; 3,781,668 with attention."""

    def __init__(
        self, settings: AAGCNSettings, layout: Layout, classes: int, channels: int = 3, persons: int = 2
    ) -> None:
        def block(number: int, c_in: int, c_out: int, stride: int) -> Block:
            return Block(settings, layout, c_in, c_out, stride, residual=number > 0)

        super().__init__(block, settings, layout, classes, channels, persons, norm="per_slot")
        nn.init.normal_(self.classifier.weight, 0.0, CLASSIFIER_STD)
        nn.init.zeros_(self.classifier.bias)


def initialise(block: Block) -> None:
    """pyskl's start: what a block adds to its input is next to nothing, and all gates of its attention are half open
    but for those of the joints."""
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d):
            kaiming_by_outputs(layer)
    kaiming_by_outputs(block.graph_conv.theta_phi, 2 * block.graph_conv.graph.count)
    value = block.graph_conv.value
    nn.init.normal_(value.weight, 0.0, (2 / value.weight.numel()) ** 0.5)
    nn.init.constant_(block.norm.weight, INITIAL_EDGE)
    if block.attention is not None:
        _initialise_attention(block.attention)


def _initialise_attention(attention: Attention) -> None:
    nn.init.xavier_normal_(attention.joints.weight)
    nn.init.zeros_(attention.frames.weight)
    first, _, second = attention.channels
    nn.init.kaiming_normal_(first.get_parameter("weight"))
    nn.init.zeros_(second.get_parameter("weight"))
    for layer in (attention.joints, attention.frames, first, second):
        nn.init.zeros_(layer.get_parameter("bias"))
