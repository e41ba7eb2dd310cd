"""Recordings as SHREC'17 files them: gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt and two lists.

Axes: T frames, V joints, C coordinates.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_modules.demo.bodies import Floats
from data_modules.demo.hands import GESTURES, gesture
from data_modules.errors import DataError
from data_modules.layouts import HAND22

TEST_SUBJECTS = (1, 5, 6, 17, 18, 23, 24, 28)
TRAIN_SUBJECTS = tuple(subject for subject in range(1, 29) if subject not in TEST_SUBJECTS)
MOST_TRIALS = 20
USUAL_FRAMES, LENGTH_SPREAD = 57, 0.35
SHORTEST, LONGEST = 20, 171
PERSON, TRIAL = 11, 12

# One recording: gesture, finger, subject, essai, as the lists number them.
Trial = tuple[int, int, int, int]


def write_shrec2017(folder: Path, clips: int, seed: int) -> None:
    """Write that many recordings and both lists below `folder`. Raises DataError for more than there can be."""
    lists: dict[bool, list[str]] = {True: [], False: []}
    for trial in schedule(clips):
        number, finger, subject, essai = trial
        rng = np.random.default_rng((seed, TRIAL, *trial))
        frames = int(np.clip(USUAL_FRAMES * np.exp(rng.normal(0.0, LENGTH_SPREAD)), SHORTEST, LONGEST))
        joints = gesture(number, finger, frames, np.random.default_rng((seed, PERSON, subject)), rng)[1]
        place = folder / f"gesture_{number}/finger_{finger}/subject_{subject}/essai_{essai}"
        place.mkdir(parents=True)
        (place / "skeletons_world.txt").write_text(format_hand(joints))
        fine = 2 * (number - 1) + finger
        lists[subject in TEST_SUBJECTS].append(f"{number} {finger} {subject} {essai} {number} {fine} {frames}\n")
    for testing, name in ((False, "train"), (True, "test")):
        (folder / f"{name}_gestures.txt").write_text("".join(lists[testing]))


def format_hand(joints: Floats) -> str:
    """(T, 22, 3) -> one line of 66 numbers per frame."""
    line = " ".join(["%.6f"] * HAND22.num_joints * 3) + "\n"
    return line * len(joints) % tuple(joints.ravel().tolist())


def schedule(clips: int) -> list[Trial]:
    """The first `clips` recordings, evenly over the 28 classes, in the order of the official lists.

    Two recordings of a class already lie in training and test; where there is not even room for that, there are
    fewer classes.
    """
    classes = [(number + 1, finger) for number in range(len(GESTURES)) for finger in (1, 2)]
    limit = len(classes) * MOST_TRIALS * len(TRAIN_SUBJECTS + TEST_SUBJECTS)
    if not 1 <= clips <= limit:
        raise DataError(f"the demo world has 1 to {limit} recordings here, not {clips}")
    classes = classes[: max(1, clips // 2)]
    share, more = divmod(clips, len(classes))
    return sorted(
        (number, finger, subject, essai)
        for position, (number, finger) in enumerate(classes)
        for (subject, essai), _ in zip(_trials(), range(share + (position < more)), strict=False)
    )


def _trials() -> Iterator[tuple[int, int]]:
    """(subject, essai) in the order in which they are used: of seven, two test, as in the original."""
    for essai in range(1, MOST_TRIALS + 1):
        training, testing = iter(TRAIN_SUBJECTS), iter(TEST_SUBJECTS)
        for turn in range(len(TRAIN_SUBJECTS + TEST_SUBJECTS)):
            yield next(testing if turn % 7 in (1, 4) else training), essai
