"""Recordings that are MATLAB files (.mat, version 5, MATLAB's -v6 and -v7): numbers and lines of text by name.

`scipy.io.loadmat` is not used, for it trusts the file: some garbled ones end the whole process by a segmentation fault,
and small compressed ones can ask for all memory. Here every size is checked before it is believed.

After a header of 128 bytes the file is a row of elements: a tag (type and size, 4 bytes each) and the content. Each is
a variable, packed by zlib or not, which is again a row of elements, filled up to multiples of 8 bytes: flags, shape,
name, and the values, columns first, in the smallest type that holds them all. Elements of up to 4 bytes may stand in
the second half of their tag. Source: The MathWorks, MAT-File Format, chapter 1.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.raw_file import read_bytes
from data_modules.readers.formats.shapes import fits, in_words

MAX_BYTES = 16 * 2**20  # of the file, and of what it unpacks to; the largest official ones have some 200 kB
MAX_VARIABLES = 100
MAX_DIMENSIONS = 32
HEADER_BYTES = 128
TAG_BYTES = 8
BYTE_ORDERS = {b"IM": "<", b"MI": ">"}

# Types of elements.
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
ENCODINGS = {1: "ascii", 2: "ascii", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
# Classes of variables.
CLASS_NAMES = (
    *("unknown", "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8"),
    *("int16", "uint16", "int32", "uint32", "int64", "uint64"),
)
CHAR, FIRST_NUMBER, LAST_NUMBER, NAMELESS = 4, 6, 15, 17
COMPLEX_FLAG = 0x800


@dataclass(frozen=True, eq=False)
class Variable:
    """kind: its class, in words. content: None where it is neither real numbers nor text, or was not asked for."""

    name: str
    kind: str
    shape: tuple[int, ...]
    content: NDArray | str | None

    def __str__(self) -> str:
        return f"{self.kind} of {in_words(self.shape)}"


@dataclass(frozen=True)
class MatFile:
    """The variables that were asked for."""

    path: Path
    variables: dict[str, Variable]

    def numbers(self, name: str, *shape: int | None) -> NDArray[np.float64]:
        """A variable of real, finite numbers: float64 of `shape`, in which None stands for any size above 0.

        Raises UnreadableRecordingError where it is anything else.
        """
        variable = self.variables[name]
        values, found = variable.content, variable.shape
        if not isinstance(values, np.ndarray) or not fits(found, shape) or not all(found):
            problem = f"expected {name!r} to be numbers of {in_words(shape)}, found {variable}"
            raise UnreadableRecordingError(self.path, problem)
        if not np.isfinite(values).all():
            raise UnreadableRecordingError(self.path, f"expected finite numbers in {name!r}")
        return values.astype(np.float64)

    def text(self, name: str) -> str:
        """A variable of one line of text. Raises UnreadableRecordingError where it is anything else."""
        variable = self.variables[name]
        if not isinstance(variable.content, str) or len(variable.shape) != 2 or variable.shape[0] != 1:
            raise UnreadableRecordingError(self.path, f"expected {name!r} to be one line of text, found {variable}")
        return variable.content


def open_mat(path: Path, names: Sequence[str]) -> MatFile:
    """Read the variables called `names`, and no others.

    Raises UnreadableRecordingError where the file is not there, is no MATLAB file of version 5, is damaged or too
    large, or lacks one of them.
    """
    content = _content(path)
    try:
        variables = list(_variables(content, names))
    except (ValueError, zlib.error) as error:
        raise UnreadableRecordingError(path, f"a damaged MATLAB file ({error})") from error
    found = [variable.name for variable in variables]
    for name in names:
        if found.count(name) != 1:
            problem = f"has {found.count(name)} variables called {name!r}" if name in found else f"has no {name!r}"
            raise UnreadableRecordingError(path, problem)
    return MatFile(path, {variable.name: variable for variable in variables if variable.name in names})


def _content(path: Path) -> bytes:
    content = read_bytes(path, MAX_BYTES)
    if content[HEADER_BYTES - 2 : HEADER_BYTES] not in BYTE_ORDERS or not content.startswith(b"MATLAB 5"):
        remedy = "left out; save it with MATLAB's -v7, or fetch it again from the dataset's official source"
        raise UnreadableRecordingError(path, "no MATLAB file of version 5 (-v6 or -v7)", remedy=remedy)
    return content


def _variables(content: bytes, names: Sequence[str]) -> Iterator[Variable]:
    """Every variable; only those called `names` with their content. Raises ValueError or zlib.error for damage."""
    order = BYTE_ORDERS[content[HEADER_BYTES - 2 : HEADER_BYTES]]
    room = MAX_BYTES
    for number, (kind, element) in enumerate(_elements(content[HEADER_BYTES:], order), 1):
        if number > MAX_VARIABLES:
            raise ValueError(f"it has more than {MAX_VARIABLES} variables")
        if kind == COMPRESSED:
            unpacked = zlib.decompressobj().decompress(element, room + 1)
            room -= len(unpacked)
            if room < 0:
                raise ValueError(f"it unpacks to more than {MAX_BYTES} bytes")
            # MATLAB may leave out the end of zlib's stream: only the element's size tells whether all of it is there.
            kind, element = next(_elements(unpacked, order), (0, b""))
        if kind != MATRIX:
            raise ValueError(f"variable {number} is none")
        yield _variable(element, order, names)


def _elements(content: bytes, order: str, filled_up: bool = False) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element. filled_up: whether each takes a multiple of 8 bytes."""
    at = 0
    while at < len(content):
        if at + TAG_BYTES > len(content):
            raise ValueError("it breaks off in a tag")
        kind, size = struct.unpack_from(f"{order}II", content, at)
        start = at + TAG_BYTES
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, at + TAG_BYTES // 2
            if size > TAG_BYTES // 2:
                raise ValueError(f"a tag that holds {size} bytes")
        if start + size > len(content):
            raise ValueError(f"it breaks off: {len(content) - start} of {size} bytes are there")
        yield kind, content[start : start + size]
        at = max(at + TAG_BYTES, start + size)
        if filled_up:
            at += -at % TAG_BYTES


