"""The keys under `model.` of STAR. Where paper and released code differ: README.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_modules.settings import SkeletonSettings
from skeleton_lab.settings import dropout_problems


@dataclass
class STARSettings:
    """channels: of every layer, 64 (STAR-64) or 128 (STAR-128); width: the fraction of them, and of the head's.
    attention: of joints, 'sparse' along the pairs within `hops` bones of one another, or 'full' among all (Table 4).
    edges: 'distinct' pairs, or 'repeated' ones: A, A² and A³ one after the other, in which pairs that several of them
        have count several times, and A² connects joints with themselves (a later version of the released code).
    positions: 'released', or 'vaswani', the encoding that the paper refers to (ops/positions.py).
    context_weights, pooling: of the attention over a clip's frames (ops/context_attention.py).
    attention_dropout: of single weights between joints; dropout: of everything else but the head.
    """

    channels: int = 64
    width: float = 1.0
    layers: int = 5
    heads: int = 8
    attention: Literal["sparse", "full"] = "sparse"
    hops: int = 3
    edges: Literal["distinct", "repeated"] = "distinct"
    positions: Literal["released", "vaswani"] = "released"
    context_weights: Literal["per_joint", "per_frame"] = "per_joint"
    pooling: Literal["mean", "sum"] = "mean"
    head_channels: int = 128
    attention_dropout: float = 0.5
    dropout: float = 0.5
    head_dropout: float = 0.3

    def fit(self, data: SkeletonSettings) -> None:
        """Full attention has no edges to choose."""
        if self.attention == "full":
            self.hops, self.edges = STARSettings.hops, STARSettings.edges

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line for each value that no STAR can have."""
        for key in ("channels", "layers", "heads", "hops", "head_channels"):
            if getattr(self, key) < 1:
                yield f"model.{key}={getattr(self, key)}: give a number above 0"
        yield from dropout_problems(self, "attention_dropout", "dropout", "head_dropout")
        if self.heads > 0 and self.channels % self.heads:
            yield f"model.heads={self.heads}: give a number that divides model.channels, which is {self.channels}"
        if data.collation != "ragged":
            yield f"data.collation={data.collation}: STAR works on data.collation=ragged"
