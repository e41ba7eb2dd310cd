"""The keys under `model.` of sparse ST-GCNs. Where paper and released code differ: README.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Scope = Literal["layer", "block", "global"]
Ramp = Literal["constant", "linear"]


@dataclass
class SparseSettings:
    """sparsity: the share of the maskable weights that is cut off, from 0 to below 1.
    scope: what the sparsity is met in: 'layer' by layer, 'block' by block, or 'global'ly (the paper's text).
    scores: how the mask is drawn: 'uniform', every weight of the scope alike; or as the 'released' code does at its
        start, by scores whose size depends on the layer, which takes whole layers away at high sparsities.
    mask_seed: of the mask; weights and data have the run's own seed.
    warmup_epochs: in which all weights are trained, with the penalty; then only those that are kept.
    penalty: λ of Eq. 10; 0 trains without it. penalty_ramp: whether λ is 'constant' or grows over the warm-up.
    """

    sparsity: float = 0.8
    scope: Scope = "layer"
    scores: Literal["uniform", "released"] = "uniform"
    mask_seed: int = 0
    warmup_epochs: int = 60
    penalty: float = 1.0
    penalty_ramp: Ramp = "linear"

    def sparse_problems(self) -> Iterator[str]:
        """One line for each value that no sparse network can have."""
        if not 0 <= self.sparsity < 1:
            yield f"model.sparsity={self.sparsity}: give the share that is cut off, from 0 to less than 1"
        for key in ("warmup_epochs", "penalty"):
            if not getattr(self, key) >= 0:
                yield f"model.{key}={getattr(self, key)}: give a number from 0"
