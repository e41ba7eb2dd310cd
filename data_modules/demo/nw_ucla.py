"""Recordings as Northwestern-UCLA files them: all_sqe/aAA_sSS_eEE_vVV.json.

Axes: T frames, M persons, V joints, C coordinates.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from data_modules.demo import actions as single
from data_modules.demo import chores
from data_modules.demo.actions import Action
from data_modules.demo.bodies import Floats
from data_modules.demo.retarget import retarget
from data_modules.demo.stage import Footage, Take, Turn, film, takes
from data_modules.layouts import KINECT20

# Numbered as in the files' names; the label is the place in this order, from 1.
ACTIONS = (
    Action(1, "pick up with one hand", chores.pick_up_with_one_hand),
    Action(2, "pick up with two hands", chores.pick_up_with_two_hands),
    Action(3, "drop trash", chores.drop),
    Action(4, "walk around", chores.walk, seconds=3.0),
    Action(5, "sit down", single.sit_down),
    Action(6, "stand up", single.stand_up),
    Action(8, "donning", chores.put_on, seconds=3.5),
    Action(9, "doffing", chores.take_off, seconds=3.5),
    Action(11, "throw", chores.throw, seconds=2.0),
    Action(12, "carry", chores.carry, seconds=3.0),
)
SUBJECTS, VIEWS, EPISODES = 10, 3, 5
# Subjects and views alternate together, so that a few turns have all views and many have all pairs.
TURNS: list[Turn] = [
    ((turn % SUBJECTS + 1,), turn // (SUBJECTS * VIEWS), turn % VIEWS + 1)
    for turn in range(SUBJECTS * VIEWS * EPISODES)
]
LEAST = 4
SKIP = 2  # 15 frames per second


def write_nw_ucla(folder: Path, clips: int, seed: int) -> None:
    """Write about that many recordings below `folder`: at least 40, by four subjects, and at most 1,500."""
    (folder / "all_sqe").mkdir()
    for name, take, footage in recordings(clips, seed):
        (folder / "all_sqe" / f"{name}.json").write_text(format_json(name, take.action, footage.seen))


def recordings(clips: int, seed: int) -> Iterator[tuple[str, Take, Footage]]:
    """Each recording with its name."""
    for take in takes(ACTIONS, TURNS, clips, LEAST):
        name = f"a{take.action.number:02}_s{take.subjects[0]:02}_e{take.replication:02}_v{take.camera:02}"
        yield name, take, film(take, seed).every(SKIP)


def format_json(name: str, action: Action, joints: Floats) -> str:
    """(T, 1, 25, C) metres, written with six digits."""
    # The digits are fixed by text: a float's own are shorter after it.
    numbers = retarget(joints[:, 0], KINECT20)
    rounded = [[[float(f"{value:.6g}") for value in joint] for joint in skeleton] for skeleton in numbers.tolist()]
    return json.dumps({"file_name": name, "skeletons": rounded, "label": ACTIONS.index(action) + 1})
