"""Pickles of arrays come out as they went in; pickles that ask for anything else are refused and run nothing."""

import functools
import operator
import os
import pickle
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.safe_pickle import load

HALF = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
ARRAYS = {
    "float16": HALF,
    "float32": HALF.astype(np.float32),
    "float64": HALF.astype(np.float64),
    "int16": np.arange(-3, 5, dtype=np.int16),
    "uint8": np.arange(250, 256, dtype=np.uint8),
    "bool": np.array([True, False, True]),
    "unicode": np.array(["S001", "Zürich", ""]),
    "other byte order": np.arange(5, dtype=">i4"),
    "in columns": np.asfortranarray(HALF[0]),
    "not contiguous": HALF[:, ::2, 1:],
    "empty": np.zeros((0, 17, 2), np.float16),
    "single": np.array(2.5),
    "scalar": np.float32(0.25),
    "whole scalar": np.int64(-7),
    "text scalar": np.str_("A050"),
    "dtype": np.dtype(">f4"),
}
PLAIN = {
    "numbers": [0, 255, 65536, -1, 2**31, -(2**100), 0.5, -1e300],
    "constants": (None, True, False),
    "text": ["", "S001C001P001R001A001", "Zürich", "x" * 300],
    "bytes": [b"", b"\x00\xff", b"y" * 300],
    "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    "nested": {"split": {"train": ["a", "b"], "val": []}, "valid": {0.5: 150, 7: 137}},
}


def written(folder: Path, content: bytes) -> Path:
    path = folder / "recordings.pkl"
    path.write_bytes(content)
    return path


def refusal(folder: Path, content: bytes, **limits: int) -> str:
    """What is said of a pickle that must be refused: one line that begins with the file's path."""
    path = written(folder, content)
    with pytest.raises(UnreadableRecordingError) as error:
        load(path, **limits)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert len(text) < len(str(path)) + 200
    text.encode()  # no lone surrogates, which no terminal takes
    return text


