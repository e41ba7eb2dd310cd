"""Which frames clips show. Axes: T frames of the recording, S frames of the clip, M persons."""

from typing import get_args

import numpy as np
import pytest

from data_modules.sampling import Sample, Valid, sample_frames
from data_modules.settings import DRAW_NOTHING, Sampling
from skeleton_lab.measure.literal import sampling as literal

SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
LENGTHS = [1, 2, 7, 19, 20, 21, 30, 39, 40, 41, 77, 300]


def whole(frames: int, persons: int = 1) -> Valid:
    return np.ones((frames, persons), np.bool_)


def gappy(frames: int, persons: int, seed: int) -> Valid:
    """People who come and go; in some frames nobody is there."""
    return np.random.default_rng(seed).random((frames, persons)) < 0.4


VALID = {
    "whole": whole(23, 2),
    "gaps": gappy(40, 2, 0),
    "three persons": gappy(50, 3, 1),
    "one frame": whole(1, 2),
    "one frame of many": np.eye(30, 2, dtype=np.bool_),
    "first person never there": gappy(40, 2, 2) & [False, True],
    "nobody": np.zeros((12, 2), np.bool_),
}
every_recording = pytest.mark.parametrize("valid", VALID.values(), ids=VALID.keys())
every_sampling = pytest.mark.parametrize("sampling", SAMPLINGS)


def one_person(sampling: Sampling, frames: int, clip_len: int, rng: np.random.Generator | None = None) -> list[int]:
    return sample_frames(sampling, whole(frames), clip_len, rng).frames_SM[:, 0].tolist()


def as_weights(sample: Sample, frames: int) -> np.ndarray:
    """How much of each frame of the recording is in each frame of the clip, by person: (S, M, T)."""
    weights = np.zeros((*sample.frames_SM.shape, frames))
    for s, m in np.ndindex(sample.frames_SM.shape):
        mixed = 0.0 if sample.weight_SM is None else sample.weight_SM[s, m]
        weights[s, m, sample.frames_SM[s, m]] += sample.shown_SM[s, m] * (1 - mixed)
        if sample.mixed_SM is not None:
            weights[s, m, sample.mixed_SM[s, m]] += sample.shown_SM[s, m] * mixed
    return weights


@every_recording
@every_sampling
@pytest.mark.parametrize("clip_len", [1, 6, 20, 64])
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_as_in_plain_loops(valid: Valid, sampling: Sampling, clip_len: int, seed: int | None) -> None:
    ours, loops = (None if seed is None else np.random.default_rng(seed) for _ in range(2))
    sample = sample_frames(sampling, valid, clip_len, ours)
    expected = literal.sample_frames(sampling, valid, clip_len, loops)
    weights = np.zeros((len(expected), valid.shape[1], len(valid)))
    for s, m in np.ndindex(weights.shape[:2]):
        for frame, weight in expected[s][m]:
            weights[s, m, frame] += weight
    np.testing.assert_allclose(as_weights(sample, len(valid)), weights, atol=1e-6)
    assert sample.shown_SM.tolist() == [[bool(shown) for shown in frame] for frame in expected]
    if ours is not None and loops is not None:
        assert ours.random() == loops.random()


@every_recording
@every_sampling
@pytest.mark.parametrize("seed", [None, 3])
def test_only_who_is_there_is_shown(valid: Valid, sampling: Sampling, seed: int | None) -> None:
    sample = sample_frames(sampling, valid, 20, None if seed is None else np.random.default_rng(seed))
    assert len(sample.frames_SM) == (len(valid) if sampling == "all" else 20)
    assert sample.shown_SM.dtype == np.bool_
    used = as_weights(sample, len(valid)) > 0
    assert not (used & ~valid.T).any()
    assert (used.any(axis=-1) == sample.shown_SM).all()


