"""The choices of sparse ST-GCNs by their names."""

from typing import Literal

# What a sparsity is met in exactly (masks.py).
Scope = Literal["layer", "block", "global"]
# How the weight of the penalty goes over the warm-up (penalty.py).
Ramp = Literal["constant", "linear"]
