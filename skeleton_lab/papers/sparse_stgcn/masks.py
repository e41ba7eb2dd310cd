"""Which weights of a network are kept: masks that are drawn once and do not change (section 3.3, M).

Masks are of the shapes of the weights, True where a weight is kept. Of n weights, exactly round((1 − S) · n) are kept;
by `as_released` it may be one more.

Only the weights of 2-D convolutions are masked, as in the released code: those of graph and temporal convolutions and
of strided residuals. Biases, normalisation, graphs, attention over whole clips and the classifier stay whole.
"""

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from skeleton_lab.papers.sparse_stgcn.settings import Scope

Weights = dict[str, Tensor]
Masks = dict[str, Tensor]


def maskable(network: nn.Module) -> Weights:
    """The weights that masks are drawn for, by their names, in the network's order."""
    return {f"{name}.weight": layer.weight for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}


def fan_ins(network: nn.Module) -> dict[str, int]:
    """Of the same names: how many inputs a weight has in the released code, whose partitions are not put together."""
    convs = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    return {f"{name}.weight": conv.weight[0].numel() // getattr(conv, "partitions", 1) for name, conv in convs.items()}


def random_masks(weights: Mapping[str, Tensor], sparsity: float, scope: Scope, seed: int) -> Masks:
    """Masks at random, the same for the same names, shapes and seed on every machine.

    scope: what the sparsity is met in exactly: every single weight tensor ('layer'); all tensors of a block together
        ('block'); or all together ('global'), as the paper writes it.
    """
    masks: Masks = {}
    for name, members in grouped(weights, scope).items():
        kept = _kept(sum(weights[each].numel() for each in members), sparsity, seed, name)
        parts = kept.split([weights[each].numel() for each in members])
        masks |= {each: part.view(weights[each].shape) for each, part in zip(members, parts, strict=True)}
    return {name: masks[name].to(weight.device) for name, weight in weights.items()}


def as_released(
    weights: Mapping[str, Tensor], fan_in: Mapping[str, int], sparsity: float, scope: Scope, seed: int
) -> Masks:
    """Masks of the released code at its start: scores ~ U(−√(6 / fan-in), √(6 / fan-in)) of every weight, of which the
    smallest share S over a block, or over the network, is masked. Layers with a large fan-in lose all their weights."""
    generator = torch.Generator().manual_seed(seed)
    scores = {
        name: torch.empty(weight.shape).uniform_(-1, 1, generator=generator) * (6 / fan_in[name]) ** 0.5
        for name, weight in weights.items()
    }
    masks: Masks = {}
    for members in grouped(weights, scope).values():
        smallest = torch.cat([scores[each].flatten() for each in members]).sort().values
        threshold = smallest[round(sparsity * (len(smallest) - 1))]
        masks |= {each: scores[each] >= threshold for each in members}
    return {name: masks[name].to(weight.device) for name, weight in weights.items()}


def grouped(names: Iterable[str], scope: Scope) -> dict[str, list[str]]:
    """The names of the weights of each scope; the block of 'blocks.3.temporal.2.weight' is 'blocks.3'."""
    groups: dict[str, list[str]] = {}
    for name in names:
        block = ".".join(name.split(".")[:2])
        groups.setdefault({"layer": name, "block": block, "global": "all"}[scope], []).append(name)
    return groups


def _kept(count: int, sparsity: float, seed: int, name: str) -> Tensor:
    """As many True of so many as are kept, at places of the name's own, (count,)."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    kept = torch.zeros(count, dtype=torch.bool)
    kept[torch.randperm(count, generator=generator)[: round((1 - sparsity) * count)]] = True
    return kept


def sparsity_of(masks: Mapping[str, Tensor]) -> float:
    """The share of the weights that masks leave out, from 0 to 1."""
    kept, weights = sum(int(mask.sum()) for mask in masks.values()), sum(mask.numel() for mask in masks.values())
    return 1 - kept / weights


def cut(weights: Mapping[str, Tensor], masks: Masks, optimizer: Optimizer | None = None) -> None:
    """Set what masks leave out to 0, in place; and what an optimiser remembers of its gradients."""
    for name, weight in weights.items():
        remembered = optimizer.state.get(weight, {}).values() if optimizer is not None else ()
        for values in (weight.detach(), *remembered):
            if isinstance(values, Tensor) and values.shape == weight.shape:
                values.mul_(masks[name])


def is_cut(weights: Mapping[str, Tensor], masks: Masks) -> bool:
    """Whether all that masks leave out is 0."""
    return not any(bool(weight.masked_select(~masks[name]).any()) for name, weight in weights.items())
