"""SGN: a semantics-guided network (Zhang et al., CVPR 2020), in the form that AdaSGN builds on (AdaSGN, section 3.1).

Axes: P persons that are present, T frames, R = P·T single skeletons, V joints, C channels.
"""

from itertools import pairwise
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Size = Literal["small", "big"]

# Channels of the graph convolutions: AdaSGN's SM_0 (big) is SGN's own, SM_1 (small) keeps one layer of the three.
GRAPH_CHANNELS: dict[Size, tuple[int, ...]] = {"small": (256,), "big": (128, 256, 256)}


def scaled(channels: int, width: float) -> int:
    """`channels` of the published network, at a fraction `width` of it."""
    return max(1, round(channels * width))


class CoordinateEmbedding(nn.Module):
    """Positions or velocities of the joints: (R, V, 3) → (R, V, C), normalised over 3·V features, embedded twice."""

    def __init__(self, joints: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3 * joints)
        self.layers = nn.Sequential(nn.Linear(3, channels), nn.ReLU(), nn.Linear(channels, channels), nn.ReLU())

    def forward(self, x_RVC: Tensor) -> Tensor:
        return self.layers(self.norm(x_RVC.flatten(1)).view_as(x_RVC))


class IndexEmbedding(nn.Module):
    """What is known of a position by its number alone (SGN's joint type and frame index): a table (positions, C)."""

    def __init__(self, positions: int, hidden: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(positions, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.ReLU())
        self.register_buffer("one_hot", torch.eye(positions), persistent=False)

    def forward(self) -> Tensor:
        return self.layers(self.one_hot)


class AdaptiveGraph(nn.Module):
    """The graph of each skeleton, G = softmax(θ(x) φ(x)ᵀ) (AdaSGN, Eq. 2; without scaling): (R, V, C) → (R, V, V).

    θ and φ are linear, so θ(x)_i · φ(x)_j = (A x_i + u) · x_j + what is the same for every j, which softmax does not
    see: one product with C channels instead of two with 256.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.theta = nn.Linear(in_channels, channels)
        self.phi = nn.Linear(in_channels, channels)

    def forward(self, x_RVC: Tensor) -> Tensor:
        query_RVC = functional.linear(x_RVC, *self.bilinear())
        return torch.softmax(query_RVC @ x_RVC.transpose(1, 2), dim=-1).to(x_RVC.dtype)

    def bilinear(self) -> tuple[Tensor, Tensor]:
        """A (C, C) and u (C,), in full precision."""
        with torch.autocast(self.phi.weight.device.type, enabled=False):
            return self.phi.weight.T @ self.theta.weight, self.theta.bias @ self.phi.weight


class GraphConv(nn.Module):
    """BN(W·(G x) + W₁·x + b₁) (AdaSGN, Eq. 1, with SGN's own-joint term W₁), without its ReLU.

    (R, V, C_in) → (R, V, C_out). graph None: skeletons of one joint, whose graph is 1.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.neighbours = nn.Linear(in_channels, channels, bias=False)
        self.own = nn.Linear(in_channels, channels)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x_RVC: Tensor, graph_RVV: Tensor | None) -> Tensor:
        rows_C = x_RVC.flatten(0, 1)
        if graph_RVV is None:
            mixed_C = functional.linear(rows_C, self.neighbours.weight + self.own.weight, self.own.bias)
        else:
            mixed_C = self.own(rows_C)
            # Adding within the product saves a pass over memory.
            weight = self.neighbours.weight.to(mixed_C.dtype)
            mixed_C = mixed_C.addmm_((graph_RVV @ x_RVC).flatten(0, 1).to(mixed_C.dtype), weight.T)
        return self.norm(mixed_C).unflatten(0, x_RVC.shape[:2])


class SpatialModule(nn.Module):
    """The features of single skeletons: positions and velocities (R, V, 3) → (R, C), C = 256·width.

    All graph convolutions share one graph, computed from the embedded skeleton.
    """

    def __init__(self, joints: int, size: Size = "big", width: float = 1.0) -> None:
        super().__init__()
        embedded = scaled(64, width)
        self.position = CoordinateEmbedding(joints, embedded)
        self.velocity = CoordinateEmbedding(joints, embedded)
        self.joint_type = IndexEmbedding(joints, embedded, embedded)
        self.graph = AdaptiveGraph(2 * embedded, scaled(256, width))
        channels = [2 * embedded, *(scaled(c, width) for c in GRAPH_CHANNELS[size])]
        self.graph_convs = nn.ModuleList(GraphConv(c_in, c_out) for c_in, c_out in pairwise(channels))
        initialise(self)

    def forward(self, position_RVC: Tensor, velocity_RVC: Tensor) -> Tensor:
        dynamics_RVC = self.position(position_RVC) + self.velocity(velocity_RVC)
        joint_type_RVC = self.joint_type().to(dynamics_RVC.dtype).expand_as(dynamics_RVC)
        x_RVC = torch.cat([dynamics_RVC, joint_type_RVC], dim=-1)
        graph_RVV = self.graph(x_RVC) if x_RVC.shape[1] > 1 else None
        *earlier, last = self.graph_convs
        for conv in earlier:
            x_RVC = functional.relu(conv(x_RVC, graph_RVV))
        # The maximum over joints (SGN's spatial pooling) of what ReLU leaves is ReLU of the maximum.
        return functional.relu(last(x_RVC, graph_RVV).max(dim=1).values)


class TemporalModule(nn.Module):
    """The features of a clip from those of its skeletons: (P, T, C) → (P, 2C), C = 256·width."""

    def __init__(self, frames: int, width: float = 1.0, dropout: float = 0.2) -> None:
        super().__init__()
        channels = scaled(256, width)
        self.frame_index = IndexEmbedding(frames, scaled(64, width), channels)
        self.layers = nn.Sequential(
            nn.Conv1d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Dropout1d(dropout),
            nn.Conv1d(channels, 2 * channels, kernel_size=1),
            nn.BatchNorm1d(2 * channels),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveMaxPool1d(1)
        initialise(self)

    def forward(self, features_PTC: Tensor) -> Tensor:
        x_PTC = features_PTC + self.frame_index()
        return self.pool(self.layers(x_PTC.transpose(1, 2))).squeeze(-1)


class SGN(nn.Module):
    """SGN for one person at a time: (P, T, V, 3) → logits (P, classes).

    joint_transform: a map (…, V, 3) → (…, V', 3) applied first, such as AdaSGN's matrix M (the starred rows of its
        Table 1); None leaves the skeletons as they are.
    691,048 parameters at 25 joints, big, 60 classes, without a transform.
    """

    def __init__(
        self,
        joints: int,
        classes: int,
        frames: int = 20,
        size: Size = "big",
        width: float = 1.0,
        dropout: float = 0.2,
        joint_transform: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.joint_transform = joint_transform or nn.Identity()
        self.spatial = SpatialModule(joints, size, width)
        self.temporal = TemporalModule(frames, width, dropout)
        self.classifier = nn.Linear(2 * scaled(256, width), classes)

    def forward(self, x_PTVC: Tensor) -> Tensor:
        features_PTC = skeleton_features(self.spatial, self.joint_transform(x_PTVC))
        return self.classifier(self.temporal(features_PTC))


def velocities(x_PTVC: Tensor) -> Tensor:
    """Each frame minus the one before; zero for the first frame. Same shape."""
    return torch.diff(x_PTVC, dim=1, prepend=x_PTVC[:, :1])


def skeleton_features(spatial: SpatialModule, x_PTVC: Tensor) -> Tensor:
    """Run a spatial module on every skeleton of (P, T, V, 3): (P, T, C)."""
    features_RC = spatial(x_PTVC.flatten(0, 1), velocities(x_PTVC).flatten(0, 1))
    return features_RC.unflatten(0, x_PTVC.shape[:2])


def initialise(module: nn.Module) -> None:
    """SGN's start: convolutions N(0, √(2 / (kernel·out))), but W of graph convolutions 0: each joint begins alone."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d):
            kernel = prod(layer.kernel_size) if isinstance(layer, nn.Conv1d) else 1
            nn.init.normal_(layer.weight, std=(2 / (kernel * layer.weight.shape[0])) ** 0.5)
    for layer in module.modules():
        if isinstance(layer, GraphConv):
            nn.init.zeros_(layer.neighbours.weight)
