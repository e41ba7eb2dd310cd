"""What lies at a path: a dataset's folder, or a recording of one."""

from pathlib import Path

from data_modules.errors import DataError
from data_modules.readers import READERS
from data_modules.readers.own import is_own, misnamed, own_reader
from data_modules.readers.reader import Reader


def dataset_at(folder: Path) -> Reader | None:
    """The reader of the dataset in a folder: a user's own, or the official one that is called as the folder.

    Where several datasets share the folder's name, the one that finds most recordings there, the first of equals.
    Raises DataError for a mistake in dataset.yaml, or in its name.
    """
    folder = folder.absolute()
    if is_own(folder):
        return own_reader(folder)
    readers = [reader for reader in READERS.values() if reader.folder == folder.name]
    if not readers and (path := misnamed(folder)):
        raise DataError(f"{path}: call this file dataset.yaml")
    return max(readers, key=lambda reader: sum(1 for _ in reader.files(folder)), default=None)


def readers_of(recording: Path) -> list[Reader]:
    """Who can read a recording, the likeliest first: a user's own dataset around it, then the official ones whose
    folder it lies in, then any that know such a name."""
    recording = recording.absolute()
    own = [own_reader(folder) for folder in recording.parents if is_own(folder)][:1]
    official = sorted(READERS.values(), key=lambda reader: reader.folder not in recording.parts)
    return [reader for reader in (*own, *official) if reader.recognises(recording)]
