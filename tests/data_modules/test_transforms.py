"""Normalisation and streams against plain loops. Axes: T frames, M persons, V joints, C coordinates."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from data_modules import transforms
from data_modules.augmentation import rotation
from data_modules.divisions import EVALUATION, Draw
from data_modules.layouts import HAND22, LAYOUTS, NTU25, Layout
from data_modules.readers import READERS
from data_modules.sampling import Valid, sample_frames
from data_modules.sequence import SkeletonSequence
from data_modules.settings import Sampling, SkeletonSettings, Stream
from data_modules.skeletons import NOISE, Clips
from data_modules.store import Frames, Store, write_store
from data_modules.transforms import Joints
from skeleton_lab.measure.benchmarks import BENCHMARKS
from skeleton_lab.measure.literal.preparation import Draws, prepare_clip

Recording = tuple[Joints, Valid]
STREAMS: tuple[Stream, ...] = get_args(Stream)
SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
UP, RIGHT = (0, 20), (20, 4)
ALL = SkeletonSettings(sampling="all", origin="none")


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


def shown(x: Joints, valid: Valid, layout: Layout = NTU25, size: tuple[int, int] = (0, 0), **settings: Any) -> Joints:
    """Every frame of a recording as the settings have it."""
    confidence = settings.pop("confidence", None)
    chosen, frames = replace(ALL, **settings), Frames(x, valid, confidence, None)
    normalisation = transforms.normalisation_of(frames, chosen, size)
    sample = sample_frames("all", valid, 1, None)
    whole = bool(valid.all())
    return transforms.show(transforms.Recording(frames, whole, layout, normalisation), sample, chosen.stream)


def first_seen(valid: Valid) -> tuple[int, int]:
    """The first frame of the first person who is ever there."""
    return next((t, m) for m in range(valid.shape[1]) for t in range(valid.shape[0]) if valid[t, m])


def test_persons_stand_along_x() -> None:
    """By the mean of one joint where they are seen; who never is comes last, and nothing of anybody is left behind."""
    x, valid = recording(persons=4, absent=(1,), seed=1)
    frames = Frames(x, valid, np.arange(12 * 4 * 25).reshape(12, 4, 25).astype(np.float32), None)
    found = transforms.along_x(frames, 7)
    places = [x[valid[:, m], m, 7, 0].mean() if valid[:, m].any() else -np.inf for m in range(4)]
    order = sorted(range(4), key=lambda m: -places[m])
    assert order[-1] == 1 and order != [0, 2, 3, 1]
    for name in ("joints_TMVC", "valid_TM", "confidence_TMV"):
        assert np.array_equal(getattr(found, name), getattr(frames, name)[:, order])


def test_the_order_of_persons_is_a_setting(tmp_path: Path) -> None:
    """The origin is then the centre of the one who is first."""
    x = np.zeros((4, 2, 25, 3), np.float32)
    x[:, 1] = 3
    sequence = SkeletonSequence(joints=x, valid=np.ones((4, 2), bool), label=0, sample_id="a", layout=NTU25, fps=30.0)
    store = write_store(tmp_path / "store", NTU25, (), [sequence])
    clips = [
        Clips(store, np.zeros(1, np.int64), SkeletonSettings(sampling="all", persons=2, person_order=order), 0)[Draw(0)]
        for order in ("recorded", "along_x")
    ]
    assert [clip.joints_TMVC[:, :, 0, 0].tolist() for clip in clips] == [[[0, 3]] * 4, [[0, -3]] * 4]


RECORDINGS = {
    "whole": recording(gaps=0),
    "gaps": recording(gaps=0.5, seed=1),
    "first person absent": recording(absent=(0,), seed=2),
    "second person absent": recording(absent=(1,), seed=3),
    "three persons": recording(persons=3, gaps=0.7, seed=4),
    "one frame": recording(frames=1, persons=1, gaps=0),
}
every_recording = pytest.mark.parametrize(("x", "valid"), RECORDINGS.values(), ids=RECORDINGS.keys())
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)


# Origin and scale


@every_recording
@pytest.mark.parametrize("joint", [0, 20])
def test_the_origin_is_a_joint_of_the_first_skeleton(x: Joints, valid: Valid, joint: int) -> None:
    centred = shown(x, valid, origin="joint", centre_joint=joint)
    frame, person = first_seen(valid)
    for t, m in np.ndindex(valid.shape):
        expected = x[t, m] - x[frame, person, joint] if valid[t, m] else np.zeros((25, 3))
        np.testing.assert_array_equal(centred[t, m], expected)
    assert centred.dtype == np.float32
    assert not centred[frame, person, joint].any()


@every_recording
def test_coordinates_may_stay_as_they_were_recorded(x: Joints, valid: Valid) -> None:
    np.testing.assert_array_equal(shown(x, valid, origin="none"), x)


def test_the_edges_of_a_picture_are_at_one() -> None:
    corners = np.array([[0, 0], [640, 480], [320, 240], [640, 0]], np.float32).reshape(4, 1, 1, 2)
    layout = replace(LAYOUTS["coco17"], joints=("nose",), parents=(0,))
    x = shown(corners, np.ones((4, 1), np.bool_), layout, (640, 480), origin="image")
    assert x[:, 0, 0].tolist() == [[-1, -1, 1], [1, 1, 1], [0, 0, 1], [1, -1, 1]]


@every_recording
@pytest.mark.parametrize("bone", [(0, 1), (24, 3)])
def test_a_bone_of_the_first_skeleton_becomes_one(x: Joints, valid: Valid, bone: tuple[int, int]) -> None:
    scaled = shown(x, valid, scale_bone=list(bone))
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
    scaled = shown(x, valid, HAND22, scale_bone=[10, 0])
    assert np.linalg.norm(scaled[2, 0, 10] - scaled[2, 0, 0]) == pytest.approx(1)
    assert np.linalg.norm(scaled[3, 0, 10] - scaled[3, 0, 0]) != pytest.approx(1)
    np.testing.assert_allclose(scaled, x / np.linalg.norm(x[2, 0, 10] - x[2, 0, 0]), rtol=1e-5)


def test_a_bone_that_never_has_a_length_scales_nothing() -> None:
    x, valid = recording()
    np.testing.assert_array_equal(shown(x, valid, scale_bone=[5, 5]), x)


# Alignment


def aligned(x: Joints, valid: Valid, up: tuple[int, int] = UP, right: tuple[int, int] = RIGHT) -> Joints:
    return shown(x, valid, align_up=list(up), align_right=list(right))


def distances(x: Joints) -> np.ndarray:
    points = x.reshape(-1, 3).astype(np.float64)
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@every_recording
def test_align(x: Joints, valid: Valid) -> None:
    turned = aligned(x, valid)
    first = turned[first_seen(valid)]
    up, right = first[UP[1]] - first[UP[0]], first[RIGHT[1]] - first[RIGHT[0]]
    np.testing.assert_allclose(up / np.linalg.norm(up), [0, 0, 1], atol=1e-5)
    np.testing.assert_allclose(right[:2] / np.linalg.norm(right[:2]), [1, 0], atol=1e-5)
    np.testing.assert_allclose(distances(turned), distances(x), atol=1e-4)
    assert turned.dtype == np.float32
    assert not turned[~valid].any()


@every_recording
def test_align_turns_and_does_not_mirror(x: Joints, valid: Valid) -> None:
    at = first_seen(valid)
    before, after = (np.linalg.det(one[at][[1, 6, 12]].astype(np.float64)) for one in (x, aligned(x, valid)))
    assert after == pytest.approx(before, rel=1e-3, abs=1e-5)


def test_whoever_is_turned_any_way_is_aligned_the_same() -> None:
    x, valid = recording()
    turned = x @ rotation(np.array([30.0, -70, 200])).T.astype(np.float32)
    expected = aligned(x, valid)
    np.testing.assert_allclose(aligned(turned, valid), expected, atol=1e-4)
    np.testing.assert_allclose(aligned(expected, valid), expected, atol=1e-5)


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
    np.testing.assert_array_equal(aligned(x, valid), x)


def test_a_hand_may_be_aligned_too() -> None:
    x, valid = recording(joints=HAND22.num_joints)
    first = aligned(x, valid, (0, 10), (6, 18))[first_seen(valid)]
    np.testing.assert_allclose((first[10] - first[0])[:2], 0, atol=1e-5)


# Streams


def expected_stream(x: Joints, valid: Valid, stream: Stream, layout: Layout) -> np.ndarray:
    if stream == "joint_bone_motion":
        parts: tuple[Stream, ...] = ("joint", "bone", "joint_motion")
        return np.concatenate([expected_stream(x, valid, part, layout) for part in parts], axis=-1)
    seen, moves = np.zeros(x.shape), np.zeros(x.shape)
    for t, m, v in np.ndindex(x.shape[:3]):
        seen[t, m, v] = x[t, m, v] - x[t, m, layout.parents[v]] if stream.startswith("bone") else x[t, m, v]
    for t, m in np.ndindex(x.shape[:2]):
        # Velocity looks back, motion ahead.
        start, end = (t - 1, t) if stream == "velocity" else (t, t + 1)
        if start >= 0 and end < len(x) and valid[start, m] and valid[end, m]:
            moves[t, m] = seen[end, m] - seen[start, m]
    return moves if stream.endswith("motion") or stream == "velocity" else seen


@every_recording
@pytest.mark.parametrize("stream", STREAMS)
def test_streams(x: Joints, valid: Valid, stream: Stream) -> None:
    made = shown(x, valid, stream=stream)
    np.testing.assert_allclose(made, expected_stream(x, valid, stream, NTU25), atol=1e-5)
    assert made.dtype == np.float32
    assert not made[~valid].any()


@every_layout
def test_the_root_has_no_bone_and_all_others_have_one(layout: Layout) -> None:
    x, valid = recording(gaps=0, joints=layout.num_joints)
    bones = shown(x[..., : layout.dimensions], valid, layout, stream="bone")[..., : layout.dimensions]
    roots = [joint for joint, parent in enumerate(layout.parents) if joint == parent]
    assert np.flatnonzero((bones == 0).all(axis=(0, 1, 3))).tolist() == roots


@pytest.mark.parametrize(
    ("stream", "moves"), [("joint_motion", [1, 1, 0, 0, 1, 0]), ("velocity", [0, 1, 1, 0, 0, 1])], ids=str
)
def test_nobody_moves_across_a_gap(stream: Stream, moves: list[int]) -> None:
    """Not even by the whole way from the origin, where an absent person's zeros are."""
    x, valid = recording(frames=6, persons=1, gaps=0)
    x, valid = x.copy(), valid.copy()
    x[3], valid[3] = 0, False
    assert shown(x, valid, stream=stream).any(axis=(1, 2, 3)).tolist() == [bool(move) for move in moves]


