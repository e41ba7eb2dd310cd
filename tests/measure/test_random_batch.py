"""Random recordings become clips as a model's settings say."""

import torch

from data_modules.collate import PaddedBatch, RaggedBatch
from data_modules.layouts import NTU25
from data_modules.settings import SkeletonSettings
from skeleton_lab.measure.random_batch import random_batch


def test_clips_are_padded_to_their_length_and_slots() -> None:
    settings = SkeletonSettings(sampling="padded", clip_len=12, persons=2)
    batch = random_batch(settings, NTU25, [5, 12, 20], persons=1)
    assert isinstance(batch, PaddedBatch)
    assert batch.x.shape == (3, 2, 12, 25, 3)
    assert batch.mask.sum(dim=-1).tolist() == [[5, 0], [12, 0], [12, 0]]
    assert not batch.x[~batch.mask].any()
    assert 0.9 < batch.x[batch.mask].std() < 1.1


def test_ragged_clips_hold_all_frames_of_all_persons() -> None:
    settings = SkeletonSettings(sampling="all", collation="ragged", stream="joint_bone_motion", persons=2)
    batch = random_batch(settings, NTU25, [5, 7], persons=2)
    assert isinstance(batch, RaggedBatch)
    assert batch.x.shape == (24, 25, 9)
    assert batch.offsets.tolist() == [0, 10, 24]


def test_the_same_arguments_give_the_same_batch() -> None:
    settings = SkeletonSettings(sampling="padded", clip_len=6)
    torch.testing.assert_close(*(random_batch(settings, NTU25, [5], persons=1).x for _ in range(2)))
