"""Florence 3D Actions (Seidenari et al., CVPR Workshops 2013): 10 actors do 9 actions two or three times.

Axes: T frames, M persons, V joints, C coordinates.

The joints of a recording are x, y, z of 15 joints, millimetres, in one of two places: a text file of its own, 15 lines
per frame, whose name gives category, actor and video; or the official list, one row per frame for all recordings:
video, actor, category, 45 numbers. Of the list we have the official description, not the file.

A film is a frame longer than its joints in 214 of 215 recordings. Correlation with the official features, and with the
dots that are drawn into the films, says that the first frame is the one without joints: an inference. The file of
features has a row for every frame of every film; where it is not there, one frame is taken to be missing, and the
first video of an actor whose joints are there to be the actor's first one.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import FLORENCE15
from data_modules.readers.folds import leave_one_subject_out
from data_modules.readers.formats.text_file import RowFormat, open_text, to_float32
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence

FPS = 20.0  # what the films say of themselves
FOLDER = "joints15_worldcoords"
NAME = re.compile(r"a(\d{1,3})_s(\d{1,3})_id(\d{1,6})\.txt")
NAME_IN_WORDS = "a01_s1_id1.txt"
LIST = "Florence_dataset_WorldCoordinates.txt"
FEATURES = "Florence_dataset_Features.txt"
FILM_FOLDERS = ("rgb", "")
FILMS = "GestureRecording_Id*.avi"

MAX_ID = 999_999
JOINT_ROW = RowFormat(what="joint", columns=3, coordinates=3)
LIST_ROW = RowFormat(what="frame", columns=48, coordinates=48)
FEATURES_ROW = RowFormat(what="frame", columns=28, coordinates=3)

CLASSES = (
    *("wave", "drink from a bottle", "answer phone", "clap", "tight lace"),
    *("sit down", "stand up", "read watch", "bow"),
)

# The Kinect's colour camera, about: with these, the joints fall on the dots that are drawn into the films in half of
# the cases, to 3 pixels.
IMAGE_SIZE = (640, 480)
FOCAL_LENGTH = 525.0
METRES = 0.001  # one millimetre, the unit of the files


class Ids(NamedTuple):
    """What is known of a recording: the number of its video in the dataset, its actor and its category, all from 1."""

    video: int
    actor: int
    category: int


def project(joints: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where joints (..., C) in space are seen in a picture of 640 × 480: pixels (..., 2), x to the right, y down."""
    centre = np.array(IMAGE_SIZE) / 2
    return centre + FOCAL_LENGTH * joints[..., :2] / joints[..., 2:] * np.array([1, -1])


class Films(NamedTuple):
    """What the file of features says: how many frames the film of each video has, and the first video of each actor."""

    frames: dict[float, int]
    first_video: dict[float, int]


def films_listed(root: Path) -> Films:
    """By the file of features; nothing where that is not there. Raises UnreadableRecordingError for a row that does
    not fit."""
    path = root / FEATURES
    return _films_listed(path, path.stat().st_mtime_ns) if path.is_file() else Films({}, {})


@lru_cache(maxsize=4)
def _films_listed(path: Path, _written: int) -> Films:
    """Kept, because every `read` asks; the time of writing sees to it that a changed file is read again."""
    file = open_text(path)
    ids, counts = np.unique(file.coordinates(0, len(file.lines), FEATURES_ROW)[:, :2], axis=0, return_counts=True)
    by_falling_video = [(actor, int(video)) for video, actor in reversed(ids.tolist())]
    return Films(dict(zip(ids[:, 0].tolist(), counts.tolist(), strict=True)), dict(by_falling_video))


