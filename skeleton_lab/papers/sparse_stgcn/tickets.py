"""Lottery tickets: which weights of a network that is not trained any further are worth keeping (section 3.2).

Axes: N clips, M person slots, T frames, V joints, C channels, K classes.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call

from data_modules.layouts import Layout
from data_modules.skeletons import Batch
from skeleton_lab.config import Request
from skeleton_lab.papers.sparse_stgcn.compaction import compacted
from skeleton_lab.papers.sparse_stgcn.masks import Masks, grouped, maskable
from skeleton_lab.papers.sparse_stgcn.settings import Scope
from skeleton_lab.papers.sparse_stgcn.statistics import RenewingModule
from skeleton_lab.papers.sparse_stgcn.storage import what_is_left
from skeleton_lab.registry import MODELS
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import Portable

# The role of the dense network that is looked through, and what stands before the names of both.
DENSE, TICKET, SPARSE = "dense", "ticket_", "sparse_"


class TicketModule(RenewingModule):
    """Every weight that can be masked has a score, and scores are all that learns (Eq. 8). Biases, normalisation, the
    graphs and the classifier stay as they began, running means and variances apart.
    """

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        if settings.model.start == "random":
            _with_whole_norms(self.network)
        self.network.requires_grad_(False)
        weights = maskable(self.network)
        self.names = list(weights)
        self.scores = nn.ParameterList(torch.empty_like(weight) for weight in weights.values())
        for score in self.scores:
            nn.init.kaiming_uniform_(score)

    @classmethod
    def requires(cls, request: Request, settings: RunSettings) -> dict[str, Request]:
        """The same backbone trained whole, where a ticket is looked for in a trained one."""
        if settings.model.start == "random":
            return {}
        dense = settings.name.replace(TICKET, SPARSE)
        shared = {key.name for key in fields(MODELS[dense].settings)} & {key.name for key in fields(settings.model)}
        same = {f"model.{key}": getattr(settings.model, key) for key in shared - {"scope"}}
        return {DENSE: request.for_model(dense, {**same, "model.sparsity": 0.0})}

    def start_from(self, checkpoints: Mapping[str, Path]) -> None:
        for path in checkpoints.values():
            state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            self.load_state_dict(state, strict=False)

    def logits(self, x_NMTVC: Tensor, present_NM: Tensor | None) -> Tensor:
        weights = maskable(self.network)
        masks = straight_through(dict(zip(self.names, self.scores, strict=True)), self.masks())
        masked = {name: weights[name] * mask for name, mask in masks.items()}
        return functional_call(self.network, masked, (x_NMTVC, present_NM))

    def portable(self, batch: Batch) -> Portable:
        """With the masked weights in the place of the whole ones, and without the channels that died of it."""
        found = super().portable(batch)
        network, masks = deepcopy(found.network), self.masks()
        with torch.no_grad():
            for name, weight in maskable(network).items():
                weight.mul_(masks[name])
        return compacted(found._replace(network=network))

    def masks(self) -> Masks:
        """Of the present scores."""
        scores = {name: score.detach() for name, score in zip(self.names, self.scores, strict=True)}
        return kept(scores, self.settings.model.sparsity, self.settings.model.scope)

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """Also what is left of the network (storage.py)."""
        return {**super().measure(per_clip), **what_is_left(self.network, self.masks())}


def _with_whole_norms(network: nn.Module) -> None:
    """CTR-GCN's graph convolutions start at 10⁻⁶ of what they find, in their normalisation: kept so, nothing would pass
    from joint to joint."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)


def kept(scores: Mapping[str, Tensor], sparsity: float, scope: Scope) -> Masks:
    """The weights with the highest scores of their scope: round((1 − S) · n) of n, as long as no two are level."""
    masks: Masks = {}
    for members in grouped(scores, scope).values():
        every = torch.cat([scores[name].flatten() for name in members])
        left_out = len(every) - round((1 - sparsity) * len(every))
        threshold = every.kthvalue(left_out).values if left_out else every.min() - 1
        masks |= {name: scores[name] > threshold for name in members}
    return {name: masks[name] for name in scores}


def straight_through(scores: Mapping[str, Tensor], masks: Masks) -> dict[str, Tensor]:
    """The masks as 0 and 1, whose gradients go to the scores as they come (Ramanujan et al., 2020)."""
    return {name: masks[name].to(score.dtype) + (score - score.detach()) for name, score in scores.items()}
