"""UT-Kinect: episodes in the official format, damaged rows and labels, and the real recordings where they are."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import KINECT20
from data_modules.readers.reader import Index
from data_modules.readers.ut_kinect import (
    ACTIONS,
    CLASSES,
    CORRECTED,
    TRAINING_HALVES,
    UT_KINECT,
    UT_KINECT_OFFICIAL,
    read_labels,
)
from data_modules.sequence import SkeletonSequence

FRAMES = np.arange(100, 300, 2)
RANGES = [(100 + 20 * action, 118 + 20 * action) for action in range(10)]


def skeletons(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, (len(FRAMES), 20, 3)) + np.array([0, 0, 2.5])


def write_rows(path: Path, frames: np.ndarray, joints: np.ndarray) -> Path:
    rows = zip(frames, joints.reshape(len(joints), -1), strict=True)
    path.write_text("\n".join(f"{frame}   " + "  ".join(f"{x:.6f}" for x in row) for frame, row in rows) + "\n")
    return path


def block(episode: str, ranges: list[tuple] | None = None) -> str:
    lines = [f"{name}: {first} {last} " for name, (first, last) in zip(ACTIONS, ranges or RANGES, strict=True)]
    return "\n".join([episode, *lines]) + "\n"


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Both episodes of subject 3."""
    folder = tmp_path / "ut_kinect" / "joints"
    folder.mkdir(parents=True)
    for episode in (1, 2):
        write_rows(folder / f"joints_s03_e0{episode}.txt", FRAMES, skeletons(seed=episode))
    (folder / "actionLabel.txt").write_text(block("s03_e01") + block("s03_e02") + "\n")
    return tmp_path


@pytest.fixture
def labels(data_root: Path) -> Path:
    return data_root / "ut_kinect" / "joints" / "actionLabel.txt"


@pytest.fixture
def ut_data_root() -> Path:
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / "ut_kinect" / "joints" / "actionLabel.txt").is_file():
        pytest.skip("needs DATA_ROOT with the folder ut_kinect")
    return data_root


def sequences(data_root: Path, reader: object = UT_KINECT) -> list[SkeletonSequence]:
    found = [found for path in reader.find(data_root) for found in reader.read(path)]
    assert all(isinstance(sequence, SkeletonSequence) for sequence in found)
    return found


def test_episodes_are_cut_into_actions(data_root: Path) -> None:
    found = sequences(data_root)
    assert [s.label for s in found] == [*range(10), *range(10)]
    assert [s.sample_id for s in found][:2] == ["s03_e01_walk", "s03_e01_sitDown"]
    assert {(s.subject, s.camera, s.setup, s.split, s.fps, s.layout) for s in found} == {
        (3, -1, -1, "", 15.0, KINECT20)
    }
    assert [s.replication for s in found] == [1] * 10 + [2] * 10
    for sequence, start in zip(found[10:], range(0, 100, 10), strict=True):
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints[:, 0], skeletons(seed=2)[start : start + 10], atol=1e-5)


def test_recordings_directly_in_the_folder(data_root: Path) -> None:
    folder = data_root / "ut_kinect"
    for path in (folder / "joints").iterdir():
        path.rename(folder / path.name)
    (folder / "joints").rmdir()
    assert len(sequences(data_root)) == 20
    assert list(UT_KINECT.companions(folder)) == [folder / "actionLabel.txt"]


def test_without_labels_there_are_no_recordings(data_root: Path, labels: Path) -> None:
    labels.unlink()
    with pytest.raises(DatasetMissingError, match=r"beside joints/actionLabel\.txt"):
        UT_KINECT.find(data_root)
    with pytest.raises(UnreadableRecordingError, match=r"actionLabel\.txt: cannot be read"):
        UT_KINECT.read(labels.parent / "joints_s03_e01.txt")


def test_of_rows_with_the_same_number_the_first_is_kept(data_root: Path, labels: Path) -> None:
    joints = skeletons(seed=5)
    frames = FRAMES.copy()
    frames[[2, 4]] = frames[[1, 3]]
    path = write_rows(labels.parent / "joints_s03_e01.txt", frames, joints)
    walk = UT_KINECT.read(path)[0]
    np.testing.assert_allclose(walk.joints[:, 0], joints[[0, 1, 3, 5, 6, 7, 8, 9]], atol=1e-5)