# Pictures

FLAT = LAYOUTS["penn13"]


def flat_recording(frames: int = 6) -> tuple[Joints, Valid, Joints]:
    """Pixels, who is there, and confidence, of which about a third is 0 or next to it."""
    rng = np.random.default_rng(3)
    x = (rng.random((frames, 2, 13, 2)) * 400).astype(np.float32)
    confidence = rng.random((frames, 2, 13)).astype(np.float32)
    confidence[rng.random(confidence.shape) < 0.3] = 0.01
    valid = np.ones((frames, 2), np.bool_)
    valid[2, 1] = False
    return x * valid[..., None, None], valid, confidence * valid[..., None]


@pytest.mark.parametrize("origin", ["joint", "image", "none"])
def test_joints_that_were_not_seen_lie_on_the_origin(origin: str) -> None:
    x, valid, confidence = flat_recording()
    flat = shown(x, valid, FLAT, (400, 300), origin=origin, centre_joint=1, confidence=confidence)
    np.testing.assert_array_equal(flat[..., 2], confidence)
    assert not flat[confidence <= 0.01][:, :2].any()
    assert flat[confidence > 0.011][:, :2].any(axis=-1).mean() > 0.9
    certain = shown(x, valid, FLAT, (400, 300), origin=origin, centre_joint=1)
    assert (certain[..., 2] == valid[..., None]).all()
    np.testing.assert_array_equal(certain[confidence > 0.01][:, :2], flat[confidence > 0.01][:, :2])


