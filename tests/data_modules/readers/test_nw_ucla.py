"""Northwestern-UCLA: recordings as the field keeps them, damaged ones, and the real ones where they are."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import KINECT20
from data_modules.readers import nw_ucla
from data_modules.readers.nw_ucla import CLASSES, NW_UCLA
from data_modules.readers.reader import Index
from tests.helpers import only

NAME = "a08_s03_e02_v01"


def body(frames: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.4, (frames, 20, 3)) + np.array([0, 0, 3])


def write_json(folder: Path, content: Any, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


def content(joints: np.ndarray | None = None, **changes: Any) -> dict[str, Any]:
    joints = body() if joints is None else joints
    return {"file_name": NAME, "skeletons": joints.round(6).tolist(), "label": 7, **changes}


@pytest.fixture
def ucla_data_root() -> Path:
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / "nw_ucla" / "all_sqe").is_dir():
        pytest.skip("needs DATA_ROOT with the folder nw_ucla")
    return data_root


def test_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "nw_ucla" / "all_sqe"
    write_json(folder, content())
    write_json(folder, content(body(seed=1), file_name="a12_s10_e00_v03", label=10), "a12_s10_e00_v03")
    write_json(folder, {}, "val_label")
    found = [only(NW_UCLA.read(path)) for path in NW_UCLA.find(tmp_path)]
    assert [(s.sample_id, s.label, s.subject, s.replication, s.camera) for s in found] == [
        (NAME, 6, 3, 2, 1),
        ("a12_s10_e00_v03", 9, 10, 0, 3),
    ]
    for seed, sequence in enumerate(found):
        assert (sequence.layout, sequence.setup, sequence.split) == (KINECT20, -1, "")
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints[:, 0], body(seed=seed), atol=1e-6)


def test_whole_numbers_are_coordinates_too(tmp_path: Path) -> None:
    joints = np.ones((2, 20, 3))
    written = content(joints)
    written["skeletons"][0][0] = [1, -2, 3]
    sequence = only(NW_UCLA.read(write_json(tmp_path, written)))
    assert sequence.joints[0, 0, 0].tolist() == [1, -2, 3]


def test_frames_of_zeros_are_absent(tmp_path: Path) -> None:
    joints = body()
    joints[2] = 0
    joints[3, 5] = 0
    sequence = only(NW_UCLA.read(write_json(tmp_path, content(joints))))
    assert np.flatnonzero(~sequence.valid[:, 0]).tolist() == [2]
    with pytest.raises(UnreadableRecordingError, match="nobody in any of the 2 frames"):
        NW_UCLA.read(write_json(tmp_path, content(np.zeros((2, 20, 3)))))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"file_name": "a08_s03_e02_v02"}, f"expected file_name '{NAME}', as the file is called"),
        ({"file_name": 8}, "expected file_name"),
        ({"label": 8}, "expected label 7, as the file is called"),
        ({"label": "7"}, "expected label 7"),
        ({"label": True}, "expected label 7"),
        ({"label": None}, "expected label 7"),
        ({"skeletons": None}, "expected a list of skeletons"),
        ({"skeletons": []}, "expected a list of skeletons"),
        ({"skeletons": {}}, "expected a list of skeletons"),
        ({"skeletons": [1, 2]}, "expected 20 joints of 3 numbers in frame 1 of 2"),
        ({"skeletons": [[[0.1] * 3] * 20, [[0.1] * 3] * 19]}, "expected 20 joints of 3 numbers in frame 2 of 2"),
        ({"skeletons": [[[0.1] * 4] * 20]}, "expected 20 joints of 3 numbers in frame 1 of 1"),
        ({"skeletons": [[[0.1, "0.2", 0.3]] * 20]}, "expected 20 joints of 3 numbers in frame 1 of 1"),
        ({"skeletons": [[[0.1, True, 0.3]] * 20]}, "expected 20 joints of 3 numbers"),
        ({"skeletons": [[[0.1, None, 0.3]] * 20]}, "expected 20 joints of 3 numbers"),
        ({"skeletons": [[[0.1] * 3] * 20, [[0.1, float("nan"), 1]] * 20]}, "finite coordinates in frame 2 of 2"),
        ({"skeletons": [[[0.1, float("inf"), 1]] * 20]}, "finite coordinates in frame 1 of 1"),
        ({"skeletons": [[[0.1, 1e39, 1]] * 20]}, "finite coordinates in frame 1 of 1"),
        ({"skeletons": [[[0.1, 10**400, 1]] * 20]}, "finite coordinates in frame 1 of 1"),
    ],
)
def test_damaged_content(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(UnreadableRecordingError, match=problem):
        NW_UCLA.read(write_json(tmp_path, content(**changes)))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1: is no JSON"),
        (b"[]", "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b'{"file_name":\n\n}', "line 3: is no JSON"),
        (b'{"label":' + b"9" * 5000 + b"}", "expected file_name"),
        (b'{"file_name":\n "\xff"}', "line 2: expected plain text, found the byte 0xff"),
        ('{"label": 7}'.encode("utf-16"), "expected plain text"),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"a":' * 200_000, "is nested too deeply"),
    ],
)
def test_damaged_files(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / f"{NAME}.json"
    path.write_bytes(data)
    with pytest.raises(UnreadableRecordingError, match=problem):
        NW_UCLA.read(path)


def test_files_that_are_too_large_are_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_json(tmp_path, content())
    monkeypatch.setattr(nw_ucla, "MAX_BYTES", path.stat().st_size)
    only(NW_UCLA.read(path))
    monkeypatch.setattr(nw_ucla, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(UnreadableRecordingError, match=r"larger than the \d+ bytes that such a file may have"):
        NW_UCLA.read(path)


@pytest.mark.parametrize("name", ["a07_s01_e00_v01", "a13_s01_e00_v01", "walk", "a01_s01_e00_v1"])
def test_files_of_other_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableRecordingError, match=r"a name like a01_s01_e00_v01\.json, of action 1, 2, 3"):
        NW_UCLA.read(tmp_path / f"{name}.json")


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecordingError, match="cannot be read"):
        NW_UCLA.read(tmp_path / f"{NAME}.json")
    (tmp_path / "nw_ucla").mkdir()
    with pytest.raises(DatasetMissingError, match=r"looked for all_sqe/a01_s01_e00_v01\.json"):
        NW_UCLA.find(tmp_path)


def index_of(subjects: list[int], cameras: list[int], labels: list[int]) -> Index:
    ids = np.array([str(number) for number in range(len(subjects))])
    known = {"label": np.array(labels), "fps": np.full(len(ids), 15.0)}
    return Index.of(ids, subject=np.array(subjects), camera=np.array(cameras), **known)


def test_folds() -> None:
    index = index_of([1, 1, 2, 3], [1, 3, 2, 3], [0, 0, 2, 0])
    xview = only(NW_UCLA.protocols["xview"].folds(index))
    assert (xview.train.tolist(), xview.test.tolist()) == ([0, 2], [1, 3])
    apart = only(NW_UCLA.protocols["xview_apart"].folds(index))
    assert (apart.train.tolist(), apart.test.tolist()) == ([0], [1, 3])
    assert [fold.test.tolist() for fold in NW_UCLA.protocols["loso"].folds(index)] == [[0, 1], [2], [3]]
    assert len(set(CLASSES)) == 10
    assert CLASSES[6] == "donning"


def test_the_real_recordings(ucla_data_root: Path) -> None:
    found = [only(NW_UCLA.read(path)) for path in NW_UCLA.find(ucla_data_root)]
    assert len({s.sample_id for s in found}) == len(found) == 1484
    assert np.bincount([s.label for s in found]).tolist() == [150, 152, 141, 173, 148, 149, 142, 142, 145, 142]
    assert np.bincount([s.camera for s in found]).tolist() == [0, 516, 504, 464]
    lengths = [len(s.joints) for s in found]
    assert (sum(lengths), min(lengths), max(lengths)) == (58_534, 1, 201)
    assert all(s.valid.all() for s in found)
    index = index_of([s.subject for s in found], [s.camera for s in found], [s.label for s in found])
    xview = only(NW_UCLA.protocols["xview"].folds(index))
    assert (len(xview.train), len(xview.test)) == (1020, 464)
    assert len(NW_UCLA.protocols["loso"].folds(index)) == 10
    apart = only(NW_UCLA.protocols["xview_apart"].folds(index))
    assert (len(apart.train), len(apart.test)) == (1020 - 95, 464)
    poses = [s.joints.tobytes() for s in found]
    tested = {poses[position] for position in xview.test}
    assert sum(poses[position] in tested for position in xview.train) == 95
    assert not any(poses[position] in tested for position in apart.train)