class Florence3dReader(Reader):
    """The recordings of Florence 3D: one person, 9 actions, with pixels and, where they are there, the films."""

    name = "florence3d"
    folder = "florence3d"
    version = 2
    recordings = 215
    layout = FLORENCE15
    looked_for = f"{FOLDER}/{NAME_IN_WORDS} and the like, or {LIST}"
    extras = ("pixels",)

    def __init__(self) -> None:
        self.protocols = {"loso": Protocol(CLASSES, leave_one_subject_out)}

    def files(self, root: Path) -> list[Path]:
        """The recordings by video, or the official list where there is no folder of recordings."""
        folder = root / FOLDER
        if folder.is_dir():
            return [path for _, path in sorted((ids, folder / name) for name, ids in _recordings(folder).items())]
        return [root / LIST] if (root / LIST).is_file() else []

    def companions(self, root: Path) -> Iterator[Path]:
        """The file of features and the films."""
        if (root / FEATURES).is_file():
            yield root / FEATURES
        for folder in FILM_FOLDERS:
            yield from sorted((root / folder).glob(FILMS))

    def recognises(self, path: Path) -> bool:
        return path.name == LIST or NAME.fullmatch(path.name) is not None

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """The one recording of a file, or all of the official list."""
        path = path.absolute()
        of_list = path.name == LIST
        root = path.parent if of_list else path.parent.parent
        recordings = _read_list(path) if of_list else {_ids(path): _read_joints(path)}
        known = recordings if of_list else [*_recordings(path.parent).values(), *recordings]
        # A film's name counts the actor's own recordings, which follow one another.
        listed = films_listed(root)
        first_video = {ids.actor: ids.video for ids in sorted(known, reverse=True)} | listed.first_video
        return [
            self._sequence(path, joints, ids, listed.frames.get(ids.video, 0), _film(root, ids, first_video[ids.actor]))
            for ids, joints in recordings.items()
        ]

    def _sequence(
        self, path: Path, joints: NDArray[np.float32], ids: Ids, film_frames: int, film: str
    ) -> SkeletonSequence | UnreadableRecordingError:
        """joints: (T, V, C), millimetres; film_frames: 0 where that is not known."""
        missing = film_frames - len(joints) if film_frames else 1
        valid = (joints != 0).any(axis=(1, 2))
        metres = METRES * joints.astype(np.float64)
        if not valid.any():
            return UnreadableRecordingError(path, f"video {ids.video}: nobody in any of the {len(joints)} frames")
        if missing not in (0, 1):
            problem = f"video {ids.video}: {len(joints)} frames have joints, and {film_frames} are in {FEATURES}"
            return UnreadableRecordingError(path, problem)
        if (metres[valid, :, 2] <= METRES).any():
            return UnreadableRecordingError(path, f"video {ids.video}: a joint is not in front of the camera")
        pixels = np.zeros((*joints.shape[:2], 2), np.float32)
        pixels[valid] = to_float32(project(metres[valid]))
        if not np.isfinite(pixels).all():
            return UnreadableRecordingError(path, f"video {ids.video}: a joint is too far from the camera's axis")
        return SkeletonSequence(
            joints=metres[:, None].astype(np.float32),
            valid=valid[:, None],
            label=ids.category - 1,
            sample_id=f"id{ids.video:03}_s{ids.actor:02}_a{ids.category:02}",
            layout=self.layout,
            fps=FPS,
            subject=ids.actor,
            pixels=pixels[:, None],
            video=film,
            image_width=IMAGE_SIZE[0],
            image_height=IMAGE_SIZE[1],
            first_frame=missing,
            recorded_frames=missing + len(joints),
        )


def _recordings(folder: Path) -> dict[str, Ids]:
    """The files of single recordings in a folder; those of other names are left out."""
    places = {path.name: NAME.fullmatch(path.name) for path in folder.iterdir()} if folder.is_dir() else {}
    return {name: Ids(*map(int, reversed(place.groups()))) for name, place in places.items() if place}


def _ids(path: Path) -> Ids:
    place = NAME.fullmatch(path.name)
    if place is None:
        raise UnreadableRecordingError(path, f"expected {LIST} or a file with a name like {NAME_IN_WORDS}")
    category, actor, video = map(int, place.groups())
    if not 1 <= category <= len(CLASSES):
        raise UnreadableRecordingError(path, f"expected category 1 to {len(CLASSES)}, not {category}")
    return Ids(video, actor, category)


def _film(root: Path, ids: Ids, first_video: int) -> str:
    """The film of a recording, relative to the dataset's folder; '' where it is not there."""
    number = ids.video - first_video + 1
    name = f"GestureRecording_Id{number}actor{ids.actor}idAction{number}category{ids.category}.avi"
    return next((Path(folder, name).as_posix() for folder in FILM_FOLDERS if (root / folder / name).is_file()), "")


def _read_joints(path: Path) -> NDArray[np.float32]:
    """(T, V, C), millimetres. Raises UnreadableRecordingError for the first line that does not fit."""
    file = open_text(path)
    rows = file.coordinates(0, len(file.lines), JOINT_ROW)
    if len(rows) % FLORENCE15.num_joints:
        frame, joint = divmod(len(rows), FLORENCE15.num_joints)
        raise file.unexpected(len(rows), f"joint {joint + 1} of the {FLORENCE15.num_joints} in frame {frame + 1}")
    return rows.reshape(-1, FLORENCE15.num_joints, 3)


def _read_list(path: Path) -> dict[Ids, NDArray[np.float32]]:
    """The joints (T, V, C), millimetres, of all recordings, in the list's order.

    Raises UnreadableRecordingError for the first line that does not fit.
    """
    file = open_text(path)
    rows = file.coordinates(0, len(file.lines), LIST_ROW)
    found: dict[Ids, NDArray[np.float32]] = {}
    starts = [0, *(np.flatnonzero((rows[1:, :3] != rows[:-1, :3]).any(axis=1)) + 1).tolist()]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        numbers = rows[start, :3]
        ids = Ids(*map(int, numbers.tolist()))
        if (numbers % 1 != 0).any() or min(ids) < 1 or max(ids) > MAX_ID or ids.category > len(CLASSES):
            raise file.unexpected(start, f"video, actor and category (1 to {len(CLASSES)}) in front")
        if ids in found:
            raise file.unexpected(start, f"the frames of video {ids.video} in one place")
        found[ids] = rows[start:end, 3:].reshape(-1, FLORENCE15.num_joints, 3)
    return found


FLORENCE3D = Florence3dReader()
