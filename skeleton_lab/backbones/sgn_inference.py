"""SGN once it is trained: the same logits with fewer products.

Everything here is exact but for rounding: batch normalisation becomes part of the weights before it; the embeddings of
joint types and frame numbers become tables; θ and φ become one bilinear form (see `AdaptiveGraph`); W and W₁ share one
output; ReLU comes after the maximum; skeletons of one joint need no graph.

Axes: P persons, T frames, R = P·T single skeletons, V joints as recorded, J joints that the module works on,
C channels, D = 64 channels of an embedding, K classes.
"""

from typing import cast

import torch
from torch import Tensor, nn

from skeleton_lab.backbones.sgn import (
    SGN,
    AdaptiveGraph,
    CoordinateEmbedding,
    GraphConv,
    SpatialModule,
    TemporalModule,
    velocities,
)

# On a CPU, what a spatial module makes of so many joints stays in the cache.
JOINTS_AT_ONCE = 1600


class Folded(nn.Module):
    """Constants of a trained network, held as buffers."""

    def keep(self, **constants: Tensor) -> None:
        for name, value in constants.items():
            self.register_buffer(name, value.detach().clone().contiguous())


class FoldedEmbedding(Folded):
    """Joint transformation and both coordinate embeddings: (R, 6·V) positions and velocities → (R·J, D)."""

    selection: Tensor
    shift: Tensor
    first: Tensor
    first_bias: Tensor
    position: Tensor
    position_bias: Tensor
    velocity: Tensor
    velocity_bias: Tensor

    def __init__(self, spatial: SpatialModule, matrix_VJ: Tensor) -> None:
        super().__init__()
        branches = (spatial.position, spatial.velocity)
        self.keep(**_selection(branches, matrix_VJ))
        first = [cast(nn.Linear, branch.layers[0]) for branch in branches]
        self.keep(first=torch.block_diag(*(layer.weight for layer in first)).T, first_bias=_biases(first))
        second = [cast(nn.Linear, branch.layers[2]) for branch in branches]
        for name, layer in zip(("position", "velocity"), second, strict=True):
            self.keep(**{name: layer.weight.T, f"{name}_bias": layer.bias})
        self.channels = second[0].out_features

    def forward(self, x_R6V: Tensor) -> Tensor:
        joints_6 = torch.addmm(self.shift, x_R6V, self.selection).view(-1, 6)
        hidden_2D = torch.addmm(self.first_bias, joints_6, self.first).relu_()
        position_D = torch.addmm(self.position_bias, hidden_2D[:, : self.channels], self.position).relu_()
        velocity_D = torch.addmm(self.velocity_bias, hidden_2D[:, self.channels :], self.velocity).relu_()
        return position_D.add_(velocity_D)


def _selection(branches: tuple[CoordinateEmbedding, CoordinateEmbedding], matrix_VJ: Tensor) -> dict[str, Tensor]:
    """Joint transformation and batch normalisation of positions and velocities as one affine map (6·V → 6·J).

    Inputs are ordered (position or velocity, joint, coordinate), outputs (joint, position or velocity, coordinate).
    """
    v, j = matrix_VJ.shape
    selection = matrix_VJ.new_zeros(2, v, 3, j, 2, 3)
    shift = matrix_VJ.new_zeros(j, 2, 3)
    for branch, embedding in enumerate(branches):
        scale_J3, shift_J3 = (value.view(j, 3) for value in _affine(embedding.norm))
        for axis in range(3):
            selection[branch, :, axis, :, branch, axis] = matrix_VJ * scale_J3[:, axis]
        shift[:, branch] = shift_J3
    return {"selection": selection.view(6 * v, 6 * j), "shift": shift.flatten()}


def _biases(layers: list[nn.Linear]) -> Tensor:
    return torch.cat([layer.bias for layer in layers])


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Batch normalisation in evaluation: x·scale + shift, each (features,)."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight / (variance + norm.eps).sqrt()
    return scale, norm.bias - mean * scale


