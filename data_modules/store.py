"""Prepared sequences on disk: flat arrays plus offsets, memory-mapped, named by a digest of their content.

A store is a folder that appears whole, by a rename, or not at all. `joints.f32` and `valid.u1` (and, for datasets that
have them, `confidence.f32` and `pixels.f32`) hold one row per person and frame: of each sequence all frames of the
first person, then all of the second. `index/` has what is known of each sequence, an array for every column;
`store.json` the layout, the digest, and the problems. Every array is mapped, so that workers and ranks share one copy.

Axes: R rows (persons × frames of all sequences), N sequences, F frames in which a person is there, T frames, M persons,
V joints, C coordinates.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import DataError
from data_modules.layouts import Layout
from data_modules.readers.reader import NOTHING_KNOWN, Extra, Index
from data_modules.sequence import SkeletonSequence

FORMAT = 2
INDEX_COLUMNS = tuple(field.name for field in fields(Index))
# What reading a damaged file may raise.
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError)


@dataclass(frozen=True)
class Problem:
    """A recording that could not be used, or something doubtful in one. of_film: only its film could not be used."""

    sample: str
    problem: str
    remedy: str
    of_film: bool = False


@dataclass(frozen=True, eq=False)
class Frames:
    """The arrays of one stored sequence, as SkeletonSequence has them: views of the file, not to be written to."""

    joints_TMVC: NDArray[np.float32]
    valid_TM: NDArray[np.bool_]
    confidence_TMV: NDArray[np.float32] | None
    pixels_TMVC: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Store:
    """N sequences, read-only and memory-mapped; cheap to open again in every worker and rank.

    frames, persons: (N,), the shape of each sequence; offsets: (N + 1,), where its rows begin; whole: (N,), whether
    everybody in it is there in every frame.
    """

    path: Path
    digest: str
    layout: Layout
    index: Index
    frames: NDArray[np.int64]
    persons: NDArray[np.int64]
    offsets: NDArray[np.int64]
    whole: NDArray[np.bool_]
    problems: tuple[Problem, ...]
    joints_RVC: NDArray[np.float32]
    valid_R: NDArray[np.bool_]
    confidence_RV: NDArray[np.float32] | None
    pixels_RVC: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def unusable(self) -> int:
        """How many recordings could not be used."""
        return sum(not problem.of_film for problem in self.problems)

    def __reduce__(self) -> tuple[Callable[[Path], "Store"], tuple[Path]]:
        """Another process opens it for itself."""
        return open_store, (self.path,)

    def sequence(self, position: int) -> Frames:
        """All frames of one sequence, persons side by side."""
        rows = slice(self.offsets[position], self.offsets[position + 1])
        shape = (self.persons[position], self.frames[position])

        def side_by_side(array: NDArray) -> NDArray:
            return array[rows].reshape(*shape, *array.shape[1:]).swapaxes(0, 1)

        return Frames(
            side_by_side(self.joints_RVC),
            side_by_side(self.valid_R),
            None if self.confidence_RV is None else side_by_side(self.confidence_RV),
            None if self.pixels_RVC is None else side_by_side(self.pixels_RVC),
        )

    def ragged(self, positions: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The frames of several sequences one after another, as stored: joints (F, V, C) and offsets (positions + 1,).

        Within a sequence come all frames of the first person, then all of the second; those without the person are
        left out.
        """
        parts = [self._present(position) for position in positions]
        lengths = [len(part) for part in parts]
        return np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])

    def _present(self, position: int) -> NDArray[np.float32]:
        rows = slice(self.offsets[position], self.offsets[position + 1])
        joints = self.joints_RVC[rows]
        return joints if self.whole[position] else joints[self.valid_R[rows]]


