"""One of a user's own recordings as .csv: a row for each frame and person, a column for each coordinate of a joint.

Axes: R rows, T frames, M persons, V joints, C coordinates.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError, did_you_mean
from data_modules.layouts import Layout
from data_modules.readers.formats.raw_file import read_bytes
from data_modules.readers.formats.text_file import decoded, is_number, quoted
from data_modules.readers.own.poses import MAX_NUMBERS, RawPoses, misspelt

MAX_LINE = 2**18  # characters
AXES = "xyz"
POINTS = "write commas between columns, and points in numbers"
REMEDY = "left out; mend the file"
REMEDY_SIZE = "left out; cut it, or write it as .npz"


@dataclass(frozen=True, eq=False)
class Header:
    """Where things stand in a row. person: None for a file of one person; confidence (V,): -1 for joints without."""

    width: int
    frame: int
    person: int | None
    coordinates_VC: NDArray[np.int64]
    confidence_V: NDArray[np.int64]


def read_csv(path: Path, layout: Layout) -> RawPoses:
    """The rows of one file. Frames may be numbered from any start; a frame without a row shows nobody.

    Raises UnreadableRecordingError, naming the line, for a damaged file.
    """
    rows = _rows(path)
    header = _header(path, next(rows, (1, []))[1], layout)
    lines, frames, persons, numbers = [], [], [], []
    for line, row in rows:
        if len(row) != header.width:
            hint = f"; {POINTS}" if 1.5 * header.width < len(row) <= 2 * header.width else ""
            raise _unreadable(path, f"expected {header.width} values as the header has, found {len(row)}{hint}", line)
        lines.append(line)
        frames.append(_whole(path, row[header.frame], "frame", line))
        persons.append(0 if header.person is None else _whole(path, row[header.person], "person", line))
        numbers.append(_numbers(path, row, header, line))
    if not lines:
        raise _unreadable(path, "there are no rows below the header", 1)
    return _arranged(path, header, lines, np.array(frames), np.array(persons), np.array(numbers))


def has_confidence(path: Path, layout: Layout) -> bool:
    """Whether a file's header names confidences. Raises UnreadableRecordingError where it has no good header."""
    return bool((_header(path, next(_rows(path), (1, []))[1], layout).confidence_V >= 0).any())


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that is not empty."""
    # utf-8-sig: spreadsheets put a mark at the beginning.
    text = decoded(path, read_bytes(path, remedy=REMEDY_SIZE), "utf-8-sig", REMEDY)
    reader = csv.reader(_bounded(path, StringIO(text, newline="")), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise _unreadable(path, f"no row of values ({error})", reader.line_num) from error


def _bounded(path: Path, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise _unreadable(path, f"a line of {len(line):,} characters", number)
        yield line


def _header(path: Path, cells: list[str], layout: Layout) -> Header:
    names = [cell.strip() for cell in cells]
    if not names:
        raise _unreadable(path, "the file is empty", 1)
    for divider, called in ((";", "';'"), ("\t", "tabs")):
        if len(names) == 1 and divider in names[0]:
            raise _unreadable(path, f"the columns are divided by {called}; {POINTS}", 1)
    twice = [name for name in names if name and names.count(name) > 1] if len(set(names)) < len(names) else []
    if twice:
        raise _unreadable(path, f"two columns are called {twice[0]!r}", 1)
    axes = AXES[: layout.dimensions]
    needed = ["frame", *(f"{joint}_{axis}" for joint in layout.joints for axis in axes)]
    optional = ["person", *(f"{joint}_confidence" for joint in layout.joints)]
    unused = [name for name in names if name not in {*needed, *optional}]
    at = {name: position for position, name in enumerate(names)}
    for name in needed:
        if name not in at:
            hint = f"; {did_you_mean(name, unused)}" if unused and misspelt([name], unused) else ""
            raise _unreadable(path, f"there is no column {name!r}{hint}", 1)
    slip = misspelt(unused, [name for name in optional if name not in at])
    if slip:
        raise _unreadable(path, f"a column is called {slip[0]!r}; did you mean {slip[1]!r}?", 1)
    return Header(
        width=len(names),
        frame=at["frame"],
        person=at.get("person"),
        coordinates_VC=np.array([[at[f"{joint}_{axis}"] for axis in axes] for joint in layout.joints]),
        confidence_V=np.array([at.get(f"{joint}_confidence", -1) for joint in layout.joints]),
    )


def _whole(path: Path, cell: str, what: str, line: int) -> int:
    try:
        number = float(cell)
        if number == int(number) and abs(number) < 2**53:
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise _unreadable(path, f"expected a whole number as {what}, found {quoted(cell.strip())}", line)


def _numbers(path: Path, row: list[str], header: Header, line: int) -> list[float]:
    """The coordinates of a row and then its confidences, NaN for empty cells; a joint without confidence has full."""
    wanted = [*header.coordinates_VC.ravel().tolist(), *header.confidence_V.tolist()]
    try:
        return [1.0 if at < 0 else float(row[at]) if row[at].strip() else np.nan for at in wanted]
    except ValueError as error:
        found = next(cell for at in wanted if at >= 0 and (cell := row[at].strip()) and not is_number(cell))
        hint = f"; {POINTS}" if is_number(found.replace(",", ".", 1)) else ""
        raise _unreadable(path, f"expected numbers, but {quoted(found)} is none{hint}", line) from error


def _arranged(
    path: Path,
    header: Header,
    lines: list[int],
    frames_R: NDArray[np.int64],
    persons_R: NDArray[np.int64],
    numbers_R: NDArray[np.float64],
) -> RawPoses:
    """Rows in their places by frame and person."""
    first, last = int(frames_R.min()), int(frames_R.max())
    people, person_R = np.unique(persons_R, return_inverse=True)
    shape = (last - first + 1, len(people), *header.coordinates_VC.shape)
    # Counted with Python's numbers, which do not overflow.
    if (last - first + 1) * len(people) * numbers_R.shape[1] > MAX_NUMBERS:
        raise _unreadable(
            path, f"frames {first} to {last} of {len(people)} persons are too many: `frame` counts frames, not time"
        )
    place_R = (frames_R - first) * len(people) + person_R
    order = np.argsort(place_R, kind="stable")
    again = np.flatnonzero(np.diff(place_R[order]) == 0)
    if len(again):
        row = int(order[again[0] + 1])
        who = "" if header.person is None else f" of person {persons_R[row]}"
        raise _unreadable(path, f"frame {frames_R[row]}{who} stands twice", lines[row])
    coordinates = header.coordinates_VC.size
    joints, confidence = np.full((shape[0] * shape[1], coordinates), np.nan), np.zeros((shape[0] * shape[1], shape[2]))
    joints[place_R], confidence[place_R] = numbers_R[:, :coordinates], numbers_R[:, coordinates:]
    return RawPoses(
        joints.reshape(shape),
        confidence_TMV=confidence.reshape(shape[:3]) if (header.confidence_V >= 0).any() else None,
        first_frame=first,
        persons=people,
    )


def _unreadable(path: Path, problem: str, line: int | None = None) -> UnreadableRecordingError:
    return UnreadableRecordingError(path, problem, line, REMEDY)
