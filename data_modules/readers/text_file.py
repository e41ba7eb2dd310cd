"""Recordings that are text files of numbers: read them fast; of a damaged one say which line and what belongs there."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError

LONGEST_QUOTE = 40


@dataclass(frozen=True)
class RowFormat:
    """One line of numbers.

    what: what a line describes ('joint'); columns: how many numbers it has; coordinates: how many of them, from the
    left, are kept. Those must be finite; the others need only be numbers (Kinect writes NaN and infinities there).
    """

    what: str
    columns: int
    coordinates: int


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
            found = repr(text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "...")
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
        """The kept numbers of the rows that begin at line `start`: float32 (num_rows, form.coordinates).

        Raises UnreadableRecordingError for the first line that is missing, has not as many numbers as the format says,
        holds something else, or whose kept numbers are not finite.
        """
        rows = [line.split() for line in self.lines[start : start + num_rows]]
        if len(rows) == num_rows and all(len(row) == form.columns for row in rows):
            try:
                numbers = np.array(list(map(float, chain.from_iterable(rows)))).reshape(num_rows, form.columns)
            except ValueError:
                pass
            else:
                kept = to_float32(numbers[:, : form.coordinates])
                if np.isfinite(kept).all():
                    return kept
        raise self._first_bad_row(start, num_rows, form)

    def _first_bad_row(self, start: int, num_rows: int, form: RowFormat) -> UnreadableRecordingError:
        """The error for the first of the rows that does not fit: slow, and only asked where one does not."""
        for row in range(num_rows):
            at = start + row
            name = f"{form.what} {row + 1} of {num_rows}"
            tokens = self.lines[at].split() if at < len(self.lines) else []
            if len(tokens) != form.columns:
                count = f" (it has {len(tokens)})" if tokens else ""
                return self.unexpected(at, f"the {form.columns} numbers of {name}{count}")
            for column, token in enumerate(tokens):
                if not is_number(token):
                    return self.unexpected(at, f"{form.columns} numbers for {name}, but {token!r} is none")
                if column < form.coordinates and not np.isfinite(to_float32(np.array(float(token)))):
                    return self.unexpected(at, f"finite coordinates for {name}, but one is {token!r}")
        raise AssertionError("every row fits its format")


def open_text(path: Path) -> TextFile:
    """Read a text file. Raises UnreadableRecordingError where it is not there, is empty, or is not plain text."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableRecordingError(path, f"cannot be read ({error.strerror})") from error
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"expected plain text, found the byte 0x{data[error.start]:02x}"
        raise UnreadableRecordingError(path, problem, line) from error
    if not text.strip():
        raise UnreadableRecordingError(path, "the file is empty", line=1)
    return TextFile(path, text.rstrip().split("\n"))


def to_float32(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same numbers; those too large become infinite, and so are refused as coordinates."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def is_number(token: str) -> bool:
    """Whether the text is a number, which NaN and the infinities count as."""
    try:
        float(token)
    except ValueError:
        return False
    return True
