"""ST-TR: skeletons by spatial and temporal transformers (Plizzari et al., CVIU 2021), its two streams for themselves.

S-TR lets the joints of each frame attend to one another, T-TR the frames of each joint; ST-TR adds up their scores.

Axes: N clips, M person slots, P persons that are computed, T frames, V joints, C channels,
H heads, D channels of a head, S places that attend to one another (joints of a frame, frames of a joint), B all else.

What the paper leaves open follows the released code, and its counts of parameters and products: where batch
normalisation stands, that the products of the graph are counted, and a batch normalisation that nothing uses.
"""

from itertools import pairwise
from math import gcd

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import Layout
from skeleton_lab.backbones.settings import STTRSettings
from skeleton_lab.backbones.sgn import scaled
from skeleton_lab.backbones.stack import TEMPORAL_KERNEL
from skeleton_lab.layers.data_norm import SlotNorm
from skeleton_lab.layers.graph_conv import AdaptiveGraphUnit, GraphUnit
from skeleton_lab.layers.persons import Slots

# The channels of the first unit and of the nine blocks; which of the blocks halve the frames; and from which on they
# attend, the first of these to the recorded coordinates too.
CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
HALVING = (3, 6)
ATTENDING = 3
HEADS = 8
# Queries and keys have a quarter of the channels, values all of them.
KEY_SHARE = 0.25
# Added to what no attention shall see; float16 can hold it, and exp makes 0 of it.
UNSEEN = -1e4


class TemporalConv(nn.Module):
    """ReLU(BN(convolution over time)) after dropout: (P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V)."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(dropout),
            nn.Conv2d(in_channels, channels, (kernel, 1), (stride, 1), (kernel // 2, 0)),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        nn.init.kaiming_normal_(self.layers[1].get_parameter("weight"), mode="fan_out")

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return self.layers(x_PCTV)


class SelfAttention(nn.Module):
    """Multi-head self-attention (section 4.1): (P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V).

    over: 'spatial' among the joints of each frame, 'temporal' among the frames of each joint; a stride makes `stride`
    frames into one. Each channel of each joint is normalised first. drop_keys: the share of places that a head of one
    attention does not see in training; where that would be all of them it sees all (the released code: none).
    8 heads at the published width, as many of them as divide the channels at others.
    """

    def __init__(
        self, in_channels: int, channels: int, joints: int, over: str, drop_keys: float, stride: int = 1
    ) -> None:
        super().__init__()
        self.over, self.drop_keys, self.stride = over, drop_keys, stride
        self.keys = max(1, int(channels * KEY_SHARE))
        self.values = channels
        self.heads = gcd(HEADS, self.keys, self.values)
        self.norm = nn.BatchNorm1d(in_channels * joints)
        self.qkv = nn.Conv2d(in_channels, 2 * self.keys + self.values, (stride, 1), (stride, 1))
        self.combine = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        x_PCTV = F.pad(self._normalised(x_PCTV), (0, 0, 0, -x_PCTV.shape[2] % self.stride))
        qkv_PCTV = self.qkv(x_PCTV)
        q, k, v = (self._by_head(each) for each in qkv_PCTV.split([self.keys, self.keys, self.values], dim=1))
        seen_BHSD = F.scaled_dot_product_attention(q, k, v, attn_mask=self._unseen(k))
        seen_PAHSD = seen_BHSD.unflatten(0, (x_PCTV.shape[0], -1))
        order = (0, 2, 4, 1, 3) if self.over == "spatial" else (0, 2, 4, 3, 1)
        return self.combine(seen_PAHSD.permute(order).flatten(1, 2))

    def _normalised(self, x_PCTV: Tensor) -> Tensor:
        x_PCVT = x_PCTV.transpose(2, 3)
        return self.norm(x_PCVT.flatten(1, 2)).view(x_PCVT.shape).transpose(2, 3)

    def _by_head(self, x_PCTV: Tensor) -> Tensor:
        """(P, H·D, T, V) → (B, H, S, D)."""
        x_PHDTV = x_PCTV.unflatten(1, (self.heads, -1))
        order = (0, 3, 1, 4, 2) if self.over == "spatial" else (0, 4, 1, 3, 2)
        return x_PHDTV.permute(order).flatten(0, 1)

    def _unseen(self, k_BHSD: Tensor) -> Tensor | None:
        """What is added to the scores: dropping weights and dividing by what is left is a softmax over the others."""
        if not (self.training and self.drop_keys):
            return None
        places_BH1S = (*k_BHSD.shape[:2], 1, k_BHSD.shape[2])
        return UNSEEN * (torch.rand(places_BH1S, device=k_BHSD.device) < self.drop_keys).to(k_BHSD.dtype)


class SpatialAttention(nn.Module):
    """S-TR's stand-in for a graph convolution: ReLU(BN(attention, plus the input where shapes agree))."""

    def __init__(self, in_channels: int, channels: int, joints: int, drop_keys: float) -> None:
        super().__init__()
        self.attention = SelfAttention(in_channels, channels, joints, "spatial", drop_keys)
        self.adds_input = in_channels == channels
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTV = self.attention(x_PCTV)
        return self.relu(self.norm(y_PCTV + x_PCTV if self.adds_input else y_PCTV))


