"""SGN as its authors' code is built: convolutions over images of joints by frames.

The twin of backbones/sgn.py: 1×1 Conv2d in the layout (P, C, V, T), and one-hot joint types and frame indices that are
repeated for the whole batch and embedded anew in every pass. Modules bear the names of their twins, so that weights go
over by name. AdaSGN's released code builds on the same modules (literal/adasgn.py).

Axes: P persons, C channels, V joints, T frames.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

Size = Literal["small", "big"]

GRAPH_CHANNELS: dict[Size, tuple[int, ...]] = {"small": (256,), "big": (128, 256, 256)}


def scaled(channels: int, width: float) -> int:
    """`channels` of the published network, at a fraction `width` of it."""
    return max(1, round(channels * width))


class CoordinateEmbedding(nn.Module):
    """Positions or velocities: (P, 3, V, T) → (P, C, V, T)."""

    def __init__(self, joints: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3 * joints)
        self.layers = nn.Sequential(nn.Conv2d(3, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1), nn.ReLU())

    def forward(self, x_PCVT: Tensor) -> Tensor:
        return self.layers(self.norm(x_PCVT.flatten(1, 2)).view_as(x_PCVT))


class IndexEmbedding(nn.Module):
    """The embedding of joint types or frame indices, in the size of a batch (P, …, V, T): (P, C, V, T).

    one_hot: (positions, V, 1) for joint types, (positions, 1, T) for frame indices.
    """

    one_hot: Tensor

    def __init__(self, one_hot: Tensor, hidden: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("one_hot", one_hot, persistent=False)
        self.layers = nn.Sequential(
            nn.Conv2d(len(one_hot), hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1), nn.ReLU()
        )

    def forward(self, batch_PCVT: Tensor) -> Tensor:
        persons, _, joints, frames = batch_PCVT.shape
        return self.layers(self.one_hot.expand(persons, -1, joints, frames))


class AdaptiveGraph(nn.Module):
    """The graph of each skeleton, softmax(θ(x) φ(x)ᵀ) without scaling: (P, C, V, T) → (P, T, V, V)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(in_channels, channels, 1)
        self.phi = nn.Conv2d(in_channels, channels, 1)

    def forward(self, x_PCVT: Tensor) -> Tensor:
        theta_PTVC = self.theta(x_PCVT).permute(0, 3, 2, 1).contiguous()
        phi_PTCV = self.phi(x_PCVT).permute(0, 3, 1, 2).contiguous()
        return torch.softmax(theta_PTVC @ phi_PTCV, dim=-1)


