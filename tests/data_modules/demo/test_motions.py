"""What people do in the smaller datasets: bodies stay bodies, and the motions are what they are called.

Axes: T frames, V joints, C coordinates.
"""

import numpy as np
import pytest

from data_modules.demo import (
    berkeley_mhad,
    florence3d,
    nw_ucla,
    penn_action,
    pose_pickles,
    sbu_kinect,
    sysu_3d,
    ut_kinect,
)
from data_modules.demo.actions import Action
from data_modules.demo.bodies import JOINT
from data_modules.demo.stage import Take, perform_take
from data_modules.layouts import NTU25

TABLES = {
    "ut_kinect": ut_kinect.ACTIONS,
    "sbu_kinect": sbu_kinect.ACTIONS,
    "sysu_3d": sysu_3d.ACTIONS,
    "berkeley_mhad": berkeley_mhad.ACTIONS,
    "nw_ucla": nw_ucla.ACTIONS,
    "florence3d": florence3d.ACTIONS,
    "penn_action": penn_action.ACTIONS,
    "finegym99": pose_pickles.GYM_ACTIONS,
    "kinetics400": pose_pickles.KINETICS_ACTIONS,
}
ACTIONS = [(f"{dataset} {action.name}", action) for dataset, table in TABLES.items() for action in table]


def perform(action: Action, subject: int = 1) -> list[np.ndarray]:
    subjects = (subject, subject + 50)[: action.persons]
    return list(perform_take(Take(action, subjects, 1, 1), seed=0))


@pytest.mark.parametrize(("_name", "action"), ACTIONS, ids=[name for name, _ in ACTIONS])
def test_bodies_are_rigid_and_on_the_floor_and_no_faster_than_people(_name: str, action: Action) -> None:
    child, parent = np.array(NTU25.bones).T
    for subject in (1, 2, 3):
        bodies = perform(action, subject)
        assert len(bodies) == action.persons
        for joints in bodies:
            assert np.ptp(np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1), axis=0).max() < 1e-9
            assert joints[..., 1].min() == pytest.approx(0.0, abs=1e-9)
            assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.45  # metres per frame


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_two_classes_of_a_dataset_are_the_same_motion(table: tuple[Action, ...]) -> None:
    numbers = [action.number for action in table]
    assert len({action.perform for action in table}) == len(table) == len(set(numbers))
    assert numbers == sorted(numbers)


def _named(dataset: str, name: str) -> np.ndarray:
    return perform(next(action for action in TABLES[dataset] if action.name == name))[0]


def test_motions_are_what_they_are_called() -> None:
    walking = _named("ut_kinect", "walk")
    assert np.ptp(walking[:, 0, 2]) > 1.0
    head = _named("florence3d", "bow")[:, JOINT["head"], 1]
    assert head.max() - head.min() > 0.15
    wrists = _named("penn_action", "clean_and_jerk")[:, [JOINT["left_wrist"], JOINT["right_wrist"]]]
    above_head = wrists[..., 1] - _named("penn_action", "clean_and_jerk")[:, JOINT["head"], None, 1]
    assert above_head.min() < -0.6
    assert above_head.max() > 0.1
    jumping = _named("penn_action", "jumping_jacks")
    ankles = np.abs(jumping[:, JOINT["left_ankle"], 0] - jumping[:, JOINT["right_ankle"], 0])
    assert np.ptp(ankles) > 0.4
    assert jumping[:, [JOINT["left_foot"], JOINT["right_foot"]], 1].min(1).max() > 0.05


def test_pairs_do_what_they_are_called() -> None:
    actions = {action.name: action for action in TABLES["sbu_kinect"]}
    gap = {name: np.abs(np.subtract(*(body[:, 0, 0] for body in perform(action)))) for name, action in actions.items()}
    assert gap["approaching"][0] - gap["approaching"][-1] > 1.0
    assert gap["departing"][-1] - gap["departing"][0] > 1.0
    assert gap["hugging"].min() < 0.7 < gap["shaking hands"].min()
    assert gap["pushing"][-1] - gap["pushing"][0] > 0.1
    first, second = perform(actions["kicking"])
    feet = first[:, [JOINT["left_foot"], JOINT["right_foot"]]]
    assert feet[..., 1].max() > 0.2
    assert np.abs(feet[..., 0] - second[:, :1, 0]).min() < 0.7
