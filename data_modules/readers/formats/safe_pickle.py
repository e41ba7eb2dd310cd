"""Pickles of plain values and numpy arrays, read without running anything that is in them.

A pickle is a program for a small machine with a stack, and may have it call any Python function. The machine here knows
only the opcodes and the few names that plain values and arrays need, and what it calls is written here. Python's own
unpickler is not used: it makes room for whatever size a file claims, and hashes whatever a file says is a key.
"""

import mmap
import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.pickled_arrays import RefusedError, array_of, dtype_named, fill, set_byte_order
from data_modules.readers.formats.text_file import quoted

MAX_BYTES = 8 * 2**30  # the largest official file has about 2 GB
MAX_KEYS_WITH_NUMBERS = 1000  # the hashes of numbers can be made to collide, those of strings cannot
# What a garbled program makes the machine, pickletools or numpy raise.
GARBLED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError)


def load(path: Path, max_bytes: int = MAX_BYTES) -> Any:
    """The value that a pickle of protocol 0 to 5 holds: dicts, lists, tuples, strings, bytes, numbers, truth values,
    None, and numpy's arrays, scalars and dtypes of truth values, numbers and strings.

    Keys of dicts are strings; numbers only in dicts of at most 1000 keys. Arrays may be read-only. The time and memory
    that it takes are a small multiple of the file's size. But containers may lie deep within each other, or in
    themselves, so do not walk them blindly.

    Raises UnreadableRecordingError for a file of more than max_bytes, for one that asks for any other function or
    class, naming it, and for one that is truncated or garbled.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() or not size:
            raise RefusedError("the file is empty" if path.is_file() else "is no file")
        if size > max_bytes:
            raise RefusedError(f"larger than the {max_bytes} bytes that such a file may have")
        # Reading from a map never makes room for more than is there, however much the pickle claims.
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Machine(size).run(content)
    except RefusedError as error:
        raise UnreadableRecordingError(path, str(error)) from error
    except OSError as error:
        raise UnreadableRecordingError(path, f"cannot be read ({error.strerror})") from error
    except GARBLED as error:
        reason = quoted(str(error)) if isinstance(error, ValueError) else type(error).__name__
        raise UnreadableRecordingError(path, f"is no pickle, or a damaged one ({reason})") from error


@dataclass(frozen=True, eq=False)
class _Global:
    """What stands on the stack for a name that is admitted: the one thing that can be called."""

    call: Callable[["_Machine", tuple], Any]


class _Machine:
    """The stack and the memo of one pickle of `size` bytes."""

    def __init__(self, size: int) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        # More than any honest pickle needs. A hostile one makes an empty dict with every byte, or the same megabyte
        # into an array again and again.
        self.opcodes_left = 1_000_000 + size // 4
        self.bytes_left = 1_000_000 + 2 * size

    def run(self, content: mmap.mmap) -> Any:
        """The value that the program leaves."""
        # Without `tell`, which would be asked for at every opcode.
        stream: Any = SimpleNamespace(read=content.read, readline=content.readline)
        program: Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]] = pickletools.genops(stream)
        for opcode, argument, _ in program:
            self.opcodes_left -= 1
            if self.opcodes_left < 0:
                raise RefusedError("has far more opcodes than recordings need")
            name = opcode.name
            if name in VALUES:
                self.stack.append(argument)
            elif name in MEMO_WRITES:
                self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
            elif name in MEMO_READS:
                self.stack.append(self.memo[argument])
            elif name in ACTIONS:
                ACTIONS[name](self)
            elif name == "GLOBAL":
                self.stack.append(_admitted(*argument.split(" ", 1)))
            elif name not in IGNORED:
                what = f" with {quoted(argument)}" if isinstance(argument, str) else ""
                raise RefusedError(f"has the opcode {name}{what}, which recordings do not need")
        return self.stack.pop()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise RefusedError("takes more from its stack than is there")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def pop_to_mark(self) -> list[Any]:
        mark = self.marks.pop()
        taken = self.stack[mark:]
        del self.stack[mark:]
        return taken

    def append(self, items: list[Any]) -> None:
        self._container(list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self._container(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            # A tuple of tuples of tuples would take for ever to hash.
            if type(key) not in (str, int, float, bool):
                raise RefusedError(f"has a dict with a {type(key).__name__} as key")
            if type(key) is not str and len(target) >= MAX_KEYS_WITH_NUMBERS:
                raise RefusedError(f"has a dict of more than {MAX_KEYS_WITH_NUMBERS} keys with numbers among them")
            target[key] = value

    def _container(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise RefusedError(f"takes a {type(self.stack[-1]).__name__} for a {kind.__name__}")
        return self.stack[-1]

    def reduce(self) -> None:
        """Call something."""
        function, arguments = self.pop(2)
        if type(function) is not _Global or type(arguments) is not tuple:
            raise RefusedError(f"calls a {type(function).__name__}")
        self.push(function.call(self, arguments))

    def build(self) -> None:
        """Give what was just made its content. Arrays and dtypes are the only things that are made in two steps."""
        made, state = self.stack[-2], self.stack.pop()
        if type(made) is np.ndarray and made.shape == (0,) and type(state) is tuple:
            _, shape, dtype, in_columns, data = state
            fill(made, self.bytes_of(data), dtype, shape, in_columns)
        elif isinstance(made, np.dtype) and type(state) is tuple:
            set_byte_order(made, state)
        else:
            raise RefusedError(f"changes a {type(made).__name__} after it is made")

    def bytes_of(self, data: object) -> bytes | bytearray:
        """What may become an array's content, counted. Python 2 wrote it as a string."""
        if not isinstance(data, str | bytes | bytearray):
            raise RefusedError(f"has a {type(data).__name__} where bytes belong")
        self.bytes_left -= len(data)
        if self.bytes_left < 0:
            raise RefusedError("uses the same bytes over and over")
        return data.encode("latin-1") if isinstance(data, str) else data


