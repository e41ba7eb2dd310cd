"""The frame that graph networks on skeletons share since ST-GCN: ten blocks between a normalisation and a classifier.

Axes: N clips, M person slots, P persons that are computed, T frames, V joints, C channels, K classes.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import BackboneSettings
from skeleton_lab.backbones.sgn import scaled
from skeleton_lab.layers.data_norm import SlotNorm, normalised
from skeleton_lab.layers.persons import Slots
from skeleton_lab.layers.pointwise import PointwiseConv
from skeleton_lab.layers.pooling import mean_over_frames
from skeleton_lab.layers.temporal import TemporalConv

# The channels of the ten blocks, and those of them that halve the frames (ST-GCN, section 4.1).
CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
HALVING = (4, 7)
TEMPORAL_KERNEL = 9

DataNorm = Literal["shared", "per_slot"]
MakeBlock = Callable[[int, int, int, int], nn.Module]
"""From a block's number, from 0, its channels before and after it, and its stride over time to the block:
(P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V)."""


class GraphNetwork(nn.Module):
    """(N, M, T, V, channels) → logits (N, classes), for clips of any length.

    Persons are computed one by one and their features averaged. Frames that a person is not shown in are zeros which
    take part in everything, as released.
    """

    def __init__(
        self,
        block: MakeBlock,
        settings: BackboneSettings,
        layout: Layout,
        classes: int,
        channels: int = 3,
        persons: int = 2,
        norm: DataNorm = "shared",
    ) -> None:
        """persons: the most slots that a clip has.

        norm: coordinates are normalised as those of one population ('shared', ST-GCN, DG-STGCN) or for each slot by
        itself ('per_slot', 2s-AGCN, CTR-GCN). Apart from that all persons share their weights.
        """
        super().__init__()
        features = channels * layout.num_joints
        self.norm = SlotNorm(persons, features) if norm == "per_slot" else nn.BatchNorm1d(features)
        widths = [channels, *(scaled(each, settings.width) for each in CHANNELS)]
        self.blocks = nn.Sequential(
            *(
                block(number, c_in, c_out, 2 if number in HALVING else 1)
                for number, (c_in, c_out) in enumerate(pairwise(widths))
            )
        )
        # Over time by itself, and then over joints: the gradient of a mean over both would come back in another memory
        # format than channels-last, and slow down every block that it goes through.
        self.pool = nn.AdaptiveAvgPool2d((1, None))
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, x_NMTVC: Tensor, present_NM: Tensor | None = None) -> Tensor:
        """present_NM: the slots that are computed and averaged; None computes all of them, as released."""
        x_PCTV = self._normalised(x_NMTVC, present_NM).permute(0, 3, 1, 2).contiguous()
        features_PC = self._pooled(self.blocks(x_PCTV)).mean(dim=(2, 3))
        return self.classifier(Slots(present_NM).mean(features_PC, x_NMTVC.shape[1]))

    def _pooled(self, x_PCTV: Tensor) -> Tensor:
        """(P, C, 1, V), the mean over time."""
        return mean_over_frames(x_PCTV) if torch.compiler.is_exporting() else self.pool(x_PCTV)

    def _normalised(self, x_NMTVC: Tensor, present_NM: Tensor | None) -> Tensor:
        slots = Slots(present_NM)
        if isinstance(self.norm, SlotNorm):
            return slots.pack(self.norm(x_NMTVC, present_NM))
        return normalised(self.norm, slots.pack(x_NMTVC))


def temporal_conv(channels: int, stride: int) -> nn.Sequential:
    """A convolution over time with batch normalisation: (P, C, T, V) → (P, C, ⌈T / stride⌉, V)."""
    return nn.Sequential(TemporalConv(channels, TEMPORAL_KERNEL, stride), nn.BatchNorm2d(channels))


def residual_of(in_channels: int, channels: int, stride: int) -> nn.Module:
    """What a block adds to its result: its input, through a convolution of single joints where shapes differ."""
    if in_channels == channels and stride == 1:
        return nn.Identity()
    return nn.Sequential(PointwiseConv(in_channels, channels, stride), nn.BatchNorm2d(channels))