def test_a_range_that_is_no_number_is_left_out(data_root: Path, labels: Path) -> None:
    labels.write_text(block("s03_e01") + block("s03_e02").replace("carry: 180 198", "carry:  NaN NaN"))
    found = [found for path in UT_KINECT.find(data_root) for found in UT_KINECT.read(path)]
    assert isinstance(found[14], UnreadableRecordingError)
    assert "actionLabel.txt, line 17: no frames are labelled as carry" in str(found[14])
    assert sum(isinstance(one, SkeletonSequence) for one in found) == 19


def test_a_range_without_skeletons(data_root: Path, labels: Path) -> None:
    labels.write_text(block("s03_e01", [(7000, 7100), *RANGES[1:]]) + block("s03_e02"))
    found = UT_KINECT.read(UT_KINECT.find(data_root)[0])
    assert isinstance(found[0], UnreadableRecordingError)
    assert re.search(r"joints_s03_e01\.txt: no skeleton in the frames 7000 to 7100", str(found[0]))
    assert isinstance(found[1], SkeletonSequence)


def test_corrected_ranges(data_root: Path, labels: Path) -> None:
    """Only the very range that is wrong in the official file is replaced."""
    ranges = [*RANGES[:6], (2556, 3622), *RANGES[7:]]
    labels.write_text(block("s03_e01", ranges) + block("s03_e02"))
    path = write_rows(labels.parent / "joints_s03_e01.txt", np.arange(100, 4100, 40), skeletons())
    push = {reader.name: reader.read(path)[6] for reader in (UT_KINECT, UT_KINECT_OFFICIAL)}
    assert len(push["ut_kinect_official"].joints) == 27  # 2580, 2620, …, 3620
    assert len(push["ut_kinect"].joints) == 2  # 3580 and 3620
    assert push["ut_kinect"].sample_id == push["ut_kinect_official"].sample_id
    for reader in (UT_KINECT, UT_KINECT_OFFICIAL):
        assert len(reader.read(labels.parent / "joints_s03_e02.txt")[6].joints) == 10


@pytest.mark.parametrize(
    ("row", "text", "problem"),
    [
        (3, "104 " + "0.1 " * 59, r"line 3: expected the 61 numbers of skeleton 3 of 100 \(it has 60\)"),
        (4, "", "line 4: expected the 61 numbers of skeleton 4 of 100, found an empty line"),
        (5, "108 " + "0.1 " * 59 + "abc", "line 5: expected 61 numbers for skeleton 5 of 100, but 'abc' is none"),
        (6, "110 " + "nan " * 60, "line 6: expected finite coordinates"),
        (7, "112.5 " + "0.1 " * 60, "line 7: expected a row that begins with the whole number of its frame"),
        (8, "-2 " + "0.1 " * 60, "line 8: expected a row that begins"),
        (9, "99999999999 " + "0.1 " * 60, "line 9: expected a row that begins"),
    ],
)
def test_damaged_rows(data_root: Path, row: int, text: str, problem: str) -> None:
    path = UT_KINECT.find(data_root)[0]
    lines = path.read_text().splitlines()
    lines[row - 1] = text
    path.write_text("\n".join(lines))
    with pytest.raises(UnreadableRecordingError, match=problem) as error:
        UT_KINECT.read(path)
    assert (error.value.line, error.value.path) == (row, path)


@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        (1, "walk: 100 118", "line 1: expected the name of an episode"),
        (12, "s03_e01", "line 12: expected each episode once"),
        (3, "sitdown: 120 138", "line 3: expected the first and last frame of sitDown"),
        (3, "sitDown: 120", "line 3: expected the first and last frame of sitDown"),
        (4, "standUp: 158 140", "line 4: expected two whole numbers for standUp"),
        (5, "pickUp: NaN 178", "line 5: expected two whole numbers"),
        (6, f"carry: 180 {'9' * 5000}", "line 6: expected two whole numbers"),
        (22, "", "line 22: expected the first and last frame of clapHands.*, found the end of the file"),
    ],
)
def test_damaged_labels(data_root: Path, labels: Path, line: int, text: str, problem: str) -> None:
    lines = labels.read_text().splitlines()
    lines[line - 1] = text
    labels.write_text("\n".join(lines))
    with pytest.raises(UnreadableRecordingError, match=rf"actionLabel\.txt, {problem}"):
        UT_KINECT.read(UT_KINECT.find(data_root)[0])


