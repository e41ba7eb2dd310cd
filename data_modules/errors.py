"""What can be wrong with recordings, each as one clear line."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

# What describes a user's own recordings, and lies above them.
DESCRIPTION = "dataset.yaml"


class DataError(Exception):
    """A mistake that the user can mend; its text says what is wrong and what to do."""


class DatasetMissingError(DataError):
    """There are no recordings of the dataset in its folder, which for an official one lies below DATA_ROOT."""

    def __init__(self, dataset: str, folder: Path, looked_for: str) -> None:
        elsewhere = ", or set DATA_ROOT to the folder that holds them (unset, the demo data is used)"
        remedy = f"Put them there{'' if (folder / DESCRIPTION).is_file() else elsewhere}."
        super().__init__(f"no {dataset} recordings in {folder}: looked for {looked_for}. {remedy}")


FETCH_AGAIN = "left out; fetch this file again from the dataset's official source"
REPLACE = "left out; mend or replace this file"


class UnreadableRecordingError(DataError):
    """One recording is truncated, garbled, or has nobody in it.

    of_film: whether only its film cannot be used.
    remedy: what to do about it; unless given, to fetch an official file again, and to mend a user's own.
    """

    def __init__(
        self, path: Path, problem: str, line: int | None = None, remedy: str | None = None, of_film: bool = False
    ) -> None:
        where = printable(path) if line is None else f"{printable(path)}, line {line}"
        super().__init__(f"{where}: {problem}")
        self.path = path
        self.problem = problem
        self.line = line
        self.of_film = of_film
        self.remedy = remedy or (REPLACE if _is_own(path) else FETCH_AGAIN)


def printable(path: Path) -> str:
    """A path as text: bytes that are none (Linux allows any in a name) as they are written in Python."""
    return str(path).encode(errors="backslashreplace").decode()


def _is_own(path: Path) -> bool:
    return any((folder / DESCRIPTION).is_file() for folder in path.parents)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to say of a name that does not exist: the nearest right one, or all of them where none is near."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
