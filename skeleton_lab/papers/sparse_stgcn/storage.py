"""Sparse weights in a file: the kept values, and one bit for every place.

Of n float32 weights with the share S masked, 4 n bytes become 4 (1 − S) n + n / 8: at S = 0.95 a twelfth.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skeleton_lab.papers.sparse_stgcn.masks import Masks, sparsity_of

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


def compress_state(state: Mapping[str, Any], masks: Masks, prefix: str = "") -> dict[str, Any]:
    """A state dict in which every weight that has lost something is replaced by what is left of it; prefix: of the
    weights' names."""
    names = {prefix + name: mask for name, mask in masks.items() if not bool(mask.all())}
    return {name: compressed(value, names[name]) if name in names else value for name, value in state.items()}


def expand_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state dict that was compressed."""
    return {name: expanded(value)[0] if isinstance(value, Mapping) else value for name, value in state.items()}


def stored_bytes(state: Mapping[str, Any]) -> int:
    """Of the tensors of a state dict, compressed or not, without what a file says of them."""
    tensors: list[Tensor] = []
    for value in state.values():
        tensors += [value[VALUES], value[BITS]] if isinstance(value, Mapping) else [value]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def what_is_left(network: nn.Module, masks: Masks) -> dict[str, float]:
    """kept_weights, kept_parameters: of those that can be masked, and of all there are, in percent; parameters_left:
    how many that is. stored_weights, stored_state: bytes of the compressed weights, and of all that a checkpoint keeps
    of the network, in percent of the dense one's. dead_layers: those that keep no weight at all.
    """
    with torch.no_grad():
        state = {
            name: value * masks[name].to(value.device) if name in masks else value
            for name, value in network.state_dict().items()
        }
    sparse, weights = compress_state(state, masks), {name: state[name] for name in masks}
    total = sum(parameter.numel() for parameter in network.parameters())
    left = total - sum(int((~mask).sum()) for mask in masks.values())
    return {
        "kept_weights": 100 * (1 - sparsity_of(masks)),
        "kept_parameters": 100 * left / total,
        "parameters_left": left,
        "stored_weights": 100 * stored_bytes({name: sparse[name] for name in masks}) / stored_bytes(weights),
        "stored_state": 100 * stored_bytes(sparse) / stored_bytes(state),
        "dead_layers": sum(not bool(mask.any()) for mask in masks.values()),
    }