def test_joints_that_were_not_seen_are_neither_origin_nor_scale() -> None:
    x, valid, confidence = flat_recording()
    centre, end = 1, 2
    confidence[:], confidence[0, 0, centre], confidence[:2, 0, end] = 0.5, 0.0, 0.0
    joints = {"origin": "joint", "centre_joint": centre, "scale_bone": [centre, end]}
    flat = shown(x, valid, FLAT, confidence=confidence, **joints)
    bone = np.linalg.norm(x[2, 0, centre] - x[2, 0, end])
    np.testing.assert_allclose(flat[3, 1, :, :2], (x[3, 1] - x[1, 0, centre]) / bone, rtol=1e-4, atol=1e-5)
    confidence[:, 0, centre] = 0.0
    np.testing.assert_array_equal(shown(x, valid, FLAT, confidence=confidence, **joints)[3, 1, :, :2], x[3, 1])


def test_bones_and_motion_are_as_sure_as_both_their_ends() -> None:
    x, valid, confidence = flat_recording()
    bones = shown(x, valid, FLAT, stream="bone", confidence=confidence)[..., 2]
    np.testing.assert_allclose(bones, (confidence + confidence[..., list(FLAT.parents)]) / 2, atol=1e-6)
    for stream, sure in (("joint_motion", confidence), ("bone_motion", bones)):
        motion = shown(x, valid, FLAT, stream=stream, confidence=confidence)[..., 2]
        expected = (sure[1:] + sure[:-1]) / 2 * (valid[1:] & valid[:-1])[..., None]
        np.testing.assert_allclose(motion[:-1], expected, atol=1e-6)
        assert not motion[-1].any()


