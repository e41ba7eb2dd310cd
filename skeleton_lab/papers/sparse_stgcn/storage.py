"""Sparse weights in a file: the kept values, and one bit for every place.

Of n float32 weights with the share S masked, 4 n bytes become 4 (1 − S) n + n / 8: at S = 0.95 a twelfth.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skeleton_lab.papers.sparse_stgcn.masks import Masks

VALUES, BITS, SHAPE = "values", "bits", "shape"


def compressed(weight: Tensor, mask: Tensor) -> dict[str, Any]:
    """What is left of a weight whose masked places are 0. Raises ValueError where they are not."""
    if bool(weight[~mask].any()):
        raise ValueError("weights outside of the mask are not 0: nothing of them would be left")
    bits = np.packbits(mask.cpu().numpy().reshape(-1))
    return {VALUES: weight[mask].cpu().clone(), BITS: torch.from_numpy(bits), SHAPE: list(weight.shape)}


def expanded(stored: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """The weight and its mask, bit by bit what was compressed."""
    shape = torch.Size(stored[SHAPE])
    bits = np.unpackbits(stored[BITS].numpy(), count=shape.numel())
    mask = torch.from_numpy(bits).bool().view(shape)
    weight = torch.zeros(shape, dtype=stored[VALUES].dtype)
    weight[mask] = stored[VALUES]
    return weight, mask


def stored_bytes(stored: Mapping[str, Mapping[str, Any]]) -> int:
    """Of values and bits, without what a file says of them."""
    return sum(each[key].numel() * each[key].element_size() for each in stored.values() for key in (VALUES, BITS))


def compress_state(state: dict[str, Any], masks: Masks, prefix: str) -> dict[str, Any]:
    """A state dict in which every masked weight is replaced by what is left of it; prefix: of the weights' names."""
    names = {prefix + name: mask for name, mask in masks.items()}
    return {name: compressed(value, names[name]) if name in names else value for name, value in state.items()}


def expand_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state dict that was compressed."""
    return {name: expanded(value)[0] if isinstance(value, Mapping) else value for name, value in state.items()}
