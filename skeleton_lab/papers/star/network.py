"""STAR: attention between the joints of each frame and, beside it, between the frames of each joint.

Axes: F frames of all clips and their persons, one clip after another; N clips; P parts of clips; V
joints; C channels; H heads; D channels of a head; E edges; K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from skeleton_lab.ops.context_attention import context_attention
from skeleton_lab.ops.dropout import Dropout
from skeleton_lab.ops.linear_attention import recall, remember
from skeleton_lab.ops.piecewise import piecewise
from skeleton_lab.ops.positions import positional_encoding, segmented_positions
from skeleton_lab.ops.segments import segment_sum
from skeleton_lab.ops.sparse_attention import edge_bias, masked_attention
from skeleton_lab.papers.star.edges import joint_edges
from skeleton_lab.papers.star.pieces import Pieces, cut
from skeleton_lab.papers.star.settings import STARSettings

# On a CPU a layer works on at most so many frames at a time, which its caches hold.
FRAMES_AT_ONCE = 256


class JointAttention(nn.Module):
    """Attention between the joints of each frame: (F, V, C) → (F, V, C) (Eqs. 1 to 3). No output projection.

    bias: (V, V), which joints attend to which (ops/sparse_attention.py); None for full attention.
    """

    bias: Tensor | None

    def __init__(self, channels: int, heads: int, dropout: float, bias_VV: Tensor | None) -> None:
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.heads, self.dropout = heads, dropout
        self.register_buffer("bias", bias_VV, persistent=False)

    def forward(self, x_FVC: Tensor) -> Tensor:
        query, key, value = self.qkv(x_FVC).unflatten(-1, (3, self.heads, -1)).unbind(dim=2)
        return masked_attention(query, key, value, self.bias, self.dropout if self.training else 0.0).flatten(-2)


class ClipMemory(nn.Module):
    """What attention over time keeps of clips: (F, V, C) → U and z of each, (N, V, H, D, D + 1) (Eq. 6)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.kv = nn.Linear(channels, 2 * channels, bias=False)
        self.heads = heads

    def forward(self, x_FVC: Tensor, lengths: Sequence[int]) -> Tensor:
        key, value = self.kv(x_FVC).unflatten(-1, (2, self.heads, -1)).unbind(dim=2)
        return remember(key, value, lengths)


class TimeAttention(nn.Module):
    """Attention of each joint over the time of its clip, by what is kept of that: (F, V, C) → (F, V, C) (Eq. 6)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels, bias=False)
        self.heads = heads

    def forward(self, x_FVC: Tensor, memory_NVHDE: Tensor, lengths: Sequence[int]) -> Tensor:
        return recall(self.query(x_FVC).unflatten(-1, (self.heads, -1)), memory_NVHDE, lengths).flatten(-2)


class FeedForward(nn.Module):
    """What follows attention in an encoder (Figure 5 (c)): added to its input and normalised, two linear layers without
    expansion, added and normalised again."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.attention_norm = nn.LayerNorm(channels)
        self.layers = nn.Sequential(
            nn.Linear(channels, channels),
            nn.SiLU(),
            Dropout(dropout),
            nn.Linear(channels, channels),
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x_FVC: Tensor, attended_FVC: Tensor) -> Tensor:
        y_FVC = self.attention_norm(self.dropout.added(x_FVC, attended_FVC))
        return self.norm(self.dropout.added(y_FVC, self.layers(y_FVC)))


class Block(nn.Module):
    """A spatial and a temporal encoder side by side, whose outputs are added: (F, V, C) → (F, V, C).

    Only a clip's memory needs all of its frames; everything else is of single frames. So on a CPU the work is done
    piece by piece; on a GPU all frames are one piece.
    """

    def __init__(self, channels: int, settings: STARSettings, bias_VV: Tensor | None) -> None:
        super().__init__()
        heads = settings.heads
        self.joint_attention = JointAttention(channels, heads, settings.attention_dropout, bias_VV)
        self.memory = ClipMemory(channels, heads)
        self.time_attention = TimeAttention(channels, heads)
        self.spatial = FeedForward(channels, settings.dropout)
        self.temporal = FeedForward(channels, settings.dropout)

    def forward(self, x_FVC: Tensor, pieces: Pieces) -> Tensor:
        frames_P = x_FVC.split(pieces.frames)
        parts = [(frames, piece.lengths) for frames, piece in zip(frames_P, pieces.pieces, strict=True)]
        memory_P = torch.cat(piecewise(self.memory, tuple(self.memory.parameters()), parts))
        memory_N = segment_sum(memory_P, pieces.parts.to(memory_P.device))
        with_memory = [
            (frames, memory_N[piece.clips], piece.lengths)
            for frames, piece in zip(frames_P, pieces.pieces, strict=True)
        ]
        return torch.cat(piecewise(self.encode, tuple(self.parameters()), with_memory))

    def encode(self, x_FVC: Tensor, memory_NVHDE: Tensor, lengths: Sequence[int]) -> Tensor:
        spatial_FVC = self.spatial(x_FVC, self.joint_attention(x_FVC))
        return spatial_FVC + self.temporal(x_FVC, self.time_attention(x_FVC, memory_NVHDE, lengths))


class STAR(nn.Module):
    """Clips of any length, without any padding: x (F, V, C_in) and offsets (N + 1,) → logits (N, K).

    426,494 parameters with 64 channels and 1,262,462 with 128, at 25 joints of nine channels and 60 classes.
    """

    def __init__(self, settings: STARSettings, layout: Layout, classes: int, in_channels: int = 9) -> None:
        super().__init__()
        joints, channels = layout.num_joints, scaled_channels(settings)
        hidden = max(1, round(settings.head_channels * settings.width))
        # Which joints attend to which, (2, E); None for all to all.
        self.edges = None if settings.attention == "full" else joint_edges(layout, settings)
        bias_VV = None if self.edges is None else edge_bias(self.edges, joints).float()
        self.settings = settings
        self.norm = nn.BatchNorm1d(joints * in_channels)
        self.embedding = nn.Linear(in_channels, channels)
        self.blocks = nn.ModuleList(Block(channels, settings, bias_VV) for _ in range(settings.layers))
        self.context = nn.Parameter(nn.init.xavier_uniform_(torch.empty(channels, channels)))
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(joints * channels, hidden),
            nn.SiLU(),
            Dropout(settings.head_dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, x_FVC: Tensor, offsets: Tensor) -> Tensor:
        x_FVC = self.embedding(self.norm(x_FVC.flatten(1)).view_as(x_FVC))
        position_F = segmented_positions(offsets, len(x_FVC))
        x_FVC = x_FVC + positional_encoding(position_F, x_FVC.shape[-1], self.settings.positions).unsqueeze(1)
        pieces = cut(offsets.diff().tolist(), FRAMES_AT_ONCE if x_FVC.device.type == "cpu" else None)
        for block in self.blocks:
            x_FVC = block(x_FVC, pieces)
        weights, pooling = self.settings.context_weights, self.settings.pooling
        return self.head(context_attention(x_FVC, offsets, self.context, weights, pooling))


def scaled_channels(settings: STARSettings) -> int:
    """The channels of every layer, a multiple of the heads."""
    return settings.heads * max(1, round(settings.channels * settings.width / settings.heads))
