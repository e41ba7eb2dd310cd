"""NTU RGB+D: the parser against a plain one, the choice of actors, and damaged files.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import NTU25
from data_modules.readers.ntu_actors import Body, choose_actors, drop_short, drop_spread, merge, motion, steady_motion
from data_modules.readers.ntu_rgbd import NTU60, parse
from data_modules.readers.text_file import open_text
from tests.helpers import only

NAME = "S001C002P003R002A050"
FIRST_ID = 72057594037931101  # as long as real ids are: as floats, neighbours among them are equal


def person(num_frames: int, x: float = 0.0, swing: float = 0.1, width: float = 0.4, seed: int = 0) -> np.ndarray:
    """Somebody upright, 1.7 m high and `width` wide, who swings by `swing` metres: (num_frames, 25, 3)."""
    rng = np.random.default_rng(seed)
    body = np.stack([np.linspace(-width / 2, width / 2, 25), np.linspace(-0.85, 0.85, 25), np.full(25, 3.0)], axis=1)
    sway = swing * np.sin(np.arange(num_frames) / 3)[:, None, None]
    return body + np.array([x, 0, 0]) + sway + rng.normal(0, 1e-3, (num_frames, 25, 3))


Frames = list[dict[int, np.ndarray]]


def frames_of(num_frames: int, *bodies: tuple[int, list[int], np.ndarray]) -> Frames:
    """For each frame the joints (25, 3) of each body id, out of (id, its frames, its joints there)."""
    frames: Frames = [{} for _ in range(num_frames)]
    for body_id, times, joints in bodies:
        for time, joints_there in zip(times, joints, strict=True):
            frames[time][body_id] = joints_there
    return frames


def skeleton_text(frames: Frames) -> str:
    lines = [f"{len(frames)}"]
    for bodies in frames:
        lines.append(f"{len(bodies)}")
        for body_id, joints in bodies.items():
            lines += [f"{body_id} 0 1 1 1 1 0 -0.089 -0.479 2", "25"]
            lines += [f"{x:.7f} {y:.7f} {z:.7f} 163.9 187.6 NaN -Infinity 0.62 -0.1 0.77 -0.04 2" for x, y, z in joints]
    return "\n".join(lines) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_skeleton(content: Frames | str | bytes, name: str = f"{NAME}.skeleton") -> Path:
        path = tmp_path / name
        content = skeleton_text(content) if isinstance(content, list) else content
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_skeleton


def plain_parse(path: Path) -> tuple[dict[int, dict[int, np.ndarray]], int]:
    """Line by line: for each body id, its joints (25, 3) in each of its frames; and the number of frames."""
    lines = iter(path.read_text().splitlines())
    bodies: dict[int, dict[int, np.ndarray]] = {}
    num_frames = int(next(lines))
    for frame in range(num_frames):
        for _ in range(int(next(lines))):
            body_id = int(next(lines).split()[0])
            joints = [[float(token) for token in next(lines).split()[:3]] for _ in range(int(next(lines)))]
            bodies.setdefault(body_id, {})[frame] = np.array(joints, np.float32)
    return bodies, num_frames


def assert_parsed_as_plainly(path: Path) -> None:
    bodies, num_frames = parse(open_text(path))
    expected, expected_frames = plain_parse(path)
    assert num_frames == expected_frames
    assert len(bodies) == len(expected)
    for body, appearances in zip(bodies, expected.values(), strict=True):
        assert body.frames.tolist() == list(appearances)
        np.testing.assert_array_equal(body.joints, np.stack(list(appearances.values())))


class TestParser:
    def test_equals_a_plain_parse(self, write: Callable[..., Path]) -> None:
        away = [*range(15), *range(20, 40)]
        frames = frames_of(
            42, (FIRST_ID, list(range(40)), person(40)), (FIRST_ID + 1, away, person(len(away), x=1, seed=1))
        )
        path = write(frames)
        assert_parsed_as_plainly(path)
        path.write_text(path.read_text().replace("\n", "\r\n"))
        assert_parsed_as_plainly(path)

    def test_equals_a_plain_parse_on_real_files(self, ntu_root: Path) -> None:
        paths = sorted((ntu_root / "nturgb+d_skeletons").glob("*.skeleton"))[:50]
        assert paths
        for path in paths:
            assert_parsed_as_plainly(path)

    def test_ids_from_the_name(self, write: Callable[..., Path]) -> None:
        sequence = only(
            NTU60.read(write(frames_of(20, (FIRST_ID, list(range(20)), person(20))), f"copy_of_{NAME}.txt"))
        )
        assert (sequence.setup, sequence.camera, sequence.subject, sequence.replication) == (1, 2, 3, 2)
        assert (sequence.label, sequence.sample_id, sequence.layout, sequence.fps) == (49, NAME, NTU25, 30.0)

    def test_real_files(self, ntu_root: Path) -> None:
        expected = {"S001C001P001R001A001": (103, 1), "S001C001P001R001A011": (82, 1), "S001C001P001R001A050": (74, 2)}
        expected |= {f"S017C003P020R002A0{54 + i}": (length, 2) for i, length in enumerate((42, 66, 80, 76, 65))}
        for name, (num_frames, num_persons) in expected.items():
            sequence = only(NTU60.read(ntu_root / "nturgb+d_skeletons" / f"{name}.skeleton"))
            assert sequence.joints.shape == (num_frames, num_persons, 25, 3)
            assert sequence.valid.all()
            assert 0.5 < sequence.joints[..., 2].mean() < 6  # metres from the camera


class TestActors:
    def test_two_bodies_the_livelier_first(self, write: Callable[..., Path]) -> None:
        calm, lively = person(30, x=-1, swing=0.02), person(30, x=1, swing=0.3, seed=1)
        times = list(range(30))
        sequence = only(NTU60.read(write(frames_of(30, (FIRST_ID, times, calm), (FIRST_ID + 1, times, lively)))))
        assert sequence.joints.shape == (30, 2, 25, 3)
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints, np.stack([lively, calm], axis=1), atol=1e-6)

    def test_a_body_that_returns_keeps_its_times(self, write: Callable[..., Path]) -> None:
        away = [*range(12), *range(20, 30)]
        back = person(len(away), x=1, swing=0.02)
        frames = frames_of(30, (FIRST_ID, list(range(30)), person(30, swing=0.3, seed=1)), (FIRST_ID + 1, away, back))
        sequence = only(NTU60.read(write(frames)))
        assert np.flatnonzero(sequence.valid[:, 1]).tolist() == away
        np.testing.assert_allclose(sequence.joints[away, 1], back, atol=1e-6)
        assert not sequence.joints[12:20, 1].any()

    def test_a_reidentified_body_is_merged(self, write: Callable[..., Path]) -> None:
        whole = person(40, swing=0.2)
        early, late = list(range(18)), list(range(21, 40))
        frames = frames_of(40, (FIRST_ID, early, whole[:18]), (FIRST_ID + 1, late, whole[21:]))
        sequence = only(NTU60.read(write(frames)))
        assert sequence.joints.shape == (40, 1, 25, 3)
        assert np.flatnonzero(~sequence.valid[:, 0]).tolist() == [18, 19, 20]
        np.testing.assert_allclose(sequence.joints[late, 0], whole[21:], atol=1e-6)

    def test_a_body_within_the_gap_of_another_is_merged(self) -> None:
        outer = Body(np.array([*range(15), *range(30, 45)]), person(30, swing=0.3).astype(np.float32))
        inner = Body(np.arange(15, 30), person(15).astype(np.float32))
        assert merge([outer, inner]) == [[outer, inner]]

    def test_one_shared_frame_is_no_overlap_and_the_first_has_it(self) -> None:
        first = Body(np.arange(20), person(20, swing=0.3).astype(np.float32))
        second = Body(np.arange(19, 40), person(21).astype(np.float32))
        joints, valid = choose_actors([first, second], 40)
        assert valid.shape == (40, 1)
        np.testing.assert_array_equal(joints[19, 0], first.joints[19])

    def test_a_third_body_is_left_out(self) -> None:
        bodies = [
            Body(np.arange(20), person(20, x, swing).astype(np.float32)) for x, swing in ((0, 0.3), (1, 0.2), (2, 0.1))
        ]
        joints, _ = choose_actors(bodies[::-1], 20)
        np.testing.assert_array_equal(joints, np.stack([bodies[0].joints, bodies[1].joints], axis=1))

    def test_a_phantom_is_dropped(self, write: Callable[..., Path]) -> None:
        table = person(30, x=1, swing=0.5, width=2.0, seed=1)
        times = list(range(30))
        sequence = only(NTU60.read(write(frames_of(30, (FIRST_ID, times, table), (FIRST_ID + 1, times, person(30))))))
        assert sequence.joints.shape[1] == 1
        np.testing.assert_allclose(sequence.joints[:, 0], person(30), atol=1e-6)

    @pytest.mark.parametrize(("length", "persons"), [(11, 1), (12, 2)])
    def test_a_short_body_is_dropped(self, write: Callable[..., Path], length: int, persons: int) -> None:
        brief = person(length, x=1, seed=1)
        frames = frames_of(30, (FIRST_ID, list(range(30)), person(30)), (FIRST_ID + 1, list(range(length)), brief))
        assert only(NTU60.read(write(frames))).joints.shape[1] == persons

    def test_a_lone_body_is_never_noise(self, write: Callable[..., Path]) -> None:
        frames = frames_of(5, (FIRST_ID, list(range(5)), person(5, width=3.0)))
        assert only(NTU60.read(write(frames))).joints.shape == (5, 1, 25, 3)

    @pytest.mark.parametrize("drop", [drop_short, drop_spread])
    def test_noise_steps_leave_the_one_with_most_motion(self, drop: Callable[[list[Body]], list[Body]]) -> None:
        calm = Body(np.arange(9), person(9, width=3.0, swing=0.0).astype(np.float32))
        lively = Body(np.arange(9), person(9, width=3.0, swing=0.5).astype(np.float32))
        assert drop([calm, lively]) == [lively]
        assert drop([lively, calm]) == [lively]

    def test_motion_ignores_spread_frames_where_that_is_less(self) -> None:
        joints = np.concatenate([person(20), person(5, width=3.0, x=2)]).astype(np.float32)
        assert steady_motion(Body(np.arange(25), joints)) == pytest.approx(motion(joints[:20]))
        assert motion(joints) > motion(joints[:20])

    def test_empty_frames_inside_stay_and_those_outside_go(self, write: Callable[..., Path]) -> None:
        there = [*range(4, 10), *range(13, 20)]
        sequence = only(NTU60.read(write(frames_of(25, (FIRST_ID, there, person(len(there)))))))
        assert np.flatnonzero(sequence.valid[:, 0]).tolist() == [time - 4 for time in there]
        assert len(sequence.joints) == 16

    def test_a_zero_skeleton_is_nobody(self, write: Callable[..., Path]) -> None:
        joints = person(20)
        joints[7] = 0
        sequence = only(NTU60.read(write(frames_of(20, (FIRST_ID, list(range(20)), joints)))))
        assert np.flatnonzero(~sequence.valid[:, 0]).tolist() == [7]


def broken(line: int, text: str) -> Callable[[list[str]], list[str]]:
    """Replace one line, counted from 1."""
    return lambda lines: [*lines[: line - 1], text, *lines[line:]]


# Two frames of one body: line 1 counts frames; 2 and 30 count bodies; 3 and 31 begin bodies; 4 and 32 count joints.
DAMAGE: Mapping[str, tuple[Callable[[list[str]], list[str]], int, str]] = {
    "frames are no number": (broken(1, "two"), 1, "the number of frames"),
    "no frames": (broken(1, "0"), 1, "the number of frames"),
    "absurdly many frames": (broken(1, "999999999"), 1, "the number of frames"),
    "a number of 5000 digits": (broken(1, "9" * 5000), 1, "the number of frames"),
    "one frame too many": (broken(1, "3"), 58, "the number of bodies in frame 3 of 3"),
    "one frame too few": (broken(1, "1"), 30, "the end of the file after its 1 frames"),
    "bodies are no number": (broken(2, "one"), 2, "the number of bodies in frame 1 of 2"),
    "absurdly many bodies": (broken(2, "1000000"), 2, "the number of bodies in frame 1 of 2"),
    "a negative number of bodies": (broken(30, "-1"), 30, "the number of bodies in frame 2 of 2"),
    "a body line cut short": (broken(3, "7205 0 1"), 3, "the 10 numbers of a body"),
    "an id that is none": (broken(3, "x 0 1 1 1 1 0 -0.1 -0.5 2"), 3, "the 10 numbers of a body"),
    "wrong joint count": (broken(32, "24"), 32, "the number of joints (25)"),
    "a joint is missing": (lambda lines: lines[:28] + lines[29:], 29, "the 12 numbers of joint 25 of 25"),
    "a joint too many": (lambda lines: [*lines[:29], lines[28], *lines[29:]], 30, "the number of bodies in frame 2"),
    "not a number": (broken(10, "0.1 abc 3" + " 0" * 9), 10, "12 numbers for joint 6 of 25, but 'abc' is none"),
    "not a number, unused column": (broken(10, "0.1 0.2 3 ?" + " 0" * 8), 10, "but '?' is none"),
    "too few numbers": (broken(40, "0.1 0.2 3"), 40, "the 12 numbers of joint 8 of 25 (it has 3)"),
    "too many numbers": (broken(40, "0" + " 0" * 12), 40, "(it has 13)"),
    "nan": (broken(12, "NaN 0.2 3" + " 0" * 9), 12, "finite coordinates for joint 8 of 25"),
    "infinite": (broken(12, "0.1 -Infinity 3" + " 0" * 9), 12, "finite coordinates"),
    "too large for float32": (broken(12, "0.1 1e300 3" + " 0" * 9), 12, "finite coordinates"),
    "an empty line": (broken(12, ""), 12, "found an empty line"),
    "truncated between lines": (lambda lines: lines[:40], 41, "found the end of the file"),
    "truncated in a line": (lambda lines: [*lines[:40], "0.1 0.2"], 41, "the 12 numbers of joint 9 of 25 (it has 2)"),
    "truncated after the body's line": (lambda lines: lines[:31], 32, "the number of joints"),
    "extra text": (lambda lines: [*lines, "", "the end"], 58, "the end of the file after its 2 frames"),
}


class TestDamage:
    @pytest.mark.parametrize("kind", DAMAGE)
    def test_the_line_is_named(self, write: Callable[..., Path], kind: str) -> None:
        damage, line, problem = DAMAGE[kind]
        lines = skeleton_text(frames_of(2, (FIRST_ID, [0, 1], person(2)))).splitlines()
        path = write("\n".join(damage(lines)))
        with pytest.raises(UnreadableRecordingError) as error:
            only(NTU60.read(path))
        assert error.value.line == line
        assert problem in str(error.value)
        assert "\n" not in str(error.value)
        assert len(error.value.problem) < 200

    def test_a_body_twice_in_one_frame(self, write: Callable[..., Path]) -> None:
        twice = skeleton_text(frames_of(1, (FIRST_ID, [0], person(1)), (FIRST_ID + 1, [0], person(1))))
        with pytest.raises(UnreadableRecordingError, match="line 30: expected a body that frame 1 does not have yet"):
            NTU60.read(write(twice.replace(str(FIRST_ID + 1), str(FIRST_ID))))

    @pytest.mark.parametrize("content", ["", " \n\n"])
    def test_empty(self, write: Callable[..., Path], content: str) -> None:
        with pytest.raises(UnreadableRecordingError, match="line 1: the file is empty"):
            only(NTU60.read(write(content)))

    def test_not_text(self, write: Callable[..., Path]) -> None:
        with pytest.raises(UnreadableRecordingError, match="line 2: expected plain text, found the byte 0xff"):
            only(NTU60.read(write(b"1\n\xff\xfe\n")))

    def test_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableRecordingError, match="cannot be read"):
            only(NTU60.read(tmp_path / f"{NAME}.skeleton"))

    @pytest.mark.parametrize("frames", [frames_of(3), frames_of(3, (FIRST_ID, [1], np.zeros((1, 25, 3))))])
    def test_nobody(self, write: Callable[..., Path], frames: Frames) -> None:
        with pytest.raises(UnreadableRecordingError, match="nobody in any of the 3 frames"):
            only(NTU60.read(write(frames)))

    @pytest.mark.parametrize("name", ["walk.skeleton", "S001C002P003R002.skeleton", "S001C002P003R002A0501.skeleton"])
    def test_a_name_without_the_pattern(self, write: Callable[..., Path], name: str) -> None:
        with pytest.raises(UnreadableRecordingError, match="SsssCcccPpppRrrrAaaa"):
            only(NTU60.read(write("1\n0\n", name)))

    @pytest.mark.parametrize("action", ["A000", "A061"])
    def test_an_action_of_another_dataset(self, write: Callable[..., Path], action: str) -> None:
        with pytest.raises(UnreadableRecordingError, match="ntu60 has the actions 1 to 60"):
            only(NTU60.read(write("1\n0\n", f"S001C001P001R001{action}.skeleton")))
