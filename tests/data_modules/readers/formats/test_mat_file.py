"""MATLAB files: what is asked for comes back, and every kind of damage is one clear error."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.mat_file import MAX_BYTES, open_mat

HEADER = b"MATLAB 5.0 MAT-file, by hand".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")
INT8, INT32, UINT32, DOUBLE = 1, 5, 6, 9  # the types of data in the format
MATRIX, COMPRESSED = 14, 15
DOUBLE_CLASS, SPARSE_CLASS = 6, 5


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def matrix(name: str, shape: tuple[int, ...], values: list[float], array_class: int = DOUBLE_CLASS) -> bytes:
    """A variable as the format's description has it."""
    return element(
        MATRIX,
        element(UINT32, struct.pack("<II", array_class, 0))
        + element(INT32, struct.pack(f"<{len(shape)}i", *shape))
        + element(INT8, name.encode())
        + element(DOUBLE, struct.pack(f"<{len(values)}d", *values)),
    )


def compressed(content: bytes) -> bytes:
    packed = zlib.compress(content)
    return struct.pack("<II", COMPRESSED, len(packed)) + packed


def refused(path: Path, *names: str) -> str:
    """What is wrong with the file."""
    with pytest.raises(UnreadableRecordingError) as error:
        open_mat(path, names)
    return error.value.problem


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.mat"


@pytest.mark.parametrize("pack", [bytes, compressed])
def test_a_file_written_by_hand(path: Path, pack: Callable[[bytes], bytes]) -> None:
    path.write_bytes(HEADER + pack(matrix("x", (2, 3), [1, 2, 3, 4, 5, 6])) + pack(matrix("y", (1, 1), [7])))
    file = open_mat(path, ["x"])
    np.testing.assert_array_equal(file.numbers("x", None, 3), [[1, 3, 5], [2, 4, 6]])
    assert set(file.variables) == {"x"}


def test_a_stream_without_its_end(path: Path) -> None:
    """MATLAB leaves it out where a variable's size is a multiple of 16384; two files of Penn Action have such."""
    stream = zlib.compressobj()
    packed = stream.compress(matrix("x", (1, 1), [7])) + stream.flush(zlib.Z_SYNC_FLUSH)
    path.write_bytes(HEADER + struct.pack("<II", COMPRESSED, len(packed)) + packed)
    assert open_mat(path, ["x"]).numbers("x", 1, 1).item() == 7


def test_big_endian(path: Path) -> None:
    header = HEADER[:124] + struct.pack(">H2s", 0x0100, b"MI")
    content = b"".join(
        struct.pack(">II", kind, len(data)) + data.ljust(-(-len(data) // 8) * 8, b"\0")
        for kind, data in (
            (UINT32, struct.pack(">II", DOUBLE_CLASS, 0)),
            (INT32, struct.pack(">2i", 1, 2)),
            (INT8, b"x"),
            (DOUBLE, struct.pack(">2d", 3, 4)),
        )
    )
    path.write_bytes(header + struct.pack(">II", MATRIX, len(content)) + content)
    assert open_mat(path, ["x"]).numbers("x", 1, 2).tolist() == [[3, 4]]


@pytest.mark.parametrize("compress", [False, True])
def test_numbers_and_text_of_every_type(path: Path, compress: bool) -> None:
    written = {"text": "jump_rope", "truth": np.array([[True, False]]), "small": np.array([[1, 2]], np.uint8)}
    savemat(path, {**written, "wide": np.arange(6.0).reshape(1, 2, 3)}, do_compression=compress)
    file = open_mat(path, ["text", "truth", "small", "wide"])
    assert file.text("text") == "jump_rope"
    assert file.numbers("truth", 1, 2).tolist() == [[1, 0]]
    assert file.numbers("small", 1, None).dtype == np.float64
    assert file.numbers("wide", 1, 2, 3).sum() == 15


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (np.zeros((3, 2)), r"expected 'x' to be numbers of any x 3, found double of 3 x 2"),
        (np.zeros((2, 3, 1, 2)), r"found double of 2 x 3 x 1 x 2"),
        (np.zeros((0, 3)), r"found double of 0 x 3"),
        (np.zeros((2, 3), complex), r"found complex double of 2 x 3"),
        ("abc", r"found char of 1 x 3"),
        (np.array([[1, 2, np.nan]]), r"expected finite numbers in 'x'"),
        (np.array([[1, 2, -np.inf]]), r"expected finite numbers in 'x'"),
    ],
)
def test_numbers_that_do_not_fit(path: Path, values: object, problem: str) -> None:
    savemat(path, {"x": values})
    file = open_mat(path, ["x"])
    with pytest.raises(UnreadableRecordingError, match=problem):
        file.numbers("x", None, 3)


