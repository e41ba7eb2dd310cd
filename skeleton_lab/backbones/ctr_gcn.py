"""CTR-GCN: channel-wise topology refinement graph convolution (Chen et al., ICCV 2021), by pyskl or its authors.

Axes: N clips, M person slots, P persons that are computed, T frames, U and V joints (from U to V), C channels, K
partitions of the graph, R channels that two joints are compared in, and two for what is alike for all persons.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import CTRGCNSettings
from skeleton_lab.backbones.stack import GraphNetwork, residual_of
from skeleton_lab.layers.graph import partitions
from skeleton_lab.layers.kaiming import kaiming_by_outputs
from skeleton_lab.layers.pointwise import PointwiseConv
from skeleton_lab.layers.pooling import mean_over_frames
from skeleton_lab.layers.temporal import FourBranches, SixBranches
from skeleton_lab.ops.channel_graphs import refined

# Joints are compared in an eighth of the channels, and in 8 of them where there are few.
COMPARED_SHARE = 8
FEW_CHANNELS, COMPARED_OF_FEW = 16, 8
# The released start of the normalisation that ends a unit: next to nothing but its residual.
INITIAL_SCALE = 1e-6


class TopologyRefinement(nn.Module):
    """Σ_k (W_k x + b_k) G_k of one graph per person and channel: (P, C_in, T, V) → (P, C_out, T, V).

    G_k = A_k + α (V_k tanh(θ_k(x̄)_u − φ_k(x̄)_v) + d_k), x̄ the mean over time (Eqs. 5 to 9). A is learned and starts as
    the partitions. θ and φ are linear, so that they see the mean and not all frames. V_k, d_k and A_k together are one
    product, in which A_k and 1 are two more relations between the joints.

    form: which axis of G is summed over; 'pyskl' its first, 'original' (the released CTR-GCN) its second.
    """

    def __init__(self, in_channels: int, channels: int, graph_KUV: Tensor, form: str) -> None:
        super().__init__()
        subsets = len(graph_KUV)
        compared = COMPARED_OF_FEW if in_channels <= FEW_CHANNELS else in_channels // COMPARED_SHARE
        self.subsets, self.form = subsets, form
        self.graph = nn.Parameter(graph_KUV.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.compare = PointwiseConv(in_channels, 2 * subsets * compared)
        self.values = nn.Conv2d(in_channels, subsets * channels, kernel_size=1)
        self.refine = nn.Conv2d(subsets * compared, subsets * channels, kernel_size=1, groups=subsets)
        for conv, convolutions in ((self.compare, 2 * subsets), (self.values, subsets), (self.refine, subsets)):
            kaiming_by_outputs(conv, convolutions)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        weight_KDC = self.values.weight.flatten(1).unflatten(0, (self.subsets, -1))
        bias_KD = self.values.get_parameter("bias").unflatten(0, (self.subsets, -1))
        return refined(x_PCTV, weight_KDC, bias_KD, self.relations(x_PCTV), self.shares())

    def relations(self, x_PCTV: Tensor) -> Tensor:
        """What joints are to one another: as compared, by A, and 1; (P, K, R, U, V)."""
        compared_P2KRV = (
            self.compare(mean_over_frames(x_PCTV))
            .squeeze(2)
            .contiguous()  # with joints last, as in all graphs, and not channels
            .unflatten(1, (2, self.subsets, -1))
        )
        from_PKRU, to_PKRV = compared_P2KRV.unbind(dim=1)
        difference_PKRUV = torch.tanh(from_PKRU.unsqueeze(4) - to_PKRV.unsqueeze(3))
        same_PK1UV = self.graph.unsqueeze(1).expand(x_PCTV.shape[0], -1, -1, -1, -1).to(difference_PKRUV.dtype)
        found_PKRUV = torch.cat([difference_PKRUV, same_PK1UV, torch.ones_like(same_PK1UV)], dim=2)
        return found_PKRUV if self.form == "pyskl" else found_PKRUV.transpose(3, 4)

    def shares(self) -> Tensor:
        """What each relation has in a channel's graph: α V, 1 and α d; (K, D, R)."""
        weight_KDR = self.refine.weight.flatten(1).unflatten(0, (self.subsets, -1))
        bias_KD1 = self.refine.get_parameter("bias").view(self.subsets, -1, 1)
        return torch.cat([self.alpha * weight_KDR, torch.ones_like(bias_KD1), self.alpha * bias_KD1], dim=2)


class Block(nn.Module):
    """ReLU(temporal(ReLU(BN(graph convolution) + x)) + x): (P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V)."""

    def __init__(
        self, settings: CTRGCNSettings, graph_KUV: Tensor, number: int, in_channels: int, channels: int, stride: int
    ) -> None:
        super().__init__()
        self.refinement = TopologyRefinement(in_channels, channels, graph_KUV, settings.form)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.constant_(self.norm.weight, INITIAL_SCALE)
        self.down = residual_of(in_channels, channels, stride=1)
        for layer in self.down.modules():
            if isinstance(layer, nn.Conv2d):
                kaiming_by_outputs(layer)
        self.temporal = (FourBranches if settings.temporal == "four_branches" else SixBranches)(channels, stride)
        # pyskl's four branches end in a ReLU of their own, its six do not, and neither do the original four.
        has_relu = settings.temporal == "four_branches" and settings.form == "pyskl"
        self.after = nn.Sequential(
            nn.ReLU(inplace=True) if has_relu else nn.Identity(),
            nn.Dropout(settings.dropout if number else 0.0),
        )
        self.residual = residual_of(in_channels, channels, stride) if number else None

    def forward(self, x_PCTV: Tensor) -> Tensor:
        x_PCTV = x_PCTV.contiguous(memory_format=torch.channels_last)
        y_PCTV = self.norm(self.refinement(x_PCTV))
        y_PCTV = self.after(self.temporal(functional.relu_(y_PCTV + self.down(x_PCTV))))
        return functional.relu(y_PCTV) if self.residual is None else functional.relu_(y_PCTV + self.residual(x_PCTV))


class CTRGCN(GraphNetwork):
    """(N, M, T, V, channels) → logits (N, classes). At 25 joints and 60 classes 1,446,672 parameters, with six
    temporal branches 1,638,984.
    """

    def __init__(
        self, settings: CTRGCNSettings, layout: Layout, classes: int, channels: int = 3, persons: int = 2
    ) -> None:
        graph_KUV = torch.tensor(partitions(layout, settings.partitions))

        def block(number: int, c_in: int, c_out: int, stride: int) -> Block:
            return Block(settings, graph_KUV, number, c_in, c_out, stride)

        super().__init__(block, settings, layout, classes, channels, persons, norm="per_slot")
