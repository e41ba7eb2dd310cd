"""The information compression penalty: what is to be cut off shrinks while it still takes part (Eqs. 9 and 10)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from skeleton_lab.papers.sparse_stgcn.masks import Masks, grouped
from skeleton_lab.papers.sparse_stgcn.settings import Ramp


def compression_penalty(weights: Mapping[str, Tensor], masks: Masks) -> Tensor:
    """L_c = Σ_i ‖W*_i‖₂ over the blocks, W* = W · (1 − M): a scalar. Where a block's norm is 0, so is its gradient.

    The released code takes the norm of detached weights, which gives it no gradient at all.
    """
    norms = []
    for members in grouped(weights, "block").values():
        masked = [(weights[name] * ~masks[name]).flatten() for name in members]
        norms.append(torch.linalg.vector_norm(torch.cat(masked)))
    return torch.stack(norms).sum()


def penalty_weight(epoch: int, warmup_epochs: int, weight: float, ramp: Ramp) -> float:
    """λ in an epoch, counted from 0: `weight` throughout the warm-up ('constant', the paper's), or growing from 0 in a
    straight line over it ('linear', the released code's); 0 from then on."""
    if epoch >= warmup_epochs:
        return 0.0
    return weight * epoch / warmup_epochs if ramp == "linear" else weight
