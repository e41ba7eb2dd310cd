"""Berkeley MHAD (Ofli et al., WACV 2013): 11 actions by 12 people, five times each, by optical motion capture.

Axes: T frames, M persons, V joints, C coordinates.

`SkeletalData/skl_sXX_aYY_rZZ.bvh` (subject, action, repetition) holds a tree of joints with their angles (see bvh.py).
S04-A08-R05 is missing, which leaves 659. Of the tree's joints 20 are kept, chosen by name: the collar bones
(RightShoulder, LeftShoulder) and the helpers for twist (Roll) are not.

No official recording was at hand to check this reader with. The unit is therefore decided from the bones: metres,
centimetres or millimetres, whichever makes the body 1 to 2.5 m tall (scripts for this dataset take centimetres). The
axes stay those of the capture. The rate is the file's, 480 Hz by the paper; every k-th frame from the first on is kept,
so that about 30 a second remain.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import MHAD20
from data_modules.readers.folds import fold_by
from data_modules.readers.formats.bvh import Bvh, read_bvh
from data_modules.readers.formats.text_file import to_float32
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence

NAME = re.compile(r"skl_s(\d{2})_a(\d{2})_r(\d{2})\.bvh")
NAME_IN_WORDS = "skl_s01_a01_r01.bvh"
SUBFOLDERS = ("SkeletalData", "Mocap/SkeletalData", ".")
NUM_SUBJECTS, NUM_REPETITIONS = 12, 5
LAST_TRAIN_SUBJECT = 7

# The joints of MHAD20 as the files call them, in upper or lower case.
NODES = (
    *("Hips", "spine", "spine1", "spine2", "Neck", "Head"),
    *("RightArm", "RightForeArm", "RightHand", "LeftArm", "LeftForeArm", "LeftHand"),
    *("RightUpLeg", "RightLeg", "RightFoot", "RightToeBase", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase"),
)
# The bones that are added up as the body's height: a leg, and the hips to the head.
HEIGHT = (("RightFoot", "RightUpLeg"), ("Head", "Hips"))
LOWEST, TALLEST = 1.0, 2.5  # metres
UNITS = (1.0, 0.01, 0.001)  # in metres
FARTHEST = 100.0  # metres; more than any room for motion capture
FPS = 30.0  # about; all frames are kept where the file has fewer

# From memory of the paper's list.
CLASSES = (
    *("jumping", "jumping jacks", "bending", "punching", "waving two hands", "waving one hand", "clapping"),
    *("throwing", "sit down and stand up", "sit down", "stand up"),
)


def node_numbers(path: Path, bvh: Bvh) -> dict[str, int]:
    """Where in the tree the joints of `NODES` are. Raises UnreadableRecordingError where one is missing."""
    numbers = {node.name.lower(): number for number, node in enumerate(bvh.nodes) if node.name}
    missing = [name for name in NODES if name.lower() not in numbers]
    if missing:
        raise UnreadableRecordingError(path, f"expected a joint {missing[0]!r}, but the tree has none of that name")
    return {name: numbers[name.lower()] for name in NODES}


def unit_of(path: Path, bvh: Bvh, numbers: dict[str, int]) -> float:
    """The file's unit in metres. Raises UnreadableRecordingError where the body has no human height in any."""
    height = 0.0
    for outer, inner in HEIGHT:
        length = bvh.bone_lengths(numbers[outer], numbers[inner])
        if length is None:
            raise UnreadableRecordingError(path, f"expected {outer!r} to hang on {inner!r}")
        height += length
    units = [unit for unit in UNITS if LOWEST <= height * unit <= TALLEST]
    if not units:
        raise UnreadableRecordingError(
            path,
            f"expected a body of {LOWEST:g} to {TALLEST:g} m in metres, centimetres or millimetres, "
            f"but its bones add up to {height:g}",
        )
    return units[0]


class BerkeleyMhadReader(Reader):
    """The skeletons of Berkeley MHAD: one person, 11 actions."""

    name = "berkeley_mhad"
    folder = "berkeley_mhad"
    version = 1
    recordings = 659
    layout = MHAD20
    looked_for = f"SkeletalData/{NAME_IN_WORDS} and the like"

    def __init__(self) -> None:
        self.protocols = {"xsub": Protocol(CLASSES, fold_by(lambda index: index.subject <= LAST_TRAIN_SUBJECT))}

    def files(self, root: Path) -> list[Path]:
        """Every recording, by name: of SkeletalData, else of Mocap/SkeletalData, else of the folder itself."""
        for subfolder in SUBFOLDERS:
            found = [path for path in (root / subfolder).glob("skl_*.bvh") if NAME.fullmatch(path.name)]
            if found:
                return sorted(found)
        return []

    def recognises(self, path: Path) -> bool:
        return NAME.fullmatch(path.name) is not None

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """One recording. Markers are never lost: the person is there in every frame."""
        subject, action, repetition = _ids(path)
        bvh = read_bvh(path)
        bvh = bvh.every(max(1, round(1 / bvh.frame_time / FPS)))
        joints = _joints(path, bvh)
        sequence = SkeletonSequence(
            joints=joints[:, None],
            valid=np.ones((len(joints), 1), np.bool_),
            label=action - 1,
            sample_id=f"s{subject:02}_a{action:02}_r{repetition:02}",
            layout=self.layout,
            fps=1 / bvh.frame_time,
            subject=subject,
            replication=repetition,
        )
        return [sequence]


def _ids(path: Path) -> tuple[int, int, int]:
    """Subject, action and repetition out of the file's name."""
    found = NAME.fullmatch(path.name)
    if found is None:
        raise UnreadableRecordingError(path, f"expected a file with a name like {NAME_IN_WORDS}")
    subject, action, repetition = map(int, found.groups())
    highest = (NUM_SUBJECTS, len(CLASSES), NUM_REPETITIONS)
    if not all(1 <= number <= last for number, last in zip((subject, action, repetition), highest, strict=True)):
        raise UnreadableRecordingError(
            path, "expected subject 1 to {}, action 1 to {} and repetition 1 to {}".format(*highest)
        )
    return subject, action, repetition


def _joints(path: Path, bvh: Bvh) -> NDArray[np.float32]:
    """The 20 joints (T, V, C) in metres."""
    numbers = node_numbers(path, bvh)
    joints = to_float32(bvh.positions(list(numbers.values())) * unit_of(path, bvh, numbers))
    if not (np.abs(joints) <= FARTHEST).all():
        raise UnreadableRecordingError(path, f"a joint is more than {FARTHEST:.0f} m away from the origin")
    return joints


BERKELEY_MHAD = BerkeleyMhadReader()