class FoldedGraph(Folded):
    """The graph of each skeleton from what varies of it, the embedded coordinates: (R, J, D) → (R, J, J).

    With x = [d, e] and A, u of `AdaptiveGraph`, S_ij = (A x_i + u) · x_j has parts in d_i and d_j, in d_i alone, in d_j
    alone, and a constant; the joint types e are known.
    """

    query: Tensor
    query_bias: Tensor

    def __init__(self, graph: AdaptiveGraph, types_JD: Tensor) -> None:
        super().__init__()
        d = types_JD.shape[1]
        a, u = graph.bilinear()
        by_type_JC = types_JD @ a[:, d:].T + u
        self.keep(
            query=torch.cat([a[:d, :d].T, a[d:, :d].T @ types_JD.T], dim=1),
            query_bias=torch.cat([by_type_JC[:, :d], by_type_JC[:, d:] @ types_JD.T], dim=1),
        )
        self.channels = d

    def forward(self, d_RJD: Tensor) -> Tensor:
        query_RJ = torch.matmul(d_RJD, self.query).add_(self.query_bias)
        query_RJD, score_RJJ = query_RJ[..., : self.channels], query_RJ[..., self.channels :]
        return torch.baddbmm(score_RJJ, query_RJD, d_RJD.transpose(1, 2)).softmax(dim=-1)


def _folded(conv: GraphConv) -> tuple[Tensor, Tensor, Tensor]:
    """W and W₁, each (C_in, C_out), and b₁ (C_out,), with the batch normalisation after them."""
    scale_C, shift_C = _affine(conv.norm)
    return conv.neighbours.weight.T * scale_C, conv.own.weight.T * scale_C, conv.own.bias * scale_C + shift_C


class FoldedGraphConv(Folded):
    """A graph convolution with its batch normalisation, without its ReLU: (R, J, C_in) → (R, J, C_out).

    types_JD: the joint types, where the layer is the first and sees [d, e], of which only d is given.
    """

    neighbours: Tensor
    own: Tensor
    bias: Tensor
    type_neighbours: Tensor

    def __init__(self, conv: GraphConv, types_JD: Tensor | None = None) -> None:
        super().__init__()
        neighbours_C, own_C, bias = _folded(conv)
        if types_JD is not None:
            d = types_JD.shape[1]
            self.keep(type_neighbours=types_JD @ neighbours_C[d:])
            bias = bias + types_JD @ own_C[d:]
            neighbours_C, own_C = neighbours_C[:d], own_C[:d]
        self.keep(neighbours=neighbours_C, own=own_C, bias=bias)
        self.is_first = types_JD is not None

    def forward(self, x_RJC: Tensor, graph_RJJ: Tensor) -> Tensor:
        rows_C, mixed_C = x_RJC.flatten(0, 1), torch.bmm(graph_RJJ, x_RJC).flatten(0, 1)
        if self.is_first:
            y_C = (rows_C @ self.own).addmm_(graph_RJJ.flatten(0, 1), self.type_neighbours)
        else:
            y_C = torch.addmm(self.bias, rows_C, self.own)
        y_RJC = y_C.addmm_(mixed_C, self.neighbours).unflatten(0, x_RJC.shape[:2])
        return y_RJC.add_(self.bias) if self.is_first else y_RJC