class TemporalAttention(nn.Module):
    """T-TR's stand-in for a convolution over time: ReLU(BN(attention plus the input, or every `stride`-th of it))."""

    def __init__(self, channels: int, joints: int, drop_keys: float, stride: int) -> None:
        super().__init__()
        self.attention = SelfAttention(channels, channels, joints, "temporal", drop_keys, stride)
        self.residual = nn.Identity() if stride == 1 else TemporalConv(channels, channels, 1, stride)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return self.relu(self.norm(self.attention(x_PCTV) + self.residual(x_PCTV)))


class Block(nn.Module):
    """A unit over joints, then one over time, plus the input: (P, C_in, T, V) → (P, C_out, ⌈T / stride⌉, V)."""

    def __init__(
        self, settings: STTRSettings, layout: Layout, in_channels: int, channels: int, stride: int, attends: bool
    ) -> None:
        super().__init__()
        joints, drop = layout.num_joints, settings.drop_keys
        if attends and settings.attention == "spatial":
            self.over_joints: nn.Module = SpatialAttention(in_channels, channels, joints, drop)
        else:
            self.over_joints = graph_unit(settings, in_channels, channels, layout)
        if attends and settings.attention == "temporal":
            self.over_time: nn.Module = TemporalAttention(channels, joints, drop, stride)
        else:
            self.over_time = TemporalConv(channels, channels, TEMPORAL_KERNEL, stride, settings.dropout)
        same = in_channels == channels and stride == 1
        self.residual = nn.Identity() if same else TemporalConv(in_channels, channels, 1, stride)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return self.over_time(self.over_joints(x_PCTV)) + self.residual(x_PCTV)


class STTR(nn.Module):
    """One stream: (N, M, T, V, channels) → logits (N, classes), for clips of any length.

    Frames that a person is not shown in are zeros which take part in everything, as released. At 25 joints and 60
    classes S-TR has 3,075,338 parameters, T-TR 1,768,870; with agcn 3,094,826 and 2,140,358.
    """

    def __init__(
        self, settings: STTRSettings, layout: Layout, classes: int, channels: int = 3, persons: int = 2
    ) -> None:
        super().__init__()
        self.norm = SlotNorm(persons, channels * layout.num_joints)
        widths = [scaled(each, settings.width) for each in CHANNELS]
        self.first = nn.Sequential(
            graph_unit(settings, channels, widths[0], layout), TemporalConv(widths[0], widths[0], TEMPORAL_KERNEL)
        )
        self.blocks = nn.ModuleList(
            Block(
                settings,
                layout,
                c_in + (channels if number == ATTENDING else 0),
                c_out,
                stride=2 if number in HALVING else 1,
                attends=number >= ATTENDING,
            )
            for number, (c_in, c_out) in enumerate(pairwise(widths))
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        # The released network declares it and never calls it; it is among the parameters that are counted.
        self.unused_norm = nn.BatchNorm1d(widths[-1]).requires_grad_(False)
        self.classifier = nn.Linear(widths[-1], classes)
        nn.init.normal_(self.classifier.weight, 0.0, (2 / classes) ** 0.5)

    def forward(self, x_NMTVC: Tensor, present_NM: Tensor | None = None) -> Tensor:
        """present_NM: the slots that are computed and averaged; None computes all of them, as released."""
        slots = Slots(present_NM)
        recorded_PCTV = slots.pack(x_NMTVC).permute(0, 3, 1, 2)
        x_PCTV = self.first(slots.pack(self.norm(x_NMTVC, present_NM)).permute(0, 3, 1, 2).contiguous())
        for number, block in enumerate(self.blocks):
            x_PCTV = block(torch.cat([x_PCTV, recorded_PCTV], dim=1) if number == ATTENDING else x_PCTV)
        features_PC = self.pool(x_PCTV).flatten(1)
        return self.classifier(slots.mean(features_PC, x_NMTVC.shape[1]))


def graph_unit(settings: STTRSettings, in_channels: int, channels: int, layout: Layout) -> nn.Module:
    kind = AdaptiveGraphUnit if settings.agcn else GraphUnit
    return kind(in_channels, channels, layout, settings.partitions)
