"""STAR as its authors' code is built: a copy of query, key and value for every edge of every frame, an outer product
for every frame, sums by scattering, and back to the frames by gathering.

The twin of papers/star/network.py. Modules bear the names of their twins, but for the attention over time, which is one
module here.

Axes: F frames of all clips and their persons, one clip after another; N clips; V joints; C channels; H heads; D
channels of a head; E edges; K classes.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

# Dropout of attention, of everything else in a layer, and of the head.
DROPOUTS = (0.5, 0.5, 0.3)


class JointAttention(nn.Module):
    """edges: (2, E); None for full attention."""

    edges: Tensor | None

    def __init__(self, channels: int, heads: int, dropout: float, edges_2E: Tensor | None) -> None:
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.register_buffer("edges", edges_2E, persistent=False)

    def forward(self, x_FVC: Tensor) -> Tensor:
        query, key, value = (part.unflatten(-1, (self.heads, -1)) for part in self.qkv(x_FVC).chunk(3, dim=-1))
        scale = query.shape[-1] ** -0.5
        if self.edges is None:
            weights_FHVV = (torch.einsum("fihd,fjhd->fhij", query, key) * scale).softmax(dim=-1)
            return torch.einsum("fhij,fjhd->fihd", self.dropout(weights_FHVV), value).flatten(-2)
        at, to = self.edges
        query_FEHD, key_FEHD, value_FEHD = (
            part.index_select(1, ends) for part, ends in ((query, at), (key, to), (value, to))
        )
        weights_FEH = self.dropout(softmax_of_edges((query_FEHD * key_FEHD).sum(dim=-1) * scale, at, x_FVC.shape[1]))
        weighted_FEHD = weights_FEH.unsqueeze(-1) * value_FEHD
        return torch.zeros_like(value).index_add(1, at, weighted_FEHD).flatten(-2)


def softmax_of_edges(scores_FEH: Tensor, at_E: Tensor, joints: int) -> Tensor:
    """Over the edges of each joint."""
    frames, _, heads = scores_FEH.shape
    index_FEH = at_E.view(1, -1, 1).expand_as(scores_FEH)
    largest_FVH = scores_FEH.new_zeros(frames, joints, heads).scatter_reduce(
        1, index_FEH, scores_FEH.detach(), "amax", include_self=False
    )
    exp_FEH = (scores_FEH - largest_FVH.gather(1, index_FEH)).exp()
    sum_FVH = scores_FEH.new_zeros(frames, joints, heads).scatter_add(1, index_FEH, exp_FEH)
    return exp_FEH / sum_FVH.gather(1, index_FEH)


class TimeAttention(nn.Module):
    """clip: (F,), which of the N clips a frame is of."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.heads = heads

    def forward(self, x_FVC: Tensor, clip_F: Tensor, clips: int) -> Tensor:
        x_VFC = x_FVC.transpose(0, 1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)) for part in self.qkv(x_VFC).chunk(3, dim=-1))
        scale = query.shape[-1] ** -0.25
        query_VFHD, key_VFHD = functional.elu(query * scale) + 1, functional.elu(key * scale) + 1
        outer_VFHDD = torch.matmul(key_VFHD.unsqueeze(-1), value.unsqueeze(-2))
        memory_VNHDD = outer_VFHDD.new_zeros(len(outer_VFHDD), clips, *outer_VFHDD.shape[2:])
        memory_VNHDD = memory_VNHDD.index_add(1, clip_F, outer_VFHDD)
        sum_VNHD = key_VFHD.new_zeros(len(key_VFHD), clips, *key_VFHD.shape[2:]).index_add(1, clip_F, key_VFHD)
        found_VFHD = torch.matmul(query_VFHD.unsqueeze(-2), memory_VNHDD.index_select(1, clip_F)).squeeze(-2)
        norm_VFH = (query_VFHD * sum_VNHD.index_select(1, clip_F)).sum(dim=-1)
        return (found_VFHD / norm_VFH.unsqueeze(-1)).flatten(-2).transpose(0, 1)


class FeedForward(nn.Module):
    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.attention_norm = nn.LayerNorm(channels)
        self.layers = nn.Sequential(
            nn.Linear(channels, channels),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(channels, channels),
            nn.Dropout(dropout),
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x_FVC: Tensor, attended_FVC: Tensor) -> Tensor:
        y_FVC = self.attention_norm(x_FVC + self.dropout(attended_FVC))
        return self.norm(y_FVC + self.layers(y_FVC))


