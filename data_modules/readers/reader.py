"""What every dataset's reader offers: where its recordings lie, how one is read, and the protocols that divide them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import Layout
from data_modules.sequence import SkeletonSequence

Extra = Literal["confidence", "pixels"]


@dataclass(frozen=True, eq=False)
class Index:
    """What is known of N recordings without their joints; every column is (N,) and means what it does in
    SkeletonSequence."""

    sample_id: NDArray[np.str_]
    label: NDArray[np.int64]
    fine_label: NDArray[np.int64]
    subject: NDArray[np.int64]
    camera: NDArray[np.int64]
    setup: NDArray[np.int64]
    replication: NDArray[np.int64]
    split: NDArray[np.str_]
    fps: NDArray[np.float64]
    video: NDArray[np.str_]
    image_width: NDArray[np.int64]
    image_height: NDArray[np.int64]
    first_frame: NDArray[np.int64]
    recorded_frames: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sample_id)

    @classmethod
    def of(cls, sample_id: NDArray[np.str_], **known: NDArray) -> "Index":
        """An index of which some columns are known; the others say that nothing is."""
        unknown = {name: np.full(len(sample_id), value) for name, value in NOTHING_KNOWN.items() if name not in known}
        return cls(sample_id=sample_id, **known, **unknown)


# The columns that may say nothing, and what they then hold.
NOTHING_KNOWN = {
    field.name: field.default
    for field in fields(SkeletonSequence)
    if field.default is not MISSING and field.name in Index.__dataclass_fields__
}


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of the recordings: positions in the index."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]

    @classmethod
    def where(cls, train: NDArray[np.bool_], test: NDArray[np.bool_] | None = None) -> "Fold":
        """The recordings for which `train` (N,) holds, against those of `test`; all others unless it is given."""
        return cls(np.flatnonzero(train), np.flatnonzero(~train if test is None else test))


@dataclass(frozen=True)
class Protocol:
    """A published way to divide a dataset and to name its classes.

    label: which column of the index is the class.
    folds: from the index to its divisions; most protocols have one.
    mixes_subjects: whether the same people are on both sides by design, since it divides by something else.
    """

    classes: tuple[str, ...]
    folds: Callable[[Index], list[Fold]]
    label: Literal["label", "fine_label"] = "label"
    mixes_subjects: bool = False


class Reader(ABC):
    """One dataset in its official files.

    name: the dataset's name; folder: its folder below DATA_ROOT; version: raise it when `read` changes what it returns.
    looked_for: the files that `files` looks for, in words, for the message when there are none.
    recordings: how many are published and can be used; none where that is not known.
    extras: which further arrays its sequences have.
    """

    name: str
    folder: str
    version: int
    layout: Layout
    looked_for: str
    recordings: int | None = None
    protocols: Mapping[str, Protocol]
    extras: tuple[Extra, ...] = ()

    @abstractmethod
    def files(self, root: Path) -> Iterable[Path]:
        """Every file or folder below DATA_ROOT/folder that holds recordings, in a fixed order; none where there are
        none."""

    def companions(self, root: Path) -> Iterable[Path]:
        """Further files that `read` looks into: lists, labels. When one changes, the data are read anew."""
        return ()

    def extras_in(self, root: Path) -> tuple[Extra, ...]:
        """Which further arrays the recordings below DATA_ROOT/folder have, where that depends on what lies there."""
        return self.extras

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether a file of this name can be one of this dataset's."""

    @abstractmethod
    def read(self, path: Path) -> Iterable[SkeletonSequence | UnreadableRecordingError]:
        """The recordings of one file, in a fixed order, and an error in the place of each that cannot be used.

        Raises UnreadableRecordingError, naming the line where there are lines, where the file as a whole is damaged.
        """

    def find(self, data_root: Path) -> list[Path]:
        """All files below `data_root`. Raises DatasetMissingError when there are none."""
        root = data_root / self.folder
        found = list(self.files(root)) if root.is_dir() else []
        if not found:
            raise DatasetMissingError(self.name, root, self.looked_for)
        return found
