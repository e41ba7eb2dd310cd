"""Where channels of a graph network begin and end inside one unit, so that some can be left out (compaction.py).

Channels that blocks add to one another stay out of this, and so do those that joints are compared in, and with AA-GCN's
attention those that it looks at.

Axes: P persons, C channels, T frames, V joints, K partitions of the graph.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from skeleton_lab.backbones import aa_gcn, ctr_gcn, dg_stgcn, st_gcn
from skeleton_lab.layers.temporal import Branches, SixBranches, SixBranchesWithGlobalJoint


@dataclass(frozen=True)
class Place:
    """Where a layer has the channels of a seam: from `start` on, `copies` times one after another.

    axes: of its tensors, by their names.
    """

    layer: Any
    axes: dict[str, int]
    start: int = 0
    copies: int = 1


@dataclass(frozen=True)
class Seam:
    """So many channels, which come out of some layers and go into some convolutions, and nowhere else.

    sources: the convolutions that they come from; between: what else has a value for each channel; takers: the
    convolutions that they go into. constant: what the channels are, behind their ReLU, where all weights of their
    sources are 0, (C, V) or (C, 1); None where that is not the same for all clips.
    """

    channels: int
    sources: tuple[Place, ...]
    between: tuple[Place, ...]
    takers: tuple[Place, ...]
    constant: Tensor | None = None


class Chosen(nn.Module):
    """Some of the channels, (P, C_in, T, V) → (P, C, T, V): of what is added to fewer channels than it has."""

    channels: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.of = channels
        self.register_buffer("channels", torch.arange(channels))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return x_PCTV.index_select(1, self.channels)


def seams(network: nn.Module) -> Iterator[Seam]:
    """All of them, each as the layers are when it is asked for: those before it may have been made shorter."""
    for block in network.modules():
        if type(block) in SEAMS:
            yield from SEAMS[type(block)](block)


def with_choice(network: nn.Module) -> None:
    """Let what units add to their results lose channels too, where it is their input as it is."""
    for block, name in _adding(network):
        if isinstance(getattr(block, name), nn.Identity):
            norm: Any = block.behind[1] if isinstance(block, dg_stgcn.Block) else block.norm
            setattr(block, name, Chosen(norm.num_features))


def without_idle_choice(network: nn.Module) -> None:
    """The inverse, where all channels are still there."""
    for block, name in _adding(network):
        chosen = getattr(block, name)
        if isinstance(chosen, Chosen) and torch.equal(chosen.channels, torch.arange(chosen.of)):
            setattr(block, name, nn.Identity())


def _adding(network: nn.Module) -> Iterator[tuple[Any, str]]:
    for block in network.modules():
        if isinstance(block, aa_gcn.Block):
            yield block, "graph_residual"
        elif isinstance(block, ctr_gcn.Block | dg_stgcn.Block):
            yield block, "down"


def _st_gcn(block: st_gcn.Block) -> Iterator[Seam]:
    """Between the graph and the convolution over time."""
    conv, norm, over_time = block.graph_conv.conv, block.temporal[0], block.temporal[2]
    graph_KVV = block.graph_conv.graph()
    bias_KC = conv.get_parameter("bias").unflatten(0, (len(graph_KVV), -1))
    behind_CV = _behind(norm, bias_KC.T @ graph_KVV.sum(dim=1))
    out = _rows(conv, copies=len(graph_KVV))
    yield Seam(len(behind_CV), (out,), (_values(norm),), (_columns(over_time),), behind_CV)


def _aa_gcn(block: aa_gcn.Block) -> Iterator[Seam]:
    if block.attention is None:
        out = Place(block.graph_conv.value, {"weight": 0, "biases": 1})
        between = (_values(block.norm), *_added(block.graph_residual))
        yield Seam(block.norm.num_features, (out,), between, (_columns(block.temporal[0]),))


def _ctr_gcn(block: ctr_gcn.Block) -> Iterator[Seam]:
    unit, subsets = block.refinement, block.refinement.subsets
    out = tuple(_rows(conv, copies=subsets) for conv in (unit.values, unit.refine))
    between = (_values(block.norm), *_added(block.down))
    yield Seam(block.norm.num_features, out, between, _into(block.temporal.branches))
    yield from _branches(block.temporal.branches)
    if isinstance(block.temporal, SixBranches):
        yield from _ends(block.temporal)


def _dg_stgcn(block: dg_stgcn.Block) -> Iterator[Seam]:
    conv: Any
    norm: Any
    conv, norm = block.behind
    between = (_values(norm), *_added(block.down))
    yield Seam(norm.num_features, (_rows(conv),), between, _into(block.temporal.branches))
    yield from _branches(block.temporal.branches)
    yield from _ends(block.temporal)


# What the seams of a block are, by its type.
SEAMS: Mapping[type[nn.Module], Callable[[Any], Iterator[Seam]]] = {
    st_gcn.Block: _st_gcn,
    aa_gcn.Block: _aa_gcn,
    ctr_gcn.Block: _ctr_gcn,
    dg_stgcn.Block: _dg_stgcn,
}


def _branches(branches: Any) -> Iterator[Seam]:
    """Between the first convolution of each branch and that over time."""
    conv, norm, _ = branches.first
    start = 0
    for over_time in branches.over_time:
        end = start + over_time.in_channels
        behind_C1 = _behind(norm, conv.bias[start:end].unsqueeze(1), start)
        yield Seam(end - start, (_rows(conv, start),), (_values(norm, start),), (_columns(over_time),), behind_C1)
        start += over_time.in_channels


def _ends(temporal: SixBranches) -> Iterator[Seam]:
    """Between the branches and the convolution that mixes them."""
    branches: Any = temporal.branches
    norm, mix = temporal.transform[0], temporal.transform[2]
    first, first_norm, _ = branches.first
    pooled = sum(conv.in_channels for conv in branches.over_time)
    of_pool_C1 = _behind(first_norm, first.bias[pooled:].unsqueeze(1), pooled)
    ends = [
        *((_rows(conv), (), conv.bias.unsqueeze(1)) for conv in branches.over_time),
        (_rows(first, pooled), (_values(first_norm, pooled),), of_pool_C1),
        (_rows(branches.plain), (), branches.plain.bias.unsqueeze(1)),
    ]
    # The global joint has the same number as all others, and each of them takes its share of it.
    times_V = 1 + temporal.share if isinstance(temporal, SixBranchesWithGlobalJoint) else torch.ones(1)
    start = 0
    for out, between, is_C1 in ends:
        behind_CV = _behind(norm, is_C1 * times_V, start)
        yield Seam(len(is_C1), (out,), (*between, _values(norm, start)), (_columns(mix, start),), behind_CV)
        start += len(out.layer.weight) - out.start


def _into(branches: Branches) -> tuple[Place, ...]:
    return _columns(branches.first[0]), _columns(branches.plain)


def _added(residual: nn.Module) -> tuple[Place, ...]:
    """What a unit adds to its result: its input, or a convolution of it that is normalised."""
    if isinstance(residual, Chosen):
        return (Place(residual, {"channels": 0}),)
    conv, norm = residual.children()
    return _rows(conv), _values(norm)


def _behind(norm: Any, x_CV: Tensor, start: int = 0) -> Tensor:
    """Behind normalisation, of the channels from `start` on, and ReLU."""
    part = slice(start, start + len(x_CV))
    mean_C, var_C = norm.running_mean[part], norm.running_var[part]
    weight_C, bias_C = norm.weight[part], norm.bias[part]
    return batch_norm(x_CV.unsqueeze(0), mean_C, var_C, weight_C, bias_C, eps=norm.eps)[0].relu()


def _rows(layer: Any, start: int = 0, copies: int = 1) -> Place:
    return Place(layer, {"weight": 0, "bias": 0}, start, copies)


def _columns(layer: Any, start: int = 0) -> Place:
    return Place(layer, {"weight": 1}, start)


def _values(norm: Any, start: int = 0) -> Place:
    return Place(norm, dict.fromkeys(("weight", "bias", "running_mean", "running_var"), 0), start)