class Block(nn.Module):
    def __init__(self, channels: int, heads: int, edges_2E: Tensor | None) -> None:
        super().__init__()
        self.joint_attention = JointAttention(channels, heads, DROPOUTS[0], edges_2E)
        self.time_attention = TimeAttention(channels, heads)
        self.spatial = FeedForward(channels, DROPOUTS[1])
        self.temporal = FeedForward(channels, DROPOUTS[1])

    def forward(self, x_FVC: Tensor, clip_F: Tensor, clips: int) -> Tensor:
        spatial_FVC = self.spatial(x_FVC, self.joint_attention(x_FVC))
        return spatial_FVC + self.temporal(x_FVC, self.time_attention(x_FVC, clip_F, clips))


class STAR(nn.Module):
    """x (F, V, C_in), clips of so many frames each, one after another → logits (N, K). Only the published options.

    edges: (2, E), which joints attend to which (papers/star/edges.py); None for full attention.
    """

    def __init__(
        self,
        edges_2E: Tensor | None,
        joints: int,
        classes: int,
        in_channels: int = 9,
        channels: int = 64,
        layers: int = 5,
        heads: int = 8,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(joints * in_channels)
        self.embedding = nn.Linear(in_channels, channels)
        self.blocks = nn.ModuleList(Block(channels, heads, edges_2E) for _ in range(layers))
        self.context = nn.Parameter(nn.init.xavier_uniform_(torch.empty(channels, channels)))
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(joints * channels, hidden),
            nn.SiLU(),
            nn.Dropout(DROPOUTS[2]),
            nn.Linear(hidden, classes),
        )

    def forward(self, x_FVC: Tensor, lengths: list[int]) -> Tensor:
        clips = len(lengths)
        clip_F = torch.arange(clips).repeat_interleave(torch.tensor(lengths)).to(x_FVC.device)
        x_FVC = self.embedding(self.norm(x_FVC.flatten(1)).view_as(x_FVC))
        x_FVC = x_FVC + torch.cat([encoding(length, x_FVC.shape[-1]) for length in lengths]).to(x_FVC).unsqueeze(1)
        for block in self.blocks:
            x_FVC = block(x_FVC, clip_F, clips)
        context_NVC = (mean_of_clips(x_FVC, clip_F, lengths) @ self.context).tanh()
        weight_FV = (x_FVC * context_NVC.index_select(0, clip_F)).sum(dim=-1).sigmoid()
        return self.head(mean_of_clips(weight_FV.unsqueeze(-1) * x_FVC, clip_F, lengths))


def encoding(frames: int, channels: int) -> Tensor:
    """The positions of one clip: (T, C)."""
    x_TC = torch.empty(frames, channels)
    for channel in range(channels):
        angle_T = (torch.arange(frames) / 1e4) ** (channel / channels)
        x_TC[:, channel] = angle_T.cos() if channel % 2 else angle_T.sin()
    return x_TC


def mean_of_clips(x_FVC: Tensor, clip_F: Tensor, lengths: list[int]) -> Tensor:
    sum_NVC = x_FVC.new_zeros(len(lengths), *x_FVC.shape[1:]).index_add(0, clip_F, x_FVC)
    return sum_NVC / torch.tensor(lengths).clamp(min=1).to(x_FVC).view(-1, 1, 1)


def linear_attention(query_FHD: Tensor, key_FHD: Tensor, value_FHD: Tensor, lengths: list[int]) -> Tensor:
    """Eq. 6 as it stands, one query of one clip after another: the reference of ops/linear_attention.py."""
    edges = [0, *torch.tensor(lengths).cumsum(0).tolist()]
    scale = query_FHD.shape[-1] ** -0.25
    found = []
    for start, stop in pairwise(edges):
        keys, values = functional.elu(key_FHD[start:stop] * scale) + 1, value_FHD[start:stop]
        for query_HD in query_FHD[start:stop]:
            weight_THx = ((functional.elu(query_HD * scale) + 1) * keys).sum(dim=-1, keepdim=True)
            found.append((weight_THx * values).sum(dim=0) / weight_THx.sum(dim=0))
    return torch.stack(found) if found else query_FHD


def take_weights(literal: STAR, network: nn.Module) -> None:
    """Give a literal network the weights and running statistics of its fast twin."""
    literal.load_state_dict(as_literal(network.state_dict()))


def as_literal(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the fast twin, or their gradients, by name: the query of the attention over time comes before the keys
    and values of its memory."""
    named = dict(tensors)
    for name in [name for name in named if name.endswith("memory.kv.weight")]:
        block = name.removesuffix("memory.kv.weight")
        query, key_value = named.pop(f"{block}time_attention.query.weight"), named.pop(name)
        named[f"{block}time_attention.qkv.weight"] = torch.cat([query, key_value])
    return named
