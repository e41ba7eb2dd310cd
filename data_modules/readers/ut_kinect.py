"""UT-Kinect Action (Xia et al., CVPR Workshops 2012): 10 subjects do 10 actions twice, seen by a Kinect.

Axes: T frames, M persons, V joints, C coordinates.

A file is one episode: a row for each skeleton that was recorded, with the number of its frame and x, y, z of 20 joints,
metres. Numbers jump where the skeleton was lost; about 2 in 100 are there twice, of which the first row is kept.
`actionLabel.txt` names the first and last frame of each action: per episode a header `s01_e01` and ten lines such as
`walk: 252 390`. One of its 200 ranges is `NaN NaN`: 199 sequences are usable.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import KINECT20
from data_modules.readers.folds import leave_one_sequence_out, leave_one_subject_out, train_on_subjects
from data_modules.readers.formats.text_file import RowFormat, TextFile, is_whole_number, open_text
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence

# What the authors give for the rows that were kept. The frames' own numbers, mostly 4 apart, then count 60 in a second,
# and people walk 0.7 m in that time; were it 30, they would creep.
FPS = 15.0
NAME = re.compile(r"joints_s(\d\d)_e(\d\d)\.txt")
NAME_IN_WORDS = "joints_s01_e01.txt"
LABELS = "actionLabel.txt"
HEADER = re.compile(r"s(\d\d)_e(\d\d)")
LABEL = re.compile(r"(\w+):\s*(\S+)\s+(\S+)")
ROW = RowFormat(what="skeleton", columns=61, coordinates=61)

ACTIONS = ("walk", "sitDown", "standUp", "pickUp", "carry", "throw", "push", "pull", "waveHands", "clapHands")
CLASSES = tuple(re.sub("([A-Z])", r" \1", action).lower() for action in ACTIONS)

Range = tuple[int, int]  # the numbers of an action's first and last frame
Episode = tuple[int, int]  # subject, episode

# Ranges of actionLabel.txt that do not fit the recordings, and those that Vemulapalli et al. (CVPR 2014) put in their
# place: actionLabel_modified.txt in the data of their release, which is what their code and its successors read.
CORRECTED: Mapping[tuple[Episode, str, Range], Range] = {
    ((1, 2), "walk", (154, 192)): (154, 270),
    ((3, 1), "push", (2556, 3622)): (3556, 3622),
    ((7, 1), "pull", (3350, 3522)): (3432, 3522),
    ((7, 2), "pull", (2496, 2618)): (2530, 2618),
    ((9, 1), "push", (3266, 3390)): (3266, 3300),
    ((10, 1), "carry", (1394, 1846)): (1394, 1676),
    ((10, 2), "pull", (1982, 2062)): (1994, 2062),
}

# The subjects who train in each of the ten divisions of Vemulapalli et al.: tr_te_splits.mat of the same release.
TRAINING_HALVES = (
    *((2, 5, 7, 8, 9), (2, 3, 8, 9, 10), (2, 3, 6, 7, 8), (3, 5, 6, 8, 9), (2, 4, 5, 6, 10)),
    *((3, 6, 7, 8, 9), (1, 2, 4, 6, 7), (2, 7, 8, 9, 10), (1, 3, 6, 9, 10), (1, 6, 8, 9, 10)),
)


def read_labels(path: Path) -> dict[Episode, list[Range | UnreadableRecordingError]]:
    """The range of each action of every episode, and an error in the place of each that is no range.

    Raises UnreadableRecordingError for the first line that does not fit.
    """
    file = open_text(path)
    found: dict[Episode, list[Range | UnreadableRecordingError]] = {}
    size = 1 + len(ACTIONS)
    for start in range(0, len(file.lines), size):
        header = HEADER.fullmatch(file.lines[start].strip())
        if header is None:
            raise file.unexpected(start, "the name of an episode (s01_e01)")
        episode = (int(header[1]), int(header[2]))
        if episode in found:
            raise file.unexpected(start, "each episode once")
        found[episode] = [_range(file, start + at, action) for at, action in enumerate(ACTIONS, 1)]
    return found


def _range(file: TextFile, at: int, action: str) -> Range | UnreadableRecordingError:
    line = LABEL.fullmatch(file.lines[at].strip()) if at < len(file.lines) else None
    if line is None or line[1] != action:
        raise file.unexpected(at, f"the first and last frame of {action} ('{action}: 252 390')")
    first, last = line[2], line[3]
    if (first, last) == ("NaN", "NaN"):
        return UnreadableRecordingError(
            file.path, f"no frames are labelled as {action}", at + 1, "left out; the official labels lack it too"
        )
    if not (is_whole_number(first) and is_whole_number(last) and int(first) <= int(last)):
        raise file.unexpected(at, f"two whole numbers for {action}, the first not above the last")
    return int(first), int(last)


def read_skeletons(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The frames' numbers, ascending and each once (T,), and their joints (T, V, C), metres.

    Raises UnreadableRecordingError for the first line that does not fit.
    """
    file = open_text(path)
    rows = file.coordinates(0, len(file.lines), ROW)
    # float32 holds whole numbers up to 2 ** 24 exactly.
    odd = (rows[:, 0] % 1 != 0) | (rows[:, 0] < 0) | (rows[:, 0] > 2**24)
    if odd.any():
        raise file.unexpected(int(odd.argmax()), "a row that begins with the whole number of its frame")
    frames, first_rows = np.unique(rows[:, 0].astype(np.int64), return_index=True)
    return frames, rows[first_rows, 1:].reshape(-1, KINECT20.num_joints, 3)


