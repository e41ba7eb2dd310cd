"""The keys under `model.` of STAR. Where paper and released code differ: README.md."""

from dataclasses import dataclass
from typing import Literal


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
