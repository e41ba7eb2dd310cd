"""From the numbers of one of a user's own files to poses: units, who is there, and what cannot be used.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import Layout

# The most that one array of a recording may hold: an hour of two persons is about half of it.
MAX_NUMBERS = 2**25

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RawPoses:
    """A file's numbers as they stand there, NaN where there is none; what the file does not have is None.

    joints (T, M, V, C), valid (T, M), confidence (T, M, V), pixels (T, M, V, 2). first_frame: how the file counts the
    first frame, persons: its numbers of the persons (M,); None where it does not count them.
    """

    joints_TMVC: Numbers
    valid_TM: NDArray[np.bool_] | None = None
    confidence_TMV: Numbers | None = None
    pixels_TMVC: Numbers | None = None
    first_frame: int | None = None
    persons: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Poses:
    """The arrays of a SkeletonSequence. Persons who are in no frame are left out."""

    joints_TMVC: NDArray[np.float32]
    valid_TM: NDArray[np.bool_]
    confidence_TMV: NDArray[np.float32] | None
    pixels_TMVC: NDArray[np.float32] | None


def poses_of(path: Path, raw: RawPoses, layout: Layout, metres: float) -> Poses:
    """Decide who is there, convert to metres, and refuse what no network could read.

    A person is absent from a frame where all of their joints are missing (NaN) or zero, or `valid` says so.
    Raises UnreadableRecordingError for a single missing joint, and where nobody is there at all.
    """
    joints = raw.joints_TMVC
    there = ~(np.isnan(joints) | (joints == 0)).all(axis=(2, 3))
    valid = there if raw.valid_TM is None else there & raw.valid_TM
    if not valid.any():
        raise UnreadableRecordingError(
            path, f"nobody is there in any of the {len(valid)} frames", remedy="left out; remove the file, or mend it"
        )
    _refuse_gaps(path, raw, valid, layout)
    persons = valid.any(axis=0)
    valid = np.ascontiguousarray(valid[:, persons])

    def kept(array: Numbers, factor: float = 1.0) -> NDArray[np.float32]:
        """Zero where nobody is there; 0 too for what is not known of a joint's confidence or pixels."""
        there = valid.reshape(*valid.shape, *(1,) * (array.ndim - 2))
        with np.errstate(over="ignore"):
            return np.where(there, np.nan_to_num(array[:, persons] * factor, posinf=0.0, neginf=0.0), 0).astype(
                np.float32
            )

    with np.errstate(over="ignore"):
        if not np.isfinite((joints[:, persons][valid] * metres).astype(np.float32)).all():
            raise UnreadableRecordingError(path, "a coordinate is too large", remedy="left out; mend the number")
    return Poses(
        kept(joints, metres),
        valid,
        None if raw.confidence_TMV is None else kept(raw.confidence_TMV),
        None if raw.pixels_TMVC is None else kept(raw.pixels_TMVC),
    )


def _refuse_gaps(path: Path, raw: RawPoses, valid: NDArray[np.bool_], layout: Layout) -> None:
    gaps = np.argwhere(valid[:, :, None] & ~np.isfinite(raw.joints_TMVC).all(axis=3))
    if not len(gaps):
        return
    frame, person, joint = map(int, gaps[0])
    number = frame + (raw.first_frame or 0)
    which = f"{person + 1} of {valid.shape[1]}" if raw.persons is None else f"{raw.persons[person]}"
    who = f", person {which}" if valid.shape[1] > 1 else ""
    others = f" (and {len(gaps) - 1} more such joints)" if len(gaps) > 1 else ""
    fill = "fill it in" if layout.dimensions == 3 else "fill it in (0 with confidence 0 where it was not seen)"
    raise UnreadableRecordingError(
        path,
        f"frame {number}{who}: the joint {layout.joints[joint]!r} has no finite position{others}",
        remedy=f"left out; {fill}, or leave the whole person out of that frame",
    )


def misspelt(found: Iterable[str], unused: Iterable[str]) -> tuple[str, str] | None:
    """A name that is nobody's but nearly that of something that may be there, and that name: surely a slip."""
    wanted = list(unused)
    for name in found:
        near = get_close_matches(name.lower(), wanted, n=1, cutoff=0.8)
        if near:
            return name, near[0]
    return None