class FoldedSpatialModule(nn.Module):
    """A spatial module and the joint transformation before it: (R, 6·V) positions and velocities → (R, C)."""

    def __init__(self, spatial: SpatialModule, matrix_VJ: Tensor) -> None:
        super().__init__()
        types_JD = spatial.joint_type()
        first, *others = [cast(GraphConv, conv) for conv in spatial.graph_convs]
        self.joints = len(types_JD)
        self.embedding = FoldedEmbedding(spatial, matrix_VJ)
        if self.joints == 1:
            self.layers = nn.ModuleList([FoldedPointConv(first, types_JD), *map(FoldedPointConv, others)])
        else:
            self.graph = FoldedGraph(spatial.graph, types_JD)
            self.layers = nn.ModuleList([FoldedGraphConv(first, types_JD), *map(FoldedGraphConv, others)])

    def forward(self, x_R6V: Tensor) -> Tensor:
        if x_R6V.device.type != "cpu":
            return self._features(x_R6V)
        return torch.cat([self._features(part) for part in x_R6V.split(max(1, JOINTS_AT_ONCE // self.joints))])

    def _features(self, x_R6V: Tensor) -> Tensor:
        x_C = self.embedding(x_R6V)
        if self.joints == 1:
            for layer in self.layers:
                x_C = layer(x_C)
            return x_C
        x_RJC = x_C.view(len(x_R6V), self.joints, -1)
        graph_RJJ = self.graph(x_RJC)
        *earlier, last = self.layers
        for layer in earlier:
            x_RJC = layer(x_RJC, graph_RJJ).relu_()
        return last(x_RJC, graph_RJJ).amax(dim=1).relu_()


class FoldedPointConv(Folded):
    """A graph convolution on skeletons of one joint, whose graph is 1, with its ReLU: (R, C_in) → (R, C_out)."""

    weight: Tensor
    bias: Tensor

    def __init__(self, conv: GraphConv, types_JD: Tensor | None = None) -> None:
        super().__init__()
        neighbours_C, own_C, bias = _folded(conv)
        weight = neighbours_C + own_C
        if types_JD is not None:
            d = types_JD.shape[1]
            weight, bias = weight[:d], bias + types_JD[0] @ weight[d:]
        self.keep(weight=weight, bias=bias)

    def forward(self, x_RC: Tensor) -> Tensor:
        return torch.addmm(self.bias, x_RC, self.weight).relu_()


class FoldedTemporalModule(Folded):
    """The temporal module and the classifier: features (P, T, C) → logits (P, K)."""

    frame_index: Tensor
    over_time: Tensor
    over_time_bias: Tensor
    widening: Tensor
    widening_bias: Tensor
    classifier: Tensor
    classifier_bias: Tensor

    def __init__(self, temporal: TemporalModule, classifier: nn.Linear) -> None:
        super().__init__()
        over_time, widening = (cast(nn.Conv1d, temporal.layers[place]) for place in (0, 4))
        norm, wide_norm = (cast(nn.BatchNorm1d, temporal.layers[place]) for place in (1, 5))
        (scale_C, shift_C), (wide_scale_C, wide_shift_C) = _affine(norm), _affine(wide_norm)
        self.keep(
            frame_index=temporal.frame_index(),
            # (out, in, 3) → (3·in, out), in the order in which `windows` lays neighbouring frames side by side.
            over_time=(over_time.weight * scale_C[:, None, None]).permute(2, 1, 0).flatten(0, 1),
            over_time_bias=cast(Tensor, over_time.bias) * scale_C + shift_C,
            widening=(widening.weight.squeeze(-1) * wide_scale_C[:, None]).T,
            widening_bias=cast(Tensor, widening.bias) * wide_scale_C + wide_shift_C,
            classifier=classifier.weight.T,
            classifier_bias=classifier.bias,
        )

    def forward(self, features_PTC: Tensor) -> Tensor:
        x_C = windows(features_PTC + self.frame_index).flatten(0, 1)
        hidden_C = torch.addmm(self.over_time_bias, x_C, self.over_time).relu_()
        wide_C = torch.addmm(self.widening_bias, hidden_C, self.widening)
        pooled_PC = wide_C.unflatten(0, features_PTC.shape[:2]).amax(dim=1).relu_()
        return torch.addmm(self.classifier_bias, pooled_PC, self.classifier)


def windows(x_PTC: Tensor) -> Tensor:
    """Each frame with those before and after it, zero beyond the ends: (P, T, 3·C)."""
    return nn.functional.pad(x_PTC, (0, 0, 1, 1)).unfold(1, 3, 1).transpose(2, 3).flatten(2)


class FoldedSGN(nn.Module):
    """SGN for inference: (P, T, V, 3) → logits (P, K). It keeps the weights that `network` has now."""

    @torch.no_grad()
    def __init__(self, network: SGN) -> None:
        super().__init__()
        all_joints = cast(Tensor, network.spatial.joint_type.one_hot)
        self.spatial = FoldedSpatialModule(network.spatial, getattr(network.joint_transform, "matrix", all_joints))
        self.temporal = FoldedTemporalModule(network.temporal, network.classifier)

    def forward(self, x_PTVC: Tensor) -> Tensor:
        features_RC = self.spatial(positions_and_velocities(x_PTVC))
        return self.temporal(features_RC.unflatten(0, x_PTVC.shape[:2]))


def positions_and_velocities(x_PTVC: Tensor) -> Tensor:
    """Every skeleton's positions, then its velocities: (P, T, V, 3) → (R, 6·V).

    Velocities before the joint transformation, which is linear, are those after it.
    """
    return torch.cat([x_PTVC.flatten(2), velocities(x_PTVC).flatten(2)], dim=-1).flatten(0, 1)