# The whole way, against the literal twin

# Frames, persons and gaps of the recordings: long and short ones, one of a single frame, one of three persons.
SHAPES = ((13, 2, 0.0), (5, 1, 0.0), (1, 1, 0.0), (11, 3, 0.4), (7, 2, 0.6))
PLAIN = SkeletonSettings(clip_len=6, persons=2, centre_joint=1)


def store_of(layout: Layout, folder: Path) -> Store:
    def sequences() -> Iterator[SkeletonSequence]:
        for number, (frames, persons, gaps) in enumerate(SHAPES):
            rng = np.random.default_rng(number)
            valid = rng.random((frames, persons)) >= gaps
            valid[frames // 2, 0] = True
            x = rng.normal(size=(frames, persons, layout.num_joints, layout.dimensions))
            x = x * (1, 1, 3)[: layout.dimensions] if layout.dimensions == 3 else 200 + 80 * x
            confidence = rng.random(x.shape[:3]) * (rng.random(x.shape[:3]) > 0.2) * valid[..., None]
            yield SkeletonSequence(
                joints=(x * valid[..., None, None]).astype(np.float32),
                valid=valid,
                label=0,
                sample_id=str(number),
                layout=layout,
                fps=30,
                confidence=confidence.astype(np.float32),
                image_width=400,
                image_height=300 + number,
            )

    return write_store(folder, layout, ("confidence",), sequences())


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Store]:
    folder = tmp_path_factory.mktemp("stores")
    made: dict[str, Store] = {}

    def store(name: str) -> Store:
        if name not in made:
            made[name] = store_of(LAYOUTS[name], folder / name)
        return made[name]

    return store


