"""The keys under `model.` of the networks that papers compare with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_modules.joint_orders import Order
from data_modules.settings import SkeletonSettings
from skeleton_lab.settings import (
    AbsentPersons,
    Adaptive,
    GraphMode,
    PartitionMode,
    dropout_problems,
    one_person_is_there,
)

# One representation of a clip from all hidden states of a lattice (st_lstm.py).
ContextStart = Literal["feed_forward", "mean"]

# A channel for each of the four branches where the published network has 64.
FOUR_BRANCHES_WIDTH = 4 / 64


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
        """One line for each value that no network can have."""
        yield from dropout_problems(self)
        if data.collation != "padded":
            yield f"data.collation={data.collation}: this network works on data.collation=padded"


@dataclass
class PartitionedSettings(BackboneSettings):
    """partitions: how the graph is cut (layers/graph.py)."""

    partitions: PartitionMode = "spatial"


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

    def fit(self, data: SkeletonSettings) -> None:
        """Where a setting says nothing it has its default, so that what is the same run has the same key."""
        super().fit(data)
        if self.partitions != "random":
            self.random_partitions = GraphSettings.random_partitions

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line for each value that no network can have."""
        yield from super().problems(data)
        if self.random_partitions < 1:
            yield f"model.random_partitions={self.random_partitions}: give a number above 0"


@dataclass
class STGCNSettings(GraphSettings):
    """As GraphSettings has them. pyskl has adaptive 'importance', sparse ST-GCNs 'random' partitions and 'init'."""


@dataclass
class STTRSettings(PartitionedSettings):
    """attention: over the joints of a frame (S-TR) or over the frames of a joint (T-TR).
    agcn: graph convolutions adapt their graph to the clip, as 2s-AGCN's do.
    drop_keys: the share of the joints or frames that no attention of a head sees, drawn anew in each training step.
    """

    partitions: PartitionMode = "spatial"
    attention: Literal["spatial", "temporal"] = "spatial"
    agcn: bool = False
    drop_keys: float = 0.5

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        yield from super().problems(data)
        yield from dropout_problems(self, "drop_keys")


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


@dataclass
class CTRGCNSettings(PartitionedSettings):
    """temporal: the branches of the convolution over time, CTR-GCN's four or ST-GCN++'s six (layers/temporal.py).
    form: pyskl's, or 'original', its authors': joints take over in the other direction of the graph, and four branches
        end without a ReLU of their own.
    """

    dropout: float = 0.0
    temporal: Literal["four_branches", "six_branches"] = "four_branches"
    form: Literal["pyskl", "original"] = "pyskl"

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        yield from super().problems(data)
        if self.temporal == "four_branches" and self.width < FOUR_BRANCHES_WIDTH:
            yield f"model.width={self.width}: four branches need at least {FOUR_BRANCHES_WIDTH}"


@dataclass
class DGSTGCNSettings(BackboneSettings):
    """subsets: of the channels, each with a graph of its own."""

    dropout: float = 0.0
    subsets: int = 8

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        yield from super().problems(data)
        if self.subsets < 1:
            yield f"model.subsets={self.subsets}: give at least 1"


@dataclass
class LatticeSettings:
    """Of networks that are LSTMs over joints and frames. Persons are not computed one by one: those of a joint stand
    side by side, and absent ones are zeros.

    channels: of hidden states, cells and global contexts; width: the fraction of them.
    order: in which joints follow one another (data_modules/joint_orders.py).
    forget_bias: of both forget gates at the start, in the first layer and in the second. A cell has two of them, so
        that what it remembers grows by about 2 σ(bias) from one diagonal of the lattice to the next: with 1 its tanh is
        saturated, with 0 it is so in the last cells, with −1 nowhere. None is what suits the network.
    gradient_clip: each element of the gradient is kept within ± this; 0 does nothing.
    """

    channels: int = 128
    width: float = 1.0
    order: Order = "chain"
    dropout: float = 0.5
    forget_bias: list[float] | None = None
    gradient_clip: float = 8.0

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line for each value that no network can have."""
        if self.channels < 1:
            yield f"model.channels={self.channels}: give a number above 0"
        yield from dropout_problems(self)
        # Written so that NaN is refused too.
        if not self.gradient_clip >= 0:
            yield f"model.gradient_clip={self.gradient_clip}: give a number from 0"
        if self.forget_bias is None or len(self.forget_bias) != 2:
            yield f"model.forget_bias={self.forget_bias}: give two numbers, of the first and of the second layer"
        if data.collation != "padded":
            yield f"data.collation={data.collation}: this network works on data.collation=padded"
        if data.sampling == "all":
            yield "data.sampling=all: this network works on clips of one length, such as data.sampling=segment_centres"


@dataclass
class STLSTMSettings(LatticeSettings):
    """trust_gate: a cell's input counts as far as the cells before it have foreseen it.
    representation: what is classified: every hidden state of the second layer by itself ('local'); what a layer makes
        of all of them ('feed_forward', the rows "ST-LSTM + Global (1)"); or their mean ("(2)").
    forget_bias: none is 1 with the trust gate, as released, and −1 without it.
    """

    order: Order = "tree"
    trust_gate: bool = True
    representation: Literal["local", "feed_forward", "mean"] = "local"

    def fit(self, data: SkeletonSettings) -> None:
        """The trust gate keeps forget gates nearly shut at first; without it, those of bias 1 overflow."""
        if self.forget_bias is None:
            self.forget_bias = [1.0, 1.0] if self.trust_gate else [-1.0, -1.0]
