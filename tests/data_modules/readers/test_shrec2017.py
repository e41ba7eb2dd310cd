"""SHREC'17: a tiny tree in the official format, damaged rows and lists, and the real recordings where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import HAND22
from data_modules.readers.shrec2017 import CLASSES, FINE_CLASSES, SHREC2017
from tests.helpers import only

PLACE = "gesture_{}/finger_{}/subject_{}/essai_{}/skeletons_world.txt"


def write_hand(root: Path, ids: tuple[int, int, int, int], frames: np.ndarray) -> Path:
    path = root / PLACE.format(*ids)
    path.parent.mkdir(parents=True)
    np.savetxt(path, frames.reshape(len(frames), -1), fmt="%.7f")
    return path


def hand(num_frames: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (num_frames, 22, 3)) + np.array([0, 0, 0.5])


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Three recordings: two of subject 2, who trains, and one of subject 1."""
    root = tmp_path / "shrec2017"
    for seed, ids in enumerate([(1, 1, 2, 1), (14, 2, 2, 3), (7, 2, 1, 12)]):
        write_hand(root, ids, hand(seed=seed))
    (root / "train_gestures.txt").write_text("1 1 2 1 1 1 8\n14 2 2 3 14 28 8\n")
    (root / "test_gestures.txt").write_text("7 2 1 12 7 14 8\n")
    return tmp_path


@pytest.fixture
def shrec_data_root() -> Path:
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / "shrec2017" / "train_gestures.txt").is_file():
        pytest.skip("needs DATA_ROOT with the folder shrec2017")
    return data_root


def test_recordings_follow_the_lists(data_root: Path) -> None:
    sequences = [only(SHREC2017.read(path)) for path in SHREC2017.find(data_root)]
    assert [s.sample_id for s in sequences] == ["g01_f1_s02_e1", "g14_f2_s02_e3", "g07_f2_s01_e12"]
    assert [(s.label, s.fine_label, s.split) for s in sequences] == [
        (0, 0, "train"),
        (13, 27, "train"),
        (6, 13, "test"),
    ]
    assert [(s.subject, s.replication, s.camera, s.setup) for s in sequences][2] == (1, 12, -1, -1)
    for seed, sequence in enumerate(sequences):
        assert (sequence.layout, sequence.fps) == (HAND22, 30.0)
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints[:, 0], hand(seed=seed), atol=1e-6)


def test_a_listed_file_that_is_not_there(data_root: Path) -> None:
    path = SHREC2017.find(data_root)[1]
    path.unlink()
    assert path in SHREC2017.find(data_root)
    with pytest.raises(UnreadableRecordingError, match="cannot be read"):
        only(SHREC2017.read(path))


@pytest.mark.parametrize("name", ["train_gestures.txt", "test_gestures.txt"])
def test_both_lists_are_needed(data_root: Path, name: str) -> None:
    (data_root / "shrec2017" / name).unlink()
    with pytest.raises(DatasetMissingError, match=r"looked for train_gestures\.txt and test_gestures\.txt"):
        SHREC2017.find(data_root)


def test_a_single_path_without_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hand(tmp_path, (6, 1, 30, 2), hand())
    monkeypatch.chdir(tmp_path / "gesture_6" / "finger_1")
    sequence = only(SHREC2017.read(Path("subject_30/essai_2/skeletons_world.txt")))
    assert (sequence.label, sequence.fine_label, sequence.subject, sequence.split) == (5, 10, 30, "")


def test_lists_that_change_are_read_again(data_root: Path) -> None:
    path = SHREC2017.find(data_root)[0]
    assert only(SHREC2017.read(path)).split == "train"
    for name, text in (("train", "7 2 1 12 7 14 8\n"), ("test", "1 1 2 1 1 1 8\n")):
        changed = data_root / "shrec2017" / f"{name}_gestures.txt"
        changed.write_text(text)
        os.utime(changed, ns=(1, 1))  # the clock of a file system may be too coarse to tell
    assert only(SHREC2017.read(path)).split == "test"


def test_leading_zeros_are_dropped_and_later_ones_absent(tmp_path: Path) -> None:
    frames = hand(10)
    frames[:3] = 0
    frames[6] = 0
    sequence = only(SHREC2017.read(write_hand(tmp_path, (1, 1, 1, 1), frames)))
    assert sequence.joints.shape == (7, 1, 22, 3)
    assert np.flatnonzero(~sequence.valid[:, 0]).tolist() == [3]


