"""The graph that a network takes over features along, and what it learns of it.

Axes: K partitions of the graph, V joints. An entry [v, w] is the weight with which joint w takes over from joint v.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from skeleton_lab.layers.graph import PARTITIONS, partitions
from skeleton_lab.settings import Adaptive, GraphMode

# What the released sparse ST-GCNs and DG-STGCN draw random graphs from, and 2s-AGCN's order of a learned offset.
RANDOM_MEAN, RANDOM_STD = 0.04, 0.02
OFFSET = 1e-6


class HasGraph(Protocol):
    """The settings of a network that learns a graph (backbones/settings.py)."""

    partitions: GraphMode
    random_partitions: int
    adaptive: Adaptive


class LearnedGraph(nn.Module):
    """() → (K, V, V).

    mode: 'spatial' and 'stgcn_spatial' begin as the partitions of the skeleton (layers/graph.py); 'random' as `count`
    graphs of numbers from N(0.04, 0.02), drawn for each layer by itself.

    adaptive: 'importance': the beginning times a learned factor for each entry, from 1 (ST-GCN, section 3.5). 'init':
    the beginning is itself learned, zeros too (pyskl). 'offset': what is added to the beginning is learned, from
    U(−10⁻⁶, 10⁻⁶) (2s-AGCN, Eq. 3). 'none': it stays as it begins.
    """

    partitions: Tensor | None

    def __init__(self, layout: Layout, mode: GraphMode, adaptive: Adaptive, count: int = PARTITIONS) -> None:
        super().__init__()
        start_KVV = start(layout, mode, count)
        self.count = len(start_KVV)
        self.adaptive = adaptive
        # What a skeleton's graph is follows from the skeleton; what was drawn must be kept with the weights.
        fixed = None if adaptive == "init" else start_KVV
        self.register_buffer("partitions", fixed, persistent=mode == "random")
        if adaptive == "init":
            self.learned = nn.Parameter(start_KVV)
        elif adaptive == "importance":
            self.importance = nn.Parameter(torch.ones_like(start_KVV))
        elif adaptive == "offset":
            self.offset = nn.Parameter(torch.empty_like(start_KVV).uniform_(-OFFSET, OFFSET))

    def forward(self) -> Tensor:
        if self.partitions is None:
            return self.learned
        if self.adaptive == "importance":
            return self.partitions * self.importance
        return self.partitions + self.offset if self.adaptive == "offset" else self.partitions


def learned_graph(settings: HasGraph, layout: Layout) -> LearnedGraph:
    return LearnedGraph(layout, settings.partitions, settings.adaptive, settings.random_partitions)


def start(layout: Layout, mode: GraphMode, count: int) -> Tensor:
    """What a graph begins as: the three partitions of the skeleton, or `count` random graphs, (K, V, V)."""
    if mode == "random":
        return random_graphs(count, layout.num_joints)
    return torch.tensor(partitions(layout, mode))


def random_graphs(count: int, joints: int) -> Tensor:
    """Graphs that know nothing of the skeleton, (count, V, V)."""
    return RANDOM_MEAN + RANDOM_STD * torch.randn(count, joints, joints)
