"""Penn Action: labels in the official format, damaged ones, and the real ones where they are."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import PENN13
from data_modules.prepare import prepare
from data_modules.readers.penn_action import CLASSES, PENN_ACTION
from data_modules.sequence import SkeletonSequence
from tests.helpers import only

NUM_FRAMES = 6


def label(**changes: Any) -> dict[str, Any]:
    """What one official file holds, all joints visible, pixels from 1."""
    rng = np.random.default_rng(0)
    written = {
        "action": "squat",
        "pose": "front",
        "x": rng.uniform(1, 480, (NUM_FRAMES, 13)),
        "y": rng.uniform(1, 270, (NUM_FRAMES, 13)),
        "visibility": np.ones((NUM_FRAMES, 13), bool),
        "train": np.array([[1]], np.int32),
        "bbox": np.ones((NUM_FRAMES + 1, 4)),
        "dimensions": np.array([[270.0, 480.0, NUM_FRAMES]]),
        "nframes": float(NUM_FRAMES),
    }
    return {name: value for name, value in (written | changes).items() if value is not None}


def write_label(data_root: Path, number: int = 1, **changes: Any) -> Path:
    path = data_root / "penn_action" / "labels" / f"{number:04}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, label(**changes), do_compression=True)
    return path


def write_pictures(data_root: Path, number: int, count: int) -> Path:
    folder = data_root / "penn_action" / "frames" / f"{number:04}"
    folder.mkdir(parents=True, exist_ok=True)
    for picture in range(1, count + 1):
        (folder / f"{picture:06}.jpg").touch()
    return folder


@pytest.fixture
def penn_data_root() -> Path:
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / "penn_action" / "labels").is_dir():
        pytest.skip("needs DATA_ROOT with the folder penn_action")
    return data_root


def test_a_recording(tmp_path: Path) -> None:
    sequence = only(PENN_ACTION.read(write_label(tmp_path)))
    assert (sequence.sample_id, sequence.layout, sequence.fps) == ("0001", PENN13, 30.0)
    assert (sequence.label, sequence.split) == (CLASSES.index("squat"), "train")
    assert (sequence.image_width, sequence.image_height, sequence.video) == (480, 270, "")
    assert sequence.valid.all()
    assert (sequence.confidence == 1).all()
    np.testing.assert_allclose(sequence.joints[:, 0, :, 0], label()["x"] - 1, atol=1e-4)
    np.testing.assert_allclose(sequence.joints[:, 0, :, 1], label()["y"] - 1, atol=1e-4)


def test_files_in_order_and_the_split(tmp_path: Path) -> None:
    for number, train in ((10, -1), (2, 1), (3, 0)):
        write_label(tmp_path, number, train=np.array([[train]], np.int32))
    write_label(tmp_path).rename(tmp_path / "penn_action" / "labels" / "notes.mat")
    sequences = [only(PENN_ACTION.read(path)) for path in PENN_ACTION.find(tmp_path)]
    assert [(s.sample_id, s.split) for s in sequences] == [("0002", "train"), ("0003", "test"), ("0010", "test")]


def test_films_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write_label(tmp_path, number) for number in (1, 2)]
    write_pictures(tmp_path, 2, NUM_FRAMES)
    assert [only(PENN_ACTION.read(path)).video for path in paths] == ["", "frames/0002"]
    monkeypatch.chdir(paths[0].parent)
    assert only(PENN_ACTION.read(Path("0002.mat"))).video == "frames/0002"


@pytest.mark.parametrize("pictures", [0, NUM_FRAMES - 1, NUM_FRAMES + 1])
def test_a_film_with_other_frames_than_its_poses_is_not_used(tmp_path: Path, pictures: int) -> None:
    path = write_label(tmp_path)
    folder = write_pictures(tmp_path, 1, pictures)
    (folder / "notes.txt").touch()
    sequence, problem = PENN_ACTION.read(path)
    assert isinstance(sequence, SkeletonSequence)
    assert (sequence.video, len(sequence.joints)) == ("", NUM_FRAMES)
    assert str(problem) == f"{folder}: the film has {pictures} of {NUM_FRAMES} pictures"
    assert isinstance(problem, UnreadableRecordingError)
    assert "unpack" in problem.remedy
    store = prepare(PENN_ACTION, tmp_path, tmp_path / "outputs")
    assert (len(store), [known.of_film for known in store.problems]) == (1, [True])


def test_a_film_that_was_mended_is_prepared_again(tmp_path: Path) -> None:
    write_label(tmp_path)
    write_pictures(tmp_path, 1, NUM_FRAMES - 1)
    before = prepare(PENN_ACTION, tmp_path, tmp_path / "outputs")
    assert (len(before), before.index.video.tolist(), len(before.problems)) == (1, [""], 1)
    write_pictures(tmp_path, 1, NUM_FRAMES)
    after = prepare(PENN_ACTION, tmp_path, tmp_path / "outputs")
    assert (len(after), after.index.video.tolist(), after.problems) == (1, ["frames/0001"], ())


def test_joints_that_are_not_visible(tmp_path: Path) -> None:
    visibility = np.ones((NUM_FRAMES, 13), bool)
    visibility[0] = False
    visibility[2, 3:5] = False
    x = label()["x"]
    x[2, 3] = -157.25  # a guess outside of the picture
    sequence = only(PENN_ACTION.read(write_label(tmp_path, visibility=visibility, x=x)))
    assert sequence.valid[:, 0].tolist() == [False, *[True] * 5]
    assert not sequence.joints[0].any()
    np.testing.assert_array_equal(sequence.confidence[:, 0], visibility)
    assert sequence.joints[2, 0, 3, 0] == -158.25


def test_a_recording_without_a_visible_joint(tmp_path: Path) -> None:
    sequence = only(PENN_ACTION.read(write_label(tmp_path, visibility=np.zeros((NUM_FRAMES, 13)))))
    assert sequence.valid.all()
    assert not sequence.confidence.any()
    np.testing.assert_allclose(sequence.joints[:, 0, :, 0], label()["x"] - 1, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"action": "chess"}, "expected one of the 15 actions, found 'chess'"),
        ({"action": 3.0}, "expected 'action' to be one line of text"),
        ({"x": None}, "has no 'x'"),
        ({"x": np.ones((NUM_FRAMES, 12))}, "expected 'x' to be numbers of 6 x 13, found double of 6 x 12"),
        ({"y": np.ones((NUM_FRAMES - 1, 13))}, "expected 'y' to be numbers of 6 x 13, found double of 5 x 13"),
        ({"y": np.full((NUM_FRAMES, 13), np.nan)}, "expected finite numbers in 'y'"),
        ({"y": np.full((NUM_FRAMES, 13), 1e300)}, "more than 100000 pixels from the picture"),
        ({"x": np.ones((NUM_FRAMES, 13), complex) * 1j}, "found complex double"),
        ({"visibility": np.ones((NUM_FRAMES, 13, 2))}, "expected 'visibility' to be numbers of 6 x 13"),
        ({"train": "yes"}, "expected 'train' to be numbers of 1 x 1"),
        ({"dimensions": np.ones((1, 2))}, "expected 'dimensions' to be numbers of 1 x 3"),
        ({"dimensions": np.array([[0, 480, 6]])}, r"height, width and number of frames, found \[0.0, 480.0, 6.0\]"),
        ({"dimensions": np.array([[270.5, 480, 6]])}, "height, width and number of frames"),
        ({"dimensions": np.array([[270, 1e15, 6]])}, "height, width and number of frames"),
        ({"dimensions": np.array([[270, 480, 7]])}, "expected 'visibility' to be numbers of 7 x 13"),
        ({"dimensions": {"height": 270}}, "found struct"),
    ],
)
def test_damaged_recordings(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    path = write_label(tmp_path, **changes)
    with pytest.raises(UnreadableRecordingError, match=problem) as error:
        PENN_ACTION.read(path)
    assert error.value.path == path


def test_the_dataset_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "penn_action" / "labels").mkdir(parents=True)
    with pytest.raises(DatasetMissingError, match=r"looked for labels/NNNN\.mat"):
        PENN_ACTION.find(tmp_path)


def test_a_real_file_that_is_garbled(penn_data_root: Path, tmp_path: Path) -> None:
    whole = (penn_data_root / "penn_action" / "labels" / "0001.mat").read_bytes()
    path, rng = tmp_path / "0001.mat", np.random.default_rng(0)
    refusals = 0
    for _ in range(200):
        garbled = bytearray(whole[: rng.integers(len(whole) // 2, len(whole))] if rng.random() < 0.3 else whole)
        for at in rng.integers(len(garbled), size=3):
            garbled[at] = rng.integers(256)
        path.write_bytes(garbled)
        try:
            assert np.isfinite(only(PENN_ACTION.read(path)).joints).all()
        except UnreadableRecordingError:
            refusals += 1
    assert refusals > 100


def test_the_real_recordings(penn_data_root: Path) -> None:
    sequences = [only(PENN_ACTION.read(path)) for path in PENN_ACTION.find(penn_data_root)]
    splits = [sequence.split for sequence in sequences]
    assert (len(splits), splits.count("train"), splits.count("test")) == (2326, 1258, 1068)
    assert np.bincount([sequence.label for sequence in sequences]).tolist() == [
        *(167, 173, 140, 220, 88, 166, 82, 112, 199, 211, 100, 231, 94, 157, 186),
    ]
    lengths = [len(sequence.joints) for sequence in sequences]
    assert (min(lengths), int(np.median(lengths)), max(lengths)) == (18, 56, 663)
    never_visible = [s.sample_id for s in sequences if not s.confidence.any()]
    assert never_visible == ["1516"]
    absent = [int((~s.valid).sum()) for s in sequences]
    assert (sum(absent), np.count_nonzero(absent)) == (177 - lengths[1515], 14)
    assert all(np.isfinite(s.joints).all() and not s.joints[~s.valid].any() for s in sequences)
    assert sum(int(s.confidence.sum()) for s in sequences) == 1_660_432
    assert all(len(s.joints) > 0 and s.image_width > s.joints[s.confidence > 0][:, 0].mean() for s in sequences[:200])