class UtKinectReader(Reader):
    """The 20 episodes of UT-Kinect: one person, 10 actions in each.

    official_labels: take actionLabel.txt literally. Otherwise its seven doubtful ranges are those of Vemulapalli et al.
    """

    folder = "ut_kinect"
    version = 1
    recordings = 199
    layout = KINECT20

    def __init__(self, name: str, official_labels: bool) -> None:
        self.name = name
        self.corrections = {} if official_labels else CORRECTED
        ranges = "taken literally" if official_labels else "with the 7 corrections of Vemulapalli et al."
        self.looked_for = f"joints/{NAME_IN_WORDS} and the like beside joints/{LABELS} ({ranges})"
        self.protocols = {
            "loso": Protocol(CLASSES, leave_one_subject_out),
            "loo": Protocol(CLASSES, leave_one_sequence_out, mixes_subjects=True),
            "random_halves": Protocol(CLASSES, train_on_subjects(*TRAINING_HALVES)),
        }

    def files(self, root: Path) -> Iterator[Path]:
        """The episodes in `joints` or, without such a folder, in the dataset's own; none without the labels."""
        folder = _folder(root)
        if (folder / LABELS).is_file():
            yield from sorted(path for path in folder.iterdir() if self.recognises(path))

    def companions(self, root: Path) -> list[Path]:
        return [_folder(root) / LABELS]

    def recognises(self, path: Path) -> bool:
        return NAME.fullmatch(path.name) is not None

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """The ten actions of one episode."""
        episode = _ids(path)
        labels = path.parent / LABELS
        ranges = read_labels(labels).get(episode)
        if ranges is None:
            raise UnreadableRecordingError(path, f"{labels} has no lines about this episode")
        frames, joints = read_skeletons(path)
        found: list[SkeletonSequence | UnreadableRecordingError] = []
        for label, labelled in enumerate(ranges):
            if isinstance(labelled, UnreadableRecordingError):
                found.append(labelled)
                continue
            first, last = self.corrections.get((episode, ACTIONS[label], labelled), labelled)
            shown = joints[(frames >= first) & (frames <= last)]
            if len(shown):
                found.append(self._sequence(shown, label, episode))
            else:
                problem = f"no skeleton in the frames {first} to {last}, which {LABELS} calls {ACTIONS[label]}"
                found.append(UnreadableRecordingError(path, problem))
        return found

    def _sequence(self, joints: NDArray[np.float32], label: int, episode: Episode) -> SkeletonSequence:
        subject, replication = episode
        return SkeletonSequence(
            joints=joints[:, None],
            valid=np.ones((len(joints), 1), np.bool_),
            label=label,
            sample_id=f"s{subject:02}_e{replication:02}_{ACTIONS[label]}",
            layout=self.layout,
            fps=FPS,
            subject=subject,
            replication=replication,
        )


def _ids(path: Path) -> Episode:
    name = NAME.fullmatch(path.name)
    if name is None:
        raise UnreadableRecordingError(path, f"expected a file with a name like {NAME_IN_WORDS}")
    return int(name[1]), int(name[2])


def _folder(root: Path) -> Path:
    folder = root / "joints"
    return folder if folder.is_dir() else root


UT_KINECT = UtKinectReader("ut_kinect", official_labels=False)
UT_KINECT_OFFICIAL = UtKinectReader("ut_kinect_official", official_labels=True)