class GraphConv(nn.Module):
    """ReLU(BN(W·(G x) + W₁·x + b₁)): (P, C_in, V, T) → (P, C_out, V, T)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.neighbours = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.own = nn.Conv2d(in_channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x_PCVT: Tensor, graph_PTVV: Tensor) -> Tensor:
        mixed_PTVC = graph_PTVV @ x_PCVT.permute(0, 3, 2, 1).contiguous()
        mixed_PCVT = mixed_PTVC.permute(0, 3, 2, 1).contiguous()
        return self.relu(self.norm(self.neighbours(mixed_PCVT) + self.own(x_PCVT)))


class SpatialModule(nn.Module):
    """The features of each joint: positions and velocities (P, 3, V, T) → (P, C, V, T), C = 256·width."""

    def __init__(self, joints: int, size: Size = "big", width: float = 1.0) -> None:
        super().__init__()
        embedded = scaled(64, width)
        self.position = CoordinateEmbedding(joints, embedded)
        self.velocity = CoordinateEmbedding(joints, embedded)
        self.joint_type = IndexEmbedding(torch.eye(joints)[:, :, None], embedded, embedded)
        self.graph = AdaptiveGraph(2 * embedded, scaled(256, width))
        channels = [2 * embedded, *(scaled(c, width) for c in GRAPH_CHANNELS[size])]
        self.graph_convs = nn.ModuleList(GraphConv(c_in, c_out) for c_in, c_out in pairwise(channels))
        initialise(self)

    def forward(self, position_PCVT: Tensor, velocity_PCVT: Tensor) -> Tensor:
        dynamics_PCVT = self.position(position_PCVT) + self.velocity(velocity_PCVT)
        x_PCVT = torch.cat([dynamics_PCVT, self.types(dynamics_PCVT)], dim=1)
        graph_PTVV = self.graph(x_PCVT)
        for conv in self.graph_convs:
            x_PCVT = conv(x_PCVT, graph_PTVV)
        return x_PCVT

    def types(self, batch_PCVT: Tensor) -> Tensor:
        """The embedded joint types, (P, C, V, T)."""
        return self.joint_type(batch_PCVT)


class TemporalModule(nn.Module):
    """The features of a clip from those of its joints: (P, C, V, T) → (P, 2C), C = 256·width.

    The frame index is added to every joint, and then the maximum over joints is taken: SGN's order. AdaSGN gives it a
    single joint.
    """

    def __init__(self, frames: int, width: float = 1.0, dropout: float = 0.2) -> None:
        super().__init__()
        channels = scaled(256, width)
        self.frame_index = IndexEmbedding(torch.eye(frames)[:, None, :], scaled(64, width), channels)
        self.pool_joints = nn.AdaptiveMaxPool2d((1, frames))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, (1, 3), padding=(0, 1)),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveMaxPool2d((1, 1))
        initialise(self)

    def forward(self, x_PCVT: Tensor) -> Tensor:
        frames_PC1T = self.pool_joints(x_PCVT + self.frame_index(x_PCVT))
        return self.pool(self.layers(frames_PC1T)).flatten(1)


class SGN(nn.Module):
    """SGN for one person at a time: (P, T, V, 3) → logits (P, classes). 691,048 parameters as published."""

    def __init__(
        self,
        joints: int,
        classes: int,
        frames: int = 20,
        size: Size = "big",
        width: float = 1.0,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.spatial = SpatialModule(joints, size, width)
        self.temporal = TemporalModule(frames, width, dropout)
        self.classifier = nn.Linear(2 * scaled(256, width), classes)

    def forward(self, x_PTVC: Tensor) -> Tensor:
        x_PCVT = x_PTVC.permute(0, 3, 2, 1).contiguous()
        return self.classifier(self.temporal(self.spatial(x_PCVT, velocities(x_PCVT))))


def velocities(x_PCVT: Tensor) -> Tensor:
    """Each frame minus the one before; zero for the first frame. Same shape."""
    moved = x_PCVT[..., 1:] - x_PCVT[..., :-1]
    return torch.cat([torch.zeros_like(x_PCVT[..., :1]), moved], dim=-1)


def initialise(module: nn.Module) -> None:
    """Convolutions N(0, √(2 / (kernel·out))), but W of graph convolutions 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=(2 / (prod(layer.kernel_size) * layer.out_channels)) ** 0.5)
    for layer in module.modules():
        if isinstance(layer, GraphConv):
            nn.init.zeros_(layer.neighbours.weight)


def take_weights(literal: nn.Module, network: nn.Module) -> None:
    """Give a literal network the weights and running statistics of its fast twin."""
    literal.load_state_dict(as_literal(network.state_dict(), literal))


def as_literal(tensors: Mapping[str, Tensor], literal: nn.Module) -> dict[str, Tensor]:
    """Weights of the fast twin, or their gradients, by name and in the shapes of the literal network."""
    shapes = {name: tensor.shape for name, tensor in literal.state_dict().items()}
    return {name: _coordinates_first(name, tensor).reshape(shapes[name]) for name, tensor in tensors.items()}


def _coordinates_first(name: str, tensor: Tensor) -> Tensor:
    """The 3·V features of a CoordinateEmbedding's norm: joint after joint there, all x, all y, all z here."""
    is_of_coordinates = tensor.dim() == 1 and ("position.norm." in name or "velocity.norm." in name)
    return tensor.view(-1, 3).T if is_of_coordinates else tensor
