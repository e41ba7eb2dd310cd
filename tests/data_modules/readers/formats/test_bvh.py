"""Biovision hierarchies: files written by hand, forward kinematics against scipy's rotations, and damage."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.bvh import Bvh, read_bvh

ARM = """HIERARCHY
ROOT Shoulder
{
\tOFFSET 9.0 9.0 9.0
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT Elbow
\t{
\t\tOFFSET 3.0 0.0 0.0
\t\tCHANNELS 3 Yrotation Zrotation Xrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 2.0 0.0 0.0
\t\t}
\t}
\tJOINT Neck
\t{
\t\tOFFSET 0.0 1.0 0.0
\t\tCHANNELS 0
\t}
}
MOTION
Frames: 3
Frame Time: 0.05
0 0 0  0 0 0  0 0 0
1 2 3  90 0 0  0 0 0
1 2 3  90 0 0  0 90 0
"""
ARM_LINES = ARM.splitlines()


def write(folder: Path, text: str) -> Path:
    path = folder / "motion.bvh"
    path.write_text(text)
    return path


def with_line(number: int, text: str) -> str:
    """The arm with another text on a line, counted from 1."""
    return "\n".join([*ARM_LINES[: number - 1], text, *ARM_LINES[number:]]) + "\n"


def read_arm(folder: Path, text: str = ARM) -> Bvh:
    return read_bvh(write(folder, text))


def test_the_tree(tmp_path: Path) -> None:
    arm = read_arm(tmp_path)
    assert [(node.name, node.parent, node.first_channel) for node in arm.nodes] == [
        ("Shoulder", 0, 0),
        ("Elbow", 0, 6),
        ("", 1, 9),
        ("Neck", 0, 9),
    ]
    assert arm.nodes[1].channels == ("yrotation", "zrotation", "xrotation")
    assert (arm.frame_time, arm.motion_TA.shape) == (0.05, (3, 9))
    assert arm.bone_lengths(2, 0) == 5
    assert arm.bone_lengths(2, 3) is None


def test_positions_worked_out_by_hand(tmp_path: Path) -> None:
    """Shoulder, elbow, hand and neck: at rest; moved and turned a quarter about z; then the elbow bent likewise."""
    expected = [
        [[0, 0, 0], [3, 0, 0], [5, 0, 0], [0, 1, 0]],
        [[1, 2, 3], [1, 5, 3], [1, 7, 3], [0, 2, 3]],
        [[1, 2, 3], [1, 5, 3], [-1, 5, 3], [0, 2, 3]],
    ]
    arm = read_arm(tmp_path)
    np.testing.assert_allclose(arm.positions(range(4)), expected, atol=1e-6)
    np.testing.assert_allclose(arm.positions([3, 2]), np.array(expected)[:, [3, 2]], atol=1e-6)


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_channels_in_any_order(tmp_path: Path, order: str) -> None:
    """A chain of two joints with random angles, against scipy's intrinsic Euler angles."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(-180, 180, (20, 6))
    names = " ".join(f"{axis}rotation" for axis in order)
    rows = "\n".join(" ".join(f"{value:.6f}" for value in row) for row in angles)
    path = write(
        tmp_path,
        f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\nCHANNELS 3 {names}\nJOINT b\n{{\nOFFSET 1 2 3\nCHANNELS 3 {names}\n"
        f"End Site\n{{\nOFFSET -2 1 4\n}}\n}}\n}}\nMOTION\nFrames: 20\nFrame Time: 0.01\n{rows}\n",
    )
    first = Rotation.from_euler(order, angles[:, :3], degrees=True)
    second = first * Rotation.from_euler(order, angles[:, 3:], degrees=True)
    middle = first.apply([1, 2, 3])
    expected = np.stack([np.zeros((20, 3)), middle, middle + second.apply([-2, 1, 4])], axis=1)
    np.testing.assert_allclose(read_bvh(path).positions(range(3)), expected, atol=1e-4)


def test_position_channels_replace_offsets_axis_by_axis(tmp_path: Path) -> None:
    text = with_line(9, "CHANNELS 3 Zrotation Yposition Zposition").replace("1 2 3  90 0 0  0 90 0", "0 " * 7 + "7 8")
    np.testing.assert_allclose(read_arm(tmp_path, text).positions([1])[2], [[3, 7, 8]], atol=1e-6)


def test_frames_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm = read_arm(tmp_path)
    at_once = arm.positions([2])
    monkeypatch.setattr("data_modules.readers.formats.bvh.FRAMES_AT_ONCE", 2)
    np.testing.assert_array_equal(arm.positions([2]), at_once)


def test_every_few_frames(tmp_path: Path) -> None:
    arm = read_arm(tmp_path).every(2)
    assert arm.frame_time == 0.1
    assert arm.motion_TA[:, 7].tolist() == [0, 90]


def test_case_and_spaces_do_not_matter(tmp_path: Path) -> None:
    text = ARM.replace("\t", "").replace("Zposition", "ZPosition").replace("Frame Time:", "Frame  TIME:")
    loose = (
        text.replace("End Site", "END SITE")
        .replace("ROOT Shoulder\n{", "ROOT Shoulder {")
        .replace("\n", "  \r\n\r\n", 3)
    )
    np.testing.assert_array_equal(read_arm(tmp_path, loose).motion_TA, read_arm(tmp_path).motion_TA)


@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        (1, "HIERARCH", "expected HIERARCHY, found 'HIERARCH'"),
        (2, "JOINT Shoulder", "expected ROOT"),
        (2, "ROOT", "expected the name of a joint"),
        (3, "", r"expected \{, found 'OFFSET"),
        (4, "OFFSET 9.0 9.0", "expected a coordinate of the offset"),
        (4, "OFFSET 9.0 nan 9.0", "expected a coordinate of the offset"),
        (4, "OFFSET 9.0 1e30 9.0", "expected a coordinate of the offset"),
        (5, "CHANNELS 7 Xposition Yposition Zposition", r"the number of channels \(0 to 6\)"),
        (5, "CHANNELS -1", r"the number of channels \(0 to 6\)"),
        (5, "CHANNELS " + "9" * 5000, r"the number of channels \(0 to 6\)"),
        (5, "CHANNELS 2 Xposition Xposition", "expected yposition or zposition"),
        (5, "CHANNELS 1 Wposition", "expected xposition or"),
        (6, "JOINT SHOULDER", "a joint that the tree does not have yet"),
        (10, "End Point", "expected Site"),
        (13, "JOINT", r"expected \}"),
        (21, "MOVEMENT", "expected MOTION"),
        (21, "ROOT Other", "expected MOTION"),
        (22, "Frames: 0", r"the number of frames \(1 to 100000\)"),
        (22, "Frames: 4000000000", "the number of frames"),
        (22, "Frames: three", "the number of frames"),
        (23, "Frame Time: 0", "seconds per frame"),
        (23, "Frame Time: nan", "seconds per frame"),
        (23, "Frame Time: -0.1", "seconds per frame"),
        (25, "1 2 3 4 5 6 7 8", r"the 9 numbers of frame 2 of 3 \(it has 8\)"),
        (25, "1 2 3 4 5 6 7 8 x", "9 numbers for frame 2 of 3, but 'x' is none"),
        (26, "1 2 3 4 5 6 7 8 inf", "finite coordinates for frame 3 of 3"),
        (26, "", "expected the 9 numbers of frame 3 of 3, found the end of the file"),
        (27, "1 2 3 4 5 6 7 8 9", "the end of the file after its 3 frames"),
        (26, "1 " * 40000, "lines of at most 65536 characters"),
    ],
)
def test_damaged_lines(tmp_path: Path, line: int, text: str, problem: str) -> None:
    with pytest.raises(UnreadableRecordingError, match=problem) as error:
        read_arm(tmp_path, with_line(line, text))
    assert error.value.line is not None
    assert abs(error.value.line - line) <= 1


