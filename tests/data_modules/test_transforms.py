"""The transforms against plain loops. Axes: T frames, M persons, V joints, C coordinates."""

import numpy as np
import pytest

from data_modules import transforms
from data_modules.layouts import HAND22, LAYOUTS, NTU25, Layout
from data_modules.transforms import Joints, Stream, Valid

Recording = tuple[Joints, Valid]
STREAMS: tuple[Stream, ...] = ("joint", "bone", "joint_motion", "bone_motion")
UP, RIGHT = (0, 20), (20, 4)


def recording(
    frames: int = 12, persons: int = 2, gaps: float = 0.3, joints: int = 25, seed: int = 0, absent: tuple[int, ...] = ()
) -> Recording:
    """Noise that cannot be written to; the persons in `absent` are never there, the others now and then."""
    rng = np.random.default_rng(seed)
    valid = rng.random((frames, persons)) >= gaps
    valid[rng.integers(frames)] = True
    valid[:, list(absent)] = False
    x = (rng.normal(size=(frames, persons, joints, 3)) + 2).astype(np.float32) * valid[:, :, None, None]
    x.flags.writeable = valid.flags.writeable = False
    return x, valid


def numbered(valid: Valid) -> Joints:
    """Joints that tell their frame and person: t + 1 everywhere, negative for the second person."""
    x = np.zeros((*valid.shape, 1, 3), np.float32)
    for t, m in zip(*np.nonzero(valid), strict=True):
        x[t, m] = (t + 1) * (-1) ** m
    return x


def first_seen(valid: Valid) -> tuple[int, int]:
    """The first frame of the first person who is ever there."""
    return next((t, m) for m in range(valid.shape[1]) for t in range(valid.shape[0]) if valid[t, m])


RECORDINGS = {
    "whole": recording(gaps=0),
    "gaps": recording(gaps=0.5, seed=1),
    "first person absent": recording(absent=(0,), seed=2),
    "second person absent": recording(absent=(1,), seed=3),
    "three persons": recording(persons=3, gaps=0.7, seed=4),
    "one frame": recording(frames=1, persons=1, gaps=0),
}
every_recording = pytest.mark.parametrize(("x", "valid"), RECORDINGS.values(), ids=RECORDINGS.keys())


@every_recording
@pytest.mark.parametrize("joint", [0, 20])
def test_centre(x: Joints, valid: Valid, joint: int) -> None:
    centred = transforms.centre(x, valid, joint)
    frame, person = first_seen(valid)
    for t, m in np.ndindex(valid.shape):
        expected = x[t, m] - x[frame, person, joint] if valid[t, m] else np.zeros((25, 3))
        np.testing.assert_array_equal(centred[t, m], expected)
    assert centred.dtype == np.float32
    assert not centred[frame, person, joint].any()


@every_recording
@pytest.mark.parametrize("bone", [(0, 1), (24, 3)])
def test_scale_by_bone(x: Joints, valid: Valid, bone: tuple[int, int]) -> None:
    scaled = transforms.scale_by_bone(x, valid, bone)
    frame, person = first_seen(valid)
    length = sum(float(x[frame, person, bone[0], c] - x[frame, person, bone[1], c]) ** 2 for c in range(3)) ** 0.5
    np.testing.assert_allclose(scaled, x / length, rtol=1e-5)
    assert scaled.dtype == np.float32


def test_scale_takes_the_first_frame_in_which_the_bone_has_a_length() -> None:
    """As SHREC'17 is normalised: a frame of zeros, or one whose joints coincide, has no length to divide by."""
    x, valid = recording(frames=6, persons=1, gaps=0, joints=22)
    x, valid = x.copy(), valid.copy()
    x[0], valid[0] = 0, False
    x[1, 0, 10] = x[1, 0, 0]
    scaled = transforms.scale_by_bone(x, valid, (10, 0))
    assert np.linalg.norm(scaled[2, 0, 10] - scaled[2, 0, 0]) == pytest.approx(1)
    assert np.linalg.norm(scaled[3, 0, 10] - scaled[3, 0, 0]) != pytest.approx(1)
    np.testing.assert_allclose(scaled, x / np.linalg.norm(x[2, 0, 10] - x[2, 0, 0]), rtol=1e-5)


def test_a_bone_that_never_has_a_length_scales_nothing() -> None:
    x, valid = recording()
    np.testing.assert_array_equal(transforms.scale_by_bone(x, valid, (5, 5)), x)


