"""Recordings as Florence 3D Actions files them: joints15_worldcoords/aCC_sS_idN.txt, millimetres.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_modules.demo import actions as single
from data_modules.demo import chores
from data_modules.demo.actions import Action
from data_modules.demo.bodies import Floats
from data_modules.demo.retarget import retarget
from data_modules.demo.sensor import Lens
from data_modules.demo.stage import Footage, Take, film, in_turn, takes
from data_modules.layouts import FLORENCE15

ACTIONS = (
    Action(1, "wave", single.wave),
    Action(2, "drink from a bottle", single.drink, seconds=3.0),
    Action(3, "answer phone", single.phone_call, seconds=3.0),
    Action(4, "clap", single.clap, seconds=2.4),
    Action(5, "tight lace", chores.tie_laces, seconds=3.0),
    Action(6, "sit down", single.sit_down, seconds=2.4),
    Action(7, "stand up", single.stand_up, seconds=2.4),
    Action(8, "read watch", chores.read_watch, seconds=2.4),
    Action(9, "bow", chores.bow, seconds=2.4),
)
ACTORS, TAKES = 10, 3
LEAST = 4
SKIP = 3
# The picture of 640 x 480 that the films show; see `recordings`.
LENS: Lens = (525.0, 525.0, 320.0, 240.0)
IMAGE_SIZE = (640, 480)
MILLIMETRES = 1000.0
JOINT_ROW = "%.16e %.16e %.16e \n"


@dataclass(frozen=True)
class Recording:
    """A take and the names of its files. footage: as long as the film, which has one frame more than the joints."""

    joints: str
    film: str
    take: Take
    footage: Footage


def write_florence3d(folder: Path, clips: int, seed: int) -> None:
    """Write about that many recordings below `folder`: at least 36, by four actors, and at most 270."""
    (folder / "joints15_worldcoords").mkdir()
    for recording in recordings(clips, seed):
        (folder / recording.joints).write_text(format_joints(recording.footage.seen[1:]))


def recordings(clips: int, seed: int) -> Iterator[Recording]:
    """Each recording. As in the original, the joints lack the film's first frame.

    Who draws the film: `recording.footage.pixels(LENS)` is where the 25 joints are in each of its frames, and
    `recording.film` its official name.
    """
    for take in takes(ACTIONS, in_turn(range(1, ACTORS + 1), TAKES), clips, LEAST):
        (actor,), category = take.subjects, take.action.number
        # An actor's recordings are numbered through, and so are all; a number does not depend on how many there are.
        own = (take.replication - 1) * len(ACTIONS) + category
        video = (actor - 1) * TAKES * len(ACTIONS) + own
        yield Recording(
            joints=f"joints15_worldcoords/a{category:02}_s{actor}_id{video}.txt",
            film=f"rgb/GestureRecording_Id{own}actor{actor}idAction{own}category{category}.avi",
            take=take,
            footage=film(take, seed).every(SKIP),
        )


def format_joints(joints: Floats) -> str:
    """(T, 1, 25, C) metres -> 15 lines per frame."""
    rows = MILLIMETRES * retarget(joints[:, 0], FLORENCE15)
    return JOINT_ROW * (len(rows) * FLORENCE15.num_joints) % tuple(rows.ravel().tolist())
