"""Batches of clips of different length.

Axes: N clips, M persons, T frames, V joints, C coordinates, F frames of all clips and persons, one after another.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Clip:
    """One transformed sequence: joints (T, M, V, C), valid (T, M), its label, and its position in the store."""

    joints_TMVC: NDArray[np.float32]
    valid_TM: NDArray[np.bool_]
    label: int
    position: int


@dataclass
class PaddedBatch:
    """Clips side by side: x (N, M, T, V, C), zero where mask (N, M, T) is false; label and position (N,)."""

    x: Tensor
    mask: Tensor
    label: Tensor
    position: Tensor


@dataclass
class RaggedBatch:
    """Clips one after another without any padding: x (F, V, C), offsets (N + 1,), clip (F,); label and position (N,).

    Within a clip come all frames of the first person, then all of the second; frames without the person are left out.
    """

    x: Tensor
    offsets: Tensor
    clip: Tensor
    label: Tensor
    position: Tensor


def collate_padded(clips: list[Clip], persons: int) -> PaddedBatch:
    """Pad to the longest clip of the batch and to `persons` slots. A clip of more persons keeps its first ones."""
    frames = max(clip.valid_TM.shape[0] for clip in clips)
    x = np.zeros((len(clips), persons, frames, *clips[0].joints_TMVC.shape[2:]), np.float32)
    mask = np.zeros(x.shape[:3], np.bool_)
    for row, clip in enumerate(clips):
        t, m = clip.valid_TM[:, :persons].shape
        x[row, :m, :t] = clip.joints_TMVC.swapaxes(0, 1)[:m]
        mask[row, :m, :t] = clip.valid_TM.T[:m]
    return PaddedBatch(torch.from_numpy(x), torch.from_numpy(mask), *_labels(clips))


def collate_ragged(clips: list[Clip], persons: int) -> RaggedBatch:
    """Concatenate the frames in which a person is there, for the first `persons` persons of each clip."""
    kept = [clip.joints_TMVC.swapaxes(0, 1)[:persons][clip.valid_TM.T[:persons]] for clip in clips]
    lengths = torch.tensor([len(frames) for frames in kept])
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    owner = torch.repeat_interleave(torch.arange(len(clips)), lengths)
    return RaggedBatch(torch.from_numpy(np.concatenate(kept)), offsets, owner, *_labels(clips))


def _labels(clips: list[Clip]) -> tuple[Tensor, Tensor]:
    return torch.tensor([clip.label for clip in clips]), torch.tensor([clip.position for clip in clips])