def expected_stream(x: Joints, valid: Valid, stream: Stream, layout: Layout) -> np.ndarray:
    seen = np.zeros(x.shape)
    for t, m, v in np.ndindex(x.shape[:3]):
        seen[t, m, v] = x[t, m, v] - x[t, m, layout.parents[v]] if stream.startswith("bone") else x[t, m, v]
    if not stream.endswith("motion"):
        return seen
    motion = np.zeros(x.shape)
    for t, m in np.ndindex(x.shape[:2]):
        if t + 1 < len(x) and valid[t, m] and valid[t + 1, m]:
            motion[t, m] = seen[t + 1, m] - seen[t, m]
    return motion


@every_recording
@pytest.mark.parametrize("stream", STREAMS)
def test_streams(x: Joints, valid: Valid, stream: Stream) -> None:
    made = transforms.as_stream(x, valid, stream, NTU25)
    np.testing.assert_allclose(made, expected_stream(x, valid, stream, NTU25), atol=1e-5)
    assert made.dtype == np.float32
    assert not made[~valid].any()


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_the_root_has_no_bone_and_all_others_have_one(layout: Layout) -> None:
    x, valid = recording(gaps=0, joints=layout.num_joints)
    bones = transforms.as_stream(x, valid, "bone", layout)
    roots = [joint for joint, parent in enumerate(layout.parents) if joint == parent]
    without = (bones == 0).all(axis=(0, 1, 3))
    assert np.flatnonzero(without).tolist() == roots


def test_nobody_moves_across_a_gap() -> None:
    """Not even by the whole way from the origin, where an absent person's zeros are."""
    x, valid = recording(frames=6, persons=1, gaps=0)
    x, valid = x.copy(), valid.copy()
    x[3], valid[3] = 0, False
    moves = transforms.as_stream(x, valid, "joint_motion", NTU25).any(axis=(1, 2, 3))
    assert moves.tolist() == [True, True, False, False, True, False]