def test_every_truncation(tmp_path: Path) -> None:
    """A file that breaks off before its last number is refused, with a line."""
    for length in range(len(ARM.rstrip()) - 1):
        with pytest.raises(UnreadableRecordingError) as error:
            read_arm(tmp_path, ARM[:length])
        assert error.value.line is not None


def test_trees_that_are_too_large_or_endless(tmp_path: Path) -> None:
    joint = "JOINT j{}\n{{\nOFFSET 0 0 1\nCHANNELS 1 Xrotation\n"
    opened = "HIERARCHY\nROOT r\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n"
    deep = opened + "".join(joint.format(number) for number in range(50_000))
    with pytest.raises(UnreadableRecordingError, match="a tree of at most 200 joints and ends"):
        read_arm(tmp_path, deep)
    wide = opened + "End Site\n{\nOFFSET 0 0 1\n}\n" * 300
    with pytest.raises(UnreadableRecordingError, match="a tree of at most 200 joints and ends"):
        read_arm(tmp_path, wide)
    still = "HIERARCHY\nROOT r\n{\nOFFSET 0 0 0\nCHANNELS 0\n}\nMOTION\nFrames: 1\nFrame Time: 1\n"
    with pytest.raises(UnreadableRecordingError, match="but no joint has any"):
        read_arm(tmp_path, still)


def test_more_values_than_a_recording_may_have(tmp_path: Path) -> None:
    """The bound on frames shrinks with the number of channels."""
    joints = "".join(
        f"JOINT j{number}\n{{\nOFFSET 0 0 1\nCHANNELS 3 Xrotation Yrotation Zrotation\n}}\n" for number in range(100)
    )
    text = f"HIERARCHY\nROOT r\n{{\nOFFSET 0 0 0\nCHANNELS 0\n{joints}}}\nMOTION\nFrames: 16667\n"
    with pytest.raises(UnreadableRecordingError, match=r"the number of frames \(1 to 16666\)"):
        read_arm(tmp_path, text)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "motion.bvh"
    with pytest.raises(UnreadableRecordingError, match="cannot be read"):
        read_bvh(path)
    path.write_bytes(ARM.encode("utf-16"))
    with pytest.raises(UnreadableRecordingError, match="line 1: expected plain text"):
        read_bvh(path)
    path.write_text(" \n")
    with pytest.raises(UnreadableRecordingError, match="the file is empty"):
        read_bvh(path)
