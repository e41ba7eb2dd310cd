"""One of a user's own recordings as .npz: the arrays joints, and if they are known valid, confidence and pixels.

Axes: T frames, M persons, V joints, C coordinates.
"""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError, did_you_mean
from data_modules.layouts import Layout
from data_modules.readers.own.poses import MAX_NUMBERS, RawPoses, misspelt

ARRAYS = ("joints", "valid", "confidence", "pixels")
REMEDY = "left out; write the file anew with numpy.savez(path, joints=…)"


def array_names(path: Path) -> set[str]:
    """The names of the arrays in a file. Raises UnreadableRecordingError where it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except Exception as error:  # what damage makes of an archive, and of numpy's header, has no end of kinds
        raise _unreadable(path, f"cannot be read as .npz ({_words(error)})") from error


def read_npz(path: Path, layout: Layout) -> RawPoses:
    """The arrays of one file. joints (T, V, C), or (T, M, V, C) for several persons, and the others likewise.

    Sizes are checked before anything is loaded, and no objects are. Raises UnreadableRecordingError for a damaged file,
    and for arrays of another type or shape.
    """
    names = array_names(path)
    slip = misspelt(sorted(names - set(ARRAYS)), [name for name in ARRAYS if name not in names])
    if slip:
        raise _unreadable(path, f"it has an array {slip[0]!r}; did you mean {slip[1]!r}?")
    if "joints" not in names:
        raise _unreadable(path, f"it has no array 'joints'; {did_you_mean('joints', sorted(names)[:9])}")
    found = {name: _load(path, name) for name in ARRAYS if name in names}
    _check_shapes(path, {name: array.shape for name, array in found.items()}, layout)
    if found["joints"].ndim == 3:
        found = {name: array[:, None] for name, array in found.items()}
    valid = found.get("valid")
    return RawPoses(
        found["joints"].astype(np.float64),
        None if valid is None else np.nan_to_num(valid) != 0,
        found["confidence"].astype(np.float64) if "confidence" in found else None,
        found["pixels"].astype(np.float64) if "pixels" in found else None,
    )


def _check_shapes(path: Path, shapes: dict[str, tuple[int, ...]], layout: Layout) -> None:
    """Whether joints is what the layout says, and the others are as joints."""
    shape, (v, c) = shapes["joints"], (layout.num_joints, layout.dimensions)
    if len(shape) not in (3, 4) or shape[-2:] != (v, c) or not all(shape):
        raise _unreadable(
            path,
            f"joints is {_shown(shape)}, not (T, {v}, {c}) or (T, M, {v}, {c}): "
            f"dataset.yaml names {v} joints in {c} dimensions",
        )
    for name, expected in (("valid", shape[:-2]), ("confidence", shape[:-1]), ("pixels", (*shape[:-1], 2))):
        if shapes.get(name, expected) != expected:
            raise _unreadable(path, f"{name} is {_shown(shapes[name])}, not {_shown(expected)} as joints has it")


def _load(path: Path, name: str) -> NDArray:
    """One array, of numbers, and no larger than its file says."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            with archive.open(member) as file:
                shape, dtype, header = _header(file)
                numbers = math.prod(shape)
            if dtype.kind not in "biuf" or not 0 < dtype.itemsize <= 16:
                raise _unreadable(path, f"{name} holds {dtype!s:.40}, not numbers")
            # Not bytes: whatever the type, each number takes eight of them later.
            if min(shape, default=0) < 0 or numbers > MAX_NUMBERS or len(shape) > 4:
                raise _unreadable(path, f"{name} is {_shown(shape)}: over {MAX_NUMBERS:,} numbers, or no recording")
            if member.file_size != header + numbers * dtype.itemsize:
                raise _unreadable(path, f"{name} is not as large as its shape {_shown(shape)} says")
            with archive.open(member) as file:
                return npy.read_array(file, allow_pickle=False)
    except UnreadableRecordingError:
        raise
    except Exception as error:  # as above
        raise _unreadable(path, f"{name} cannot be read ({_words(error)})") from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, type and length of an array's header, without its numbers."""
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"version {version} of the format")
    shape, _, dtype = read[version](file)
    return shape, dtype, file.tell()


def _shown(shape: tuple[int, ...]) -> str:
    return f"{shape}" if len(str(shape)) <= 60 else f"of {len(shape)} axes"


def _words(error: BaseException) -> str:
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text[:80]


def _unreadable(path: Path, problem: str) -> UnreadableRecordingError:
    return UnreadableRecordingError(path, problem, remedy=REMEDY)