def _variable(element: bytes, order: str, names: Sequence[str]) -> Variable:
    parts = _elements(element, order, filled_up=True)
    flags = _whole_numbers(parts, order)[0]
    class_number = flags & 0xFF
    if class_number == NAMELESS:
        return Variable("", "object", (), None)
    shape = _whole_numbers(parts, order)
    _, name_bytes = next(parts, (0, b""))
    name = name_bytes.decode("latin-1")
    is_complex = bool(flags & COMPLEX_FLAG)
    kind = CLASS_NAMES[class_number if class_number < len(CLASS_NAMES) else 0]
    content: NDArray | str | None = None
    if name in names and class_number == CHAR:
        content = _text(parts, order, shape)
    elif name in names and FIRST_NUMBER <= class_number <= LAST_NUMBER and not is_complex:
        content = _numbers(parts, order)
        if min(shape, default=0) < 0 or prod(shape) != content.size:
            raise ValueError(f"{name!r} has {content.size} values for a shape of {in_words(shape)}")
        content = content.reshape(shape, order="F")
    return Variable(name, f"complex {kind}" if is_complex else kind, shape, content)


def _numbers(parts: Iterator[tuple[int, bytes]], order: str) -> NDArray:
    """The numbers of the next element."""
    kind, content = next(parts, (0, b""))
    if kind not in NUMBERS:
        raise ValueError(f"numbers expected where there is type {kind}")
    dtype = np.dtype(f"{order}{NUMBERS[kind]}")
    if len(content) % dtype.itemsize:
        raise ValueError(f"{len(content)} bytes are no numbers of {dtype.itemsize} bytes")
    return np.frombuffer(content, dtype)


def _whole_numbers(parts: Iterator[tuple[int, bytes]], order: str) -> tuple[int, ...]:
    """The few whole numbers of the next element, the flags or the shape of a variable."""
    values = _numbers(parts, order)
    if values.dtype.kind == "f" or not 1 <= values.size <= MAX_DIMENSIONS:
        raise ValueError(f"{values.size} values of {values.dtype} for a variable's flags or shape")
    return tuple(values.tolist())


def _text(parts: Iterator[tuple[int, bytes]], order: str, shape: tuple[int, ...]) -> str:
    """The characters of the next element, rows one after another where there are several."""
    kind, content = next(parts, (0, b""))
    if kind not in ENCODINGS:
        raise ValueError(f"text expected where there is type {kind}")
    encoding = ENCODINGS[kind]
    text = content.decode(f"{encoding}-{'le' if order == '<' else 'be'}" if encoding == "utf-16" else encoding)
    if prod(shape) != len(text):
        raise ValueError(f"{len(text)} characters for a shape of {in_words(shape)}")
    return text
