"""The text of a .skeleton file: every tracked body, read at once where the text is as usual, else line by line.

Axes: F frames of one body, B bodies of all frames, V joints, C coordinates, K kept columns.

The number of frames; for each frame the number of bodies; for each body a line of 10 numbers that begins with the
body's id, the number of joints, and for each joint a line of 12 numbers: x, y, z in metres from the camera, its place
in the depth picture, its place in the film (columns 6 and 7), and more. What is not kept is counted, not looked at.

The usual text is taken apart as a whole: where its separators are, what the few lines of counts say, and then the
numbers of all joints together (see `decimals`). Any other text is left to the way line by line, which reads whatever
means the same, and says of a damaged text which line is wrong. Where both read a text they give the same numbers.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.layouts import NTU25
from data_modules.readers.formats.decimals import decimals
from data_modules.readers.formats.raw_file import read_bytes
from data_modules.readers.formats.text_file import RowFormat, TextFile, as_text, to_float32
from data_modules.readers.ntu_actors import Body

MAX_FRAMES = 100_000  # about an hour; the longest official recording has 300
MAX_BODIES = 6  # the Kinect v2 tracks no more
MAX_AT_ONCE = 2**24  # bytes; twice what 300 frames of six bodies take; any text of so many needs less than 1 GB
BODY_COLUMNS = 10
NUM_JOINTS = NTU25.num_joints
BODY_LINES = 2 + NUM_JOINTS
JOINTS_ALONE = RowFormat(what="joint", columns=12, coordinates=3)
JOINTS_AND_PIXELS = RowFormat(what="joint", columns=12, coordinates=3, further=(5, 6))

# From now on the C library keeps what is freed, up to this size, for the next file: glibc takes the largest array that
# was freed as a measure (M_MMAP_THRESHOLD in mallopt(3)). Every file's arrays would else be given back to the system
# and fetched again page by page, which takes as long as the parsing. Elsewhere this does nothing.
np.empty(2**24, np.uint8)


@dataclass(frozen=True, eq=False)
class Appearances:
    """The bodies of all frames in the order of the file: the frame and the id of each, and its joints' kept numbers."""

    num_frames: int
    frames: list[int]
    ids: list[str]
    rows_BVK: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Words:
    """Where in a text its words are, and after how many of them each line ends."""

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    line_ends: NDArray[np.int64]


def parse(path: Path, with_pixels: bool = False) -> tuple[list[Body], int]:
    """Every tracked body in the order of first appearance, and the number of frames.

    with_pixels: whether the bodies' places in the film are kept too. A skeleton that is zero throughout is nobody.
    Raises UnreadableRecordingError for the first line that does not fit.
    """
    data = read_bytes(path)
    form = JOINTS_AND_PIXELS if with_pixels else JOINTS_ALONE
    found = parse_at_once(data, form) or parse_lines(as_text(path, data), form)
    return bodies_in(found), found.num_frames


def parse_at_once(data: bytes, form: RowFormat) -> Appearances | None:
    """What a text holds; None for a damaged one, and for one that only the other way can judge."""
    words = _words(data)
    try:
        return _take_apart(words, form) if words else None
    except (ValueError, IndexError):
        return None


def _words(data: bytes) -> Words | None:
    """The words of a text; None where it is too long, or has other control characters than plain text has."""
    if len(data) > MAX_AT_ONCE:
        return None
    data = data if data.endswith(b"\n") else data + b"\n"
    characters = np.frombuffer(data, np.uint8)
    separators = np.flatnonzero(characters <= ord(" "))
    kinds = characters[separators]
    if sum(np.count_nonzero(kinds == kind) for kind in b" \r\n\t") < len(kinds):
        return None
    starts = np.empty_like(separators)
    starts[0], starts[1:] = 0, separators[:-1] + 1
    line_ends = np.flatnonzero(kinds == ord("\n"))
    is_end = starts < separators
    if is_end.all():  # single spaces, which spares a third of the time
        return Words(data, starts, separators, line_ends + 1)
    return Words(data, starts[is_end], separators[is_end], np.cumsum(is_end, dtype=np.int64)[line_ends])


