"""A user's own recordings: a folder with dataset.yaml, and .npz and .csv files (data_modules/README.md describes both).

Axes: T frames, M persons, V joints, C coordinates.
"""

import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from data_modules.errors import DataError, UnreadableRecordingError, did_you_mean, printable
from data_modules.readers.own.csv_file import has_confidence, read_csv
from data_modules.readers.own.description import DEFAULT_FPS, FILE, Description, describe
from data_modules.readers.own.npz_file import array_names, read_npz
from data_modules.readers.own.poses import poses_of
from data_modules.readers.own.splits import Split
from data_modules.readers.own.template import NUMBERS
from data_modules.readers.reader import Extra, Protocol, Reader
from data_modules.sequence import SkeletonSequence
from data_modules.settings import SkeletonSettings

SUFFIXES = (".npz", ".csv")
NEARLY = ("dataset.yml", "Dataset.yaml", "Dataset.yml", "dataset.YAML")
EXTRAS: tuple[Extra, ...] = ("confidence", "pixels")


class OwnReader(Reader):
    """The recordings of one folder, as its dataset.yaml describes them. The dataset is called as the folder.

    Its `folder` is the absolute path, so that it lies below any DATA_ROOT.
    """

    version = 2

    def __init__(self, description: Description) -> None:
        self.description = description
        self.name = description.root.name
        self.folder = str(description.root)
        self.layout = description.layout
        self.looked_for = f"{description.files.text} with the suffix .npz or .csv"

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        """The rules of dataset.yaml; without any, leave one subject out, or every third recording where there is none
        but one subject."""
        if self.description.splits:
            return self.description.splits
        paths = map(self._named, self.files(self.description.root))
        subjects = {int(found["subject"]) for found in paths if found and "subject" in found}
        return (Split("loso", leave_one_out="subject") if len(subjects) > 1 else Split("every_third"),)

    @cached_property
    def protocols(self) -> Mapping[str, Protocol]:  # type: ignore[override]
        classes = self.description.classes
        return {
            split.name: Protocol(classes, split.folds, mixes_subjects=split.mixes_subjects) for split in self.splits
        }

    def files(self, root: Path) -> Iterator[Path]:
        """Every .npz and .csv, those too that do not fit the template, which `read` then says."""
        yield from (path for path in visible_files(root) if path.suffix.lower() in SUFFIXES)

    def companions(self, root: Path) -> Iterator[Path]:
        yield root / FILE
        for path in self.files(root):
            named = self._named(path)
            if named and (video := self._video(named)):
                yield root / video

    def extras_in(self, root: Path) -> tuple[Extra, ...]:
        """What any of the recordings has."""
        found: set[str] = set()
        for path in self.files(root):
            found |= self._extras_of(path)
        return tuple(extra for extra in EXTRAS if extra in found)

    def _extras_of(self, path: Path) -> set[str]:
        try:
            if path.suffix.lower() == ".npz":
                return array_names(path)
            return {"confidence"} if has_confidence(path, self.layout) else set()
        except UnreadableRecordingError:
            return set()  # which `read` will say

    def recognises(self, path: Path) -> bool:
        return path.suffix.lower() in SUFFIXES and self._named(path.absolute()) is not None

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """Raises UnreadableRecordingError where its name is no text or does not fit the template."""
        path, description = path.absolute(), self.description
        if printable(path) != str(path):
            raise UnreadableRecordingError(path, "the name is not UTF-8", remedy="left out; rename the file")
        named = self._named(path)
        if named is None:
            raise UnreadableRecordingError(
                path,
                f"its name does not fit the template {description.files.text!r} with a class of {FILE}",
                remedy=f"left out; rename or remove the file, or change `files` or `classes` in {FILE}",
            )
        if path.suffix.lower() == ".csv" and path.with_suffix(".npz").is_file():
            raise UnreadableRecordingError(
                path, "the same recording is there as .npz", remedy="left out; keep one of the two"
            )
        read = read_npz if path.suffix.lower() == ".npz" else read_csv
        raw = read(path, self.layout)
        poses = poses_of(path, raw, self.layout, description.metres)
        video = self._video(named)
        first_frame, recorded_frames = self.place_in_film(path, raw.first_frame) if video else (0, 0)
        width, height = description.image_size
        subject, camera, setup, replication = (int(named.get(name, -1)) for name in NUMBERS)
        return [
            SkeletonSequence(
                joints=poses.joints_TMVC,
                valid=poses.valid_TM,
                label=description.classes.index(named["class"]),
                sample_id=path.relative_to(description.root).with_suffix("").as_posix(),
                layout=self.layout,
                fps=description.fps or DEFAULT_FPS,
                subject=subject,
                camera=camera,
                setup=setup,
                replication=replication,
                confidence=poses.confidence_TMV,
                pixels=poses.pixels_TMVC,
                video=video,
                image_width=width,
                image_height=height,
                first_frame=first_frame,
                recorded_frames=recorded_frames,
            )
        ]

    def declaration(self) -> dict[str, Any]:
        """What experiments/datasets declares of an official dataset."""
        return {
            "title": self.description.title,
            "default_protocols": {name: name for name in self.protocols},
            "settings": {"data": deepcopy(self.description.settings)},
        }

    def settings_for(self, protocol: str) -> SkeletonSettings:
        """How the recordings become clips by one of the protocols, as dataset.yaml says; the rest at its default.

        Raises DataError, with the nearest right name, for a protocol that there is not.
        """
        if protocol not in self.protocols:
            raise DataError(f"{self.name} has no protocol {protocol!r}; {did_you_mean(protocol, self.protocols)}")
        return SkeletonSettings(self.name, protocol, **deepcopy(self.description.settings))

    def place_in_film(self, path: Path, first: int | None) -> tuple[int, int]:
        """first_frame and recorded_frames of a recording with a film: where its frames have numbers (not None), the
        film's frames have the same."""
        if first is None:
            return 0, 0
        begin = self.description.frames_from
        if first < begin:
            raise UnreadableRecordingError(
                path,
                f"it begins with frame {first}, but its film's frames are counted from {begin}",
                remedy=f"left out; number them as the film's, and say in {FILE} whether `frames_from` is 0 or 1",
            )
        return first - begin, -1

    def film_of(self, sample_id: str) -> Path | None:
        """Where a recording's film is looked for; None without a template for films."""
        named, template = self.description.files.match(sample_id), self.description.video
        return self.description.root / template.fill(named) if template and named else None

    def seems_recording(self, path: Path) -> bool:
        """Whether a file, whatever its suffix, lies where recordings do: below a class's folder, or by the template."""
        folders = path.relative_to(self.description.root).parts[:-1]
        return not {*folders}.isdisjoint(self.description.classes) or self._named(path) is not None

    def _named(self, path: Path) -> Mapping[str, str] | None:
        """What a recording's path says of it; None where it does not fit the template."""
        if not path.is_relative_to(self.description.root):
            return None
        return self.description.files.match(path.relative_to(self.description.root).with_suffix("").as_posix())

    def _video(self, named: Mapping[str, str]) -> str:
        """The film of a recording, relative to the folder; '' where there is none."""
        template = self.description.video
        video = template.fill(named) if template else ""
        return video if video and (self.description.root / video).exists() else ""


def visible_files(root: Path) -> list[Path]:
    """Every file below a folder, in order, behind links too; those are left out whose name, or a folder's around them,
    begins with a dot."""
    found: list[Path] = []
    walked: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        # A link may lead to a folder that it lies in.
        place = Path(folder).stat()
        if (place.st_dev, place.st_ino) in walked:
            folders.clear()
            continue
        walked.add((place.st_dev, place.st_ino))
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(found)


def is_own(folder: Path) -> bool:
    """Whether a folder holds a user's own dataset."""
    return (folder / FILE).is_file()


def misnamed(folder: Path) -> Path | None:
    """A description that is not found because of its name."""
    found = sorted(path for path in (folder / name for name in NEARLY) if path.is_file())
    return found[0] if found else None


def own_reader(folder: Path) -> OwnReader:
    """The reader of the dataset in a folder. Raises DataError, naming the key, for a mistake in its dataset.yaml."""
    # Not resolved where it has a name: a link may give the dataset another one than the folder behind it.
    return _reader(describe(folder.absolute() if folder.name not in ("", "..") else folder.resolve()))


@lru_cache(maxsize=64)
def _reader(description: Description) -> OwnReader:
    return OwnReader(description)
