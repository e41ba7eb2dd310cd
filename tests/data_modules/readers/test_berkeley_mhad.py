"""Berkeley MHAD: motion capture in .bvh files as its descriptions have them. (No official recording was at hand.)"""

from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import MHAD20
from data_modules.readers.berkeley_mhad import BERKELEY_MHAD, CLASSES
from data_modules.readers.reader import Index
from tests.helpers import only

# Name, what it hangs on, offset in centimetres: a person who stands with the arms stretched out, y up.
TREE = (
    ("Hips", "", (0, 0, 0)),
    *(("spine", "Hips", (0, 12, 0)), ("spine1", "spine", (0, 14, 0)), ("spine2", "spine1", (0, 14, 0))),
    *(("Neck", "spine2", (0, 16, 0)), ("Head", "Neck", (0, 14, 0))),
    *(("RightShoulder", "spine2", (-5, 12, 0)), ("RightArm", "RightShoulder", (-12, 0, 0))),
    *(("RightArmRoll", "RightArm", (-14, 0, 0)), ("RightForeArm", "RightArmRoll", (-14, 0, 0))),
    *(("RightForeArmRoll", "RightForeArm", (-12, 0, 0)), ("RightHand", "RightForeArmRoll", (-13, 0, 0))),
    *(("LeftShoulder", "spine2", (5, 12, 0)), ("LeftArm", "LeftShoulder", (12, 0, 0))),
    *(("LeftArmRoll", "LeftArm", (14, 0, 0)), ("LeftForeArm", "LeftArmRoll", (14, 0, 0))),
    *(("LeftForeArmRoll", "LeftForeArm", (12, 0, 0)), ("LeftHand", "LeftForeArmRoll", (13, 0, 0))),
    *(("RightUpLeg", "Hips", (-9, -5, 0)), ("RightUpLegRoll", "RightUpLeg", (0, -20, 0))),
    *(("RightLeg", "RightUpLegRoll", (0, -22, 0)), ("RightLegRoll", "RightLeg", (0, -20, 0))),
    *(("RightFoot", "RightLegRoll", (0, -20, 0)), ("RightToeBase", "RightFoot", (0, -6, 13))),
    *(("LeftUpLeg", "Hips", (9, -5, 0)), ("LeftUpLegRoll", "LeftUpLeg", (0, -20, 0))),
    *(("LeftLeg", "LeftUpLegRoll", (0, -22, 0)), ("LeftLegRoll", "LeftLeg", (0, -20, 0))),
    *(("LeftFoot", "LeftLegRoll", (0, -20, 0)), ("LeftToeBase", "LeftFoot", (0, -6, 13))),
)
ENDS = {"Head", "RightHand", "LeftHand", "RightToeBase", "LeftToeBase"}
KEPT = (
    *("Hips", "spine", "spine1", "spine2", "Neck", "Head", "RightArm", "RightForeArm", "RightHand"),
    *("LeftArm", "LeftForeArm", "LeftHand", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase"),
    *("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase"),
)


def joint_text(name: str, scale: float) -> str:
    _, parent, offset = next(row for row in TREE if row[0] == name)
    channels = "Zrotation Xrotation Yrotation"
    head = f"JOINT {name}" if parent else f"ROOT {name}"
    channels = f"CHANNELS 3 {channels}" if parent else f"CHANNELS 6 Xposition Yposition Zposition {channels}"
    inside = "".join(joint_text(child, scale) for child, on, _ in TREE if on == name)
    if name in ENDS:
        inside += "End Site\n{\nOFFSET 0 1 0\n}\n"
    place = " ".join(f"{scale * value:g}" for value in offset)
    return f"{head}\n{{\nOFFSET {place}\n{channels}\n{inside}}}\n"


def write_person(
    folder: Path, name: str = "skl_s01_a02_r03", frames: int = 40, scale: float = 1.0, frame_time: float = 1 / 480
) -> Path:
    """Someone who turns by 1 degree about y in each frame, 95 cm above the origin."""
    rows = "".join(f"0 {95 * scale:g} 0 0 0 {frame} {'0 0 0 ' * (len(TREE) - 1)}\n" for frame in range(frames))
    text = f"HIERARCHY\n{joint_text('Hips', scale)}MOTION\nFrames: {frames}\nFrame Time: {frame_time:.9f}\n{rows}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.bvh"
    path.write_text(text)
    return path


def standing(degrees: float) -> np.ndarray:
    """Where the kept joints of the turned person are, metres: (20, 3)."""
    places = {"": np.array([0, 95.0, 0])}
    for name, parent, offset in TREE:
        places[name] = places[parent] + offset
    x, y, z = (np.stack([places[name] for name in KEPT]) / 100).T
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1)


def test_a_recording(tmp_path: Path) -> None:
    sequence = only(BERKELEY_MHAD.read(write_person(tmp_path)))
    assert (sequence.label, sequence.subject, sequence.replication) == (1, 1, 3)
    assert (sequence.sample_id, sequence.layout) == ("s01_a02_r03", MHAD20)
    assert sequence.valid.all()
    assert sequence.fps == pytest.approx(30, rel=1e-5)
    expected = np.stack([standing(0), standing(16), standing(32)])  # every 16th frame
    np.testing.assert_allclose(sequence.joints[:, 0], expected, atol=1e-5)
    joints = dict(zip(MHAD20.joints, sequence.joints[0, 0], strict=True))
    assert joints["left_wrist"][0] > joints["left_shoulder"][0] > 0 > joints["right_hip"][0]
    assert joints["head"][1] > joints["hips"][1] > joints["left_ankle"][1] > joints["left_foot"][1]


