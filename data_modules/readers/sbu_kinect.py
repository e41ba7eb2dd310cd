"""SBU Kinect Interaction (Yun et al., CVPR Workshops 2012), the clean version 2.0: 21 pairs of people, 8 interactions.

Axes: T frames, M persons, V joints, C coordinates.

Each recording is a text file of rows with commas between the numbers: the frame's number, then x, y, z of 15 joints of
one person, then of the other. Its folders name the pair, the interaction and the take. The official description says
that the first person is the one on the left; in these files that holds for 12 of the 21 pairs, in all their recordings,
and the other way round for 9. The order is kept as it is.

The numbers are scaled. The official description gives the way back to the tracker's x = 1280 − 2560 x', y = 960 −
1920 y' and z = 10000 / 7.8125 z'; some loaders take z from y'. All three are millimetres: with them, bones keep their
lengths within a recording (to 0.3 %, against 2 % if x and y were pixels) and whatever their depth. Here they are
metres: x to the left of the picture, y up, z away from the camera.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import SBU15
from data_modules.readers.folds import leave_one_out
from data_modules.readers.formats.text_file import RowFormat, open_text, to_float32
from data_modules.readers.reader import Index, Protocol, Reader
from data_modules.sequence import SkeletonSequence

FPS = 15.0  # as the paper says
PLACE = re.compile(r"/s(\d\d)s(\d\d)/(\d\d)/(\d\d\d)/[^/]+$")
RECORDING = "skeleton_pos.txt"
PLACE_IN_WORDS = f"s01s02/01/001/{RECORDING}"
PERSONS = 2
COORDINATES = PERSONS * SBU15.num_joints * 3
ROW = RowFormat(what="frame", columns=1 + COORDINATES, coordinates=1 + COORDINATES, separator=",")

METRES_OFFSET = np.array([1.28, 0.96, 0])
METRES_PER_UNIT = np.array([-2.56, -1.92, 10 / 7.8125])

# In the order of the folders 01 to 08. The release does not name them; other lists are about, but hands are held
# together in 05, feet reach the other body in 03, and so on.
CLASSES = (
    *("approaching", "departing", "kicking", "pushing"),
    *("shaking hands", "hugging", "exchanging objects", "punching"),
)

# The pairs that each of the five official folds tests; 102 is s01s02.
FOLDS = (
    (102, 304, 502, 604),
    (203, 207, 305, 503),
    (103, 107, 701, 703),
    (201, 206, 302, 306),
    (402, 403, 406, 602, 603),
)
FOLD_OF_PAIR = {pair: fold for fold, pairs in enumerate(FOLDS) for pair in pairs}


def fold_numbers(index: Index) -> NDArray[np.int64]:
    """The official fold, from 0, that tests each recording."""
    return np.array([FOLD_OF_PAIR[pair] for pair in index.setup.tolist()], np.int64)


class SbuKinectReader(Reader):
    """The interactions of SBU: two people.

    `setup` is the pair, 100 × the actor that its folder names first + the second; `subject` is the first, so that a
    validation split keeps a pair's recordings together. Folds are over pairs: the same person trains and is tested.
    """

    name = "sbu_kinect"
    folder = "sbu_kinect"
    version = 1
    recordings = 282
    layout = SBU15
    looked_for = f"{PLACE_IN_WORDS} and the like"

    def __init__(self) -> None:
        self.protocols = {"folds5": Protocol(CLASSES, leave_one_out(fold_numbers), mixes_subjects=True)}

    def files(self, root: Path) -> Iterator[Path]:
        paths = (path.absolute() for path in sorted(root.glob(f"*/*/*/{RECORDING}")))
        return (path for path in paths if PLACE.search(path.as_posix()))

    def recognises(self, path: Path) -> bool:
        return path.name == RECORDING

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """One interaction. A person whose numbers are all zero is absent in that frame."""
        path = path.absolute()
        first, second, action, take = _ids(path)
        file = open_text(path)
        rows = file.coordinates(0, len(file.lines), ROW)
        scaled = rows[:, 1:].reshape(-1, PERSONS, SBU15.num_joints, 3)
        valid = (scaled != 0).any(axis=(2, 3))
        if not valid.any():
            raise UnreadableRecordingError(path, f"nobody in any of the {len(rows)} frames")
        metres = to_float32(METRES_OFFSET + METRES_PER_UNIT * scaled.astype(np.float64))
        metres[~valid] = 0
        if not np.isfinite(metres).all():
            raise UnreadableRecordingError(path, "coordinates are too large to be converted to metres")
        sequence = SkeletonSequence(
            joints=metres,
            valid=valid,
            label=action - 1,
            sample_id=f"s{first:02}s{second:02}_{action:02}_{take:03}",
            layout=self.layout,
            fps=FPS,
            subject=first,
            setup=100 * first + second,
            replication=take,
        )
        return [sequence]


def _ids(path: Path) -> tuple[int, int, int, int]:
    """First and second actor, interaction and take. Raises UnreadableRecordingError for those that there are not."""
    place = PLACE.search(path.as_posix())
    if place is None:
        raise UnreadableRecordingError(path, f"expected a file whose path ends like {PLACE_IN_WORDS}")
    first, second, action, take = map(int, place.groups())
    if 100 * first + second not in FOLD_OF_PAIR:
        raise UnreadableRecordingError(path, f"s{first:02}s{second:02} is none of the {len(FOLD_OF_PAIR)} pairs")
    if not 1 <= action <= len(CLASSES):
        raise UnreadableRecordingError(path, f"expected interaction 01 to {len(CLASSES):02}, not {action:02}")
    return first, second, action, take


SBU_KINECT = SbuKinectReader()
