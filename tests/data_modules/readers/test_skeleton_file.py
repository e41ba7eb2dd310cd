"""The text of .skeleton files: read at once and line by line, both against a plain parse; and damaged ones.

Axes: F frames of a body, V joints, C coordinates.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.text_file import as_text
from data_modules.readers.skeleton_file import JOINTS_AND_PIXELS, Appearances, parse, parse_at_once, parse_lines
from tests.data_modules.readers.skeleton_texts import FIRST_ID, frames_of, person, skeleton_text, write_skeleton


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    return partial(write_skeleton, tmp_path)


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
    bodies, num_frames = parse(path)
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

    def test_unusual_numbers_are_read_as_float_reads_them(self, write: Callable[..., Path]) -> None:
        words = [
            "9.2E-05",
            "-1.5e-3",
            "+0.25",
            ".5",
            "-5.",
            "-0",
            "0.12345678901234567",
            "00000000000000001.5",
            "1_0.5",
        ]
        frames = frames_of(len(words), (FIRST_ID, list(range(len(words))), person(len(words))))
        path = write(skeleton_text(frames).replace("-0.2000000 ", "{} ").format(*words))
        # The first joint of every frame has such an x.
        assert path.read_text().count("{}") == 0
        assert_parsed_as_plainly(path)


def same(one: Appearances, other: Appearances) -> bool:
    """Whether all is the same, to the last bit."""
    return (one.num_frames, one.frames, one.ids, one.rows_BVK.tobytes()) == (
        other.num_frames,
        other.frames,
        other.ids,
        other.rows_BVK.tobytes(),
    )


WORDS = (
    *(
        b"",
        b" ",
        b"  ",
        b"\n",
        b"\r\n",
        b"\r",
        b"\t",
        b"\x00",
        b"\x0b",
        b"\x1c",
        b"\x7f",
        b"\xff",
        b"-",
        b".",
        b"e5",
        b"E-05",
    ),
    *(b"NaN", b"-Infinity", b"inf", b"1e300", b"1e39", b"_", b"+", b":", b"/", b"0", b"7", b"24", b"25", b"9" * 20),
)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """One or two changes: in the place of up to three characters another word, or a line that is lost or doubled, or
    the end of the file that is."""
    for _ in range(rng.integers(1, 3)):
        lines = data.split(b"\n")
        at, line = int(rng.integers(len(data) + 1)), int(rng.integers(len(lines)))
        kind = rng.integers(20)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = b"\n".join(lines[:line] + lines[line + 1 :])
        elif kind == 2:
            data = b"\n".join(lines[: line + 1] + lines[line:])
        else:
            data = data[:at] + WORDS[rng.integers(len(WORDS))] + data[at + int(rng.integers(4)) :]
    return data


def by_lines(data: bytes) -> Appearances:
    return parse_lines(as_text(Path("a.skeleton"), data), JOINTS_AND_PIXELS)


class TestBothWays:
    """The text taken apart at once, and line by line."""

    def assert_they_agree(self, data: bytes) -> bool:
        """What the first way reads, the second reads too, and the same; returns whether the first one does."""
        at_once = parse_at_once(data, JOINTS_AND_PIXELS)
        try:
            expected = by_lines(data)
        except UnreadableRecordingError:
            assert at_once is None
            return False
        assert at_once is None or same(at_once, expected)
        return at_once is not None

    @pytest.mark.parametrize("ends", ["\n", "\r\n"])
    def test_usual_texts_are_taken_apart_at_once(self, ends: str) -> None:
        text = skeleton_text(frames_of(3, (FIRST_ID, [0, 2], person(2)), (FIRST_ID + 1, [2], person(1, x=1))))
        usual = (text, text.rstrip("\n"), text.replace(" ", "  "), text.replace(" ", "\t"), text.replace("\n", " \n"))
        for form in usual:
            assert self.assert_they_agree(form.replace("\n", ends).encode())

    def test_blank_lines_at_the_end(self) -> None:
        text = skeleton_text(frames_of(2, (FIRST_ID, [0], person(1))))
        assert not self.assert_they_agree(f"{text}\n \n".encode())
        assert same(by_lines(text.encode()), by_lines(f"{text}\n \n".encode()))

    def test_texts_that_are_too_long_are_read_line_by_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = skeleton_text(frames_of(2, (FIRST_ID, [0], person(1)))).encode()
        monkeypatch.setattr("data_modules.readers.skeleton_file.MAX_AT_ONCE", len(data))
        assert self.assert_they_agree(data)
        assert not self.assert_they_agree(data + b"\n")

    def test_damage(self) -> None:
        frames = frames_of(4, (FIRST_ID, [0, 1, 3], person(3)), (FIRST_ID + 1, [1, 2], person(2, x=1, seed=1)))
        data, rng = skeleton_text(frames).encode(), np.random.default_rng(0)
        read = [self.assert_they_agree(damaged(data, rng)) for _ in range(2000)]
        assert 200 < sum(read) < 1800

    def test_damaged_counts(self) -> None:
        """Changes of the lines that say how much there is."""
        data = skeleton_text(frames_of(3, (FIRST_ID, [0, 1, 2], person(3)), (FIRST_ID + 1, [1], person(1)))).encode()
        lines = data.split(b"\n")
        short = [at for at, line in enumerate(lines) if line and len(line.split()) < 12]
        for at in short:
            for word in (*WORDS, b"1", b"2", b"3", b"-1", b"025", b"+25", b"2_5", b"1.0", b"100000", b"9" * 5000):
                self.assert_they_agree(b"\n".join([*lines[:at], word, *lines[at + 1 :]]))
                self.assert_they_agree(b"\n".join([*lines[:at], word + b" 0 1 1 1 1 0 0.1 0.2 2", *lines[at + 1 :]]))

    def test_real_files(self, ntu_root: Path) -> None:
        for path in sorted((ntu_root / "nturgb+d_skeletons").glob("*.skeleton"))[:50]:
            assert self.assert_they_agree(path.read_bytes())


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
    "a long word": (broken(10, "0.1 0.2 " + "x" * 5000 + " 0" * 9), 10, f"but '{'x' * 37}...' is none"),
    "a space too many": (broken(10, "0.1 0. 2 3" + " 0" * 9), 10, "(it has 13)"),
    "too few numbers": (broken(40, "0.1 0.2 3"), 40, "the 12 numbers of joint 8 of 25 (it has 3)"),
    "too many numbers": (broken(40, "0" + " 0" * 12), 40, "(it has 13)"),
    "nan": (broken(12, "NaN 0.2 3" + " 0" * 9), 12, "finite coordinates for joint 8 of 25"),
    "infinite": (broken(12, "0.1 -Infinity 3" + " 0" * 9), 12, "finite coordinates"),
    "too large for float32": (broken(12, "0.1 1e300 3" + " 0" * 9), 12, "finite coordinates"),
    "a digit too large for its place": (broken(12, "0.1 0.2: 3" + " 0" * 9), 12, "but '0.2:' is none"),
    "two points": (broken(12, "0.1 0.2.5 3" + " 0" * 9), 12, "but '0.2.5' is none"),
    "a lone sign": (broken(12, "0.1 - 3" + " 0" * 9), 12, "but '-' is none"),
    "an id of 5000 digits that is cut": (broken(3, "9" * 5000), 3, "the 10 numbers of a body"),
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
            parse(path)
        assert error.value.line == line
        assert problem in str(error.value)
        assert "\n" not in str(error.value)
        assert len(error.value.problem) < 200

    def test_a_body_twice_in_one_frame(self, write: Callable[..., Path]) -> None:
        twice = skeleton_text(frames_of(1, (FIRST_ID, [0], person(1)), (FIRST_ID + 1, [0], person(1))))
        with pytest.raises(UnreadableRecordingError, match="line 30: expected a body that frame 1 does not have yet"):
            parse(write(twice.replace(str(FIRST_ID + 1), str(FIRST_ID))))

    @pytest.mark.parametrize("content", ["", " \n\n"])
    def test_empty(self, write: Callable[..., Path], content: str) -> None:
        with pytest.raises(UnreadableRecordingError, match="line 1: the file is empty"):
            parse(write(content))

    def test_not_text(self, write: Callable[..., Path]) -> None:
        with pytest.raises(UnreadableRecordingError, match="line 2: expected plain text, found the byte 0xff"):
            parse(write(b"1\n\xff\xfe\n"))

    def test_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableRecordingError, match="cannot be read"):
            parse(tmp_path / "absent.skeleton")