def test_an_episode_without_labels(data_root: Path, labels: Path) -> None:
    labels.write_text(block("s03_e01"))
    with pytest.raises(UnreadableRecordingError, match=r"joints_s03_e02\.txt: .*actionLabel\.txt has no lines about"):
        UT_KINECT.read(UT_KINECT.find(data_root)[1])


def test_a_file_of_another_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecordingError, match=r"name like joints_s01_e01\.txt"):
        UT_KINECT.read(tmp_path / "walk.txt")


def test_folds() -> None:
    subjects = np.repeat(np.arange(1, 11), 3)
    ids = np.array([str(number) for number in range(30)])
    index = Index.of(ids, label=subjects, subject=subjects, fps=np.full(30, 15.0))
    folds = {name: protocol.folds(index) for name, protocol in UT_KINECT.protocols.items()}
    assert {name: len(found) for name, found in folds.items()} == {"loso": 10, "loo": 30, "random_halves": 10}
    for found in folds.values():
        for fold in found:
            assert sorted([*fold.train, *fold.test]) == list(range(30))
    assert [fold.test.tolist() for fold in folds["loo"]] == [[position] for position in range(30)]
    assert folds["loso"][3].test.tolist() == [9, 10, 11]
    halves = [set(subjects[fold.train]) for fold in folds["random_halves"]]
    assert halves == [set(half) for half in TRAINING_HALVES]
    assert CLASSES[1] == "sit down"


def test_the_real_recordings(ut_data_root: Path) -> None:
    for reader, frames, longest in ((UT_KINECT, 5829, 110), (UT_KINECT_OFFICIAL, 6053, 170)):
        found = [found for path in reader.find(ut_data_root) for found in reader.read(path)]
        usable = [one for one in found if isinstance(one, SkeletonSequence)]
        (problem,) = [one for one in found if isinstance(one, UnreadableRecordingError)]
        assert "actionLabel.txt, line 215: no frames are labelled as carry" in str(problem)
        assert len({s.sample_id for s in usable}) == len(usable) == 199
        assert np.bincount([s.label for s in usable]).tolist() == [20, 20, 20, 20, 19, 20, 20, 20, 20, 20]
        assert {s.subject for s in usable} == set(range(1, 11))
        lengths = [len(s.joints) for s in usable]
        assert (sum(lengths), min(lengths), max(lengths)) == (frames, 5, longest)
        depths = np.concatenate([s.joints[..., 2].ravel() for s in usable])
        assert 1 < np.median(depths) < 3


def test_the_real_corrections(ut_data_root: Path) -> None:
    """The built-in corrections are those of the file that their authors ship."""
    folder = ut_data_root / "ut_kinect" / "joints"
    if not (folder / "actionLabel_modified.txt").is_file():
        pytest.skip("needs actionLabel_modified.txt")
    official, modified = (read_labels(folder / name) for name in ("actionLabel.txt", "actionLabel_modified.txt"))
    differing = {
        (episode, ACTIONS[label], was): now
        for episode, ranges in official.items()
        for label, (was, now) in enumerate(zip(ranges, modified[episode], strict=True))
        if isinstance(was, tuple) and was != now
    }
    assert differing == CORRECTED


def test_the_real_halves(ut_data_root: Path) -> None:
    path = ut_data_root / "ut_kinect" / "tr_te_splits.mat"
    if not path.is_file():
        pytest.skip("needs tr_te_splits.mat")
    splits = scipy.io.loadmat(path)
    assert [tuple(half) for half in splits["tr_subjects"].tolist()] == list(TRAINING_HALVES)
    for train, test in zip(TRAINING_HALVES, splits["te_subjects"].tolist(), strict=True):
        assert sorted([*train, *test]) == list(range(1, 11))
