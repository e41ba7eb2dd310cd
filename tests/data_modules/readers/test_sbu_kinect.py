"""SBU Kinect Interaction: recordings in the official format, damaged ones, and the real ones where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import SBU15
from data_modules.readers.reader import Index
from data_modules.readers.sbu_kinect import CLASSES, FOLDS, SBU_KINECT
from tests.helpers import only


def people(frames: int = 6, seed: int = 0) -> np.ndarray:
    """Metres (frames, 2, 15, 3)."""
    return np.random.default_rng(seed).normal(0, 0.3, (frames, 2, 15, 3)) + np.array([0, 0, 2.2])


def write_recording(root: Path, place: str, metres: np.ndarray) -> Path:
    """Scaled as the official description of the data says, in millimetres."""
    x, y, z = np.moveaxis(1000 * metres, -1, 0)
    scaled = np.stack([(1280 - x) / 2560, (960 - y) / 1920, z * 7.8125 / 10000], -1).reshape(len(metres), -1)
    path = root / place / "skeleton_pos.txt"
    path.parent.mkdir(parents=True)
    rows = (f"{frame}," + ",".join(f"{value:.7g}" for value in row) for frame, row in enumerate(scaled, 55))
    path.write_bytes(("\r\n".join(rows) + "\r\n").encode())
    return path


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    for seed, place in enumerate(["s01s02/01/001", "s06s03/08/002", "s03s06/05/001"]):
        write_recording(tmp_path / "sbu_kinect", place, people(seed=seed))
    return tmp_path


@pytest.fixture
def sbu_data_root() -> Path:
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / "sbu_kinect").is_dir():
        pytest.skip("needs DATA_ROOT with the folder sbu_kinect")
    return data_root


def test_recordings(data_root: Path) -> None:
    found = [only(SBU_KINECT.read(path)) for path in SBU_KINECT.find(data_root)]
    assert [s.sample_id for s in found] == ["s01s02_01_001", "s03s06_05_001", "s06s03_08_002"]
    assert [(s.label, s.subject, s.setup, s.replication) for s in found] == [
        (0, 1, 102, 1),
        (4, 3, 306, 1),
        (7, 6, 603, 2),
    ]
    for sequence, seed in zip(found, (0, 2, 1), strict=True):
        assert (sequence.layout, sequence.fps, sequence.camera) == (SBU15, 15.0, -1)
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints, people(seed=seed), atol=2e-6)


def test_a_person_of_zeros_is_absent(tmp_path: Path) -> None:
    path = write_recording(tmp_path, "s01s02/01/001", people())
    lines = path.read_text().splitlines()
    numbers = lines[2].split(",")
    lines[2] = ",".join([*numbers[:46], *["0"] * 45])
    path.write_text("\n".join(lines))
    sequence = only(SBU_KINECT.read(path))
    assert sequence.valid[2].tolist() == [True, False]
    assert sequence.valid.sum() == 11
    assert not sequence.joints[2, 1].any()
    path.write_text(",".join(["1", *["0.0"] * 90]))
    with pytest.raises(UnreadableRecordingError, match="nobody in any of the 1 frames"):
        SBU_KINECT.read(path)


def test_no_recordings(tmp_path: Path) -> None:
    (tmp_path / "sbu_kinect" / "pictures" / "01" / "001").mkdir(parents=True)
    (tmp_path / "sbu_kinect" / "pictures" / "01" / "001" / "skeleton_pos.txt").write_text("1,2,3")
    with pytest.raises(DatasetMissingError, match=r"looked for s01s02/01/001/skeleton_pos\.txt"):
        SBU_KINECT.find(tmp_path)


@pytest.mark.parametrize(
    ("row", "text", "problem"),
    [
        (2, "56," + ",".join(["0.5"] * 89), r"line 2: expected the 91 numbers of frame 2 of 6 \(it has 90\)"),
        (3, "57 " + "0.5 " * 90, r"line 3: expected the 91 numbers of frame 3 of 6 \(it has 1\)"),
        (4, "", "line 4: expected the 91 numbers of frame 4 of 6, found an empty line"),
        (5, "59," + ",".join(["0.5"] * 89) + ",", "line 5: expected 91 numbers for frame 5 of 6, but '' is none"),
        (1, "55," + ",".join(["0.5"] * 89) + ",nan", "line 1: expected finite coordinates for frame 1 of 6"),
        (6, "60," + ",".join(["0.5"] * 89) + ",1e99", "line 6: expected finite coordinates"),
    ],
)
def test_damaged_rows(tmp_path: Path, row: int, text: str, problem: str) -> None:
    path = write_recording(tmp_path, "s01s02/01/001", people())
    lines = path.read_text().splitlines()
    lines[row - 1] = text
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UnreadableRecordingError, match=problem) as error:
        SBU_KINECT.read(path)
    assert error.value.line == row


def test_coordinates_that_only_metres_are_too_large_for(tmp_path: Path) -> None:
    path = write_recording(tmp_path, "s01s02/01/001", people())
    path.write_text(",".join(["1", *["3e38"] * 90]))
    with pytest.raises(UnreadableRecordingError, match="too large to be converted"):
        SBU_KINECT.read(path)


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("s01s02/skeleton_pos.txt", "expected a file whose path ends like s01s02/01/001/"),
        ("s01s04/01/001/skeleton_pos.txt", "s01s04 is none of the 21 pairs"),
        ("s01s02/09/001/skeleton_pos.txt", "expected interaction 01 to 08, not 09"),
        ("s01s02/00/001/skeleton_pos.txt", "not 00"),
        ("s01s02/01/001/skeleton_pos.txt", "cannot be read"),
    ],
)
def test_paths_of_no_recording(tmp_path: Path, place: str, problem: str) -> None:
    with pytest.raises(UnreadableRecordingError, match=problem):
        SBU_KINECT.read(tmp_path / place)


def index_of(ids: list[str], pairs: list[int]) -> Index:
    anything = np.zeros(len(ids), np.int64)
    return Index.of(np.array(ids), label=anything, fps=np.full(len(ids), 15.0), setup=np.array(pairs))


def test_folds() -> None:
    pairs = [pair for fold in FOLDS for pair in fold]
    assert (len(set(pairs)), len(pairs), len(set(CLASSES))) == (21, 21, 8)
    index = index_of([str(pair) for pair in pairs], pairs)
    folds = SBU_KINECT.protocols["folds5"].folds(index)
    assert [{pairs[at] for at in fold.test} for fold in folds] == [set(fold) for fold in FOLDS]
    assert all(sorted([*fold.train, *fold.test]) == list(range(21)) for fold in folds)


def test_the_real_recordings(sbu_data_root: Path) -> None:
    found = [only(SBU_KINECT.read(path)) for path in SBU_KINECT.find(sbu_data_root)]
    assert len({s.sample_id for s in found}) == len(found) == 282
    assert np.bincount([s.label for s in found]).tolist() == [42, 43, 40, 41, 18, 21, 39, 38]
    lengths = [len(s.joints) for s in found]
    assert (sum(lengths), min(lengths), max(lengths)) == (6822, 10, 46)
    assert all(s.valid.all() for s in found)
    index = index_of([s.sample_id for s in found], [s.setup for s in found])
    folds = SBU_KINECT.protocols["folds5"].folds(index)
    assert [len(fold.test) for fold in folds] == [55, 52, 56, 54, 65]


def test_the_real_recordings_are_metres(sbu_data_root: Path) -> None:
    """Shins have a human length, and keep it within a recording: neither pixels nor a wrong z would do."""
    found = [only(SBU_KINECT.read(path)) for path in SBU_KINECT.find(sbu_data_root)]
    knee, foot = SBU15.joints.index("left_knee"), SBU15.joints.index("left_foot")
    shins = [np.linalg.norm(s.joints[:, :, knee] - s.joints[:, :, foot], axis=-1) for s in found]
    assert 0.35 < np.median(np.concatenate(shins)) < 0.5
    spread = [np.abs(shin / np.median(shin, axis=0) - 1).mean() for shin in shins]
    assert np.median(spread) < 0.01


def test_the_real_order_of_people(sbu_data_root: Path) -> None:
    """It is the same in all recordings of a pair, and not from left to right in all pairs."""
    torso = SBU15.joints.index("torso")
    left_first: dict[int, set[bool]] = {}
    for sequence in (only(SBU_KINECT.read(path)) for path in SBU_KINECT.find(sbu_data_root)):
        first, second = sequence.joints[0, :, torso, 0]  # x to the left
        left_first.setdefault(sequence.setup, set()).add(bool(first > second))
    assert sorted(map(tuple, left_first.values())) == [(False,)] * 9 + [(True,)] * 12


def test_the_real_interactions_are_as_named(sbu_data_root: Path) -> None:
    found = [only(SBU_KINECT.read(path)) for path in SBU_KINECT.find(sbu_data_root)]
    hands = [SBU15.joints.index(f"{side}_hand") for side in ("left", "right")]
    feet = [SBU15.joints.index(f"{side}_foot") for side in ("left", "right")]
    torso = SBU15.joints.index("torso")

    def distances(joints_A: np.ndarray, joints_B: np.ndarray) -> np.ndarray:
        """(T, joints of A, joints of B)."""
        return np.linalg.norm(joints_A[:, :, None] - joints_B[:, None], axis=-1)

    def other_hand(hand_to_torso: np.ndarray) -> float:
        """When a hand (T, hands) is nearest to the other's torso, how much farther the second one is."""
        return float(np.ptp(hand_to_torso[hand_to_torso.min(axis=1).argmin()]))

    measured: dict[str, list[float]] = {}
    for name in CLASSES:
        clips = [s.joints for s in found if CLASSES[s.label] == name]
        torsos = [distances(x[:, 0, [torso]], x[:, 1, [torso]])[:, 0, 0] for x in clips]
        joined = [distances(x[:, 0, hands], x[:, 1, hands]).min(axis=(1, 2)) < 0.15 for x in clips]
        to_torso = [[distances(x[:, a, hands], x[:, 1 - a, [torso]])[..., 0] for a in (0, 1)] for x in clips]
        measured[name] = [
            float(np.median([distance[0] - distance[-1] for distance in torsos])),
            float(np.median([distance.min() for distance in torsos])),
            float(np.mean([held.mean() for held in joined])),
            float(np.median([(x[:, :, feet, 1].max(axis=2) - x[:, :, torso, 1]).max() for x in clips])),
            float(np.median([other_hand(min(both, key=np.min)) for both in to_torso])),
            float(np.median([min(both, key=np.min).min() for both in to_torso])),
        ]
    nearer, closest, held, kick, one_handed, reach = (
        {name: values[at] for name, values in measured.items()} for at in range(6)
    )
    assert max(nearer, key=nearer.__getitem__) == "approaching"
    assert min(nearer, key=nearer.__getitem__) == "departing"
    assert min(closest, key=closest.__getitem__) == "hugging"
    assert max(held, key=held.__getitem__) == "shaking hands"
    assert max(kick, key=kick.__getitem__) == "kicking"
    assert one_handed["pushing"] < 0.5 * one_handed["punching"]
    assert reach["punching"] < reach["exchanging objects"]
