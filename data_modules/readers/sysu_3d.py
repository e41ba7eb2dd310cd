"""SYSU 3D Human-Object Interaction (Hu et al., CVPR 2015): 12 actions with objects by 40 people, seen by a Kinect v1.

Axes: T frames, M persons, V joints, C coordinates.

`3DvideoNorm/PERSON/videoK/sklWorld.mat` has a variable 'SW' (joints, 3, frames); K is the action. Everyone does every
action once: 480 recordings. A frame in which all joints are zero shows nobody.

No official recording was at hand to check this reader with. What it relies on comes from public loaders and from
memory: the layout of the files, metres, 30 frames per second, the order of the joints (that of the Kinect's SDK; one
user found the legs' sides exchanged when drawing them), and the names of the actions, as the paper lists them.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import KINECT20
from data_modules.readers.folds import train_on_subjects
from data_modules.readers.formats.mat_file import open_mat
from data_modules.readers.formats.text_file import to_float32
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence

FPS = 30.0
FARTHEST = 1000.0  # metres; no skeleton that a Kinect sees is farther away
NUM_SUBJECTS = 40
NUM_SPLITS = 30
RECORDING = "sklWorld.mat"
VIDEO = re.compile(r"video(\d+)")
OUTER_FOLDER = "3DvideoNorm"

CLASSES = (
    *("drinking", "pouring", "calling phone", "playing phone", "wearing backpacks", "packing backpacks"),
    *("sitting chair", "moving chair", "taking out wallet", "taking from wallet", "mopping", "sweeping"),
)


def train_subjects(split: int) -> list[int]:
    """The 20 of the subjects 1 to 40 that train in the random half `split`, from 0: it depends on that number alone.

    Each subject draws a number from a generator whose seed is `split`; the lower half trains. (`random` promises the
    same draws in every version of Python, which a shuffle does not.)
    """
    draw = random.Random(split).random
    drawn = {subject: draw() for subject in range(1, NUM_SUBJECTS + 1)}
    return sorted(sorted(drawn, key=drawn.__getitem__)[: NUM_SUBJECTS // 2])


# The setting 2 of Hu et al.: half of the subjects train, the others test, in 30 random halves (seeds 0 to 29). Which 30
# the authors drew is not published.
random_halves = train_on_subjects(*map(train_subjects, range(NUM_SPLITS)))


def natural_order(name: str) -> tuple[int, str]:
    """Numbers by size (2 before 10), names by letters."""
    return (int(name) if name.isdecimal() and len(name) < 10 else -1, name)


def person_number(person: Path) -> int:
    """Which of the folders beside it, itself included, a person's folder is, from 1. They may be called by numbers or
    names."""
    names = sorted((folder.name for folder in person.parent.iterdir() if any(folder.glob("video*"))), key=natural_order)
    return names.index(person.name) + 1


class Sysu3dReader(Reader):
    """The skeletons of SYSU 3D HOI: one person with an object, 12 actions."""

    name = "sysu_3d"
    folder = "sysu_3d"
    version = 1
    recordings = 480
    layout = KINECT20
    looked_for = f"{OUTER_FOLDER}/PERSON/videoK/{RECORDING}"

    def __init__(self) -> None:
        self.protocols = {"random_halves": Protocol(CLASSES, random_halves)}

    def files(self, root: Path) -> Iterator[Path]:
        """Every recording, by person and action; the folder 3DvideoNorm in between may be missing."""
        outer = root / OUTER_FOLDER if (root / OUTER_FOLDER).is_dir() else root
        found = [path for path in outer.glob(f"*/video*/{RECORDING}") if VIDEO.fullmatch(path.parent.name)]
        yield from sorted(found, key=lambda path: (natural_order(path.parts[-3]), natural_order(path.parts[-2][5:])))

    def recognises(self, path: Path) -> bool:
        return path.name == RECORDING

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """One recording. Frames in which all coordinates are zero are without the person."""
        path = path.absolute()
        person, action = _ids(path)
        joints_VCT = open_mat(path, ["SW"]).numbers("SW", KINECT20.num_joints, 3, None)
        if np.abs(joints_VCT).max() > FARTHEST:
            raise UnreadableRecordingError(path, f"expected metres, but a joint is more than {FARTHEST:.0f} m away")
        joints = to_float32(joints_VCT.transpose(2, 0, 1))
        valid = np.any(joints, axis=(1, 2))
        if not valid.any():
            raise UnreadableRecordingError(path, f"nobody in any of the {len(joints)} frames")
        sequence = SkeletonSequence(
            joints=joints[:, None],
            valid=valid[:, None],
            label=action - 1,
            sample_id=f"{person.name}_video{action:02}",
            layout=self.layout,
            fps=FPS,
            subject=person_number(person),
        )
        return [sequence]


def _ids(path: Path) -> tuple[Path, int]:
    """The person's folder, and the action."""
    video = VIDEO.fullmatch(path.parent.name)
    action = int(video[1]) if video and len(video[1]) < 10 else 0
    person = path.parent.parent
    if not 1 <= action <= len(CLASSES) or not person.name:
        problem = f"expected a person's folder video1 to video{len(CLASSES)}, not {path.parent.name!r}"
        raise UnreadableRecordingError(path, problem)
    return person, action


SYSU_3D = Sysu3dReader()