@pytest.mark.parametrize("frames", [1, 2, 7, 19, 20, 21, 40, 300])
@pytest.mark.parametrize("clip_len", [1, 6, 20])
def test_frames_are_the_starts_of_equal_segments(frames: int, clip_len: int) -> None:
    valid = np.ones((frames, 1), np.bool_)
    sampled, shown = transforms.sample_frames(numbered(valid), valid, clip_len, None)
    assert sampled[:, 0, 0, 0].tolist() == [i * frames // clip_len + 1 for i in range(clip_len)]
    assert sampled.shape == (clip_len, 1, 1, 3)
    assert sampled.dtype == np.float32
    assert shown.dtype == np.bool_
    assert shown.all()


@pytest.mark.parametrize("frames", [3, 20, 50])
def test_random_frames_stay_in_their_segments_and_reach_all_of_them(frames: int) -> None:
    clip_len = 6
    valid = np.ones((frames, 1), np.bool_)
    rng = np.random.default_rng(0)
    drawn: list[set[int]] = [set() for _ in range(clip_len)]
    for _ in range(400):
        sampled, _ = transforms.sample_frames(numbered(valid), valid, clip_len, rng)
        for i, number in enumerate(sampled[:, 0, 0, 0]):
            drawn[i].add(int(number) - 1)
    for i, found in enumerate(drawn):
        start, end = i * frames / clip_len, (i + 1) * frames / clip_len
        assert found == {t for t in range(frames) if t + 1 > start + 1e-9 and t < end - 1e-9}


def test_the_same_generator_draws_the_same_frames() -> None:
    x, valid = recording(frames=50)
    first, again, other = (transforms.sample_frames(x, valid, 10, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@every_recording
@pytest.mark.parametrize("random", [False, True])
def test_everybody_is_sampled_over_their_own_frames(x: Joints, valid: Valid, random: bool) -> None:
    sampled, shown = transforms.sample_frames(x, valid, 9, np.random.default_rng(0) if random else None)
    for m in range(valid.shape[1]):
        own = [t for t in range(len(x)) if valid[t, m]]
        assert shown[:, m].tolist() == [bool(own)] * 9
        if not own:
            assert not sampled[:, m].any()
            continue
        found = [next(t for t in own if (x[t, m] == sampled[i, m]).all()) for i in range(9)]
        assert found == sorted(found)
        if not random:
            assert found == [own[i * len(own) // 9] for i in range(9)]


@pytest.mark.parametrize("random", [False, True])
def test_somebody_who_is_there_for_one_frame_is_never_a_zero_skeleton(random: bool) -> None:
    valid = np.ones((100, 2), np.bool_)
    valid[:, 1] = False
    valid[57, 1] = True
    sampled, shown = transforms.sample_frames(numbered(valid), valid, 20, np.random.default_rng(0) if random else None)
    assert (sampled[:, 1] == -58).all()
    assert shown.all()


def expected_rotation(degrees: np.ndarray) -> np.ndarray:
    """R_z R_y R_x on column vectors."""
    a, b, c = np.deg2rad(degrees)
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return np.linalg.multi_dot([about_z, about_y, about_x])


@pytest.mark.parametrize("degrees", [(0, 0, 0), (17, 0, 0), (0, -17, 0), (0, 0, 90), (10, -5, 160)], ids=str)
def test_rotate(degrees: tuple[float, ...]) -> None:
    x, valid = recording()
    turned = transforms.rotate(x, np.array(degrees, float))
    rotation = expected_rotation(np.array(degrees))
    for place in np.ndindex(x.shape[:3]):
        np.testing.assert_allclose(turned[place], rotation @ x[place], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5)
    assert turned.dtype == np.float32
    assert not turned[~valid].any()


@pytest.mark.parametrize(
    ("degrees", "point", "turned"),
    [
        ((90, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 90, 0), (0, 0, 1), (1, 0, 0)),
        ((0, 0, 90), (1, 0, 0), (0, 1, 0)),
        ((90, 90, 0), (0, 1, 0), (1, 0, 0)),
    ],
)
def test_which_way_it_turns(degrees: tuple[float, ...], point: tuple[float, ...], turned: tuple[float, ...]) -> None:
    x = np.array(point, np.float32).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(transforms.rotate(x, np.array(degrees, float)).ravel(), turned, atol=1e-6)


def distances(x: Joints) -> np.ndarray:
    points = x.reshape(-1, 3).astype(np.float64)
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@every_recording
def test_align(x: Joints, valid: Valid) -> None:
    aligned = transforms.align(x, valid, UP, RIGHT)
    first = aligned[first_seen(valid)]
    up, right = first[UP[1]] - first[UP[0]], first[RIGHT[1]] - first[RIGHT[0]]
    np.testing.assert_allclose(up / np.linalg.norm(up), [0, 0, 1], atol=1e-5)
    np.testing.assert_allclose(right[:2] / np.linalg.norm(right[:2]), [1, 0], atol=1e-5)
    np.testing.assert_allclose(distances(aligned), distances(x), atol=1e-4)
    assert aligned.dtype == np.float32
    assert not aligned[~valid].any()


@every_recording
def test_align_turns_and_does_not_mirror(x: Joints, valid: Valid) -> None:
    at = first_seen(valid)
    aligned = transforms.align(x, valid, UP, RIGHT)
    before, after = (np.linalg.det(one[at][[1, 6, 12]].astype(np.float64)) for one in (x, aligned))
    assert after == pytest.approx(before, rel=1e-3, abs=1e-5)


def test_whoever_is_turned_any_way_is_aligned_the_same() -> None:
    x, valid = recording()
    turned = transforms.rotate(x, np.array([30.0, -70, 200]))
    expected = transforms.align(x, valid, UP, RIGHT)
    np.testing.assert_allclose(transforms.align(turned, valid, UP, RIGHT), expected, atol=1e-4)
    np.testing.assert_allclose(transforms.align(expected, valid, UP, RIGHT), expected, atol=1e-5)


@pytest.mark.parametrize("case", ["up coincides", "right coincides", "parallel", "opposite"])
@pytest.mark.parametrize("seed", range(5))
def test_where_there_is_no_direction_nothing_is_turned(case: str, seed: int) -> None:
    x, valid = recording(persons=1, gaps=0, seed=seed)
    x = x.copy()
    up = x[0, 0, 20] - x[0, 0, 0]
    if case == "up coincides":
        x[0, 0, 20] = x[0, 0, 0]
    else:
        x[0, 0, 4] = x[0, 0, 20] + {"right coincides": 0, "parallel": 2, "opposite": -0.5}[case] * up
    np.testing.assert_array_equal(transforms.align(x, valid, UP, RIGHT), x)


def test_a_hand_may_be_aligned_too() -> None:
    x, valid = recording(joints=HAND22.num_joints)
    first = transforms.align(x, valid, (0, 10), (6, 18))[first_seen(valid)]
    np.testing.assert_allclose((first[10] - first[0])[:2], 0, atol=1e-5)
