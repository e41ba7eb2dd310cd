"""Several random clips of each test recording. Axes: M persons, T frames, V joints, C coordinates."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from data_modules.divisions import CROP, EVALUATION, Draw
from data_modules.readers import READERS
from data_modules.settings import DRAW_NOTHING, Sampling, Selection, SkeletonSettings
from data_modules.skeletons import Clips, SkeletonDataModule
from data_modules.store import Store
from skeleton_lab.measure.literal.preparation import Draws, prepare_clip

SETTINGS = SkeletonSettings(dataset="demo", protocol="xview", clip_len=6, persons=2, test_crops=5)
AUGMENTATION = {"rotation_degrees": 17.0, "scale_spread": 0.2}
RANDOM = [sampling for sampling in get_args(Sampling) if sampling not in DRAW_NOTHING]
SEED = 5


def module(
    store: Store, batch_size: int = 8, workers: int = 0, seed: int = SEED, selection: Selection = "last", **changes: Any
) -> SkeletonDataModule:
    protocol = READERS["demo"].protocols["xview"]
    return SkeletonDataModule(store, protocol, replace(SETTINGS, **changes), batch_size, seed, selection, workers)


def shown_by(data: SkeletonDataModule) -> tuple[list[int], Tensor]:
    """The positions and clips of the test set, one after the other."""
    batches = list(data.test_dataloader())
    return torch.cat([batch.position for batch in batches]).tolist(), torch.cat([batch.x for batch in batches])


@pytest.mark.parametrize("sampling", RANDOM)
def test_crops_of_a_recording_follow_one_another_and_differ(demo_store: Store, sampling: Sampling) -> None:
    data = module(demo_store, sampling=sampling)
    positions, x = shown_by(data)
    assert positions == np.repeat(data.test, 5).tolist()
    by_recording = x.unflatten(0, (-1, 5))
    # Recordings are long enough for two of their random clips to be the same by a rare accident alone.
    assert all(len({crop.numpy().tobytes() for crop in crops}) > 3 for crops in by_recording)


@pytest.mark.parametrize("sampling", RANDOM)
def test_a_crop_depends_on_seed_number_and_recording_alone(demo_store: Store, sampling: Sampling) -> None:
    _, expected = shown_by(module(demo_store, sampling=sampling))
    for options in ({"batch_size": 3}, {"workers": 2}, {"batch_size": 7, "selection": "validation"}):
        assert torch.equal(shown_by(module(demo_store, sampling=sampling, **options))[1], expected)
    fewer = shown_by(module(demo_store, sampling=sampling, test_crops=3))[1]
    assert torch.equal(fewer.unflatten(0, (-1, 3)), expected.unflatten(0, (-1, 5))[:, :3])
    assert not torch.equal(shown_by(module(demo_store, sampling=sampling, seed=SEED + 1))[1], expected)


@pytest.mark.parametrize("sampling", RANDOM)
def test_crops_are_sampled_as_in_training_and_not_augmented(demo_store: Store, sampling: Sampling) -> None:
    data = module(demo_store, sampling=sampling, scale_bone=[0, 1], **AUGMENTATION)
    plain = replace(data.clips.settings, rotation_degrees=0.0, scale_spread=0.0)
    for position in data.test[:4].tolist():
        clip = data.clips[Draw(position, crop=2)]
        draws = Draws(np.random.default_rng((SEED, EVALUATION, position, CROP, 2)))
        expected, there = prepare_clip(demo_store.sequence(position), demo_store.layout, plain, (0, 0), draws)
        np.testing.assert_array_equal(clip.valid_TM, there)
        np.testing.assert_allclose(clip.joints_TMVC, expected, atol=1e-5)


def test_crops_are_no_training_clips(demo_store: Store) -> None:
    clips = module(demo_store).clips
    draws = [*(Draw(3, epoch=number) for number in range(5)), *(Draw(3, crop=number) for number in range(5))]
    assert len({clips[draw].joints_TMVC.tobytes() for draw in draws}) == 10


@pytest.mark.parametrize(("noise_on", "noisy"), [("train", False), ("test", True), ("both", True)])
def test_noise_on_crops_is_that_of_evaluation(demo_store: Store, noise_on: str, noisy: bool) -> None:
    """It belongs to the recording, so that a frame that two crops show has the same noise in both."""
    clean = replace(SETTINGS, origin="none")
    clips = [
        Clips(demo_store, demo_store.index.label, settings, SEED)
        for settings in (clean, replace(clean, noise_metres=0.05, noise_on=noise_on))
    ]
    added = {}
    for draw in (Draw(3), *(Draw(3, crop=number) for number in range(20))):
        without, with_noise = (each[draw].joints_TMVC for each in clips)
        assert np.array_equal(without, with_noise) != noisy
        for frame, changed in zip(without[:, 0], with_noise[:, 0], strict=True):
            np.testing.assert_allclose(added.setdefault(frame.tobytes(), changed), changed)
    assert len(added) > SETTINGS.clip_len


@pytest.mark.parametrize("selection", ["validation", "test"])
def test_validation_shows_one_clip(demo_store: Store, selection: Selection) -> None:
    several, one = (list(module(demo_store, selection=selection, test_crops=n).val_dataloader()) for n in (5, 1))
    assert len(several) == len(one)
    assert all(torch.equal(first.x, second.x) for first, second in zip(several, one, strict=True))
