"""The keys under `model.` of the networks that papers compare with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_modules.settings import SkeletonSettings
from skeleton_lab.settings import AbsentPersons, Adaptive, GraphMode, PartitionMode, one_person_is_there


@dataclass
class BackboneSettings:
    """width: the fraction of the published channels.
    absent_persons: 'masked' leaves them out; 'zeros' runs a zero skeleton for each, as the released code does.
    """

    width: float = 1.0
    dropout: float = 0.5
    absent_persons: AbsentPersons = "masked"

    def fit(self, data: SkeletonSettings) -> None:
        one_person_is_there(self, data)

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line where clips are not side by side."""
        if data.collation != "padded":
            yield f"data.collation={data.collation}: this network works on data.collation=padded"


@dataclass
class GraphSettings(BackboneSettings):
    """What the graph of a network begins as, and how it is learned (layers/learned_graph.py).

    partitions: how the skeleton is cut, or 'random' for random_partitions graphs that know nothing of it.
    adaptive: what is learned: 'importance' a factor for each entry, 'init' the graph itself, 'offset' what is added to
        it, 'none' nothing.
    """

    partitions: GraphMode = "spatial"
    random_partitions: int = 3
    adaptive: Adaptive = "importance"

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line for each value that no network can have."""
        yield from super().problems(data)
        if self.random_partitions < 1:
            yield f"model.random_partitions={self.random_partitions}: give a number above 0"


@dataclass
class STGCNSettings(GraphSettings):
    """As GraphSettings has them. pyskl has adaptive 'importance', sparse ST-GCNs 'random' partitions and 'init'."""


@dataclass
class STTRSettings(BackboneSettings):
    """partitions: how the graph is cut (layers/graph.py).
    attention: over the joints of a frame (S-TR) or over the frames of a joint (T-TR).
    agcn: graph convolutions adapt their graph to the clip, as 2s-AGCN's do.
    drop_keys: the share of the joints or frames that no attention of a head sees, drawn anew in each training step.
    """

    partitions: PartitionMode = "spatial"
    attention: Literal["spatial", "temporal"] = "spatial"
    agcn: bool = False
    drop_keys: float = 0.5


@dataclass
class AAGCNSettings(GraphSettings):
    """adaptive: what is learned of the graph beside what each clip adds: 'init' in AA-GCN, 'offset' in 2s-AGCN.
    similarity: what makes a graph of how alike joints are: 'tanh' times a learned factor from 0 (AA-GCN), or 'softmax'
        over the joints that are taken from (2s-AGCN).
    attention: AA-GCN's attention to joints, frames and channels after every graph convolution.
    """

    dropout: float = 0.0
    adaptive: Adaptive = "init"
    similarity: Literal["tanh", "softmax"] = "tanh"
    attention: bool = False
