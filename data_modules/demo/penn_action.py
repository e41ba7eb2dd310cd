"""Recordings as Penn Action files them: labels/NNNN.mat, poses in the picture.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_modules.demo import actions as single
from data_modules.demo import chores, exercises
from data_modules.demo.actions import Action
from data_modules.demo.mat_file import write_mat
from data_modules.demo.retarget import retarget, retarget_trust
from data_modules.demo.sensor import Lens, project
from data_modules.demo.stage import Footage, Take, Turn, film, takes
from data_modules.layouts import PENN13

# Those of the fifteen actions that the demo world can show; numbered among all of them, in the order of their names.
ACTIONS = (
    Action(1, "baseball_pitch", chores.throw, seconds=2.0),
    Action(4, "bowl", exercises.bowl, seconds=2.2),
    Action(5, "clean_and_jerk", exercises.clean_and_jerk, seconds=4.0),
    Action(6, "golf_swing", exercises.golf_swing, seconds=2.4),
    Action(7, "jump_rope", exercises.jump_rope, seconds=3.0),
    Action(8, "jumping_jacks", exercises.jumping_jacks, seconds=3.0),
    Action(12, "squat", single.squat, seconds=3.0),
    Action(13, "strum_guitar", exercises.strum_guitar, seconds=3.0),
    Action(14, "tennis_forehand", exercises.tennis_forehand, seconds=2.0),
)
# Two of the same motions once more, which only films can tell apart, by what is held.
TWINS = (
    Action(2, "baseball_swing", exercises.tennis_forehand, seconds=2.0),
    Action(15, "tennis_serve", chores.throw, seconds=2.0),
)
VIEWS = {1: "front", 2: "right", 3: "left"}  # by camera
PEOPLE, TIMES = 50, 3
TURNS: list[Turn] = [
    ((person,), time, 1 + (person + time) % len(VIEWS))
    for time in range(1, TIMES + 1)
    for person in range(1, PEOPLE + 1)
]
LEAST = 2
# The picture of 480 x 270 in which joints are marked, on a grid of three quarters of a pixel, from 1.
LENS: Lens = (263.0, 263.0, 244.0, 141.75)
WIDTH, HEIGHT = 480, 270
GRID = 0.75


@dataclass(frozen=True)
class Recording:
    """A take under its official number. trains: whether it is one of the training set."""

    number: int
    trains: bool
    take: Take
    footage: Footage

    @property
    def frames(self) -> str:
        """The official folder of its pictures, 000001.jpg and so on."""
        return f"frames/{self.number:04}"


def write_penn_action(folder: Path, clips: int, seed: int, actions: tuple[Action, ...] = ACTIONS) -> None:
    """Write about that many recordings below `folder`: at least 18, and at most 1,350."""
    (folder / "labels").mkdir()
    for recording in recordings(clips, seed, actions):
        write_mat(folder / "labels" / f"{recording.number:04}.mat", labels(recording))


def recordings(clips: int, seed: int, actions: tuple[Action, ...] = ACTIONS) -> Iterator[Recording]:
    """Each recording, by number; turns of training and test alternate.

    Who draws the pictures: `recording.footage.pixels(LENS)` is where the 25 joints are in each of them, from 0, and
    `recording.frames` their official folder.
    """
    for take in takes(actions, TURNS, clips, LEAST):
        turn = PEOPLE * (take.replication - 1) + take.subjects[0] - 1
        number = 1 + len(TURNS) * (*ACTIONS, *TWINS).index(take.action) + turn
        yield Recording(number, turn % 2 == 0, take, film(take, seed))


def labels(recording: Recording) -> dict[str, object]:
    """The official variables; joints that are not visible get the official filler, the picture's corner."""
    pixels = project(retarget(recording.footage.seen[:, 0], PENN13), LENS)
    inside = ((pixels >= 0) & (pixels <= (WIDTH - 1, HEIGHT - 1))).all(-1)
    visible = inside & (retarget_trust(recording.footage.tracked[:, 0], PENN13) > 0.5)
    marked = np.where(visible[..., None], GRID * np.round((pixels + 1) / GRID), GRID)
    boxed = (pixels + 1).clip(1, (WIDTH, HEIGHT))
    frames = len(marked)
    return {
        "action": recording.take.action.name,
        "pose": VIEWS[recording.take.camera],
        "x": marked[..., 0],
        "y": marked[..., 1],
        "visibility": visible.astype(np.uint8),
        "train": np.int32(1 if recording.trains else -1),
        "bbox": np.concatenate([boxed.min(1), boxed.max(1)], axis=1),
        "dimensions": np.array([[HEIGHT, WIDTH, frames]], np.uint16),
        "nframes": np.uint16(frames),
    }
