"""Persons of a padded batch, one after another and back.

Axes: N clips, M person slots, P persons that are present, K classes; … whatever follows.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


def pack_persons(x_NM: Tensor, mask_NMT: Tensor) -> tuple[Tensor, Tensor]:
    """The persons that are there in any frame: x (N, M, …) → (P, …), and the clip of each, (P,)."""
    present_NM = mask_NMT.any(dim=-1)
    return x_NM[present_NM], present_NM.nonzero()[:, 0]


def sum_over_persons(x_P: Tensor, clip_P: Tensor, clips: int) -> Tensor:
    """Add up each clip's persons: (P, …) → (N, …)."""
    return x_P.new_zeros(clips, *x_P.shape[1:]).index_add_(0, clip_P, x_P)


def mean_over_persons(logits_PK: Tensor, clip_P: Tensor, clips: int) -> Tensor:
    """Average each clip's persons: (P, K) → (N, K). Zero for a clip without anybody."""
    persons_N = torch.bincount(clip_P, minlength=clips).clamp(min=1)
    return sum_over_persons(logits_PK, clip_P, clips) / persons_N.unsqueeze(-1)


def mean_over_slots(x_NM: Tensor, present_NM: Tensor) -> Tensor:
    """Average the slots that somebody is in: (N, M, C) → (N, C). Zero for a clip without anybody."""
    weight_NM1 = present_NM.to(x_NM.dtype).unsqueeze(-1)
    return (x_NM * weight_NM1).sum(dim=1) / weight_NM1.sum(dim=1).clamp(min=1)


@dataclass(frozen=True)
class Slots:
    """The person slots of a batch that a network computes.

    present: (N, M), the slots that somebody is in, and no others are computed; None computes all of them.
    """

    present: Tensor | None = None

    def pack(self, x_NM: Tensor) -> Tensor:
        """One person after another: (N, M, …) → (P, …). In an exported network all slots are, and those that nobody is
        in are left out of the mean: there, shapes must not depend on numbers."""
        if self.present is None or torch.compiler.is_exporting():
            return x_NM.flatten(0, 1)
        return x_NM[self.present]

    def mean(self, x_P: Tensor, slots: int) -> Tensor:
        """Average each clip's persons: (P, …) → (N, …), of M = `slots`. Zero for a clip without anybody."""
        if self.present is None:
            return x_P.unflatten(0, (-1, slots)).mean(dim=1)
        if torch.compiler.is_exporting():
            return mean_over_slots(x_P.unflatten(0, (-1, slots)), self.present)
        return mean_over_persons(x_P, self.present.nonzero()[:, 0], len(self.present))
