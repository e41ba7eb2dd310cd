"""Recordings that are text files of numbers: read them fast; of a damaged one say which line and what belongs there."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import FETCH_AGAIN, UnreadableRecordingError
from data_modules.readers.formats.raw_file import read_bytes

LONGEST_QUOTE = 40
WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class RowFormat:
    """One line of numbers.

    what: what a line describes ('joint'); columns: how many numbers it has; coordinates: how many of them, from the
    left, are kept and must be finite; further: which others are kept too, and need only be numbers (the Kinect writes
    NaN and infinities there). The rest is counted, and not looked at. separator: what stands between two numbers; None
    is white space.
    """

    what: str
    columns: int
    coordinates: int
    further: tuple[int, ...] = ()
    separator: str | None = None

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The columns that are kept, in the order in which they are given."""
        return (*range(self.coordinates), *self.further)


@dataclass(frozen=True)
class TextFile:
    """The lines of one recording without blank ones at the end. Positions count from 0, the lines of errors from 1."""

    path: Path
    lines: list[str]

    def unexpected(self, at: int, expected: str) -> UnreadableRecordingError:
        """The error that line `at` is not what was expected there."""
        if at >= len(self.lines):
            found = "the end of the file"
        elif text := self.lines[at].strip():
            found = quoted(text)
        else:
            found = "an empty line"
        return UnreadableRecordingError(self.path, f"expected {expected}, found {found}", line=at + 1)

    def whole_number(self, at: int, what: str, lowest: int, highest: int) -> int:
        """The one whole number on line `at`, which must lie between `lowest` and `highest`."""
        try:
            number = int(self.lines[at])
        except (IndexError, ValueError):
            number = lowest - 1
        if not lowest <= number <= highest:
            between = f"{lowest} to {highest}" if lowest < highest else f"{lowest}"
            raise self.unexpected(at, f"{what} ({between})")
        return number

    def coordinates(self, start: int, num_rows: int, form: RowFormat) -> NDArray[np.float32]:
        """The kept numbers of the rows that begin at line `start`: float32 (num_rows, form.kept).

        Raises UnreadableRecordingError for the first line that is missing, has not as many numbers as the format says,
        keeps something that is no number, or whose coordinates are not finite.
        """
        rows = [line.split(form.separator) for line in self.lines[start : start + num_rows]]
        if len(rows) == num_rows and all(len(row) == form.columns for row in rows):
            if len(form.kept) < form.columns:
                rows = [[row[column] for column in form.kept] for row in rows]
            try:
                numbers = np.array(list(map(float, chain.from_iterable(rows)))).reshape(num_rows, len(form.kept))
            except ValueError:
                pass
            else:
                kept = to_float32(numbers)
                if np.isfinite(kept[:, : form.coordinates]).all():
                    return kept
        raise self._first_bad_row(start, num_rows, form)

    def _first_bad_row(self, start: int, num_rows: int, form: RowFormat) -> UnreadableRecordingError:
        """The error for the first of the rows that does not fit: slow, and only asked where one does not."""
        for row in range(num_rows):
            at = start + row
            name = f"{form.what} {row + 1} of {num_rows}"
            line = self.lines[at].strip() if at < len(self.lines) else ""
            tokens = line.split(form.separator) if line else []
            if len(tokens) != form.columns:
                count = f" (it has {len(tokens)})" if tokens else ""
                return self.unexpected(at, f"the {form.columns} numbers of {name}{count}")
            for column in form.kept:
                token = tokens[column]
                if not is_number(token):
                    return self.unexpected(at, f"{form.columns} numbers for {name}, but {quoted(token)} is none")
                if column < form.coordinates and not np.isfinite(to_float32(np.array(float(token)))):
                    return self.unexpected(at, f"finite coordinates for {name}, but one is {quoted(token)}")
        raise AssertionError("every row fits its format")


def open_text(path: Path) -> TextFile:
    """Read a text file. Raises UnreadableRecordingError where it is not there, is far too large, is empty, or is not
    plain text."""
    return as_text(path, read_bytes(path))


def as_text(path: Path, data: bytes) -> TextFile:
    """The lines of a file's content. Raises UnreadableRecordingError where it is empty, or is not plain text."""
    text = decoded(path, data)
    if not text.strip():
        raise UnreadableRecordingError(path, "the file is empty", line=1)
    return TextFile(path, text.rstrip().split("\n"))


def decoded(path: Path, data: bytes, encoding: str = "ascii", remedy: str = FETCH_AGAIN) -> str:
    """A file's content as text. Raises UnreadableRecordingError, naming the line, where it is not of the encoding."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        kind = "plain text" if encoding == "ascii" else f"text in {encoding.removesuffix('-sig').upper()}"
        # What is at fault is the error's own part of the data: some encodings take a mark away first.
        line = data.count(b"\n", 0, len(data) - len(error.object) + error.start) + 1
        problem = f"expected {kind}, found the byte 0x{error.object[error.start]:02x}"
        raise UnreadableRecordingError(path, problem, line, remedy) from error


def quoted(text: str) -> str:
    """The text in quotes, cut where it is long."""
    return repr(text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "...")


def to_float32(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same numbers; those too large become infinite, and so are refused as coordinates."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def is_whole_number(token: str) -> bool:
    """Whether the text is a whole number, of at most nine digits: enough for all that recordings count."""
    return WHOLE_NUMBER.fullmatch(token) is not None


def is_number(token: str) -> bool:
    """Whether the text is a number, which NaN and the infinities count as."""
    try:
        float(token)
    except ValueError:
        return False
    return True
