"""Padded and ragged batches hold the same frames of the same people."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from data_modules.collate import Clip, PaddedBatch, RaggedBatch, collate_padded, collate_ragged
from data_modules.sequence import SkeletonSequence

MakeSequence = Callable[..., SkeletonSequence]
# Frames and persons of each clip.
SHAPES = ((7, 1), (4, 2), (1, 1), (9, 3), (5, 2))


@pytest.fixture(scope="module")
def clips(make_sequence: MakeSequence) -> list[Clip]:
    sequences = [
        make_sequence(frames=frames, persons=persons, gaps=0.4, seed=seed)
        for seed, (frames, persons) in enumerate(SHAPES)
    ]
    return [
        Clip(sequence.joints, sequence.valid, label=number % 3, position=10 * number)
        for number, sequence in enumerate(sequences)
    ]


def shown(clip: Clip, persons: int) -> list[np.ndarray]:
    """All frames (V, C) of the first person, then all of the second, and so on."""
    frames, people = clip.valid_TM.shape
    return [clip.joints_TMVC[t, m] for m in range(min(people, persons)) for t in range(frames) if clip.valid_TM[t, m]]


@pytest.mark.parametrize("persons", [1, 2, 3, 4])
def test_padded(clips: list[Clip], persons: int) -> None:
    batch = collate_padded(clips, persons)
    assert batch.x.shape == (5, persons, 9, 25, 3)
    assert batch.mask.shape == (5, persons, 9)
    for n, m, t in np.ndindex(5, persons, 9):
        clip = clips[n]
        there = t < SHAPES[n][0] and m < SHAPES[n][1] and bool(clip.valid_TM[t, m])
        assert bool(batch.mask[n, m, t]) is there
        expected = clip.joints_TMVC[t, m] if there else np.zeros((25, 3), np.float32)
        np.testing.assert_array_equal(batch.x[n, m, t], expected)


def test_slots_do_not_depend_on_who_is_in_the_batch(clips: list[Clip]) -> None:
    alone = [clip for clip in clips if clip.valid_TM.shape[1] == 1]
    assert collate_padded(alone, 2).x.shape == (2, 2, 7, 25, 3)
    assert not collate_padded(alone, 2).mask[:, 1].any()


@pytest.mark.parametrize("persons", [1, 2, 3, 4])
def test_ragged(clips: list[Clip], persons: int) -> None:
    batch = collate_ragged(clips, persons)
    lengths = [len(shown(clip, persons)) for clip in clips]
    assert batch.offsets.tolist() == [sum(lengths[:n]) for n in range(6)]
    assert batch.clip.tolist() == [n for n, length in enumerate(lengths) for _ in range(length)]
    np.testing.assert_array_equal(batch.x, np.stack([frame for clip in clips for frame in shown(clip, persons)]))


@pytest.mark.parametrize("persons", [1, 2, 3, 4])
def test_both_hold_the_same(clips: list[Clip], persons: int) -> None:
    padded, ragged = collate_padded(clips, persons), collate_ragged(clips, persons)
    torch.testing.assert_close(padded.x[padded.mask], ragged.x, rtol=0, atol=0)
    assert padded.mask.sum(dim=(1, 2)).tolist() == ragged.offsets.diff().tolist()
    torch.testing.assert_close(padded.label, ragged.label)
    torch.testing.assert_close(padded.position, ragged.position)


@pytest.mark.parametrize("collate", [collate_padded, collate_ragged])
def test_kinds_of_numbers(clips: list[Clip], collate: Callable[[list[Clip], int], PaddedBatch | RaggedBatch]) -> None:
    batch = collate(clips, 2)
    assert batch.x.dtype == torch.float32
    assert (batch.label.tolist(), batch.position.tolist()) == ([0, 1, 2, 0, 1], [0, 10, 20, 30, 40])
    whole = [batch.label, batch.position, *([batch.offsets, batch.clip] if isinstance(batch, RaggedBatch) else [])]
    assert all(numbers.dtype == torch.int64 for numbers in whole)
    assert not isinstance(batch, PaddedBatch) or batch.mask.dtype == torch.bool


def test_a_clip_without_anybody_has_no_frames(clips: list[Clip]) -> None:
    nobody = Clip(np.zeros((6, 2, 25, 3), np.float32), np.zeros((6, 2), np.bool_), label=0, position=99)
    for collate in (partial(collate_ragged, persons=2), partial(collate_padded, persons=2)):
        assert collate([clips[0], nobody, clips[1]]).position.tolist() == [0, 99, 10]
    ragged = collate_ragged([nobody, clips[0], nobody], persons=2)
    assert ragged.offsets.tolist() == [0, 0, len(ragged.x), len(ragged.x)]
    assert set(ragged.clip.tolist()) == {1}


def test_batches_are_copies(clips: list[Clip]) -> None:
    before = clips[0].joints_TMVC.copy()
    for batch in (collate_padded(clips[:1], 1), collate_ragged(clips[:1], 1)):
        batch.x.zero_()
    np.testing.assert_array_equal(clips[0].joints_TMVC, before)
