"""The keys under `model.` of sparse ST-GCNs: those of a backbone, and how it is made sparse. Where paper and released
code differ: README.md."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from data_modules.settings import SkeletonSettings
from skeleton_lab.backbones.settings import (
    AAGCNSettings,
    BackboneSettings,
    CTRGCNSettings,
    DGSTGCNSettings,
    STGCNSettings,
)

# What a sparsity is met in exactly (masks.py).
Scope = Literal["layer", "block", "global"]
# What batch normalisation takes for means and variances in evaluation (statistics.py).
NormStatistics = Literal["recomputed", "running"]
# How the weight of the penalty goes over the warm-up (penalty.py).
Ramp = Literal["constant", "linear"]


@dataclass
class SparseSettings(BackboneSettings):
    """sparsity: the share of the maskable weights that is cut off, from 0, the dense network, to below 1.
    scope: what the sparsity is met in: 'layer' by layer, 'block' by block, or 'global'ly (the paper's text).
    scores: how the mask is drawn: 'uniform', every weight of the scope alike; or as the 'released' code does at its
        start, by scores whose size depends on the layer, which takes whole layers away at high sparsities; not in the
        scope 'layer', in which all scores are alike.
    mask_seed: draws another mask. Beside it the mask depends on the run's seed and on the sparsity: those of several
        runs are independent of one another.
    warmup: the share of the epochs in which all weights are trained; then only those that are kept.
    penalty: λ of Eq. 10, which is in the loss of the warm-up; 0 leaves it out. penalty_ramp: whether λ is 'constant' or
        grows over the warm-up in a line ('linear').
    norm_statistics: what batch normalisation takes for means and variances in evaluation: those 'recomputed' over the
        training clips after the last epoch, or the 'running' ones of training (README.md says what these do to it).
    """

    sparsity: float = 0.8
    scope: Scope = "layer"
    scores: Literal["uniform", "released"] = "uniform"
    mask_seed: int = 0
    warmup: float = 0.6
    penalty: float = 1.0
    penalty_ramp: Ramp = "linear"
    norm_statistics: NormStatistics = "recomputed"

    def fit(self, data: SkeletonSettings) -> None:
        """Where a setting says nothing it has its default, so that what is the same run has the same key."""
        super().fit(data)
        silent = set()
        if self.sparsity == 0:
            silent = {"scope", "scores", "mask_seed", "warmup", "penalty", "penalty_ramp", "norm_statistics"}
        elif self.warmup == 0:
            silent = {"penalty", "penalty_ramp"}
        elif self.penalty == 0:
            silent = {"penalty_ramp"}
        for field in fields(SparseSettings):
            if field.name in silent:
                setattr(self, field.name, field.default)

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        yield from super().problems(data)
        yield from sparsity_problems(self.sparsity)
        if not 0 <= self.warmup < 1:
            yield f"model.warmup={self.warmup}: give the share of the epochs, from 0 to less than 1"
        if not self.penalty >= 0:
            yield f"model.penalty={self.penalty}: give a number from 0"
        if self.scores == "released" and self.scope == "layer" and self.sparsity:
            yield "model.scores=released: within a layer all scores are alike; give model.scope=block or global with it"


@dataclass
class TicketSettings(BackboneSettings):
    """sparsity: the share of the maskable weights that is left out, from 0 to below 1.
    scope: what holds the scores that the least are found among: all of them ('global', the paper), a 'block' or a
        'layer'.
    start: the weights that are looked for a ticket in: those of a 'trained' dense network, or 'random' ones.
    norm_statistics: as of SparseSettings.
    """

    sparsity: float = 0.8
    scope: Scope = "global"
    start: Literal["trained", "random"] = "trained"
    norm_statistics: NormStatistics = "recomputed"

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        yield from super().problems(data)
        yield from sparsity_problems(self.sparsity)


def sparsity_problems(sparsity: float) -> Iterator[str]:
    """One line for a sparsity that no network can have."""
    if not 0 <= sparsity < 1:
        yield f"model.sparsity={sparsity}: give the share that is left out, from 0 to less than 1"


@dataclass
class SparseSTGCNSettings(SparseSettings, STGCNSettings):
    """Of sparse_st_gcn."""


@dataclass
class SparseAAGCNSettings(SparseSettings, AAGCNSettings):
    """Of sparse_aa_gcn."""


@dataclass
class SparseCTRGCNSettings(SparseSettings, CTRGCNSettings):
    """Of sparse_ctr_gcn."""


@dataclass
class SparseDGSTGCNSettings(SparseSettings, DGSTGCNSettings):
    """Of sparse_dg_stgcn."""


@dataclass
class STGCNTicketSettings(TicketSettings, STGCNSettings):
    """Of ticket_st_gcn."""


@dataclass
class CTRGCNTicketSettings(TicketSettings, CTRGCNSettings):
    """Of ticket_ctr_gcn."""
