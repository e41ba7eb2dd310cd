"""Pose pickles: small ones in the formats of pyskl and mmaction2, damaged ones, and the real examples where they are.

Axes: M persons, T frames, V joints, C coordinates, S skeletons (of all frames).
"""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import COCO17, NTU25
from data_modules.prepare import prepare
from data_modules.readers import READERS
from data_modules.readers.folds import by_lists
from data_modules.readers.formats.safe_pickle import load
from data_modules.readers.ntu_rgbd import NTU60, NTU120
from data_modules.readers.pose_annotations import MAX_FRAMES
from data_modules.readers.pose_pickles import (
    FINEGYM99,
    KINETICS400,
    NTU60_2D,
    NTU60_3D,
    NTU120_2D,
    NTU120_3D,
    POSE_PICKLES,
    PosePickleReader,
    numbered,
)
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence
from tests.helpers import only

NAMES = ("S001C001P001R001A001", "S002C002P003R002A050", "S017C003P002R001A060")


def pose(persons: int = 1, frames: int = 6, joints: int = 17, coordinates: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (1 + 100 * rng.random((persons, frames, joints, coordinates))).astype(np.float16)


def seen(name: str, label: int = 0, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """A recording of one person in the picture."""
    scores = np.random.default_rng(seed).random((1, 6, 17)).astype(np.float16)
    known = {"frame_dir": name, "label": label, "img_shape": (270, 480), "original_shape": (270, 480)}
    return {**known, "total_frames": 6, "keypoint": pose(seed=seed), "keypoint_score": scores, **fields}


def scattered(name: str, frames: list[int], label: int = 0, **fields: Any) -> dict[str, Any]:
    """A recording whose keypoints are elsewhere."""
    known = {"frame_dir": name, "label": label, "img_shape": (320, 426), "total_frames": 9}
    boxes = {"frame_inds": np.array(frames, np.int16), "box_score": np.ones(len(frames), np.float16)}
    return {**known, **boxes, "valid": {0.5: len(frames)}, **fields}


def written(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, 4))
    return path


def read(reader: Reader, path: Path) -> tuple[list[SkeletonSequence], list[UnreadableRecordingError]]:
    found = list(reader.read(path))
    errors = [each for each in found if isinstance(each, UnreadableRecordingError)]
    return [each for each in found if isinstance(each, SkeletonSequence)], errors


def test_finegym(tmp_path: Path) -> None:
    annotations = [seen("A0xAXXysHUo_E_1_A_1", 0), seen("A0xAXXysHUo_E_1_A_2", 98, 1), seen("unlisted", 5, 2)]
    split = {"train": [annotations[0]["frame_dir"]], "val": [annotations[1]["frame_dir"], "not there"]}
    path = written(tmp_path / "finegym99" / "gym_hrnet.pkl", {"split": split, "annotations": annotations})
    assert FINEGYM99.find(tmp_path) == [path]
    sequences, errors = read(FINEGYM99, path)
    assert not errors
    assert [s.sample_id for s in sequences] == [annotation["frame_dir"] for annotation in annotations]
    assert [(s.label, s.split) for s in sequences] == [(0, "train"), (98, "test"), (5, "")]
    for annotation, sequence in zip(annotations, sequences, strict=True):
        assert (sequence.layout, sequence.image_width, sequence.image_height) == (COCO17, 480, 270)
        assert sequence.joints.dtype == np.float32
        assert sequence.confidence is not None
        assert sequence.valid.all()
        np.testing.assert_array_equal(sequence.joints[:, 0], annotation["keypoint"][0])
        np.testing.assert_array_equal(sequence.confidence[:, 0], annotation["keypoint_score"][0])
    assert (sequences[0].subject, sequences[0].camera, sequences[0].video) == (-1, -1, "")


def test_the_lists_divide(tmp_path: Path) -> None:
    """Through the store: who is in no list is in neither half."""
    annotations = [seen(f"clip{number}", number, number) for number in range(5)]
    split = {"train": ["clip1", "clip3"], "val": ["clip0"], "another": ["clip2"]}
    written(tmp_path / "finegym99" / "gym_2d.pkl", {"split": split, "annotations": annotations})
    store = prepare(FINEGYM99, tmp_path, tmp_path / "outputs")
    protocol = FINEGYM99.protocols["official"]
    fold = only(protocol.folds(store.index))
    assert (fold.train.tolist(), fold.test.tolist()) == ([1, 3], [0])
    assert len(protocol.classes) == 99
    frames = store.sequence(4)
    np.testing.assert_array_equal(frames.joints_TMVC[:, 0], annotations[4]["keypoint"][0])
    np.testing.assert_array_equal(frames.confidence_TMV[:, 0], annotations[4]["keypoint_score"][0])


@pytest.mark.parametrize(
    "content", [list, lambda found: {"annotations": found}, lambda found: {"annotations": found, "split": None}]
)
def test_without_lists(tmp_path: Path, content: Callable[[list], object]) -> None:
    sequences, errors = read(FINEGYM99, written(tmp_path / "gym_2d.pkl", content([seen("a"), seen("b", 1, 1)])))
    assert not errors
    assert [(s.sample_id, s.split) for s in sequences] == [("a", ""), ("b", "")]


def test_a_file_name_instead_of_a_folder(tmp_path: Path) -> None:
    annotation = seen("")
    del annotation["frame_dir"]
    sequence = only(FINEGYM99.read(written(tmp_path / "gym_2d.pkl", [{**annotation, "filename": "clips/a.mp4"}])))
    assert sequence.sample_id == "clips/a"


def test_persons(tmp_path: Path) -> None:
    """Of three the first two; frames of zeros show nobody, and whoever is in none is left out."""
    three, gaps, second = pose(3), pose(2, seed=1), pose(2, seed=2)
    gaps[0, 2:4] = 0
    gaps[:, 5] = 0
    second[0] = 0
    score = np.full((3, 6, 17), 1.04, np.float32)
    fields = [{"keypoint": three, "keypoint_score": score}, {"keypoint": gaps}, {"keypoint": second}]
    annotations = [seen(f"clip{n}", **{"keypoint_score": None, **f}) for n, f in enumerate(fields)]
    (one, two, last), errors = read(FINEGYM99, written(tmp_path / "gym_2d.pkl", annotations))
    assert not errors
    np.testing.assert_array_equal(one.joints, three[:2].swapaxes(0, 1))
    assert (one.confidence == 1).all()
    np.testing.assert_array_equal(two.valid, [[1, 1], [1, 1], [0, 1], [0, 1], [1, 1], [0, 0]])
    assert two.confidence is None
    assert not two.joints[~two.valid].any()
    assert last.joints.shape == (6, 1, 17, 2)
    np.testing.assert_array_equal(last.joints[:, 0], second[1])


def test_scores_as_third_coordinate(tmp_path: Path) -> None:
    keypoint = pose(coordinates=3)
    keypoint[..., 2] /= 128
    keypoint[0, 1] = 0
    sequence = only(
        FINEGYM99.read(written(tmp_path / "gym_2d.pkl", [seen("a", keypoint=keypoint, keypoint_score=None)]))
    )
    np.testing.assert_array_equal(sequence.joints[:, 0], keypoint[0, ..., :2])
    np.testing.assert_array_equal(sequence.confidence[:, 0], keypoint[0, ..., 2])
    assert sequence.valid[:, 0].tolist() == [True, False, True, True, True, True]


def in_space(name: str, **fields: Any) -> dict[str, Any]:
    keypoint = pose(2, joints=25, coordinates=3, seed=int(name[-3:])) / np.float16(100)
    return {"frame_dir": name, "label": int(name[-3:]) - 1, "total_frames": 6, "keypoint": keypoint, **fields}


@pytest.mark.parametrize("file_name", ["ntu60_3danno.pkl", "ntu60_3d.pkl"])
def test_ntu_in_space(tmp_path: Path, file_name: str) -> None:
    split = {"xsub_train": list(NAMES), "xsub_val": []}  # of which nothing is taken: the names tell
    content = {"split": split, "annotations": [in_space(name) for name in NAMES]}
    path = written(tmp_path / "ntu_rgbd" / file_name, content)
    assert NTU60_3D.find(tmp_path) == [path]
    sequences, errors = read(NTU60_3D, path)
    assert not errors
    assert [s.sample_id for s in sequences] == list(NAMES)
    ids = [(s.setup, s.camera, s.subject, s.replication, s.label) for s in sequences]
    assert ids == [(1, 1, 1, 1, 0), (2, 2, 3, 2, 49), (17, 3, 2, 1, 59)]
    assert {(s.layout, s.fps, s.split, s.confidence) for s in sequences} == {(NTU25, 30.0, "", None)}
    np.testing.assert_array_equal(sequences[1].joints, in_space(NAMES[1])["keypoint"].swapaxes(0, 1))
    store = prepare(NTU60_3D, tmp_path, tmp_path / "outputs")
    folds = {name: only(protocol.folds(store.index)).train.tolist() for name, protocol in NTU60_3D.protocols.items()}
    assert folds == {"xsub": [0, 2], "xview": [1, 2]}


def test_ntu_in_the_picture(tmp_path: Path) -> None:
    """Its films may lie where the dataset has them."""
    annotations = [seen(name, int(name[-3:]) - 1, seed, img_shape=(1080, 1920)) for seed, name in enumerate(NAMES)]
    path = written(tmp_path / "ntu_rgbd" / "ntu60_hrnet.pkl", {"annotations": annotations})
    film = tmp_path / "ntu_rgbd" / "nturgb+d_rgb" / f"{NAMES[1]}_rgb.avi"
    film.parent.mkdir()
    film.touch()
    sequences, errors = read(NTU60_2D, path)
    assert not errors
    assert [s.video for s in sequences] == ["", f"nturgb+d_rgb/{NAMES[1]}_rgb.avi", ""]
    assert {(s.image_width, s.image_height) for s in sequences} == {(1920, 1080)}


@pytest.mark.parametrize(
    ("name", "fields", "problem"),
    [
        ("S001C001P001R001A061", {}, "expected label to be 0 to 59, found 60"),
        ("S018C001P001R001A001", {}, "ntu60 has the setups 1 to 17, not 18"),
        ("S001C001P001R001A002", {"label": 2}, "label is 2, but the name says action 2, which is 1 from 0"),
        ("jf7RDuUTrsQ001", {}, "the name must hold SsssCcccPpppRrrrAaaa"),
        (NAMES[0], {"keypoint": pose(2, joints=25)}, "expected 3 coordinates of each joint, found 2"),
    ],
)
def test_names_that_do_not_fit(tmp_path: Path, name: str, fields: dict, problem: str) -> None:
    error = only(NTU60_3D.read(written(tmp_path / "ntu60_3d.pkl", [in_space(name, **fields)])))
    assert f"recording 1 of 1 ('{name}'): {problem}" in str(error)


def test_films(tmp_path: Path) -> None:
    path = written(tmp_path / "gym_2d.pkl", [seen("a"), seen("b", seed=1), seen("../secret", seed=2)])
    (tmp_path / "videos").mkdir()
    for name in ("b.mp4", "c.mp4", "a.txt"):
        (tmp_path / "videos" / name).touch()
    (tmp_path.parent / "secret.mp4").touch()
    assert [s.video for s in read(FINEGYM99, path)[0]] == ["", "videos/b.mp4", ""]
    assert list(FINEGYM99.companions(tmp_path)) == [tmp_path / "videos"]


def skeletons(count: int, seed: int = 0) -> np.ndarray:
    """(S, V, 3), all of them different."""
    rng = np.random.default_rng(seed)
    found = rng.random((count, 17, 3)).astype(np.float16)
    found[..., :2] = 1 + 100 * found[..., :2]
    return found


# Every second frame is looked at, from the first on; in frame 5 nobody is found.
FRAMES = [7, 3, 7, 3, 7, 9]


def assert_scattered(sequence: SkeletonSequence, found: np.ndarray) -> None:
    """Frames 3, 7 and 9 with two places, filled as they come; the third of frame 7 is left out."""
    expected = np.zeros((3, 2, 17, 3), np.float32)
    for place, skeleton in {(1, 0): 0, (0, 0): 1, (1, 1): 2, (0, 1): 3, (2, 0): 5}.items():
        expected[place] = found[skeleton]
    np.testing.assert_array_equal(sequence.joints, expected[..., :2])
    np.testing.assert_array_equal(sequence.confidence, expected[..., 2])
    np.testing.assert_array_equal(sequence.valid, [[1, 1], [1, 1], [1, 0]])
    assert (sequence.fps, sequence.video) == (15.0, "")


def test_kinetics_with_files_of_many(tmp_path: Path) -> None:
    """pyskl's kpfiles. Their recordings come file by file, after those that have keypoints themselves."""
    root = tmp_path / "kinetics400"
    first, second = skeletons(6), skeletons(6, seed=1)
    annotations = [
        scattered("b", FRAMES, 1, raw_file="data/k400/kpfiles/train/two.pkl"),
        scattered("c", FRAMES, 2, raw_file="/elsewhere/kpfiles/val/one.pkl"),
        scattered("d", FRAMES, 3, raw_file="data/k400/kpfiles/train/two.pkl"),
        seen("a", 399),
    ]
    split = {"train": ["a", "b", "d"], "val": ["c"]}
    path = written(root / "k400_hrnet.pkl", {"split": split, "annotations": annotations})
    files = {
        "train/one.pkl": {"c": {"keypoint": second[::-1].copy()}},
        "train/two.pkl": {"d": {"keypoint": second.copy()}, "b": {"keypoint": first}},
        "val/one.pkl": {"c": {"keypoint": second}},
    }
    for name, content in files.items():
        written(root / "kpfiles" / name, content)
    sequences, errors = read(KINETICS400, path)
    assert not errors
    assert [(s.sample_id, s.label, s.split) for s in sequences] == [
        ("a", 399, "train"),
        ("b", 1, "train"),
        ("d", 3, "train"),
        ("c", 2, "test"),
    ]
    for sequence, found in zip(sequences[1:], (first, second, second), strict=True):
        assert_scattered(sequence, found)
    assert {root / "kpfiles" / name for name in files} < set(KINETICS400.companions(root))


@pytest.mark.parametrize("folder", ["kpfiles", "skeleton"])
def test_kinetics_with_a_file_for_each(tmp_path: Path, folder: str) -> None:
    """mmaction2's."""
    found = skeletons(6)
    path = written(tmp_path / "k400_2d.pkl", [scattered("-3B32lodo2M", FRAMES)])
    written(tmp_path / folder / "-3B32lodo2M.pkl", {"keypoint": found})
    assert_scattered(only(KINETICS400.read(path)), found)


def test_keypoints_that_are_nowhere(tmp_path: Path) -> None:
    names = [
        "no file",
        "../outside",
        "not in it",
        "in a damaged one",
        "in a hostile one",
        "another frame",
        "a list",
        "ok",
    ]
    annotations = [scattered(name, FRAMES, raw_file=f"kpfiles/{name}.pkl") for name in names]
    path = written(tmp_path / "data" / "k400_2d.pkl", annotations)
    keypoints = {name: skeletons(6, seed) for seed, name in enumerate(names)}
    written(tmp_path / "outside.pkl", {"../outside": {"keypoint": keypoints["ok"]}})
    folder = tmp_path / "data" / "kpfiles"
    written(folder / "not in it.pkl", {"other": {"keypoint": keypoints["ok"]}})
    written(folder / "in a damaged one.pkl", 0).write_bytes(b"\x80\x04")
    written(folder / "in a hostile one.pkl", 0).write_bytes(b"cos\nsystem\n(S'touch harm'\ntR.")
    written(folder / "another frame.pkl", {"keypoint": keypoints["ok"][:5]})
    written(folder / "a list.pkl", [keypoints["ok"]])
    written(folder / "ok.pkl", {"ok": {"keypoint": keypoints["ok"]}})
    sequences, errors = read(KINETICS400, path)
    assert [s.sample_id for s in sequences] == ["ok"]
    said = {name: next(str(error) for error in errors if f"({name!r})" in str(error)) for name in names[:-1]}
    nowhere = "has no keypoint, and no file in kpfiles/ or skeleton/ has it"
    assert nowhere in said["no file"]
    assert nowhere in said["../outside"]
    assert "expected keypoint to be an array of numbers, found None" in said["not in it"]
    assert "in a damaged one.pkl: is no pickle, or a damaged one" in said["in a damaged one"]
    assert "asks for 'system' of 'os'" in said["in a hostile one"]
    assert "expected frame_inds to be of 5, found 6" in said["another frame"]
    assert "found None" in said["a list"]
    assert "put the dataset's files of keypoints into kpfiles/" in errors[0].remedy


NOT_FINITE = pose()
NOT_FINITE[0, 2, 3, 1] = np.nan
TOO_LARGE = pose().astype(np.float64) * 1e300
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "label": ({"label": 99}, "expected label to be 0 to 98, found 99"),
    "negative label": ({"label": -1}, "found -1"),
    "label of text": ({"label": "3"}, "found '3'"),
    "label of a float": ({"label": 3.0}, "found 3.0"),
    "label of a truth value": ({"label": True}, "found True"),
    "label of an array": ({"label": np.array([3])}, "found an array of int64"),
    "no label": ({"label": None}, "found None"),
    "huge label": ({"label": 10**600}, "found a very large number"),
    "name": ({"frame_dir": 7}, "expected a name as frame_dir, found 7"),
    "empty name": ({"frame_dir": ""}, "expected a name as frame_dir, found ''"),
    "long name": ({"frame_dir": "x" * 300}, "expected a name"),
    "name with a line break": ({"frame_dir": "a\nb"}, r"found 'a\nb'"),
    "name that is no text": ({"frame_dir": "\ud800"}, "expected a name"),
    "joints": ({"keypoint": pose(joints=18)}, "expected keypoint to be of any x any x 17 x any, found 1 x 6 x 18 x 2"),
    "coordinates": ({"keypoint": pose(coordinates=4)}, "expected 2 coordinates of each joint, found 4"),
    "dimensions": ({"keypoint": pose()[0]}, "expected keypoint to be of"),
    "list of joints": ({"keypoint": pose().tolist()}, "expected keypoint to be an array of numbers, found a list"),
    "joints of text": ({"keypoint": pose().astype("U4")}, "found an array of <U4"),
    "no keypoint": ({"keypoint": None}, "has no keypoint"),
    "no frames": ({"keypoint": pose(frames=0)}, "expected 1 to 100000 frames"),
    "no persons": ({"keypoint": pose(persons=0), "keypoint_score": None}, "nobody in any of the 6 frames"),
    "many frames": ({"keypoint": np.zeros((1, MAX_FRAMES + 1, 17, 2), np.uint8)}, "frames in keypoint, found 100001"),
    "total frames": ({"total_frames": 7}, "expected total_frames to be 6, found 7"),
    "total frames of text": ({"total_frames": "6"}, "expected total_frames to be 6, found '6'"),
    "scores": (
        {"keypoint_score": np.ones((1, 5, 17))},
        "expected keypoint_score to be of 1 x 6 x 17, found 1 x 5 x 17",
    ),
    "scores of text": ({"keypoint_score": "none"}, "expected keypoint_score to be an array"),
    "not finite": ({"keypoint": NOT_FINITE}, "not finite"),
    "score that is not finite": ({"keypoint_score": np.full((1, 6, 17), np.inf)}, "not finite"),
    "too large": ({"keypoint": TOO_LARGE}, "not finite"),
    "nobody": ({"keypoint": np.zeros((2, 6, 17, 2), np.float16), "keypoint_score": None}, "nobody in any of the 6"),
    "picture": ({"img_shape": (0, 480)}, "expected img_shape to be height and width"),
    "picture of text": ({"img_shape": "270x480"}, "expected img_shape"),
    "picture of one side": ({"img_shape": (270,)}, "expected img_shape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_recording(tmp_path: Path, name: str) -> None:
    """It is one error, in its place; the others are read."""
    fields, problem = WRONG[name]
    annotations = [seen("before"), {**seen("wrong", seed=1), **fields}, seen("after", seed=2)]
    path = written(tmp_path / "gym_2d.pkl", {"annotations": annotations})
    before, error, after = FINEGYM99.read(path)
    assert isinstance(error, UnreadableRecordingError)
    assert f"{path}: recording 2 of 3" in str(error)
    assert problem in str(error)
    assert "\n" not in str(error)
    assert (before.sample_id, after.sample_id) == ("before", "after")


@pytest.mark.parametrize("value", [None, 3, "text", [1, 2], np.zeros(3), {}, {"keypoint": 1}, {"label": 1}])
def test_annotations_that_are_none(tmp_path: Path, value: object) -> None:
    sequences, errors = read(FINEGYM99, written(tmp_path / "gym_2d.pkl", [value, seen("a")]))
    assert [s.sample_id for s in sequences] == ["a"]
    assert "recording 1 of 2: expected a" in str(only(errors))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"total_frames": 8}, "expected frame_inds to be frames up to 8"),
        ({"total_frames": 10**9}, "expected total_frames to be 1 to 100000"),
        ({"total_frames": None}, "expected total_frames to be 1 to 100000, found None"),
        ({"frame_inds": np.array([-1, 0, 0, 0, 0, 0])}, "expected frame_inds to be frames"),
        ({"frame_inds": np.array([2**63] * 6, np.uint64)}, "expected frame_inds to be frames"),
        ({"frame_inds": np.zeros(6)}, "expected frame_inds to be frames"),
        ({"frame_inds": FRAMES}, "expected frame_inds to be an array of numbers, found a list"),
        ({"frame_inds": np.zeros((6, 1), int)}, "expected frame_inds to be of 6, found 6 x 1"),
    ],
)
def test_wrong_places_of_skeletons(tmp_path: Path, fields: dict, problem: str) -> None:
    path = written(tmp_path / "k400_2d.pkl", [scattered("a", FRAMES, **fields)])
    written(tmp_path / "kpfiles" / "a.pkl", {"keypoint": skeletons(6)})
    assert problem in str(only(KINETICS400.read(path)))