def _take_apart(words: Words, form: RowFormat) -> Appearances:
    """Raises ValueError or IndexError where the text is not as it should be."""
    line_starts = np.concatenate([[0], words.line_ends[:-1]])
    columns = words.line_ends - line_starts
    others = line_starts[columns != form.columns]
    if len(others) > 1 + MAX_FRAMES * (1 + 2 * MAX_BODIES):
        raise ValueError("too many lines that are no joint's")
    text = words.data.decode("ascii")
    spans = zip(words.starts[others].tolist(), words.ends[others].tolist(), strict=True)
    num_frames, frames, ids = _walk([text[start:end] for start, end in spans])

    body_lines = np.array(frames, np.int64) + np.arange(len(frames)) * BODY_LINES + 2
    joint_lines = body_lines[:, None] + np.arange(2, BODY_LINES)
    expected = np.ones(1 + num_frames + len(frames) * BODY_LINES, np.int64)
    expected[body_lines] = BODY_COLUMNS
    expected[joint_lines] = form.columns
    if not np.array_equal(columns, expected):
        raise ValueError("a line has more or fewer words than it should")

    kept = line_starts[joint_lines][..., None] + np.array(form.kept)
    numbers = decimals(words.data, words.starts[kept].ravel(), words.ends[kept].ravel())
    rows_BVK = to_float32(numbers).reshape(kept.shape)
    if not np.isfinite(rows_BVK[..., : form.coordinates]).all():
        raise ValueError("a coordinate is not finite")
    return Appearances(num_frames, frames, ids, rows_BVK)


def _walk(firsts: list[str]) -> tuple[int, list[int], list[str]]:
    """The number of frames, and the frame and the id of every body.

    firsts: the first word of every line that is not a joint's.
    """
    num_frames = _whole_number(firsts[0], 1, MAX_FRAMES)
    frames: list[int] = []
    ids: list[str] = []
    joints: list[str] = []
    at = 1
    for frame in range(num_frames):
        num_bodies = _whole_number(firsts[at], 0, MAX_BODIES)
        following = at + 1 + 2 * num_bodies
        frames += [frame] * num_bodies
        ids += firsts[at + 1 : following : 2]
        joints += firsts[at + 2 : following : 2]
        at = following
    if set(joints) - {str(NUM_JOINTS)} or not all(map(str.isdecimal, ids)):
        raise ValueError("a body without an id, or not of 25 joints")
    if len(set(zip(frames, ids, strict=True))) < len(ids):
        raise ValueError("a body twice in one frame")
    return num_frames, frames, ids


def _whole_number(word: str, lowest: int, highest: int) -> int:
    number = int(word)
    if not lowest <= number <= highest:
        raise ValueError("a number out of its range")
    return number


def parse_lines(file: TextFile, form: RowFormat) -> Appearances:
    """What a text holds, line by line. Raises UnreadableRecordingError for the first line that does not fit."""
    num_frames = file.whole_number(0, "the number of frames", 1, MAX_FRAMES)
    at = 1
    appearances: dict[tuple[int, str], NDArray[np.float32]] = {}
    for frame in range(num_frames):
        num_bodies = file.whole_number(at, f"the number of bodies in frame {frame + 1} of {num_frames}", 0, MAX_BODIES)
        at += 1
        for _ in range(num_bodies):
            body = (frame, body_id(file, at))
            if body in appearances:
                raise file.unexpected(at, f"a body that frame {frame + 1} does not have yet")
            file.whole_number(at + 1, "the number of joints", NUM_JOINTS, NUM_JOINTS)
            appearances[body] = file.coordinates(at + 2, NUM_JOINTS, form)
            at += BODY_LINES
    if at < len(file.lines):
        raise file.unexpected(at, f"the end of the file after its {num_frames} frames")
    rows_BVK = np.array(list(appearances.values()), np.float32).reshape(-1, NUM_JOINTS, len(form.kept))
    return Appearances(num_frames, [frame for frame, _ in appearances], [body for _, body in appearances], rows_BVK)


def body_id(file: TextFile, at: int) -> str:
    """The id on a body's line, as written: its 17 digits are more than a float keeps."""
    tokens = file.lines[at].split() if at < len(file.lines) else []
    if len(tokens) != BODY_COLUMNS or not tokens[0].isdecimal():
        raise file.unexpected(at, f"the {BODY_COLUMNS} numbers of a body, its id first")
    return tokens[0]


def bodies_in(found: Appearances) -> list[Body]:
    """The bodies by their ids, without the frames in which all their joints are zero."""
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(found.ids):
        positions.setdefault(name, []).append(position)
    frames, there = np.array(found.frames, np.int64), (found.rows_BVK[..., :3] != 0).any(axis=(1, 2))
    return [
        body_at(frames[kept], found.rows_BVK[kept])
        for kept in (np.array(of_one)[there[of_one]] for of_one in positions.values())
        if len(kept)
    ]


def body_at(frames: NDArray[np.int64], rows_FVK: NDArray[np.float32]) -> Body:
    joints, pixels = rows_FVK[..., :3], rows_FVK[..., 3:]
    return Body(frames, joints, np.where(np.isfinite(pixels), pixels, 0) if pixels.size else None)
