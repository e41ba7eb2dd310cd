"""ST-GCN: spatial temporal graph convolutional networks (Yan et al., AAAI 2018).

Axes: N clips, M person slots, P persons that are computed, T frames, V joints, C channels, K partitions of the graph.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import STGCNSettings
from skeleton_lab.backbones.sgn import scaled
from skeleton_lab.layers.graph import PARTITIONS
from skeleton_lab.layers.graph_conv import WeightedPartitions
from skeleton_lab.layers.persons import Slots
from skeleton_lab.settings import PartitionMode

# The channels of the ten blocks, and those of them that halve the frames (section 4.1).
CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
HALVING = (4, 7)
TEMPORAL_KERNEL = 9
# What the released weights_init draws all weights with.
INITIAL_STD = 0.02


class GraphConv(nn.Module):
    """Σ_k (W_k x + b_k) A_k over the partitions (Eq. 10): (P, C_in, T, V) → (P, C_out, T, V)."""

    def __init__(self, in_channels: int, channels: int, layout: Layout, mode: PartitionMode) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, PARTITIONS * channels, kernel_size=1)
        self.graph = WeightedPartitions(layout, mode)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        by_partition_PKRV = self.conv(x_PCTV).unflatten(1, (PARTITIONS, -1)).flatten(2, 3)
        # One batched product and a sum: torch.einsum over both would first put the partitions beside the joints.
        summed_PRV = (by_partition_PKRV @ self.graph().to(by_partition_PKRV.dtype)).sum(dim=1)
        return summed_PRV.unflatten(1, (-1, x_PCTV.shape[2]))


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
            nn.Conv2d(channels, channels, (TEMPORAL_KERNEL, 1), (stride, 1), (TEMPORAL_KERNEL // 2, 0)),
            nn.BatchNorm2d(channels),
            nn.Dropout(dropout),
        )
        self.residual: nn.Module | None = None
        if residual and in_channels == channels and stride == 1:
            self.residual = nn.Identity()
        elif residual:
            conv = nn.Conv2d(in_channels, channels, kernel_size=1, stride=(stride, 1))
            self.residual = nn.Sequential(conv, nn.BatchNorm2d(channels))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTV = self.temporal(self.graph_conv(x_PCTV))
        return functional.relu(y_PCTV if self.residual is None else y_PCTV + self.residual(x_PCTV))


class STGCN(nn.Module):
    """(N, M, T, V, channels) → logits (N, classes), for clips of any length.

    Persons are computed one by one and their features averaged. Frames that a person is not shown in are zeros which
    take part in everything, as released. 3,098,832 parameters at 25 joints and 60 classes.
    """

    def __init__(
        self, settings: STGCNSettings, layout: Layout, classes: int, channels: int = 3, persons: int = 2
    ) -> None:
        """persons: the slots of a clip; all share their weights, so the network is the same for any number."""
        super().__init__()
        self.norm = nn.BatchNorm1d(channels * layout.num_joints)
        widths = [channels, *(scaled(each, settings.width) for each in CHANNELS)]
        self.blocks = nn.Sequential(
            *(
                Block(
                    GraphConv(c_in, c_out, layout, settings.partitions),
                    c_in,
                    c_out,
                    stride=2 if number in HALVING else 1,
                    dropout=settings.dropout if number else 0.0,
                    residual=number > 0,
                )
                for number, (c_in, c_out) in enumerate(pairwise(widths))
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], classes)
        initialise(self)

    def forward(self, x_NMTVC: Tensor, present_NM: Tensor | None = None) -> Tensor:
        """present_NM: the slots that are computed and averaged; None computes all of them, as released."""
        slots = Slots(present_NM)
        x_PTVC = slots.pack(x_NMTVC)
        x_PVCT = self.norm(x_PTVC.flatten(2).transpose(1, 2)).unflatten(1, x_PTVC.shape[2:])
        features_PC = self.pool(self.blocks(x_PVCT.permute(0, 2, 3, 1).contiguous())).flatten(1)
        return self.classifier(slots.mean(features_PC, x_NMTVC.shape[1]))


def initialise(network: nn.Module) -> None:
    """ST-GCN's start: weights of convolutions N(0, 0.02), of batch normalisation N(1, 0.02), and no bias."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, INITIAL_STD)
            nn.init.zeros_(layer.get_parameter("bias"))
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, INITIAL_STD)