def test_a_recording_without_anybody(tmp_path: Path) -> None:
    path = written(tmp_path / "k400_2d.pkl", [scattered("a", [])])
    written(tmp_path / "kpfiles" / "a.pkl", {"keypoint": skeletons(0)})
    assert "nobody in any of the 9 frames" in str(only(KINETICS400.read(path)))


def test_nothing_comes_twice(tmp_path: Path) -> None:
    shared = seen("a")
    annotations = [shared, seen("a", seed=1), seen("b", keypoint=shared["keypoint"]), seen("c", seed=2)]
    sequences, errors = read(FINEGYM99, written(tmp_path / "gym_2d.pkl", annotations))
    assert [s.sample_id for s in sequences] == ["a", "c"]
    assert len(errors) == 2
    assert all("an earlier one" in str(error) for error in errors)


def test_a_recording_in_both_lists(tmp_path: Path) -> None:
    content = {"split": {"train": ["a", "b"], "val": ["b"]}, "annotations": [seen("a"), seen("b", seed=1)]}
    sequences, errors = read(FINEGYM99, written(tmp_path / "gym_2d.pkl", content))
    assert [s.sample_id for s in sequences] == ["a"]
    assert "listed both to train and to test" in str(only(errors))


REPEATED = seen("a")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (3, "expected a dict with the list 'annotations'"),
        ({}, "expected a dict with the list 'annotations'"),
        ([], "expected a dict with the list 'annotations'"),
        ({"annotations": {}}, "expected a dict with the list 'annotations'"),
        ({"annotations": [REPEATED] * 3}, "one annotation is in the list more than once"),
        ({"annotations": [seen("a")], "split": ["a"]}, "expected 'split' to be a dict"),
        ({"annotations": [seen("a")], "split": {"train": "a"}}, "expected the split 'train' to be a list of names"),
        ({"annotations": [seen("a")], "split": {"train": [1]}}, "expected the split 'train' to be a list of names"),
        ({"annotations": [seen("a")], "split": {7: None}}, "expected the split 7 to be a list of names"),
    ],
)
def test_files_that_are_no_pose_pickles(tmp_path: Path, content: object, problem: str) -> None:
    path = written(tmp_path / "gym_2d.pkl", content)
    with pytest.raises(UnreadableRecordingError, match=problem) as error:
        list(FINEGYM99.read(path))
    assert str(error.value).startswith(f"{path}: ")