@every_sampling
def test_the_same_generator_draws_the_same_frames(sampling: Sampling) -> None:
    first, again, other = (sample_frames(sampling, whole(50), 20, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.frames_SM, again.frames_SM)
    assert np.array_equal(first.frames_SM, other.frames_SM) is (sampling in DRAW_NOTHING)
    np.testing.assert_array_equal(
        sample_frames(sampling, whole(50), 20, None).frames_SM, sample_frames(sampling, whole(50), 20, None).frames_SM
    )


@pytest.mark.parametrize("sampling", ["segment_centres", "uniform", "resized", "repeated"])
def test_all_persons_are_shown_at_the_same_moments(sampling: Sampling) -> None:
    valid = gappy(60, 2, 5)
    for rng in (None, np.random.default_rng(0)):
        sample = sample_frames(sampling, valid, 16, rng)
        assert (sample.frames_SM[:, 0] == sample.frames_SM[:, 1]).all()
        assert valid[sample.frames_SM[:, 0]].any(axis=1).all()
        assert not sample.shown_SM.all()


# Segments


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("clip_len", [1, 6, 20])
def test_frames_are_the_starts_of_equal_segments(frames: int, clip_len: int) -> None:
    assert one_person("segments", frames, clip_len) == [i * frames // clip_len for i in range(clip_len)]


@pytest.mark.parametrize("frames", [3, 20, 50])
def test_random_frames_stay_in_their_segments_and_reach_all_of_them(frames: int) -> None:
    clip_len, rng = 6, np.random.default_rng(0)
    drawn: list[set[int]] = [set() for _ in range(clip_len)]
    for _ in range(400):
        for i, frame in enumerate(one_person("segments", frames, clip_len, rng)):
            drawn[i].add(frame)
    for i, found in enumerate(drawn):
        start, end = i * frames / clip_len, (i + 1) * frames / clip_len
        assert found == {t for t in range(frames) if t + 1 > start + 1e-9 and t < end - 1e-9}


@every_recording
@pytest.mark.parametrize("random", [False, True])
def test_everybody_is_sampled_over_their_own_frames(valid: Valid, random: bool) -> None:
    sample = sample_frames("segments", valid, 9, np.random.default_rng(0) if random else None)
    for m in range(valid.shape[1]):
        own = np.flatnonzero(valid[:, m]).tolist()
        assert sample.shown_SM[:, m].tolist() == [bool(own)] * 9
        found = sample.frames_SM[:, m].tolist()
        assert found == sorted(found)
        if own and not random:
            assert found == [own[i * len(own) // 9] for i in range(9)]


@pytest.mark.parametrize("random", [False, True])
def test_somebody_who_is_there_for_one_frame_is_never_a_zero_skeleton(random: bool) -> None:
    valid = whole(100, 2)
    valid[:57, 1] = valid[58:, 1] = False
    sample = sample_frames("segments", valid, 20, np.random.default_rng(0) if random else None)
    assert (sample.frames_SM[:, 1] == 57).all()
    assert sample.shown_SM.all()


# Segment centres


@pytest.mark.parametrize(
    ("frames", "clip_len", "expected"),
    [(9, 3, [1, 4, 7]), (6, 3, [1, 3, 5]), (3, 6, [0, 0, 1, 1, 2, 2]), (1, 4, [0, 0, 0, 0]), (4, 1, [2])],
)
def test_the_middles_of_segments(frames: int, clip_len: int, expected: list[int]) -> None:
    assert one_person("segment_centres", frames, clip_len) == expected


@pytest.mark.parametrize("frames", LENGTHS)
def test_a_random_frame_of_each_segment(frames: int) -> None:
    """Between the segment's first frame and its last; the other way round where segments are shorter than a frame."""
    rng, step = np.random.default_rng(1), frames / 20
    drawn = np.array([one_person("segment_centres", frames, 20, rng) for _ in range(300)])
    for i in range(20):
        ends = np.array([i * step, (i + 1) * step - 1]).clip(0, frames - 1)
        assert ends.min() - 0.5 - 1e-9 <= drawn[:, i].min()
        assert drawn[:, i].max() <= ends.max() + 0.5 + 1e-9
        assert step < 2 or len(set(drawn[:, i])) > 1


# Uniform


def pyskl_test_frames(frames: int, clip_len: int) -> list[int]:
    """By NumPy's global generator, as pyskl draws."""
    np.random.seed(255)  # noqa: NPY002
    np.random.rand()  # noqa: NPY002
    if frames < clip_len:
        return [i % frames for i in range(clip_len)]
    if frames < 2 * clip_len:
        skips = sorted(np.random.choice(clip_len + 1, frames - clip_len, replace=False))  # noqa: NPY002
        return [i + sum(1 for skip in skips if skip <= i) for i in range(clip_len)]
    starts = [i * frames // clip_len for i in range(clip_len + 1)]
    within = np.random.randint(np.diff(starts))  # noqa: NPY002
    return [starts[i] + int(within[i]) for i in range(clip_len)]


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("clip_len", [1, 20, 64])
def test_evaluation_shows_the_frames_that_pyskl_shows(frames: int, clip_len: int) -> None:
    assert one_person("uniform", frames, clip_len) == pyskl_test_frames(frames, clip_len)


def test_evaluation_does_not_touch_the_global_generator() -> None:
    np.random.seed(4)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    one_person("uniform", 57, 13)
    assert np.random.rand() == expected  # noqa: NPY002


def draws_of_uniform(frames: int, clip_len: int, count: int = 300) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array([one_person("uniform", frames, clip_len, rng) for _ in range(count)])


@pytest.mark.parametrize("frames", [1, 3, 9])
def test_short_recordings_are_repeated_from_any_start(frames: int) -> None:
    drawn = draws_of_uniform(frames, 10)
    assert (np.diff(drawn, axis=1) % frames == 1 % frames).all()
    assert set(drawn[:, 0]) == set(range(frames))


@pytest.mark.parametrize("frames", [10, 13, 19])
def test_recordings_below_two_clips_leave_out_random_frames(frames: int) -> None:
    drawn = draws_of_uniform(frames, 10)
    assert set(np.diff(drawn, axis=1).ravel()) <= {1, 2}
    assert (drawn >= 0).all()
    assert (drawn < frames).all()
    assert set(drawn.ravel()) == set(range(frames))


@pytest.mark.parametrize("frames", [20, 37, 100])
def test_long_recordings_show_one_frame_of_each_bin(frames: int) -> None:
    drawn = draws_of_uniform(frames, 10, 600)
    for i in range(10):
        assert set(drawn[:, i]) == set(range(i * frames // 10, (i + 1) * frames // 10))


# Resized, repeated, padded and all


@pytest.mark.parametrize("frames", LENGTHS)
def test_resizing_takes_the_middle_and_spreads_evenly(frames: int) -> None:
    """A person who walks at one metre a frame is seen to walk evenly through the middle 95 %."""
    cut = int(0.05 * frames / 2)
    length = frames - 2 * cut
    positions = as_weights(sample_frames("resized", whole(frames), 16, None), frames)[:, 0] @ np.arange(frames)
    even = cut + (np.arange(16) + 0.5) * length / 16 - 0.5
    np.testing.assert_allclose(positions, even.clip(cut, cut + length - 1), atol=1e-4)


def test_random_parts_are_at_least_half_and_at_least_a_clip() -> None:
    rng = np.random.default_rng(0)
    spans: dict[int, list[float]] = {200: [], 70: [], 12: []}
    for frames, found in spans.items():
        for _ in range(200):
            at = as_weights(sample_frames("resized", whole(frames), 64, rng), frames)[:, 0] @ np.arange(frames)
            assert (np.diff(at) >= -1e-6).all()
            found.append((at[-1] - at[0]) / 63 * 64)
    # Resizing spans the cropped part but for half of a step at either end.
    assert 99 <= min(spans[200]) < 105
    assert 190 < max(spans[200]) <= 201
    assert 63 <= min(spans[70]) < 65
    assert min(spans[12]) > 11


@pytest.mark.parametrize("frames", LENGTHS)
def test_recordings_are_repeated_until_the_clip_is_full(frames: int) -> None:
    assert one_person("repeated", frames, 40) == (list(range(frames)) * 40)[:40]


@every_recording
def test_repeating_passes_over_frames_that_nobody_is_in(valid: Valid) -> None:
    sample = sample_frames("repeated", valid, 64, None)
    occupied = np.flatnonzero(valid.any(axis=1))
    assert set(sample.frames_SM[:, 0]) == set(occupied[:64] if len(occupied) else [0])


@pytest.mark.parametrize("clip_len", [1, 20, 64])
@every_recording
def test_padding_shows_every_frame_and_then_nobody(valid: Valid, clip_len: int) -> None:
    sample = sample_frames("padded", valid, clip_len, np.random.default_rng(0))
    kept = min(len(valid), clip_len)
    assert (sample.frames_SM[:kept] == np.arange(kept)[:, None]).all()
    assert (sample.shown_SM[:kept] == valid[:kept]).all()
    assert len(sample.shown_SM) == clip_len
    assert not sample.shown_SM[kept:].any()


@pytest.mark.parametrize("clip_len", [1, 20])
@every_recording
def test_all_shows_every_frame(valid: Valid, clip_len: int) -> None:
    sample = sample_frames("all", valid, clip_len, np.random.default_rng(0))
    assert (sample.frames_SM == np.arange(len(valid))[:, None]).all()
    assert (sample.shown_SM == valid).all()


def test_all_frames_in_steps() -> None:
    valid = gappy(30, 2, 9)
    sample = sample_frames("all", valid, 20, None, frame_step=4)
    assert sample.frames_SM[:, 1].tolist() == list(range(0, 30, 4))
    np.testing.assert_array_equal(sample.shown_SM, valid[::4])


@every_sampling
def test_evaluation_draws_nothing(sampling: Sampling) -> None:
    """Whatever is drawn in between, a clip without a generator stays the same."""
    first = sample_frames(sampling, gappy(30, 2, 9), 12, None)
    sample_frames(sampling, gappy(30, 2, 9), 12, np.random.default_rng(0))
    again = sample_frames(sampling, gappy(30, 2, 9), 12, None)
    np.testing.assert_array_equal(as_weights(first, 30), as_weights(again, 30))