@pytest.mark.parametrize("digits", [10, 300, 5000])
def test_lists_of_numbers_without_end(data_root: Path, digits: int) -> None:
    """They would name files that no disk can have; Python refuses to read the longest."""
    number = "1" * digits
    (data_root / "shrec2017" / "test_gestures.txt").write_text(f"1 1 {number} 1 1 1 8\n")
    with pytest.raises(UnreadableRecordingError, match=r"test_gestures\.txt, line 1: expected 7 whole numbers"):
        SHREC2017.find(data_root)


@pytest.mark.parametrize(
    ("row", "text", "problem"),
    [
        (3, "0.1 " * 65, r"line 3: expected the 66 numbers of frame 3 of 8 \(it has 65\)"),
        (1, "0.1 " * 67, r"line 1: .*\(it has 67\)"),
        (8, "0.1 0.2", r"line 8: .*\(it has 2\)"),
        (4, "", "line 4: expected the 66 numbers of frame 4 of 8, found an empty line"),
        (5, "0.1 " * 65 + "0,1", "line 5: expected 66 numbers for frame 5 of 8, but '0,1' is none"),
        (2, "nan " * 66, "line 2: expected finite coordinates for frame 2 of 8"),
        (2, "0.1 " * 65 + "inf", "line 2: expected finite coordinates"),
    ],
)
def test_damaged_rows(tmp_path: Path, row: int, text: str, problem: str) -> None:
    path = write_hand(tmp_path, (1, 1, 1, 1), hand())
    lines = path.read_text().splitlines()
    lines[row - 1] = text
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UnreadableRecordingError, match=problem) as error:
        only(SHREC2017.read(path))
    assert error.value.line == row


def test_damaged_files(tmp_path: Path) -> None:
    path = write_hand(tmp_path, (1, 1, 1, 1), np.zeros((4, 22, 3)))
    with pytest.raises(UnreadableRecordingError, match="no hand in any of the 4 frames"):
        only(SHREC2017.read(path))
    path.write_text("\n")
    with pytest.raises(UnreadableRecordingError, match="line 1: the file is empty"):
        only(SHREC2017.read(path))
    path.write_bytes(b"0.1 0.2\n0.1 \x80\n")
    with pytest.raises(UnreadableRecordingError, match="line 2: expected plain text"):
        only(SHREC2017.read(path))


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("hand.txt", "expected a file whose path ends like gesture_G/finger_F/subject_S/essai_E/"),
        (PLACE.format(15, 1, 1, 1), "expected gesture 1 to 14 and finger 1 to 2, not 15 and 1"),
        (PLACE.format(1, 3, 1, 1), "not 1 and 3"),
    ],
)
def test_paths_of_no_gesture(tmp_path: Path, place: str, problem: str) -> None:
    with pytest.raises(UnreadableRecordingError, match=problem):
        only(SHREC2017.read(tmp_path / place))


@pytest.mark.parametrize("row", ["14 2 2 3 14 28", "14 2 2 3 14 x 8", "14 2 2 3 13 28 8", "14 2 2 3 14 27 8"])
def test_damaged_lists(data_root: Path, row: str) -> None:
    damaged = data_root / "shrec2017" / "train_gestures.txt"
    damaged.write_text(f"1 1 2 1 1 1 8\n{row}\n")
    with pytest.raises(UnreadableRecordingError, match=r"train_gestures.txt, line 2: expected"):
        SHREC2017.find(data_root)


def test_classes() -> None:
    assert (len(set(CLASSES)), len(set(FINE_CLASSES))) == (14, 28)
    assert FINE_CLASSES[0] == "grab, one finger"
    assert FINE_CLASSES[27] == "shake, whole hand"


def test_the_real_recordings(shrec_data_root: Path) -> None:
    sequences = [only(SHREC2017.read(path)) for path in SHREC2017.find(shrec_data_root)]
    splits = [sequence.split for sequence in sequences]
    assert (splits.count("train"), splits.count("test")) == (1960, 840)
    assert len({sequence.sample_id for sequence in sequences}) == 2800
    assert {sequence.label for sequence in sequences} == set(range(14))
    assert {sequence.fine_label for sequence in sequences} == set(range(28))
    test_subjects = {sequence.subject for sequence in sequences if sequence.split == "test"}
    assert test_subjects == {1, 5, 6, 17, 18, 23, 24, 28}
    assert not test_subjects & {sequence.subject for sequence in sequences if sequence.split == "train"}
    assert all(sequence.valid.all() for sequence in sequences)
    lengths = [len(sequence.joints) for sequence in sequences]
    assert (min(lengths), max(lengths)) == (7, 171)