def test_a_damaged_file_is_one_problem(tmp_path: Path) -> None:
    path = written(tmp_path / "gym_2d.pkl", [seen("a"), seen("b")])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UnreadableRecordingError, match="is no pickle, or a damaged one"):
        list(FINEGYM99.read(path))


def test_recordings_are_made_one_by_one(tmp_path: Path) -> None:
    found = iter(FINEGYM99.read(written(tmp_path / "gym_2d.pkl", [seen("a"), seen("b", seed=1)])))
    assert next(found).sample_id == "a"
    assert next(found).sample_id == "b"
    assert next(found, None) is None


def test_files_are_found(tmp_path: Path) -> None:
    with pytest.raises(DatasetMissingError, match=r"looked for gym_hrnet\.pkl or gym_2d\.pkl"):
        FINEGYM99.find(tmp_path)
    root = tmp_path / "finegym99"
    for name in ("gym_2d.pkl", "gym_hrnet.pkl"):  # the same recordings under the names of both projects
        written(root / name, [seen("a")])
    assert FINEGYM99.find(tmp_path) == [root / "gym_hrnet.pkl"]


def test_readers() -> None:
    expected = {
        "finegym99": (FINEGYM99, COCO17, {"official": 99}),
        "kinetics400": (KINETICS400, COCO17, {"official": 400}),
        "ntu60_3d": (NTU60_3D, NTU25, {"xsub": 60, "xview": 60}),
        "ntu60_2d": (NTU60_2D, COCO17, {"xsub": 60, "xview": 60}),
        "ntu120_3d": (NTU120_3D, NTU25, {"xsub": 120, "xset": 120}),
        "ntu120_2d": (NTU120_2D, COCO17, {"xsub": 120, "xset": 120}),
    }
    assert [reader.name for reader in POSE_PICKLES] == list(expected)
    for name, (reader, layout, classes) in expected.items():
        assert READERS[name] is reader
        assert reader.layout is layout
        assert reader.extras == (("confidence",) if layout is COCO17 else ())
        assert {protocol: len(found.classes) for protocol, found in reader.protocols.items()} == classes
    assert NTU60_3D.protocols is NTU60.protocols
    assert NTU120_2D.protocols is NTU120.protocols
    recognising = [reader.name for reader in READERS.values() if reader.recognises(Path("data/ntu120_hrnet.pkl"))]
    assert recognising == ["ntu120_2d"]


