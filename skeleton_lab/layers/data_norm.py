"""The normalisation of recorded coordinates, with which networks on skeletons begin.

Axes: N clips, M person slots, P persons, T frames, V joints, C coordinates.
"""

import torch
from torch import Tensor, nn


def normalised(norm: nn.Module, x_PTVC: Tensor) -> Tensor:
    """Each coordinate of each joint, over the frames of all these persons, by a BatchNorm1d of V·C features."""
    return norm(x_PTVC.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x_PTVC.shape)


class SlotNorm(nn.Module):
    """Batch normalisation of each coordinate of each joint, for each person slot by itself: (N, M, T, V, C) → same.

    Slots that are not computed are left out of it, and zero after it.
    """

    def __init__(self, slots: int, features: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm1d(features) for _ in range(slots))

    def forward(self, x_NMTVC: Tensor, present_NM: Tensor | None) -> Tensor:
        slots = x_NMTVC.unbind(dim=1)
        if present_NM is None or torch.compiler.is_exporting():  # see Slots.pack
            return torch.stack([normalised(norm, x) for norm, x in zip(self.norms, slots, strict=False)], dim=1)
        y_NMTVC = torch.zeros_like(x_NMTVC)
        # A slot's statistics are of those who are in it: with the zeros of absent persons among them, they would tell
        # how often somebody is there, and not where their joints are.
        for slot, (norm, x_NTVC) in enumerate(zip(self.norms, slots, strict=False)):
            there_N = present_NM[:, slot]
            if there_N.any():
                y_NMTVC[there_N, slot] = normalised(norm, x_NTVC[there_N]).to(y_NMTVC.dtype)
        return y_NMTVC