def _admitted(module: object, name: object) -> _Global:
    if not (isinstance(module, str) and isinstance(name, str)):
        raise RefusedError("names a function or class with something other than strings")
    if (module, name) not in GLOBALS:
        raise RefusedError(f"asks for {quoted(name)} of {quoted(module)}, and may hold plain values and arrays only")
    return GLOBALS[module, name]


def _array_of_buffer(machine: _Machine, arguments: tuple) -> np.ndarray:
    data, dtype, shape, order = arguments
    return array_of(machine.bytes_of(data), dtype, shape, order)


def _scalar(machine: _Machine, arguments: tuple) -> Any:
    dtype, data = arguments
    return array_of(machine.bytes_of(data), dtype, ())[()]


def _bytes(machine: _Machine, arguments: tuple) -> bytes:
    """Python 3 writes bytes for Python 2 as a string to be encoded, and no bytes as a call without arguments."""
    if not arguments:
        return b""
    text, encoding = arguments
    if encoding != "latin1":
        raise RefusedError("encodes something that is no bytes")
    return bytes(machine.bytes_of(text))


def _uncallable(machine: _Machine, arguments: tuple) -> None:
    raise RefusedError("makes an array in another way than numpy does")


GLOBALS: dict[tuple[str, str], _Global] = {
    ("numpy", "ndarray"): _Global(_uncallable),
    ("numpy", "dtype"): _Global(lambda machine, arguments: dtype_named(arguments[0])),
    ("_codecs", "encode"): _Global(_bytes),
    ("__builtin__", "bytes"): _Global(_bytes),
    ("builtins", "bytes"): _Global(_bytes),
}
for _package in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    GLOBALS |= {
        (f"{_package}.multiarray", "_reconstruct"): _Global(lambda machine, arguments: np.empty(0, np.int8)),
        (f"{_package}.multiarray", "scalar"): _Global(_scalar),
        (f"{_package}.numeric", "_frombuffer"): _Global(_array_of_buffer),
    }

VALUES = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
MEMO_WRITES = frozenset(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"))
MEMO_READS = frozenset(("GET", "BINGET", "LONG_BINGET"))
IGNORED = frozenset(("PROTO", "FRAME", "STOP"))


def _dict(machine: _Machine) -> None:
    items = machine.pop_to_mark()
    machine.push({})
    machine.set_items(items)


ACTIONS: Mapping[str, Callable[[_Machine], object]] = {
    "NONE": lambda machine: machine.push(None),
    "NEWTRUE": lambda machine: machine.push(True),
    "NEWFALSE": lambda machine: machine.push(False),
    "EMPTY_LIST": lambda machine: machine.push([]),
    "EMPTY_DICT": lambda machine: machine.push({}),
    "EMPTY_TUPLE": lambda machine: machine.push(()),
    "MARK": lambda machine: machine.marks.append(len(machine.stack)),
    "POP": lambda machine: machine.pop(1),
    "POP_MARK": _Machine.pop_to_mark,
    "LIST": lambda machine: machine.push(machine.pop_to_mark()),
    "DICT": _dict,
    "TUPLE": lambda machine: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine: machine.push(tuple(machine.pop(1))),
    "TUPLE2": lambda machine: machine.push(tuple(machine.pop(2))),
    "TUPLE3": lambda machine: machine.push(tuple(machine.pop(3))),
    "APPEND": lambda machine: machine.append(machine.pop(1)),
    "APPENDS": lambda machine: machine.append(machine.pop_to_mark()),
    "SETITEM": lambda machine: machine.set_items(machine.pop(2)),
    "SETITEMS": lambda machine: machine.set_items(machine.pop_to_mark()),
    "STACK_GLOBAL": lambda machine: machine.push(_admitted(*machine.pop(2))),
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
