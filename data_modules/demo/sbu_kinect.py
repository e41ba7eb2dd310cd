"""Recordings as SBU Kinect Interaction files them: sXXsYY/<class>/<take>/skeleton_pos.txt, scaled and with commas.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_modules.demo import mutual
from data_modules.demo.actions import Action
from data_modules.demo.bodies import Floats
from data_modules.demo.retarget import retarget
from data_modules.demo.stage import Footage, Take, Turn, film, takes
from data_modules.layouts import SBU15

ACTIONS = (
    Action(1, "approaching", mutual.approach, persons=2, seconds=2.2),
    Action(2, "departing", mutual.depart, persons=2, seconds=2.2),
    Action(3, "kicking", mutual.kick_at, persons=2, seconds=2.6),
    Action(4, "pushing", mutual.push_away, persons=2, seconds=2.0),
    Action(5, "shaking hands", mutual.shake_hands, persons=2, seconds=2.4),
    Action(6, "hugging", mutual.hug, persons=2, seconds=2.6),
    Action(7, "exchanging", mutual.give, persons=2, seconds=2.4),
    Action(8, "punching", mutual.punch, persons=2, seconds=2.4),
)
# The pairs by the official folds, in an order that goes round the folds.
PAIRS = (
    *((1, 2), (2, 3), (1, 3), (2, 1), (4, 2)),
    *((3, 4), (2, 7), (1, 7), (2, 6), (4, 3)),
    *((5, 2), (3, 5), (7, 1), (3, 2), (4, 6)),
    *((6, 4), (5, 3), (7, 3), (3, 6), (6, 2)),
    (6, 3),
)
FOLDS, TAKES = 5, 3
TURNS: list[Turn] = [(pair, number, 1) for number in range(1, TAKES + 1) for pair in PAIRS]
SKIP = 2  # 15 frames per second
# What the official description undoes by X = 1280 − 2560 x, Y = 960 − 1920 y, Z = 10000 / 7.8125 z, in millimetres.
OFFSET = np.array([1.28, 0.96, 0.0])
SCALE = np.array([-2.56, -1.92, 10 / 7.8125])
PERSONS = 2
NUMBERS = PERSONS * SBU15.num_joints * 3
ROW = "%d," + ",".join(["%.5g"] * NUMBERS) + "\r\n"
FIRST_FRAME = (1, 90)
START = 32


def write_sbu_kinect(folder: Path, clips: int, seed: int) -> None:
    """Write about that many interactions below `folder`: at least 40, one in each fold, and at most 504."""
    for path, take, footage in recordings(clips, seed):
        first = int(np.random.default_rng((seed, START, take.action.number, *take.subjects)).integers(*FIRST_FRAME))
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(format_pair(first, left_to_right(footage.seen)).encode())


def recordings(clips: int, seed: int) -> Iterator[tuple[str, Take, Footage]]:
    """Each interaction with its path; in every other take the first actor of the pair stands on the right."""
    for take in takes(ACTIONS, TURNS, clips, least=FOLDS):
        first, second = take.subjects
        path = f"s{first:02}s{second:02}/{take.action.number:02}/{take.replication:03}/skeleton_pos.txt"
        facing = 0.0 if take.replication % 2 else np.pi
        yield path, take, film(take, seed, facing).every(SKIP)


def left_to_right(joints: Floats) -> Floats:
    """(T, M, V, C) with the person on the left of the picture first; x grows to the picture's left."""
    return joints[:, np.argsort(-joints[..., 0].mean((0, 2)))]


def format_pair(first_frame: int, joints: Floats) -> str:
    """(T, M, 25, C) metres -> one row of 91 numbers per frame."""
    scaled = (retarget(joints, SBU15) - OFFSET) / SCALE
    frames = first_frame + np.arange(len(scaled))
    rows = np.concatenate([frames[:, None], scaled.reshape(-1, NUMBERS)], axis=1)
    return ROW * len(rows) % tuple(rows.ravel().tolist())