@pytest.mark.parametrize("scale", [0.01, 1, 10])
def test_metres_centimetres_and_millimetres(tmp_path: Path, scale: float) -> None:
    sequence = only(BERKELEY_MHAD.read(write_person(tmp_path, scale=scale)))
    np.testing.assert_allclose(sequence.joints[0, 0], standing(0), atol=1e-5)


@pytest.mark.parametrize(("frame_time", "kept", "fps"), [(1 / 120, 10, 30), (1 / 30, 40, 30), (0.1, 40, 10)])
def test_other_rates(tmp_path: Path, frame_time: float, kept: int, fps: float) -> None:
    sequence = only(BERKELEY_MHAD.read(write_person(tmp_path, frame_time=frame_time)))
    assert len(sequence.joints) == kept
    assert sequence.fps == pytest.approx(fps, rel=1e-5)


def test_bodies_of_no_human_height(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecordingError, match=r"a body of 1 to 2.5 m .* but its bones add up to 45.6"):
        BERKELEY_MHAD.read(write_person(tmp_path, scale=0.3))


def test_names_in_upper_and_lower_case(tmp_path: Path) -> None:
    path = write_person(tmp_path)
    path.write_text(path.read_text().replace("JOINT spine", "JOINT SPINE").replace("JOINT Neck", "JOINT neck"))
    np.testing.assert_allclose(only(BERKELEY_MHAD.read(path)).joints[0, 0], standing(0), atol=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("JOINT RightForeArm\n", "JOINT Elbow\n", "expected a joint 'RightForeArm', but the tree has none"),
        ("JOINT Head\n", "JOINT RightFoot\n", "a joint that the tree does not have yet"),
        ("0 95 0 0 0 16", "0 1e9 0 0 0 16", "more than 100 m away from the origin"),
        ("0 95 0 0 0 16", "0 nan 0 0 0 16", "expected finite coordinates for frame 17 of 40"),
    ],
)
def test_damaged_recordings(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = write_person(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UnreadableRecordingError, match=problem):
        BERKELEY_MHAD.read(path)


def test_limbs_that_hang_elsewhere(tmp_path: Path) -> None:
    path = write_person(tmp_path)
    text = path.read_text()
    for old, new in (("RightFoot", "X"), ("LeftFoot", "RightFoot"), ("X", "LeftFoot")):
        text = text.replace(f"JOINT {old}\n", f"JOINT {new}\n")
    path.write_text(text)
    with pytest.raises(UnreadableRecordingError, match="expected 'RightFoot' to hang on 'RightUpLeg'"):
        BERKELEY_MHAD.read(path)


@pytest.mark.parametrize("place", ["SkeletalData", "Mocap/SkeletalData", "."])
def test_files_by_name(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "berkeley_mhad" / place
    for name in ("skl_s12_a01_r01", "skl_s02_a11_r05", "skl_s01_t"):
        write_person(folder, name, frames=1)
    paths = BERKELEY_MHAD.find(tmp_path)
    assert [path.stem for path in paths] == ["skl_s02_a11_r05", "skl_s12_a01_r01"]
    assert all(BERKELEY_MHAD.recognises(path) for path in paths)
    assert [only(BERKELEY_MHAD.read(path)).label for path in paths] == [10, 0]


@pytest.mark.parametrize("name", ["skl_s13_a01_r01", "skl_s01_a12_r01", "skl_s01_a01_r06", "skl_s00_a01_r01"])
def test_ids_that_do_not_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UnreadableRecordingError, match="expected subject 1 to 12, action 1 to 11 and repetition 1 to 5"
    ):
        BERKELEY_MHAD.read(write_person(tmp_path, name))


def test_files_of_another_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecordingError, match=r"a name like skl_s01_a01_r01\.bvh"):
        BERKELEY_MHAD.read(write_person(tmp_path, "motion"))
    (tmp_path / "berkeley_mhad").mkdir()
    with pytest.raises(DatasetMissingError, match=r"looked for SkeletalData/skl_s01_a01_r01\.bvh"):
        BERKELEY_MHAD.find(tmp_path)


def test_the_first_seven_subjects_train() -> None:
    """With the one recording that is missing, 384 train and 275 test."""
    ids = [(s, a, r) for s in range(1, 13) for a in range(1, 12) for r in range(1, 6) if (s, a, r) != (4, 8, 5)]
    subject, action, repetition = np.array(ids).T
    index = Index.of(
        np.array([f"{s}_{a}_{r}" for s, a, r in ids]),
        label=action - 1,
        subject=subject,
        replication=repetition,
        fps=np.full(len(ids), 30.0),
    )
    protocol = BERKELEY_MHAD.protocols["xsub"]
    fold = only(protocol.folds(index))
    assert (len(fold.train), len(fold.test)) == (384, 275)
    assert set(subject[fold.test]) == {8, 9, 10, 11, 12}
    assert len(set(protocol.classes)) == len(CLASSES) == 11