def everything_on(layout: Layout) -> dict[str, Any]:
    """Every step that can be taken with the layout."""
    shared = {"scale_bone": [1, 3], "rotation_degrees": 17.0, "scale_spread": 0.2}
    if layout.dimensions == 2:
        return {**shared, "origin": "image"}
    return {**shared, "align_up": [0, 2], "align_right": [3, 5], "noise_metres": 0.05}


def literally(store: Store, settings: SkeletonSettings, seed: int, draw: Draw) -> tuple[np.ndarray, Valid]:
    position, epoch = draw.position, draw.epoch
    noisy = settings.noise_metres and settings.noise_on in ("both", "test" if epoch is None else "train")
    noise = np.random.default_rng((seed, EVALUATION if epoch is None else epoch, position, NOISE)) if noisy else None
    clip = None if epoch is None else np.random.default_rng((seed, epoch, position))
    size = (int(store.index.image_width[position]), int(store.index.image_height[position]))
    return prepare_clip(store.sequence(position), store.layout, settings, size, Draws(clip, noise))


def assert_like_the_loops(store: Store, settings: SkeletonSettings, draws: list[Draw], seed: int = 7) -> None:
    clips = Clips(store, store.index.label, settings, seed)
    for draw in draws:
        clip = clips[draw]
        expected, there = literally(store, settings, seed, draw)
        np.testing.assert_array_equal(clip.valid_TM, there)
        np.testing.assert_allclose(clip.joints_TMVC, expected, rtol=1e-5, atol=1e-5 * max(1, np.abs(expected).max()))
        assert clip.joints_TMVC.dtype == np.float32
        assert not clip.joints_TMVC[~clip.valid_TM].any()


@every_layout
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_layout_is_prepared_as_in_plain_loops(
    layout: Layout, sampling: Sampling, stores: Callable[[str], Store]
) -> None:
    store = stores(layout.name)
    draws = [Draw(position, epoch) for position in range(len(SHAPES)) for epoch in (None, 2)]
    for stream in STREAMS:
        for changes in ({}, everything_on(layout)):
            assert_like_the_loops(store, replace(PLAIN, sampling=sampling, stream=stream, **changes), draws)


@pytest.mark.parametrize(
    ("dataset", "chosen"),
    [
        ("shrec2017", {"scale_bone": [0, 10], "stream": "bone_motion"}),
        ("ntu60", {"persons": 2, "centre_joint": 1, "align_up": [0, 20], "align_right": [20, 4]}),
        ("ntu60", {"persons": 2, "origin": "none", "sampling": "all", "stream": "joint_bone_motion"}),
        ("ntu60", {"persons": 2, "centre_joint": 1, "sampling": "uniform", "clip_len": 100, "stream": "bone"}),
    ],
)
def test_real_recordings_are_prepared_as_in_plain_loops(dataset: str, chosen: dict[str, Any], tmp_path: Path) -> None:
    reader, data_root = READERS[dataset], Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / reader.folder).is_dir():
        pytest.skip(f"needs DATA_ROOT with the folder {reader.folder}")
    found = (one for path in reader.find(data_root) for one in reader.read(path))
    sequences = list(islice((one for one in found if isinstance(one, SkeletonSequence)), 4))
    store = write_store(tmp_path / "store", reader.layout, (), sequences)
    settings = replace(SkeletonSettings(rotation_degrees=17.0), **chosen)
    assert_like_the_loops(
        store, settings, [Draw(position, epoch) for position in range(len(store)) for epoch in (None, 5)]
    )


def test_both_sides_of_the_benchmark_make_the_same_clips(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["clips"](tmp_path)
    fast, plain = benchmark.fast(), benchmark.plain()
    assert isinstance(fast, list)
    assert isinstance(plain, list)
    assert len(fast) == benchmark.amount
    for clip, (joints, there) in zip(fast, plain, strict=True):
        np.testing.assert_array_equal(clip.valid_TM, there)
        np.testing.assert_allclose(clip.joints_TMVC, joints, atol=1e-5)