@pytest.fixture
def clips_root() -> Path:
    root = Path(os.environ.get("DATA_ROOT", "unset")) / "rgb_clips"
    if not root.is_dir():
        pytest.skip("needs DATA_ROOT with the folder rgb_clips")
    return root


def test_a_real_pose(clips_root: Path) -> None:
    """One recording of UCF101, which has 101 classes."""
    ucf101 = PosePickleReader("ucf101", "rgb_clips", ("?",), COCO17, {"official": Protocol(numbered(101), by_lists)})
    sequence = only(ucf101.read(clips_root / "example_pyskl_2d_pose.pkl"))
    assert (sequence.sample_id, sequence.label, sequence.split) == ("v_ApplyEyeMakeup_g01_c01", 0, "")
    assert sequence.joints.shape == (163, 2, 17, 2)
    assert sequence.valid.sum(axis=0).tolist() == [163, 14]
    assert (sequence.image_width, sequence.image_height) == (340, 256)
    np.testing.assert_allclose(sequence.joints[0, 0, :2], [[300.5, 96.2], [324.5, 69.4]], atol=0.1)


def test_a_real_list(clips_root: Path, tmp_path: Path) -> None:
    """A hundred recordings of Kinetics: without their keypoints, and with invented ones."""
    path = clips_root / "example_k400_annotations.pkl"
    errors = list(KINETICS400.read(path))
    assert len(errors) == 100
    assert all("has no keypoint" in str(error) for error in errors)
    annotations = load(path)["annotations"]
    (tmp_path / path.name).write_bytes(path.read_bytes())
    for seed, annotation in enumerate(annotations):
        content = {"keypoint": skeletons(len(annotation["frame_inds"]), seed)}
        written(tmp_path / "kpfiles" / f"{annotation['frame_dir']}.pkl", content)
    sequences, errors = read(KINETICS400, tmp_path / path.name)
    assert not errors
    by_name = {annotation["frame_dir"]: annotation for annotation in annotations}
    assert {s.sample_id for s in sequences} == set(by_name)
    assert {s.split for s in sequences} == {"train"}
    for sequence in sequences:
        annotation = by_name[sequence.sample_id]
        frames, counts = np.unique(annotation["frame_inds"], return_counts=True)
        assert (sequence.label, sequence.fps, len(sequence.joints)) == (annotation["label"], 15.0, len(frames))
        assert (sequence.image_height, sequence.image_width) == annotation["img_shape"]
        assert sequence.valid.sum() == np.minimum(counts, 2).sum()
