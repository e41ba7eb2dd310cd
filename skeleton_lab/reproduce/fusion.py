"""Predictions of several runs added up.

Axes: N clips of the test set, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from skeleton_lab.reproduce.runs import RunFolder

Scores = Literal["logits", "probabilities"]


@dataclass(frozen=True)
class Fusion:
    """How much each member counts; and what is added up: logits, or their softmax."""

    weights: tuple[float, ...] = (1.0,)
    scores: Scores = "logits"


# Of a single run.
ALONE = Fusion()


def fused(folders: Sequence[RunFolder], fusion: Fusion) -> tuple[Tensor, Tensor]:
    """The weighted mean of the members' scores (N, K), and the labels (N,), joined by sample id.

    Raises ValueError where the runs were tested on different samples.
    """
    first, *others = [folder.predictions() for folder in folders]
    order = np.argsort(first.sample_id)
    sum_NK = fusion.weights[0] * _scores(first.logits[order], fusion.scores)
    for weight, other in zip(fusion.weights[1:], others, strict=True):
        other_order = np.argsort(other.sample_id)
        if not np.array_equal(first.sample_id[order], other.sample_id[other_order]):
            raise ValueError("the runs to be fused were tested on different samples")
        sum_NK = sum_NK + weight * _scores(other.logits[other_order], fusion.scores)
    return sum_NK / sum(fusion.weights), torch.from_numpy(first.label[order])


def _scores(logits_NK: np.ndarray, scores: Scores) -> Tensor:
    as_tensor_NK = torch.from_numpy(logits_NK).double()
    return as_tensor_NK.softmax(dim=1) if scores == "probabilities" else as_tensor_NK
