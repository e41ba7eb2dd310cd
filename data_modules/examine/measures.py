"""What can be measured of every stored recording, by which a doubtful one shows.

Axes: N sequences, S segments (the rows of one person in one sequence), R rows, V joints, C coordinates, B bones.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data_modules.store import Store

# Rows that are looked at together: some megabytes.
CHUNK = 50_000
# A bone or a movement of fewer frames says nothing of how steady it is.
FEWEST_FRAMES = 5
SMALLEST_BONE = 1e-6

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Measures:
    """(N,) of each sequence.

    content: the same for the same poses. empty_frames: how many show nobody. finite: whether every number is.
    least_motion: the most that any joint of the stillest person moves, as a share of the person's size; infinite where
        nobody is there long enough.
    longest_bone: its mean length, metres (or pixels); NaN for skeletons without bones.
    zero_bone: the bone that has no length in most frames of a person, -1 for none; unsteadiest_bone: the one whose
        length changes most, and unsteadiness: its standard deviation as a share of its mean. Both of layout.bones.
    outside: the share of the visible joints that lie a tenth of the picture or more outside it.
    largest: the largest coordinate. confidence_range (N, 2): the lowest and the highest.
    """

    content: NDArray[np.str_]
    empty_frames: Whole
    finite: NDArray[np.bool_]
    least_motion: Floats
    longest_bone: Floats
    zero_bone: Whole
    unsteadiest_bone: Whole
    unsteadiness: Floats
    outside: Floats
    largest: Floats
    confidence_range: Floats


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Sequences first … last - 1 of a store. starts (S,): where segments begin; owner (S,): their sequence from 0."""

    store: Store
    first: int
    last: int
    rows: slice
    starts: Whole
    owner: Whole
    joints_RVC: NDArray[np.float32]
    valid_R: NDArray[np.bool_]

    @property
    def length(self) -> int:
        return self.last - self.first

    def sums(self, array: NDArray) -> NDArray:
        """By segment, over its rows."""
        return np.add.reduceat(array, self.starts, axis=0)

    def highest(self, of_segments: NDArray, lowest: float) -> NDArray:
        """By sequence, over its segments."""
        found = np.full((self.length, *of_segments.shape[1:]), lowest, of_segments.dtype)
        np.maximum.at(found, self.owner, of_segments)
        return found