def write_store(
    path: Path, layout: Layout, extras: Sequence[Extra], sequences: Iterable[SkeletonSequence | Problem]
) -> Store:
    """Write a store at `path`, whole or not at all. Problems are kept beside the sequences.

    extras: which further arrays are kept; a sequence without one is given full confidence, or pixels of 0.
    Raises DataError when not one sequence is usable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    scratch.chmod(0o755)  # a store is for everyone who shares the disk
    try:
        _write_into(scratch, layout, extras, sequences)
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
    return (there.digest, there.problems) == (new.digest, new.problems)


def _write_into(
    folder: Path, layout: Layout, extras: Sequence[Extra], sequences: Iterable[SkeletonSequence | Problem]
) -> None:
    problems: list[Problem] = []
    columns: dict[str, list[Any]] = {name: [] for name in (*INDEX_COLUMNS, "frames", "persons", "whole")}
    files = {name: (folder / file_name(name)).open("wb") for name in ("joints", "valid", *extras)}
    try:
        for sequence in sequences:
            if isinstance(sequence, Problem):
                problems.append(sequence)
                continue
            _write_rows(files, sequence)
            known = {name: getattr(sequence, name) for name in INDEX_COLUMNS}
            frames, persons = sequence.valid.shape
            known |= {"frames": frames, "persons": persons, "whole": bool(sequence.valid.all())}
            for name, value in known.items():
                columns[name].append(value)
    finally:
        for file in files.values():
            file.close()
    if not columns["frames"]:
        first = f" The first of {len(problems)} problems: {problems[0].problem}." if problems else ""
        raise DataError(f"not one usable recording to prepare.{first}")
    _write_columns(folder / "index", {name: np.array(column) for name, column in columns.items()})
    description = {
        "format": FORMAT,
        "layout": layout.as_json(),
        "extras": list(extras),
        "problems": [asdict(problem) for problem in problems],
    }
    description |= {"digest": _digest(folder, description), "state": _state(folder)}
    (folder / "store.json").write_text(json.dumps(description, indent=1))


def file_name(array: str) -> str:
    """The file in which an array of rows lies."""
    return f"{array}.u1" if array == "valid" else f"{array}.f32"


def _write_rows(files: Mapping[str, BinaryIO], sequence: SkeletonSequence) -> None:
    for name, file in files.items():
        array = getattr(sequence, name)
        if array is None and name == "confidence":
            array = np.broadcast_to(sequence.valid[..., None], sequence.joints.shape[:3]).astype(np.float32)
        elif array is None:
            array = np.zeros((*sequence.joints.shape[:3], 2), np.float32)
        file.write(np.ascontiguousarray(array.swapaxes(0, 1)).data)


def _write_columns(folder: Path, columns: dict[str, NDArray]) -> None:
    folder.mkdir()
    columns["offsets"] = np.concatenate([[0], np.cumsum(columns["frames"] * columns["persons"])])
    for name, column in columns.items():
        np.save(folder / f"{name}.npy", column, allow_pickle=False)


def _digest(folder: Path, description: dict[str, Any]) -> str:
    """SHA-256 of the content: the layout, the rows, and the columns that say something, so that a new column that says
    nothing of a dataset leaves its digest as it was."""
    digest = hashlib.sha256(description["layout"].encode())
    for name in ("joints", "valid", *description["extras"]):
        with (folder / file_name(name)).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    for path in sorted((folder / "index").iterdir()):
        column = np.load(path, allow_pickle=False)
        if path.stem not in NOTHING_KNOWN or (column != NOTHING_KNOWN[path.stem]).any():
            digest.update(f"{path.stem} {column.dtype} {column.shape}".encode())
            digest.update(column.tobytes())
    return digest.hexdigest()


def _state(folder: Path) -> dict[str, list[int]]:
    """Size and time of writing of every file but the description."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "store.json")
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, path.stat().st_mtime_ns] for path in files}


def open_store(path: Path, verify: bool = False) -> Store:
    """Open a store. Its content is checked against its digest where a file is not as it was when the store was written,
    and always with `verify` (about a second per 2 GB).

    Raises DataError when there is no whole, undamaged store at `path`.
    """
    try:
        description = json.loads((path / "store.json").read_text())
        if description["format"] != FORMAT:
            raise ValueError("another version wrote it")
        changed = description["state"] != _state(path)
        if (changed or verify) and description["digest"] != _digest(path, description):
            raise ValueError("its content does not match its digest")
        return _map(path, description)
    except DAMAGE as error:
        raise DataError(
            f"the store {path} is missing or damaged ({error}): remove the folder and prepare it again"
        ) from error


def _map(path: Path, description: dict[str, Any]) -> Store:
    layout = Layout.from_json(description["layout"])

    def column(name: str) -> NDArray:
        return np.asarray(np.load(path / "index" / f"{name}.npy", mmap_mode="r", allow_pickle=False))

    offsets = column("offsets")

    def rows(name: str, *shape: int) -> NDArray:
        # As a plain array, which is quicker to slice; it keeps the map open.
        dtype = np.bool_ if name == "valid" else np.float32
        return np.asarray(np.memmap(path / file_name(name), dtype, "r", shape=(int(offsets[-1]), *shape)))

    extras = description["extras"]
    return Store(
        path=path,
        digest=description["digest"],
        layout=layout,
        index=Index(**{name: column(name) for name in INDEX_COLUMNS}),
        frames=column("frames"),
        persons=column("persons"),
        offsets=offsets,
        whole=column("whole"),
        problems=tuple(Problem(**problem) for problem in description["problems"]),
        joints_RVC=rows("joints", layout.num_joints, layout.dimensions),
        valid_R=rows("valid"),
        confidence_RV=rows("confidence", layout.num_joints) if "confidence" in extras else None,
        pixels_RVC=rows("pixels", layout.num_joints, 2) if "pixels" in extras else None,
    )