def assert_same(actual: Any, expected: Any) -> None:
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        for key in expected:
            assert_same(actual[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)
    else:
        assert actual == expected


# Pickles written by hand. Whatever follows `PROTOCOL` leaves one value.
PROTOCOL, STOP = b"\x80\x04", b"."


def plain(value: object) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def asked_for(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def dtype(name: object, order: object = "<", *rest: object) -> bytes:
    state = (3, order, *(rest or (None, None, None, -1, -1, 0)))
    return called(asked_for("numpy", "dtype"), plain(name), plain(False), plain(True)) + plain(state) + b"b"


def array(of: bytes, shape: object, data: bytes, package: str = "numpy.core") -> bytes:
    empty = called(
        asked_for(f"{package}.multiarray", "_reconstruct"), asked_for("numpy", "ndarray"), plain((0,)), plain("b")
    )
    return empty + b"(" + plain(1) + plain(shape) + of + plain(False) + data + b"tb"


def as_bytes(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(tmp_path: Path, name: str, protocol: int) -> None:
    content = pickle.dumps(ARRAYS[name], protocol)
    assert_same(load(written(tmp_path, content)), pickle.loads(content))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_values(tmp_path: Path, name: str, protocol: int) -> None:
    assert_same(load(written(tmp_path, pickle.dumps(PLAIN[name], protocol))), PLAIN[name])


@pytest.mark.parametrize("package", ["numpy.core", "numpy._core"])
def test_arrays_of_numpy_1_and_2(tmp_path: Path, package: str) -> None:
    values = np.array([[1.5, -2, 3]], "<f2")
    built = array(dtype("f2"), (1, 3), as_bytes(values.tobytes()), package)
    viewed = called(
        asked_for(f"{package}.numeric", "_frombuffer"),
        *(as_bytes(values.tobytes()), dtype("f2"), plain((1, 3)), plain("C")),
    )
    scalar = called(asked_for(f"{package}.multiarray", "scalar"), dtype("f2"), as_bytes(values[0, :1].tobytes()))
    found = load(written(tmp_path, PROTOCOL + b"(" + built + viewed + scalar + b"t" + STOP))
    assert_same(found, (values, values, np.float16(1.5)))


def test_arrays_of_python_2(tmp_path: Path) -> None:
    """Their bytes are strings."""
    values = np.array([1.5, -2], "<f4")
    text = b"U" + bytes([values.nbytes]) + values.tobytes()
    assert_same(load(written(tmp_path, b"\x80\x02" + array(dtype("f4"), (2,), text) + STOP)), values)


def test_what_is_shared_stays_shared(tmp_path: Path) -> None:
    row = [1, 2]
    found = load(written(tmp_path, pickle.dumps([row, row, HALF, HALF])))
    assert found[0] is found[1]
    assert found[2] is found[3]


def test_a_dtype_that_changes_later_changes_no_array(tmp_path: Path) -> None:
    order_changed = b"h\x63" + plain((3, ">", None, None, None, -1, -1, 0)) + b"b"
    values = array(dtype("f4") + b"q\x63", (1,), as_bytes(np.float32(2).tobytes()))
    found = load(written(tmp_path, PROTOCOL + b"(" + values + order_changed + b"t" + STOP))
    assert_same(found[0], np.array([2], np.float32))


class Call:
    """Pickles as a call, with any arguments, of any function."""

    def __init__(self, function: Callable, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple:
        return self.reduced


class NewWithKeywords:
    """Pickles with NEWOBJ, or NEWOBJ_EX where the protocol has it."""

    def __getnewargs_ex__(self) -> tuple:
        return (), {"key": 1}


# What makes the file `path` if it is run, and a part of what must be said of it.
HARM: dict[str, tuple[Callable[[str], Any], str]] = {
    "os.system": (lambda path: Call(os.system, f"touch {path}"), "system"),
    "eval": (lambda path: Call(eval, f"open({path!r}, 'w')"), "eval"),
    "exec": (lambda path: Call(exec, f"open({path!r}, 'w')"), "exec"),
    "open": (lambda path: Call(open, path, "w"), "open"),
    "getattr": (lambda path: Call(getattr, path, "upper"), "getattr"),
    "import": (lambda path: Call(__import__, "this"), "__import__"),
    "subprocess": (lambda path: Call(subprocess.check_output, ["touch", path]), "check_output"),
    "Popen": (lambda path: Call(subprocess.Popen, ["touch", path]), "Popen"),
    "operator": (lambda path: Call(operator.methodcaller, "touch"), "methodcaller"),
    "partial": (lambda path: functools.partial(os.mkdir, path), "'partial' of 'functools'"),
    "numpy.load": (lambda path: Call(np.load, path, None, True), "'load'"),
    "numpy.memmap": (lambda path: Call(np.memmap, path, "u1", "w+", 0, 8), "'memmap'"),
    "numpy.save": (lambda path: Call(np.save, path, HALF), "'save'"),
    "numpy.fromfile": (lambda path: Call(np.fromfile, path), "fromfile"),
    "tensor": (lambda path: torch.zeros(2), "_rebuild_tensor_v2"),
    "torch.load": (lambda path: Call(torch.load, path), "'load' of 'torch.serialization'"),
    "path": (lambda path: Path(path), "pathlib"),
    "deep within": (lambda path: {"annotations": [{"label": (Call(os.mkdir, path),)}]}, "mkdir"),
    "in an array": (lambda path: np.array([Call(os.mkdir, path)], dtype=object), "'O8'"),
    "class": (lambda path: Call, "Call"),
    "instance": (lambda path: NewWithKeywords(), ""),
    "set": (lambda path: {1, 2}, ""),
    "complex": (lambda path: 1j, "complex"),
}


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
@pytest.mark.parametrize("name", HARM)
def test_nothing_is_run(tmp_path: Path, name: str, protocol: int) -> None:
    sentinel = tmp_path / "was_here"
    make, said = HARM[name]
    assert said in refusal(tmp_path, pickle.dumps(make(str(sentinel)), protocol))
    assert not sentinel.exists()


def by_hand(sentinel: str) -> dict[str, tuple[bytes, str]]:
    """Programs that no pickler writes, each with a part of what must be said of it."""
    touch = plain(f"touch {sentinel}")
    system = asked_for("os", "system")
    multiarray = "numpy.core.multiarray"
    stacked = plain(multiarray) + plain("os.system") + b"\x93"
    return {
        "dotted name": (called(stacked, touch), "'os.system' of 'numpy.core.multiarray'"),
        "dotted name in text": (called(asked_for(multiarray, "os.system"), touch), "os.system"),
        "name of the module": (called(asked_for("numpy.core", "multiarray.os.system"), touch), "os.system"),
        "gadget of numpy": (called(asked_for("numpy.f2py.crackfortran", "myeval"), touch), "myeval"),
        "numpy's pickle": (called(asked_for("numpy.core._methods", "pickle.loads"), touch), "pickle.loads"),
        "another reconstruct": (called(asked_for("copyreg", "_reconstructor"), touch), "'_reconstructor' of 'copyreg'"),
        "name that is none": (plain(3) + plain("system") + b"\x93", "other than strings"),
        "blanks in a name": (b"cos system\nsystem\n", "os"),
        "lone surrogate": (b"X\x03\x00\x00\x00\xed\xa0\x80" + plain("system") + b"\x93", r"\ud800"),
        "very long name": (asked_for("os", "x" * 100_000), "..."),
        "extension 1": (b"\x82\x01", "EXT1"),
        "extension 2": (b"\x83\x01\x00", "EXT2"),
        "extension 4": (b"\x84\x01\x00\x00\x00", "EXT4"),
        "persistent id": (b"Psomething\n", "PERSID"),
        "persistent id on the stack": (touch + b"Q", "BINPERSID"),
        "INST": (b"(" + touch + b"ios\nsystem\n", "INST with 'os system'"),
        "OBJ": (b"(" + system + touch + b"o", "'system' of 'os'"),
        "OBJ alone": (b"(" + touch + touch + b"o", "OBJ"),
        "NEWOBJ": (touch + touch + b"\x81", "NEWOBJ"),
        "NEWOBJ_EX": (touch + touch + touch + b"\x92", "NEWOBJ_EX"),
        "buffer": (b"\x97", "NEXT_BUFFER"),
        "read-only buffer": (touch + b"\x98", "READONLY_BUFFER"),
        "call of a string": (called(touch, touch), "calls a str"),
        "call with a list": (asked_for("numpy", "dtype") + b"]R", "calls a"),
        "call of a class": (called(asked_for("numpy", "ndarray"), plain((10**9,))), "another way"),
        "state of a string": (touch + plain({}) + b"b", "changes a str"),
        "state of a dict": (b"}" + plain({"keys": 1}) + b"b", "changes a dict"),
        "state of a class": (asked_for("numpy", "ndarray") + plain({"__reduce__": 1}) + b"b", "changes a"),
        "state of an array that is there": (array(dtype("u1"), (1,), as_bytes(b"1")) + plain(()) + b"b", "changes a"),
        "other encoding": (called(asked_for("_codecs", "encode"), touch, plain("zlib")), "encodes"),
        "bytes of a number": (called(asked_for("builtins", "bytes"), plain(10**12)), ""),
    }


@pytest.mark.parametrize("name", by_hand(""))
def test_programs_written_by_hand(tmp_path: Path, name: str) -> None:
    sentinel = tmp_path / "was_here"
    program, said = by_hand(str(sentinel))[name]
    assert said in refusal(tmp_path, PROTOCOL + program + STOP)
    assert not sentinel.exists()


MANY = 2**62
BOMBS = {
    "bytes": b"B\xff\xff\xff\xff",
    "long bytes": b"\x8e" + struct.pack("<Q", MANY),
    "bytearray": b"\x96" + struct.pack("<Q", MANY),
    "text": b"X\xff\xff\xff\xff",
    "long text": b"\x8d" + struct.pack("<Q", MANY),
    "string": b"T\xff\xff\xff\x7f",
    "negative string": b"T\xff\xff\xff\xff",
    "frame": b"\x95" + struct.pack("<Q", MANY),
    "number": b"\x8b\xff\xff\xff\x7f",
    "negative number": b"\x8b\xff\xff\xff\xff",
    "digits": b"L" + b"9" * 1_000_000 + b"L\n",
    "memo": b"Nr\xff\xff\xff\xff0",
    "shape": array(dtype("f4"), (10**6, 10**6), as_bytes(b"1234")),
    "shape that overflows": array(dtype("f4"), (2**32, 2**32), as_bytes(b"")),
    "shape of large numbers": array(dtype("f4"), (2**2000,) * 8, as_bytes(b"")),
    "negative shape": array(dtype("u1"), (-1, -4), as_bytes(b"1234")),
    "shape without elements": array(dtype("f4"), (0, 2**63), as_bytes(b"")),
    "shape of truth values": array(dtype("u1"), (True,), as_bytes(b"1")),
    "many dimensions": array(dtype("u1"), (1,) * 100, as_bytes(b"1")),
    "no shape": array(dtype("u1"), None, as_bytes(b"1")),
    "content that is too long": array(dtype("u1"), (1,), as_bytes(b"12")),
    "content that is a list": array(dtype("u1"), (1,), plain([1])),
    "no dtype": array(plain("f4"), (1,), as_bytes(b"1234")),
    "objects": array(dtype("O8"), (1,), plain([None])),
    "void": dtype("V99999999999"),
    "record": dtype("f4", "|", None, ("a", "b"), {"a": 1}, 8, 1, 0),
    "long string": dtype("U99999999999"),
    "raw bytes": dtype("S8"),
    "date": dtype("M8[s]"),
    "names of fields": dtype("f4,f4"),
    "list as dtype": dtype(["f4"]),
    "dtype's subarray": dtype("f4", "<", ("f4", (10**9,)), None, None, -1, -1, 0),
    "byte order": dtype("f4", "x"),
    "short state": called(asked_for("numpy", "dtype"), plain("f4")) + plain((3,)) + b"b",
    "no name": called(asked_for("numpy", "dtype")),
    "string of no characters": array(dtype("U1", "<", None, None, None, 4, 4, 8), (1,), as_bytes(b"\xff" * 4)),
    "tuple as key": b"}" + plain(("a", "b")) + b"Ns",
    "list as key": b"}]Ns",
    "array as key": b"}" + array(dtype("u1"), (1,), as_bytes(b"1")) + b"Ns",
    "numbers that collide": b"}(" + b"".join(plain(n * (2**61 - 1)) + b"N" for n in range(2000)) + b"u",
    "odd number of items": b"}(NNNu",
    "appended to a dict": b"}Na",
    "items of a list": b"]" + plain("key") + b"Ns",
    "unknown memo": b"h\x07",
    "nothing to take": b"000",
    "nothing to remember": b"\x94",
    "no mark": b"t",
    "garbled text": b"X\x02\x00\x00\x00\xc3\x28",
    "unknown opcode": b"\xff",
    "empty": b"",
}
SMALL_MEMORY = 256 << 20

LOAD_EACH = """
import resource, sys
from pathlib import Path
from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.safe_pickle import load
used = lambda: int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used() + int(sys.argv[1]),) * 2)
for name in sys.argv[2:]:
    try:
        load(Path(name))
    except UnreadableRecordingError:
        print(name, flush=True)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_damaged_and_huge(tmp_path: Path, name: str) -> None:
    start = time.monotonic()
    refusal(tmp_path, PROTOCOL + BOMBS[name] + STOP)
    assert time.monotonic() - start < 2


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to tell the memory in use")
def test_none_of_them_needs_memory(tmp_path: Path) -> None:
    """With 256 MB to spare, address space included; none but the unreadable is printed."""
    paths = []
    for position, program in enumerate(BOMBS.values()):
        paths.append(str(tmp_path / f"{position}.pkl"))
        Path(paths[-1]).write_bytes(PROTOCOL + program + STOP)
    found = subprocess.run(
        [sys.executable, "-c", LOAD_EACH, str(SMALL_MEMORY), *paths], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == paths


LEVELS = 200


def test_billion_laughs_are_not_copied(tmp_path: Path) -> None:
    """Each list holds the one before twice: 2^200 in all, but 200 of them."""
    program = b"]q\x00" + b"".join(
        b"](h" + bytes([level]) + b"h" + bytes([level]) + b"eq" + bytes([level + 1]) for level in range(LEVELS)
    )
    found = load(written(tmp_path, PROTOCOL + program + STOP))
    for _ in range(LEVELS):
        assert len(found) == 2
        assert found[0] is found[1]
        found = found[0]


def test_billion_laughs_are_not_hashed(tmp_path: Path) -> None:
    """Python's unpickler would never come to an end."""
    program = b")q\x000" + b"".join(
        b"h" + bytes([level]) + b"h" + bytes([level]) + b"\x86q" + bytes([level + 1]) + b"0" for level in range(LEVELS)
    )
    assert "a tuple as key" in refusal(tmp_path, PROTOCOL + program + b"}h" + bytes([LEVELS]) + b"Ns" + STOP)


def test_what_holds_itself(tmp_path: Path) -> None:
    found = load(written(tmp_path, PROTOCOL + b"]q\x00h\x00a" + STOP))
    assert found[0] is found


@pytest.mark.parametrize(
    ("start", "around"), [(b"", (b"(", b"l")), (b")", (b"", b"\x85")), (b"", (b"(" + plain("x"), b"d"))]
)
def test_deep_nesting(tmp_path: Path, start: bytes, around: tuple[bytes, bytes]) -> None:
    """Nothing here recurses, and Python frees what is nested without recursion."""
    depth = 100_000
    value = start or plain(1)
    load(written(tmp_path, PROTOCOL + around[0] * depth + value + around[1] * depth + STOP))


def test_the_same_bytes_over_and_over(tmp_path: Path) -> None:
    text, encoding, content = plain("x" * 1000) + b"q\x63", plain("latin1") + b"q\x62", as_bytes(bytes(1000)) + b"q\x61"
    encode = asked_for("_codecs", "encode")
    encoded = text + encoding + called(encode, b"h\x63", b"h\x62") * 10_000
    arrays = content + array(dtype("u1"), (1000,), b"h\x61") * 10_000
    for program in (encoded, arrays):
        assert "over and over" in refusal(tmp_path, PROTOCOL + b"(" + program + b"l" + STOP)


def test_far_too_many_opcodes(tmp_path: Path) -> None:
    assert "opcodes" in refusal(tmp_path, PROTOCOL + b"(" + b"}" * 2_000_000 + b"l" + STOP)


def test_a_large_memo_number(tmp_path: Path) -> None:
    assert load(written(tmp_path, PROTOCOL + b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff" + STOP)) is None


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "larger than the 41 bytes" in refusal(tmp_path, PROTOCOL + bytes(39) + STOP, max_bytes=41)
    assert "the file is empty" in refusal(tmp_path, b"")
    assert "no pickle" in refusal(tmp_path, b"frame,person,x,y\n1,1,0.5,0.5\n")
    for path, said in ((tmp_path, "is no file"), (tmp_path / "other.pkl", "cannot be read")):
        with pytest.raises(UnreadableRecordingError, match=said):
            load(path)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_truncated_anywhere(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps({"annotations": [ARRAYS, PLAIN]}, protocol)
    for length in range(0, len(content) - 1, 11):
        refusal(tmp_path, content[:length])


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_garbled_anywhere(tmp_path: Path, protocol: int) -> None:
    """Whatever bytes change: a value or the one error, and soon."""
    content = pickle.dumps({"annotations": [ARRAYS, PLAIN]}, protocol)
    rng = np.random.default_rng(protocol)
    refused = 0
    for _ in range(300):
        garbled = bytearray(content)
        for at in rng.integers(len(content), size=3):
            garbled[at] = rng.integers(256)
        try:
            load(written(tmp_path, bytes(garbled)))
        except UnreadableRecordingError:
            refused += 1
    assert refused > 60


@pytest.fixture
def clips_root() -> Path:
    root = Path(os.environ.get("DATA_ROOT", "unset")) / "rgb_clips"
    if not root.is_dir():
        pytest.skip("needs DATA_ROOT with the folder rgb_clips")
    return root


def test_a_real_pose(clips_root: Path) -> None:
    found = load(clips_root / "example_pyskl_2d_pose.pkl")
    assert (found["frame_dir"], found["label"], found["total_frames"]) == ("v_ApplyEyeMakeup_g01_c01", 0, 163)
    assert (found["keypoint"].shape, found["keypoint"].dtype) == ((2, 163, 17, 2), np.float16)
    np.testing.assert_allclose(found["keypoint"][0, 0, :2], [[300.5, 96.2], [324.5, 69.4]], atol=0.1)
    assert found["keypoint_score"].shape == (2, 163, 17)
    assert found["keypoint_score"].max() == np.float16(0.98)


def test_a_real_list(clips_root: Path) -> None:
    found = load(clips_root / "example_k400_annotations.pkl")
    assert [len(found["split"]["train"]), len(found["annotations"])] == [100, 100]
    first = found["annotations"][0]
    assert (first["frame_dir"], first["label"], first["total_frames"]) == ("jf7RDuUTrsQ", 325, 300)
    assert first["valid"] == {0.5: 150, 0.6: 150, 0.7: 149, 0.8: 146, 0.9: 137}
    assert (first["frame_inds"].dtype, first["frame_inds"].shape) == (np.int16, (260,))
    assert first["box_score"].dtype == np.float16
