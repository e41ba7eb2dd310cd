"""What lies beside a pose pickle: the keypoints of large datasets, in files of their own, and films.

Kinetics' list of recordings has no keypoints. pyskl keeps those of many recordings in one of its `kpfiles`, which the
list names as `raw_file`: a dict from `frame_dir` to `{keypoint: …}`. mmaction2 has a small file for each recording,
named by its `frame_dir`, which is that inner dict alone.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.safe_pickle import load
from data_modules.readers.pose_annotations import Annotation

FOLDERS = ("kpfiles", "skeleton")
WHERE_IN_WORDS = "kpfiles/ or skeleton/"


def keypoint_paths(root: Path) -> Iterator[Path]:
    """Every pickle of keypoints below the dataset's folder."""
    for folder in FOLDERS:
        yield from sorted((root / folder).rglob("*.pkl"))


class KeypointFiles:
    """The keypoints that lie in files of their own below the folder `root`. Keeps the last file that was read."""

    def __init__(self, root: Path) -> None:
        self._paths: dict[str, list[Path]] = {}
        for path in keypoint_paths(root):
            self._paths.setdefault(path.name, []).append(path)
        self._last: tuple[Path | None, Any] = (None, None)

    def path_for(self, annotation: Annotation, name: str) -> Path | None:
        """The file that has the keypoints of this recording: the one whose path ends most like `raw_file`, or else the
        one named by the recording. Files outside of `root` are never looked at, whatever the annotation says."""
        said = annotation.get("raw_file")
        wanted = PurePosixPath(said if isinstance(said, str) else f"{name}.pkl")
        candidates = self._paths.get(wanted.name, [])
        return max(candidates, key=lambda path: _common_ending(path.parts, wanted.parts), default=None)

    def keypoint(self, path: Path, name: str) -> object:
        """What the file at `path` has of this recording; None where it has nothing.

        Raises UnreadableRecordingError where the file is damaged.
        """
        if self._last[0] != path:
            self._last = (None, None)  # two such files together may be too much for the memory
            try:
                self._last = (path, load(path))
            except UnreadableRecordingError as error:
                self._last = (path, error)
        content = self._last[1]
        if isinstance(content, UnreadableRecordingError):
            raise content
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
        return content.get("keypoint") if isinstance(content, dict) else None


def _common_ending(parts: tuple[str, ...], others: tuple[str, ...]) -> int:
    """How many parts of two paths are the same, from the last."""
    same = 0
    for part, other in zip(reversed(parts), reversed(others), strict=False):
        if part != other:
            break
        same += 1
    return same


def films_in(root: Path, places: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The films below the dataset's folder: from a recording's name to the path of its film relative to `root`.

    places: folders, and what follows the recording's name in the film's.
    """
    return {
        path.name.removesuffix(ending): f"{folder}/{path.name}"
        for folder, ending in places
        if (root / folder).is_dir()
        for path in (root / folder).iterdir()
        if path.name.endswith(ending)
    }
