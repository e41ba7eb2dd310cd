"""Recordings as SYSU 3D Human-Object Interaction files them: 3DvideoNorm/<person>/video<action>/sklWorld.mat.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Iterator
from pathlib import Path

from data_modules.demo import actions as single
from data_modules.demo import chores
from data_modules.demo.actions import Action
from data_modules.demo.mat_file import write_mat
from data_modules.demo.retarget import retarget
from data_modules.demo.stage import Footage, Take, film, in_turn, takes
from data_modules.layouts import KINECT20

# Those of the twelve actions that the demo world can show, under their own numbers.
ACTIONS = (
    Action(1, "drinking", single.drink, seconds=3.2),
    Action(2, "pouring", chores.pour, seconds=3.2),
    Action(3, "calling phone", single.phone_call, seconds=3.6),
    Action(4, "playing phone", single.type_on_keyboard, seconds=3.6),
    Action(5, "wearing backpacks", chores.put_on, seconds=3.6),
    Action(7, "sitting chair", single.sit_down),
    Action(8, "moving chair", chores.move_chair, seconds=3.2),
    Action(11, "mopping", chores.mop, seconds=4.0),
    Action(12, "sweeping", chores.sweep, seconds=4.0),
)
PERSONS = 40
# So many that each of the dataset's random halves has some of them.
LEAST = 12


def write_sysu_3d(folder: Path, clips: int, seed: int) -> None:
    """Write about that many recordings below `folder`: at least 108, by 12 people, and at most 360."""
    for path, _, footage in recordings(clips, seed):
        (folder / path).parent.mkdir(parents=True)
        write_mat(folder / path, {"SW": retarget(footage.seen[:, 0], KINECT20).transpose(1, 2, 0)})


def recordings(clips: int, seed: int) -> Iterator[tuple[str, Take, Footage]]:
    """Each recording with its path; everyone does every action once."""
    for take in takes(ACTIONS, in_turn(range(1, PERSONS + 1), 1), clips, LEAST):
        path = f"3DvideoNorm/{take.subjects[0]:02}/video{take.action.number}/sklWorld.mat"
        yield path, take, film(take, seed)