def measure(store: Store) -> Measures:
    """Measure every recording of a store, a part at a time."""
    parts = [_measure(chunk) for chunk in _chunks(store)]
    return Measures(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _chunks(store: Store) -> Iterator[_Chunk]:
    first = 0
    while first < len(store):
        last = int(np.searchsorted(store.offsets, store.offsets[first] + CHUNK, side="right")) - 1
        last = max(last, first + 1)
        rows = slice(int(store.offsets[first]), int(store.offsets[last]))
        persons, frames = store.persons[first:last], store.frames[first:last]
        lengths, owner = np.repeat(frames, persons), np.repeat(np.arange(last - first), persons)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        kept = lengths > 0
        arrays = store.joints_RVC[rows], store.valid_R[rows]
        yield _Chunk(store, first, last, rows, starts[kept], owner[kept], *arrays)
        first = last


def _measure(chunk: _Chunk) -> dict[str, NDArray]:
    present_S = chunk.sums(chunk.valid_R.astype(np.int64))
    known_RVC = np.where(chunk.valid_R[:, None, None], chunk.joints_RVC, np.nan)
    damaged_R: NDArray[np.bool_] = np.logical_not(np.isfinite(chunk.joints_RVC).all(axis=(1, 2)))
    largest_S = np.fmax.reduceat(np.fmax.reduce(np.abs(known_RVC), axis=(1, 2)), chunk.starts)
    return {
        "content": _contents(chunk),
        "empty_frames": _empty_frames(chunk, present_S),
        "finite": chunk.highest(chunk.sums(damaged_R.astype(np.int64)), 0) == 0,
        "least_motion": _least_motion(chunk, known_RVC, present_S),
        **_bones(chunk, present_S),
        "outside": _outside(chunk),
        "largest": chunk.highest(np.nan_to_num(largest_S).astype(np.float64), 0.0),
        "confidence_range": _confidence_range(chunk),
    }


def _contents(chunk: _Chunk) -> NDArray[np.str_]:
    offsets = chunk.store.offsets[chunk.first : chunk.last + 1] - chunk.rows.start
    found = []
    for position, (start, end) in enumerate(pairwise(offsets)):
        digest = hashlib.blake2b(chunk.joints_RVC[start:end].tobytes(), digest_size=16)
        digest.update(
            chunk.valid_R[start:end].tobytes() + bytes([int(chunk.store.persons[chunk.first + position]) % 256])
        )
        found.append(digest.hexdigest())
    return np.array(found)


def _empty_frames(chunk: _Chunk, present_S: Whole) -> Whole:
    """Of several persons, frames in which none of them is."""
    frames = chunk.store.frames[chunk.first : chunk.last]
    empty = frames - chunk.highest(present_S, 0)
    for position in np.flatnonzero((chunk.store.persons[chunk.first : chunk.last] > 1) & (empty > 0)):
        valid_TM = chunk.store.sequence(chunk.first + int(position)).valid_TM
        empty[position] = (~valid_TM.any(axis=1)).sum()
    return empty


def _least_motion(chunk: _Chunk, known_RVC: NDArray[np.float32], present_S: Whole) -> Floats:
    lowest, highest = (np_extreme.reduceat(known_RVC, chunk.starts, axis=0) for np_extreme in (np.fmin, np.fmax))
    moved_S = np.nan_to_num(np.fmax.reduce(highest - lowest, axis=(1, 2)))
    size_R = np.nan_to_num(
        np.linalg.norm(np.fmax.reduce(known_RVC, axis=1) - np.fmin.reduce(known_RVC, axis=1), axis=1)
    )
    size_S = chunk.sums(size_R) / np.maximum(present_S, 1)
    long_enough = (present_S >= FEWEST_FRAMES) & (size_S > 0)
    share_S = np.where(long_enough, moved_S / np.where(size_S > 0, size_S, 1), np.inf)
    return -chunk.highest(-share_S.astype(np.float64), -np.inf)


def _bones(chunk: _Chunk, present_S: Whole) -> dict[str, NDArray]:
    bones = np.array(chunk.store.layout.bones, np.int64).reshape(-1, 2)
    nothing = np.full(chunk.length, -1)
    if not len(bones):
        nan = np.full(chunk.length, np.nan)
        return {
            "longest_bone": nan,
            "zero_bone": nothing,
            "unsteadiest_bone": nothing,
            "unsteadiness": np.zeros_like(nan),
        }
    x_RVC, valid_R1 = chunk.joints_RVC, chunk.valid_R[:, None]
    lengths_RB = np.linalg.norm(x_RVC[:, bones[:, 0]] - x_RVC[:, bones[:, 1]], axis=-1).astype(np.float64) * valid_R1
    lengths_RB = np.nan_to_num(lengths_RB, posinf=0.0)
    count_S1 = np.maximum(present_S, 1)[:, None]
    mean_SB = chunk.sums(lengths_RB) / count_S1
    spread_SB = np.sqrt(np.maximum(chunk.sums(lengths_RB**2) / count_S1 - mean_SB**2, 0))
    relative_SB = np.where(mean_SB > SMALLEST_BONE, spread_SB / np.maximum(mean_SB, SMALLEST_BONE), 0)
    relative_SB[present_S < FEWEST_FRAMES] = 0
    zero_SB = chunk.sums(((lengths_RB < SMALLEST_BONE) & valid_R1).astype(np.int64)) * 2 > count_S1
    unsteady_NB = chunk.highest(relative_SB, 0.0)
    zero_NB = chunk.highest(zero_SB, False)
    return {
        "longest_bone": chunk.highest(mean_SB.max(axis=1), 0.0),
        "zero_bone": np.where(zero_NB.any(axis=1), zero_NB.argmax(axis=1), -1),
        "unsteadiest_bone": unsteady_NB.argmax(axis=1),
        "unsteadiness": unsteady_NB.max(axis=1),
    }


def _outside(chunk: _Chunk) -> Floats:
    """Of flat skeletons their joints, else the pixels of those in space, where the size of the picture is known."""
    store = chunk.store
    in_picture = chunk.joints_RVC if store.layout.dimensions == 2 else store.pixels_RVC
    index = slice(chunk.first, chunk.last)
    size_N2 = np.stack([store.index.image_width[index], store.index.image_height[index]], axis=1)
    if in_picture is None or not size_N2.any():
        return np.zeros(chunk.length)
    pixels_RVC = in_picture if store.layout.dimensions == 2 else in_picture[chunk.rows]
    rows = store.frames[index] * store.persons[index]
    size_R2 = np.repeat(size_N2, rows, axis=0).astype(np.float32)
    known_R1 = (chunk.valid_R & (size_R2 > 0).all(axis=1))[:, None]
    visible_RV = known_R1 & (pixels_RVC != 0).any(axis=2)
    if store.confidence_RV is not None:
        visible_RV &= store.confidence_RV[chunk.rows] > 0
    beyond = np.maximum(-pixels_RVC, pixels_RVC - size_R2[:, None]) > size_R2[:, None] / 10
    outside_S, visible_S = (chunk.sums(each.sum(axis=1)) for each in (beyond.any(axis=2) & visible_RV, visible_RV))
    outside, visible = (np.bincount(chunk.owner, each, chunk.length) for each in (outside_S, visible_S))
    return outside / np.maximum(visible, 1)


def _confidence_range(chunk: _Chunk) -> Floats:
    if chunk.store.confidence_RV is None:
        return np.tile([0.0, 1.0], (chunk.length, 1))
    confidence_RV = chunk.store.confidence_RV[chunk.rows].astype(np.float64)
    lowest_S = np.minimum.reduceat(confidence_RV.min(axis=1), chunk.starts)
    highest_S = np.maximum.reduceat(confidence_RV.max(axis=1), chunk.starts)
    return np.stack([-chunk.highest(-lowest_S, -np.inf), chunk.highest(highest_S, -np.inf)], axis=1)
