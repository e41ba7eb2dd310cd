"""Recordings as UT-Kinect files them: joints/joints_sXX_eYY.txt, one per subject and episode, and actionLabel.txt.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.demo import actions as single
from data_modules.demo import chores
from data_modules.demo.actions import Action
from data_modules.demo.bodies import Floats
from data_modules.demo.retarget import retarget
from data_modules.demo.stage import Footage, Take, check_clips, film
from data_modules.layouts import KINECT20

# In the order of the labels' lines.
ACTIONS = (
    Action(1, "walk", chores.walk, seconds=3.0),
    Action(2, "sitDown", single.sit_down),
    Action(3, "standUp", single.stand_up),
    Action(4, "pickUp", chores.pick_up_with_two_hands, seconds=3.0),
    Action(5, "carry", chores.carry, seconds=3.5),
    Action(6, "throw", chores.throw, seconds=2.0),
    Action(7, "push", chores.push, seconds=2.0),
    Action(8, "pull", chores.pull, seconds=2.0),
    Action(9, "waveHands", chores.wave_both, seconds=3.5),
    Action(10, "clapHands", single.clap, seconds=3.0),
)
SUBJECTS, EPISODES = 10, 2
UNLABELLED = (10, "carry", 2)  # the official labels, too, lack this one: subject, action, episode
SKIP = 2  # 15 skeletons per second
# The frames' numbers are even; skeletons are lost now and then, or there twice, which differ in the last digits.
FIRST_NUMBER, NUMBER_STEPS, PAUSE = (150, 260), (2, 4), (40, 160)
LOST_CHANCE, TWICE_CHANCE, TWICE_NOISE = 0.04, 0.02, 2e-4
UNLABELLED_ENDS = 0.08  # part of a recording before and after what the label covers
JOINTS = 3 * KINECT20.num_joints
ROW = "%d   " + "  ".join(["%.6f"] * JOINTS) + "  \n"
EPISODE = 31


def write_ut_kinect(folder: Path, clips: int, seed: int) -> None:
    """Write the 20 files, however many clips are asked for: its protocols need all ten subjects, and they are 199."""
    check_clips(clips)
    joints = folder / "joints"
    joints.mkdir()
    labels = []
    for subject in range(1, SUBJECTS + 1):
        for episode in range(1, EPISODES + 1):
            name = f"s{subject:02}_e{episode:02}"
            rows, ranges = format_episode(subject, episode, seed)
            (joints / f"joints_{name}.txt").write_text(rows)
            labels.append(f"{name}\n{ranges}")
    (joints / "actionLabel.txt").write_text("".join(labels) + "\n")


def recordings(subject: int, episode: int, seed: int) -> Iterator[tuple[Take, Footage]]:
    """The ten actions of an episode."""
    for action in ACTIONS:
        take = Take(action, (subject,), episode, camera=1)
        yield take, film(take, seed).every(SKIP)


def format_episode(subject: int, episode: int, seed: int) -> tuple[str, str]:
    """The rows of an episode, and the lines of its labels."""
    rng = np.random.default_rng((seed, EPISODE, subject, episode))
    number = int(rng.integers(*FIRST_NUMBER)) // 2 * 2
    rows, labels = [], []
    for take, footage in recordings(subject, episode, seed):
        joints = retarget(footage.seen[:, 0], KINECT20)
        numbers = number + np.cumsum(rng.choice(NUMBER_STEPS, len(joints)))
        rows.append(_rows(numbers, joints, rng))
        ends = int(UNLABELLED_ENDS * len(joints))
        start, end = numbers[ends], numbers[len(joints) - 1 - ends]
        missing = (subject, take.action.name, episode) == UNLABELLED
        labels.append(f"{take.action.name}:  NaN NaN\n" if missing else f"{take.action.name}: {start} {end}\n")
        number = int(numbers[-1]) + int(rng.integers(*PAUSE)) // 2 * 2
    return "".join(rows), "".join(labels)


def _rows(numbers: NDArray[np.int64], joints: Floats, rng: np.random.Generator) -> str:
    """Frame numbers (T,) and joints (T, V, C), of which some are lost and some are there twice."""
    chance = rng.random(len(joints))
    times = np.where(chance < LOST_CHANCE, 0, np.where(chance > 1 - TWICE_CHANCE, 2, 1))
    kept = np.repeat(np.arange(len(joints)), times)
    again = np.concatenate([[False], kept[1:] == kept[:-1]])
    rows = np.concatenate([numbers[kept, None], joints[kept].reshape(-1, JOINTS)], axis=1)
    rows[again, 1:] += rng.normal(0.0, TWICE_NOISE, (again.sum(), JOINTS))
    return ROW * len(rows) % tuple(rows.ravel().tolist())
