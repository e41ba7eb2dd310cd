"""Florence 3D: recordings in both official formats, damaged ones, and the real ones where they are."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import FLORENCE15
from data_modules.readers.florence3d import CLASSES, FLORENCE3D, project
from data_modules.readers.reader import Index
from data_modules.sequence import SkeletonSequence
from tests.helpers import only

FOLDER = "florence3d/joints15_worldcoords"
# video, actor, category: two recordings of each of two actors.
RECORDINGS = [(4, 1, 2), (5, 1, 9), (30, 2, 1), (31, 2, 2)]


def body(frames: int = 6, seed: int = 0) -> np.ndarray:
    """Metres (frames, 15, 3)."""
    return np.random.default_rng(seed).normal(0, 0.4, (frames, 15, 3)) + np.array([0, 0, 3])


def write_joints(root: Path, ids: tuple[int, int, int], metres: np.ndarray) -> Path:
    video, actor, category = ids
    path = root / FOLDER / f"a{category:02}_s{actor}_id{video}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (" ".join(f"{value:.16e}" for value in joint) + " " for joint in 1000 * metres.reshape(-1, 3))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_features(root: Path, frames: dict[tuple[int, int, int], int]) -> Path:
    path = root / "florence3d" / "Florence_dataset_Features.txt"
    rows = [f"{' '.join(map(str, ids))} {'0.25 ' * 24}{frame / 10}" for ids in frames for frame in range(frames[ids])]
    path.write_text("\n".join(rows) + "\n")
    return path


def write_list(root: Path) -> Path:
    path = root / "florence3d" / "Florence_dataset_WorldCoordinates.txt"
    path.parent.mkdir(parents=True)
    rows = [
        f"{video} {actor} {category} " + " ".join(f"{1000 * value:.4f}" for value in frame.ravel())
        for seed, (video, actor, category) in enumerate(RECORDINGS)
        for frame in body(seed=seed)
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    for seed, ids in enumerate(RECORDINGS):
        write_joints(tmp_path, ids, body(seed=seed))
    return tmp_path


@pytest.fixture
def florence_data_root() -> Path:
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / FOLDER).is_dir():
        pytest.skip("needs DATA_ROOT with the folder florence3d")
    return data_root


def sequences(data_root: Path) -> list[SkeletonSequence]:
    return [found for path in FLORENCE3D.find(data_root) for found in FLORENCE3D.read(path)]


def test_recordings(data_root: Path) -> None:
    found = sequences(data_root)
    assert [s.sample_id for s in found] == ["id004_s01_a02", "id005_s01_a09", "id030_s02_a01", "id031_s02_a02"]
    assert [(s.label, s.subject) for s in found] == [(1, 1), (8, 1), (0, 2), (1, 2)]
    for seed, sequence in enumerate(found):
        assert (sequence.layout, sequence.fps, sequence.video) == (FLORENCE15, 20.0, "")
        assert (sequence.image_width, sequence.image_height) == (640, 480)
        assert (sequence.first_frame, sequence.recorded_frames) == (1, 7)
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints[:, 0], body(seed=seed), atol=1e-6)


def test_pixels(data_root: Path) -> None:
    np.testing.assert_allclose(project(np.array([0.0, 0.0, 2.5])), [320, 240])
    np.testing.assert_allclose(project(np.array([1.0, 0.5, 2.0])), [320 + 262.5, 240 - 131.25])
    for sequence in sequences(data_root):
        assert sequence.pixels is not None
        np.testing.assert_allclose(sequence.pixels, project(sequence.joints), rtol=1e-4)


@pytest.mark.parametrize("folder", ["rgb", ""])
def test_films_are_counted_by_actor(data_root: Path, folder: str) -> None:
    root = data_root / "florence3d"
    (root / folder).mkdir(exist_ok=True)
    before = list(FLORENCE3D.companions(root))
    names = [
        "GestureRecording_Id1actor1idAction1category2.avi",
        "GestureRecording_Id1actor2idAction1category1.avi",
        "GestureRecording_Id2actor2idAction2category2.avi",
    ]
    for name in names:
        (root / folder / name).touch()
    films = [(Path(folder) / name).as_posix() for name in names]
    assert [s.video for s in sequences(data_root)] == [films[0], "", films[1], films[2]]
    assert before == []
    assert sorted(FLORENCE3D.companions(root)) == sorted(root / film for film in films)


def test_films_are_those_of_their_recordings_where_others_are_missing(data_root: Path) -> None:
    write_features(data_root, dict.fromkeys(RECORDINGS, 7))
    root = data_root / "florence3d"
    names = [f"GestureRecording_Id{number}actor1idAction{number}category9.avi" for number in (1, 2)]
    for name in names:
        (root / name).touch()
    (root.parent / FOLDER / "a02_s1_id4.txt").unlink()
    assert [s.video for s in sequences(data_root)] == [names[1], "", ""]


def test_films_may_be_as_long_as_the_joints(data_root: Path) -> None:
    path = write_features(data_root, dict(zip(RECORDINGS[:3], (7, 6, 8), strict=True)))
    found = sequences(data_root)
    assert [(s.first_frame, s.recorded_frames) for s in found[:2]] == [(1, 7), (0, 6)]
    assert isinstance(found[2], UnreadableRecordingError)
    assert f"video 30: 6 frames have joints, and 8 are in {path.name}" in str(found[2])
    assert (found[3].first_frame, found[3].recorded_frames) == (1, 7)
    assert path in FLORENCE3D.companions(data_root / "florence3d")


def test_features_that_change_are_read_again(data_root: Path) -> None:
    for frames, first in ((6, 0), (7, 1)):
        path = write_features(data_root, {RECORDINGS[0]: frames})
        os.utime(path, ns=(frames, frames))  # the clock of a file system may be too coarse to tell
        assert sequences(data_root)[0].first_frame == first


def test_damaged_features(data_root: Path) -> None:
    path = write_features(data_root, {RECORDINGS[0]: 7})
    path.write_text(path.read_text() + "4 1\n")
    with pytest.raises(UnreadableRecordingError, match=r"Features\.txt, line 8: expected the 28 numbers"):
        sequences(data_root)


def test_the_official_list(tmp_path: Path) -> None:
    path = write_list(tmp_path)
    (path.parent / "GestureRecording_Id2actor2idAction2category2.avi").touch()
    assert FLORENCE3D.find(tmp_path) == [path]
    found = sequences(tmp_path)
    assert [s.sample_id for s in found] == ["id004_s01_a02", "id005_s01_a09", "id030_s02_a01", "id031_s02_a02"]
    assert [bool(s.video) for s in found] == [False, False, False, True]
    for seed, sequence in enumerate(found):
        np.testing.assert_allclose(sequence.joints[:, 0], body(seed=seed), atol=1e-6)
    write_joints(tmp_path, RECORDINGS[0], body())
    assert path not in FLORENCE3D.find(tmp_path)


@pytest.mark.parametrize(
    ("row", "change", "problem"),
    [
        (2, lambda row: row[:-1], r"line 2: expected the 48 numbers of frame 2 of 24 \(it has 47\)"),
        (3, lambda row: ["4.5", *row[1:]], "line 3: expected video, actor and category"),
        (4, lambda row: [*row[:2], "10", *row[3:]], "line 4: expected video, actor and category"),
        (5, lambda row: ["1e30", *row[1:]], "line 5: expected video, actor and category"),
        (5, lambda row: ["-1", *row[1:]], "line 5: expected video, actor and category"),
        (12, lambda row: ["4", "1", "2", *row[3:]], "line 12: expected the frames of video 4 in one place"),
        (6, lambda row: [*row[:-1], "inf"], "line 6: expected finite coordinates"),
    ],
)
def test_damaged_lists(tmp_path: Path, row: int, change: Callable[[list[str]], list[str]], problem: str) -> None:
    path = write_list(tmp_path)
    lines = path.read_text().splitlines()
    lines[row - 1] = " ".join(change(lines[row - 1].split()))
    path.write_text("\n".join(lines))
    with pytest.raises(UnreadableRecordingError, match=problem):
        sequences(tmp_path)


@pytest.mark.parametrize(
    ("row", "text", "problem"),
    [
        (17, "1 2", r"line 17: expected the 3 numbers of joint 17 of 90 \(it has 2\)"),
        (18, "1 2 x", "line 18: expected 3 numbers for joint 18 of 90, but 'x' is none"),
        (19, "1 2 nan", "line 19: expected finite coordinates"),
        (20, "", "line 20: expected the 3 numbers of joint 20 of 90, found an empty line"),
        (20, "1 2 3\n1 2 3", "line 92: expected joint 2 of the 15 in frame 7, found the end of the file"),
    ],
)
def test_damaged_joints(data_root: Path, row: int, text: str, problem: str) -> None:
    path = FLORENCE3D.find(data_root)[0]
    lines = path.read_text().splitlines()
    lines[row - 1] = text
    path.write_text("\n".join(lines))
    with pytest.raises(UnreadableRecordingError, match=problem):
        FLORENCE3D.read(path)


@pytest.mark.parametrize(
    ("joint", "problem"),
    [
        ((0, 0, -1), "video 1: a joint is not in front of the camera"),
        ((0, 0, 0), "video 1: a joint is not in front of the camera"),
        ((1e35, 0, 0.002), "video 1: a joint is too far from the camera's axis"),
    ],
)
def test_joints_that_no_camera_sees(tmp_path: Path, joint: tuple[float, float, float], problem: str) -> None:
    joints = body()
    joints[3, 7] = joint
    found = only(FLORENCE3D.read(write_joints(tmp_path, (1, 1, 1), joints)))
    assert isinstance(found, UnreadableRecordingError)
    assert problem in str(found)


def test_frames_of_zeros_are_absent(tmp_path: Path) -> None:
    joints = body()
    joints[2] = 0
    sequence = only(FLORENCE3D.read(write_joints(tmp_path, (1, 1, 1), joints)))
    assert np.flatnonzero(~sequence.valid[:, 0]).tolist() == [2]
    assert not sequence.pixels[2].any()
    nobody = only(FLORENCE3D.read(write_joints(tmp_path, (2, 1, 1), np.zeros((3, 15, 3)))))
    assert "video 2: nobody in any of the 3 frames" in str(nobody)


def test_files_of_other_names(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecordingError, match=r"a name like a01_s1_id1\.txt"):
        FLORENCE3D.read(tmp_path / "wave.txt")
    with pytest.raises(UnreadableRecordingError, match="expected category 1 to 9, not 10"):
        FLORENCE3D.read(tmp_path / "a10_s1_id1.txt")
    (tmp_path / "florence3d").mkdir()
    with pytest.raises(DatasetMissingError, match=r"or Florence_dataset_WorldCoordinates\.txt"):
        FLORENCE3D.find(tmp_path)


def test_folds() -> None:
    subjects = np.array([1, 3, 1, 2])
    ids = np.array(["a", "b", "c", "d"])
    index = Index.of(ids, label=subjects, fps=np.full(4, 20.0), subject=subjects)
    folds = FLORENCE3D.protocols["loso"].folds(index)
    assert [(fold.train.tolist(), fold.test.tolist()) for fold in folds] == [
        ([1, 3], [0, 2]),
        ([0, 1, 2], [3]),
        ([0, 2, 3], [1]),
    ]
    assert len(set(FLORENCE3D.protocols["loso"].classes)) == len(CLASSES) == 9


def test_the_real_recordings(florence_data_root: Path) -> None:
    found = sequences(florence_data_root)
    assert len({s.sample_id for s in found}) == len(found) == 215
    assert np.bincount([s.label for s in found]).tolist() == [24, 21, 22, 29, 26, 20, 20, 23, 30]
    assert {s.subject for s in found} == set(range(1, 11))
    lengths = [len(s.joints) for s in found]
    assert (sum(lengths), min(lengths), max(lengths)) == (3802, 7, 34)
    assert all(s.valid.all() for s in found)
    assert 2 < min(s.joints[..., 2].min() for s in found) < max(s.joints[..., 2].max() for s in found) < 4
    inside = np.concatenate([((s.pixels >= 0) & (s.pixels < (640, 480))).all(axis=-1).ravel() for s in found])
    assert inside.mean() > 0.95


def test_the_real_films(florence_data_root: Path) -> None:
    root = florence_data_root / "florence3d"
    if not (root / "rgb").is_dir():
        pytest.skip("needs the films in rgb")
    found = sequences(florence_data_root)
    assert len({s.video for s in found}) == 215
    assert all((root / s.video).is_file() for s in found)
    assert sum(s.recorded_frames for s in found) == 4016
    assert [s.sample_id for s in found if s.first_frame == 0] == ["id001_s01_a01"]
