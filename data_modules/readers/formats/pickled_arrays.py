"""What numpy writes of an array into a pickle, checked before it becomes one again.

Only arrays of truth values, numbers and strings: those of Python objects, dates, raw bytes or records are refused.
"""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

ADMITTED_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|U[1-9]\d{0,3}")
BYTE_ORDERS = ("<", ">", "|", "=")
MAX_DIMENSIONS = 8
LAST_CODE_POINT = 0x10FFFF


class RefusedError(Exception):
    """Why a pickle is not read, in words."""


def dtype_named(name: object) -> np.dtype:
    """The dtype that a pickle names, its own copy of it: setting its byte order changes no other."""
    if not isinstance(name, str) or not ADMITTED_DTYPE.fullmatch(name):
        shown = f"the dtype {name[:20]!r}" if isinstance(name, str) else f"a {type(name).__name__} as dtype"
        raise RefusedError(f"holds an array with {shown}, which is neither numbers nor strings")
    return np.dtype(name, copy=True)


def set_byte_order(dtype: np.dtype, state: tuple) -> None:
    """Give a dtype that was just made its byte order, the one thing that the state of these dtypes says."""
    if len(state) < 5 or state[1] not in BYTE_ORDERS or state[2:5] != (None, None, None):
        raise RefusedError("holds a dtype with more to it than a byte order")
    # With numpy's own words: it trusts a state in which sizes are wrong.
    _set_state(dtype, np.dtype(dtype.str).newbyteorder(state[1]).__reduce__()[2])


def array_of(data: bytes | bytearray, dtype: object, shape: object, order: object = "C") -> NDArray:
    """An array that is a view of its bytes."""
    checked_shape, checked_dtype = _checked_form(data, dtype, shape)
    return np.ndarray(checked_shape, checked_dtype, data, order="F" if order == "F" else "C")


def fill(array: NDArray, data: bytes | bytearray, dtype: object, shape: object, in_columns: object) -> None:
    """Turn an array without elements into this one."""
    _set_state(array, (1, *_checked_form(data, dtype, shape), in_columns is True, bytes(data)))


def _checked_form(data: bytes | bytearray, dtype: object, shape: object) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of an array, where they fit its bytes."""
    if not isinstance(dtype, np.dtype):
        raise RefusedError("holds an array without a dtype")
    if type(shape) is not tuple or len(shape) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise RefusedError(f"holds an array whose shape is not up to {MAX_DIMENSIONS} whole numbers")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise RefusedError(f"holds an array of another size than its {len(data)} bytes")
    if dtype.kind == "U" and data and np.frombuffer(data, f"{dtype.str[0]}u4").max() > LAST_CODE_POINT:
        raise RefusedError("holds an array of strings that are none")
    # Of a dtype of our own, for the pickle can still change that one.
    return shape, np.dtype(dtype.str)


def _set_state(made: Any, state: Any) -> None:
    made.__setstate__(state)