@pytest.mark.parametrize("values", [np.zeros((1, 3)), "", np.array(["ab", "cd"])])
def test_text_that_is_none(path: Path, values: object) -> None:
    savemat(path, {"x": values})
    file = open_mat(path, ["x"])
    with pytest.raises(UnreadableRecordingError, match="expected 'x' to be one line of text"):
        file.text("x")


@pytest.mark.parametrize("values", [{"field": 1.0}, np.array([[2.0, "a"]], object), np.array([{"a": 1}], object)])
def test_structures_are_not_read(path: Path, values: object) -> None:
    savemat(path, {"x": values})
    file = open_mat(path, ["x"])
    with pytest.raises(UnreadableRecordingError, match=r"numbers of any, found (struct|cell) of"):
        file.numbers("x", None)


def test_sparse_and_unknown_classes(path: Path) -> None:
    path.write_bytes(HEADER + matrix("x", (2, 2), [1], SPARSE_CLASS))
    with pytest.raises(UnreadableRecordingError, match="expected 'x' to be one line of text, found sparse of 2 x 2"):
        open_mat(path, ["x"]).text("x")
    path.write_bytes(HEADER + matrix("x", (2, 2), [1], 99))
    with pytest.raises(UnreadableRecordingError, match="found unknown of 2 x 2"):
        open_mat(path, ["x"]).numbers("x", 2, 2)


def test_variables_that_are_not_there_or_twice(path: Path) -> None:
    path.write_bytes(HEADER + 2 * matrix("x", (1, 1), [7]))
    assert refused(path, "y") == "has no 'y'"
    assert refused(path, "x") == "has 2 variables called 'x'"
    path.write_bytes(HEADER)
    assert refused(path, "x") == "has no 'x'"
    path.write_bytes(HEADER + 101 * matrix("y", (1, 1), [7]) + matrix("x", (1, 1), [7]))
    assert refused(path, "x") == "a damaged MATLAB file (it has more than 100 variables)"


def test_files_of_another_kind(path: Path) -> None:
    assert refused(path, "x").startswith("cannot be read")
    for content in (b"", b"\0" * 200, b"text" * 100, HEADER[:100], b"\x89HDF\r\n\x1a\n".ljust(600, b"\0")):
        path.write_bytes(content)
        assert refused(path, "x") == "no MATLAB file of version 5 (-v6 or -v7)"
    savemat(path, {"x": np.eye(3)}, format="4")
    assert refused(path, "x") == "no MATLAB file of version 5 (-v6 or -v7)"
    path.unlink()
    path.mkdir()
    assert refused(path, "x") == "is no file"


@pytest.mark.parametrize("shape", [(2**31 - 1, 2**31 - 1), (-1, 5), (2**31 - 1, 1), (3, 3)])
@pytest.mark.parametrize("pack", [bytes, compressed])
def test_declared_sizes_are_not_believed(path: Path, shape: tuple[int, int], pack: Callable[[bytes], bytes]) -> None:
    path.write_bytes(HEADER + pack(matrix("x", shape, [1, 2])))
    refused(path, "x")


def test_a_declared_element_that_is_longer_than_the_file(path: Path) -> None:
    path.write_bytes(HEADER + struct.pack("<II", MATRIX, 2**32 - 1) + b"\0" * 64)
    assert refused(path, "x") == "a damaged MATLAB file (it breaks off: 64 of 4294967295 bytes are there)"


def test_files_that_unpack_to_more_than_they_may(path: Path) -> None:
    packed = zlib.compress(bytes(MAX_BYTES + 1), 9)
    path.write_bytes(HEADER + struct.pack("<II", COMPRESSED, len(packed)) + packed)
    assert refused(path, "x") == f"a damaged MATLAB file (it unpacks to more than {MAX_BYTES} bytes)"
    path.write_bytes(HEADER + bytes(MAX_BYTES))
    assert refused(path, "x") == f"larger than the {MAX_BYTES} bytes that such a file may have"


def test_every_truncation(path: Path) -> None:
    """A file that breaks off anywhere is refused, or has all that was asked for."""
    savemat(path, {"x": np.arange(12.0).reshape(4, 3), "name": "squat"}, do_compression=True)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableRecordingError):
            open_mat(path, ["x", "name"])


@pytest.mark.parametrize("compress", [False, True])
def test_garbled_files(path: Path, compress: bool) -> None:
    """Any bytes may be others: then the file is refused, or its values are some numbers of the right kind."""
    savemat(path, {"x": np.arange(12.0).reshape(4, 3), "name": "squat"}, do_compression=compress)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refusals = 0
    for _ in range(600):
        garbled = bytearray(whole)
        for at in rng.integers(len(HEADER) - 4, len(whole), rng.integers(1, 4)):
            garbled[at] = rng.integers(256)
        path.write_bytes(garbled)
        try:
            file = open_mat(path, ["x", "name"])
            assert file.numbers("x", 4, 3).dtype == np.float64
            assert isinstance(file.text("name"), str)
        except UnreadableRecordingError:
            refusals += 1
    assert refusals > 100
