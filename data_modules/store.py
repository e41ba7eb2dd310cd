"""Prepared sequences on disk: one flat array plus offsets, memory-mapped, named by a digest of its content.

A store is a folder that appears whole, by a rename, or not at all: `joints.f32` and `valid.u1` hold one row per frame
and person, `index.npz` what is known of each sequence, `store.json` the shapes and the digest.

Axes: R rows (frames × persons of all sequences), N sequences, T frames, M persons, V joints, C coordinates.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import DataError
from data_modules.readers.reader import Index
from data_modules.sequence import SkeletonSequence

FORMAT = 1
INDEX_COLUMNS = tuple(field.name for field in fields(Index))
# What reading a damaged file may raise; numpy's and zipfile's errors have no common kind.
DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Problem:
    """A recording that could not be used."""

    sample: str
    problem: str
    remedy: str


@dataclass(frozen=True, eq=False)
class Store:
    """N sequences, read-only and memory-mapped; cheap to open again in every worker and rank."""

    path: Path
    digest: str
    layout: str
    index: Index
    frames: NDArray[np.int64]
    persons: NDArray[np.int64]
    problems: tuple[Problem, ...]
    joints_RVC: NDArray[np.float32]
    valid_R: NDArray[np.bool_]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frames)

    def sequence(self, position: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Joints (T, M, V, C) and valid (T, M) of one sequence: views of the file, not to be written to."""
        rows = slice(self.offsets[position], self.offsets[position + 1])
        shape = (self.frames[position], self.persons[position])
        return self.joints_RVC[rows].reshape(*shape, *self.joints_RVC.shape[1:]), self.valid_R[rows].reshape(shape)


def write_store(path: Path, sequences: Iterable[SkeletonSequence | Problem]) -> Store:
    """Write a store at `path`, whole or not at all. Problems are kept beside the sequences.

    Raises DataError when not one sequence is usable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    scratch.chmod(0o755)  # a store is for everyone who shares the disk
    try:
        _write_into(scratch, sequences)
        _move_into_place(scratch, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return open_store(path)


def _move_into_place(scratch: Path, path: Path) -> None:
    """Let a damaged store, or one of other content, give way. The same one, that another process was faster with, stays
    in place: it may be in use already."""
    try:
        scratch.rename(path)
    except OSError:
        if not _is_the_same(scratch, path):
            shutil.rmtree(path, ignore_errors=True)
            scratch.rename(path)


def _is_the_same(scratch: Path, path: Path) -> bool:
    try:
        there, new = open_store(path), open_store(scratch)
    except DataError:
        return False
    return (there.digest, there.layout, there.problems) == (new.digest, new.layout, new.problems)


def _write_into(folder: Path, sequences: Iterable[SkeletonSequence | Problem]) -> None:
    kept: list[tuple[SkeletonSequence, tuple[int, ...]]] = []
    problems = []
    with (folder / "joints.f32").open("wb") as joints_file, (folder / "valid.u1").open("wb") as valid_file:
        for sequence in sequences:
            if isinstance(sequence, Problem):
                problems.append(asdict(sequence))
                continue
            sequence.joints.tofile(joints_file)
            sequence.valid.tofile(valid_file)
            kept.append((_without_arrays(sequence), sequence.joints.shape))
    if not kept:
        first = f" The first of {len(problems)} problems: {problems[0]['problem']}." if problems else ""
        raise DataError(f"not one usable recording to prepare.{first}")
    columns = {name: np.array([getattr(sequence, name) for sequence, _ in kept]) for name in INDEX_COLUMNS}
    shapes = np.array([shape for _, shape in kept], dtype=np.int64)
    np.savez(folder / "index.npz", **columns, frames=shapes[:, 0], persons=shapes[:, 1])  # type: ignore[arg-type]
    description = {
        "format": FORMAT,
        "digest": _digest(folder),
        "layout": kept[0][0].layout,
        "joints": int(shapes[0, 2]),
        "coordinates": int(shapes[0, 3]),
        "problems": problems,
    }
    (folder / "store.json").write_text(json.dumps(description, indent=1))


def _without_arrays(sequence: SkeletonSequence) -> SkeletonSequence:
    """What the index keeps; a whole dataset's joints would not fit in memory."""
    return replace(sequence, joints=np.zeros((0, 0, 0, 0), np.float32), valid=np.zeros((0, 0), np.bool_))


def _digest(folder: Path) -> str:
    """SHA-256 of the content: the joints, the valid flags, and the index."""
    digest = hashlib.sha256()
    for name in ("joints.f32", "valid.u1"):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    with np.load(folder / "index.npz", allow_pickle=False) as index:
        for column in sorted(index.files):
            digest.update(f"{column} {index[column].dtype} {index[column].shape}".encode())
            digest.update(index[column].tobytes())
    return digest.hexdigest()


def open_store(path: Path, verify: bool = True) -> Store:
    """Open a store. With `verify`, its whole content is checked against its digest (about a second per 2 GB).

    Raises DataError when there is no whole, undamaged store at `path`.
    """
    try:
        description = json.loads((path / "store.json").read_text())
        if description["format"] != FORMAT or (verify and description["digest"] != _digest(path)):
            raise ValueError("its content does not match its digest")
        return _map(path, description)
    except DAMAGE as error:
        raise DataError(
            f"the store {path} is missing or damaged ({error}): remove the folder and prepare it again"
        ) from error


def _map(path: Path, description: dict) -> Store:
    with np.load(path / "index.npz", allow_pickle=False) as columns:
        index = Index(**{name: columns[name] for name in INDEX_COLUMNS})
        frames, persons = columns["frames"], columns["persons"]
    offsets = np.concatenate([[0], np.cumsum(frames * persons)])
    shape = (int(offsets[-1]), description["joints"], description["coordinates"])
    if (path / "joints.f32").stat().st_size != np.dtype(np.float32).itemsize * np.prod(shape):
        raise ValueError(f"joints.f32 does not hold {shape} numbers")
    return Store(
        path=path,
        digest=description["digest"],
        layout=description["layout"],
        index=index,
        frames=frames,
        persons=persons,
        problems=tuple(Problem(**problem) for problem in description["problems"]),
        # As plain arrays, which are quicker to slice; they keep the map open.
        joints_RVC=np.asarray(np.memmap(path / "joints.f32", np.float32, "r", shape=shape)),
        valid_R=np.asarray(np.memmap(path / "valid.u1", np.bool_, "r", shape=shape[:1])),
        offsets=offsets,
    )
