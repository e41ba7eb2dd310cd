"""SHREC'17 Track (De Smedt et al., 3DOR 2017): hands seen by a RealSense camera, 14 gestures, each in two ways.

Axes: T frames, M persons, V joints, C coordinates.

Each recording is a text file with one row per frame: x, y, z of 22 joints, metres. Its folders name gesture, way (1 one
finger, 2 the whole hand), subject and trial. Two lists at the root divide the recordings into train and test; a row is
gesture, finger, subject, essai, label of 14, label of 28, number of frames, all from 1.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import HAND22
from data_modules.readers.folds import by_lists
from data_modules.readers.formats.text_file import RowFormat, is_whole_number, open_text
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence

FPS = 30.0
LISTS = {"train": "train_gestures.txt", "test": "test_gestures.txt"}
LIST_COLUMNS = 7
PLACE = re.compile(r"/gesture_(\d+)/finger_(\d+)/subject_(\d+)/essai_(\d+)/[^/]+$")
RECORDING = "skeletons_world.txt"
PLACE_IN_WORDS = f"gesture_G/finger_F/subject_S/essai_E/{RECORDING}"
FRAME_ROW = RowFormat(what="frame", columns=66, coordinates=66)

CLASSES = (
    *("grab", "tap", "expand", "pinch", "rotation clockwise", "rotation counter-clockwise"),
    *("swipe right", "swipe left", "swipe up", "swipe down", "swipe x", "swipe +", "swipe v", "shake"),
)
WAYS = ("one finger", "whole hand")
FINE_CLASSES = tuple(f"{gesture}, {way}" for gesture in CLASSES for way in WAYS)

Ids = tuple[int, int, int, int]  # gesture, finger, subject, essai


def fine_label(gesture: int, finger: int) -> int:
    """The number, from 0, of a gesture done in one of the two ways."""
    return len(WAYS) * (gesture - 1) + finger - 1


def read_list(path: Path) -> list[Ids]:
    """The recordings of one list, in its order. Raises UnreadableRecordingError for the first row that does not fit."""
    file = open_text(path)
    listed: list[Ids] = []
    for at, line in enumerate(file.lines):
        tokens = line.split()
        if len(tokens) != LIST_COLUMNS or not all(map(is_whole_number, tokens)):
            raise file.unexpected(at, f"{LIST_COLUMNS} whole numbers")
        gesture, finger, subject, essai, label_14, label_28, _ = map(int, tokens)
        if (label_14, label_28) != (gesture, fine_label(gesture, finger) + 1):
            raise file.unexpected(at, f"the labels that follow from gesture {gesture} and finger {finger}")
        listed.append((gesture, finger, subject, essai))
    return listed


def list_paths(root: Path) -> dict[str, Path]:
    """The list of each split; none unless both are there, for half of them would pass for the whole."""
    paths = {split: root / name for split, name in LISTS.items()}
    return paths if all(path.is_file() for path in paths.values()) else {}


def splits(root: Path) -> Mapping[Ids, str]:
    """'train' or 'test' for every listed recording, in the order of the lists; empty where the lists are not there."""
    paths = list_paths(root)
    return _splits(root, tuple(path.stat().st_mtime_ns for path in paths.values())) if paths else {}


@lru_cache(maxsize=4)
def _splits(root: Path, _written: tuple[int, ...]) -> Mapping[Ids, str]:
    """Kept, because every `read` asks; the times of writing see to it that changed lists are read again."""
    return {ids: split for split, path in list_paths(root).items() for ids in read_list(path)}


class Shrec2017Reader(Reader):
    """The hands of SHREC'17: one person, 14 gestures as labels and 28 as fine labels."""

    name = "shrec2017"
    folder = "shrec2017"
    version = 1
    recordings = 2_800
    layout = HAND22
    looked_for = f"{' and '.join(LISTS.values())} beside {PLACE_IN_WORDS}"

    def __init__(self) -> None:
        self.protocols = {
            "gestures14": Protocol(CLASSES, by_lists),
            "gestures28": Protocol(FINE_CLASSES, by_lists, label="fine_label"),
        }

    def files(self, root: Path) -> Iterator[Path]:
        """Every recording that the lists name, whether its file is there or not: those of train, then those of test."""
        for gesture, finger, subject, essai in splits(root):
            folder = root / f"gesture_{gesture}" / f"finger_{finger}" / f"subject_{subject}" / f"essai_{essai}"
            yield folder / RECORDING

    def companions(self, root: Path) -> Iterator[Path]:
        yield from list_paths(root).values()

    def recognises(self, path: Path) -> bool:
        return path.name == RECORDING

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """Read one hand; rows of zeros before it first appears are dropped, later ones are frames without a hand."""
        path = path.absolute()
        gesture, finger, subject, essai = _ids(path)
        file = open_text(path)
        rows = file.coordinates(0, len(file.lines), FRAME_ROW)
        valid = (rows != 0).any(axis=1)
        if not valid.any():
            raise UnreadableRecordingError(path, f"no hand in any of the {len(rows)} frames")
        first = int(valid.argmax())
        sequence = SkeletonSequence(
            joints=rows[first:].reshape(-1, 1, HAND22.num_joints, 3),
            valid=valid[first:, None],
            label=gesture - 1,
            fine_label=fine_label(gesture, finger),
            sample_id=f"g{gesture:02}_f{finger}_s{subject:02}_e{essai}",
            layout=self.layout,
            fps=FPS,
            subject=subject,
            replication=essai,
            split=splits(path.parents[4]).get((gesture, finger, subject, essai), ""),
        )
        return [sequence]


def _ids(path: Path) -> Ids:
    place = PLACE.search(path.as_posix())
    if place is None:
        raise UnreadableRecordingError(path, f"expected a file whose path ends like {PLACE_IN_WORDS}")
    gesture, finger, subject, essai = map(int, place.groups())
    if not (1 <= gesture <= len(CLASSES) and 1 <= finger <= len(WAYS)):
        raise UnreadableRecordingError(
            path, f"expected gesture 1 to {len(CLASSES)} and finger 1 to {len(WAYS)}, not {gesture} and {finger}"
        )
    return gesture, finger, subject, essai


SHREC2017 = Shrec2017Reader()
