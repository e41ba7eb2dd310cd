"""What can be wrong with recordings, each as one clear line."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class DataError(Exception):
    """A mistake that the user can mend; its text says what is wrong and what to do."""


class DatasetMissingError(DataError):
    """The dataset is not below DATA_ROOT."""

    def __init__(self, dataset: str, folder: Path, looked_for: str) -> None:
        super().__init__(
            f"no {dataset} recordings in {folder}: looked for {looked_for}. "
            "Put them there, or set DATA_ROOT to the folder that holds them (unset, the demo data is used)."
        )


FETCH_AGAIN = "left out; fetch this file again from the dataset's official source"
REPLACE = "left out; mend or replace this file"
# What describes a user's own recordings, and lies above them.
DESCRIPTION = "dataset.yaml"


class UnreadableRecordingError(DataError):
    """One recording is truncated, garbled, or has nobody in it.

    remedy: what to do about it; unless given, to fetch an official file again, and to mend a user's own.
    """

    def __init__(self, path: Path, problem: str, line: int | None = None, remedy: str | None = None) -> None:
        where = f"{path}, line {line}" if line is not None else str(path)
        super().__init__(f"{where}: {problem}")
        self.path = path
        self.problem = problem
        self.line = line
        self.remedy = remedy or (REPLACE if _is_own(path) else FETCH_AGAIN)


def _is_own(path: Path) -> bool:
    return any((folder / DESCRIPTION).is_file() for folder in path.parents)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to say of a name that does not exist: the nearest right one, or all of them where none is near."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
