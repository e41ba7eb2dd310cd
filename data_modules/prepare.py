"""From a dataset's official files to its store: every recording read once, bad ones reported and counted."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import current_process, get_context
from pathlib import Path

from filelock import FileLock

from data_modules.errors import DataError, UnreadableRecordingError, printable
from data_modules.leftovers import remove_abandoned
from data_modules.readers import known_as, reader_for
from data_modules.readers.reader import Reader
from data_modules.sequence import SkeletonSequence
from data_modules.store import FORMAT, Problem, Store, open_store, write_store

# Below this many recordings, starting processes takes longer than reading.
WORTH_PROCESSES = 200
GUARD = 'a script that prepares recordings must do so below `if __name__ == "__main__":`'

Progress = Callable[[int, int], None]


def prepare(reader: Reader, data_root: Path, output_dir: Path, progress: Progress = lambda done, total: None) -> Store:
    """The store of the reader's recordings below `data_root`, made if the very same files are not prepared yet.

    It lies in `output_dir`/prepared, named by the dataset and the digest of its files' names, sizes and times.
    progress is called with (files read, files in all). Raises DatasetMissingError when there are none, DataError where
    a script calls this outside of `if __name__ == "__main__":` and processes are needed.
    """
    _refuse_to_be_repeated()
    paths = reader.find(data_root)
    digest = _source_digest(reader, [*paths, *reader.companions(data_root / reader.folder)])
    path = output_dir / "prepared" / f"{reader.name}-{digest[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        try:
            return open_store(path)
        except DataError:
            remove_abandoned(path.parent.glob(f".{path.name}.*"))
            extras = reader.extras_in(data_root / reader.folder)
            return write_store(path, reader.layout, extras, read_all(reader, paths, progress))


def _refuse_to_be_repeated() -> None:
    """The processes that read recordings begin by importing the script that started them. Without this, one that calls
    `prepare` again then would wait for its parent's lock for ever, and its parent for it."""
    if getattr(current_process(), "_inheriting", False):  # what multiprocessing itself looks at
        raise DataError(GUARD)


def _source_digest(reader: Reader, paths: list[Path]) -> str:
    digest = hashlib.sha256(f"{FORMAT} {reader.name} {reader.version}".encode())
    for path in paths:
        # Names are bytes on the disk, which need not be text.
        digest.update(os.fsencode(path.absolute()) + f" {_state(path)}\n".encode())
    return digest.hexdigest()


def _state(path: Path) -> tuple[int, int] | str:
    """Size and time of writing."""
    try:
        found = path.stat()
    except OSError:
        return "absent"  # a listed recording that is not there is the reader's to report
    return found.st_size, found.st_mtime_ns


def read_all(reader: Reader, paths: list[Path], progress: Progress) -> Iterator[SkeletonSequence | Problem]:
    """The recordings of several files, in their order; many are read by as many processes as there are cores.

    Raises DataError where one of these processes ends.
    """
    if len(paths) < WORTH_PROCESSES:
        for done, path in enumerate(paths, 1):
            yield from read_file(reader, path)
            progress(done, len(paths))
        return
    # Spawned, not forked: the parent may hold threads (torch, rich) that do not survive a fork.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        try:
            # Processes are given what the reader is known by: its protocols hold functions, which cannot be sent.
            results = pool.map(_read_by_name, [known_as(reader)] * len(paths), paths, chunksize=32)
            for done, found in enumerate(results, 1):
                yield from found
                progress(done, len(paths))
        except BrokenProcessPool as error:
            raise DataError(
                f"a process that reads recordings was killed, perhaps for want of memory; or: {GUARD}"
            ) from error


def _read_by_name(name: str, path: Path) -> list[SkeletonSequence | Problem]:
    return list(read_file(reader_for(name), path))


def read_file(reader: Reader, path: Path) -> Iterator[SkeletonSequence | Problem]:
    """The recordings of one file, and what is wrong with those, or with the file, that cannot be used."""
    try:
        for found in reader.read(path):
            yield _problem(reader, path, found) if isinstance(found, UnreadableRecordingError) else found
    except UnreadableRecordingError as error:
        yield _problem(reader, path, error)


def _problem(reader: Reader, path: Path, error: UnreadableRecordingError) -> Problem:
    # By its place in the dataset: in some, all files have the same name.
    before, _, place = printable(path).rpartition(f"/{Path(reader.folder).name}/")
    return Problem(place if before else path.name, str(error), error.remedy, error.of_film)
