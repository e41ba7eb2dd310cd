"""Recordings as Berkeley MHAD files them: SkeletalData/skl_sXX_aYY_rZZ.bvh.

Axes: T frames, V joints or nodes, C coordinates.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from data_modules.demo import actions as single
from data_modules.demo import chores, exercises
from data_modules.demo.actions import Action
from data_modules.demo.bodies import Floats
from data_modules.demo.bvh import format_bvh
from data_modules.demo.retarget import retarget
from data_modules.demo.stage import Take, in_turn, perform_take, takes
from data_modules.layouts import MHAD20

ACTIONS = (
    Action(1, "jumping", single.jump, seconds=2.4),
    Action(2, "jumping jacks", exercises.jumping_jacks, seconds=3.0),
    Action(3, "bending", exercises.bend_to_the_floor, seconds=3.6),
    Action(4, "punching", exercises.boxing, seconds=3.0),
    Action(5, "waving two hands", chores.wave_both, seconds=3.0),
    Action(6, "waving one hand", single.wave, seconds=3.0),
    Action(7, "clapping", single.clap, seconds=3.0),
    Action(8, "throwing", chores.throw, seconds=2.0),
    Action(9, "sit down and stand up", chores.sit_and_rise, seconds=4.0),
    Action(10, "sit down", single.sit_down),
    Action(11, "stand up", single.stand_up),
)
# The first seven train, the other five test; they take turns.
SUBJECTS = (1, 8, 2, 9, 3, 10, 4, 11, 5, 12, 6, 7)
REPETITIONS = 5
MISSING = (4, 8, 5)  # subject, action, repetition
LEAST = 2
CENTIMETRES = 100.0


def _tree() -> dict[str, tuple[str, Mapping[str, float]]]:
    """The 30 nodes of the official files: each one's parent, and the joints of MHAD20 that it lies between."""
    found: dict[str, tuple[str, Mapping[str, float]]] = {"Hips": ("", {"hips": 1.0})}
    for node, parent in (("spine", "Hips"), ("spine1", "spine"), ("spine2", "spine1"), ("Neck", "spine2")):
        found[node] = (parent, {node.lower(): 1.0})
    found["Head"] = ("Neck", {"head": 1.0})
    limbs = (
        (("Arm", "shoulder"), ("ArmRoll", ""), ("ForeArm", "elbow"), ("ForeArmRoll", ""), ("Hand", "wrist")),
        (("UpLeg", "hip"), ("UpLegRoll", ""), ("Leg", "knee"), ("LegRoll", ""), ("Foot", "ankle"), ("ToeBase", "foot")),
    )
    for limb, root in zip(limbs, ("Shoulder", "Hips"), strict=True):
        for side in ("Right", "Left"):
            parent = root
            if root == "Shoulder":
                parent = f"{side}Shoulder"
                found[parent] = ("spine2", {"spine2": 0.6, f"{side.lower()}_shoulder": 0.4})
            joints = [f"{side.lower()}_{joint}" for _, joint in limb]
            for number, (node, joint) in enumerate(limb):
                # The helpers for twist lie half way.
                between = (joints[number],) if joint else (joints[number - 1], joints[number + 1])
                found[f"{side}{node}"] = (parent, dict.fromkeys(between, 1.0 / len(between)))
                parent = f"{side}{node}"
    return found


TREE = _tree()
NODE_WEIGHTS = np.array([[joints.get(joint, 0.0) for joint in MHAD20.joints] for _, joints in TREE.values()])


def write_berkeley_mhad(folder: Path, clips: int, seed: int) -> None:
    """Write about that many recordings below `folder`: at least 22, and at most the official 659."""
    (folder / "SkeletalData").mkdir()
    tree = [(node, parent) for node, (parent, _) in TREE.items()]
    for name, _, joints in recordings(clips, seed):
        places = NODE_WEIGHTS @ retarget(joints, MHAD20)
        (folder / "SkeletalData" / f"{name}.bvh").write_text(format_bvh(tree, CENTIMETRES * places))


def recordings(clips: int, seed: int) -> Iterator[tuple[str, Take, Floats]]:
    """Each recording with its name and the 25 joints (T, 25, C), metres in the world: markers hardly err."""
    for take in takes(ACTIONS, in_turn(SUBJECTS, REPETITIONS), clips, LEAST):
        ids = take.subjects[0], take.action.number, take.replication
        if ids != MISSING:
            yield "skl_s{:02}_a{:02}_r{:02}".format(*ids), take, perform_take(take, seed)[0]
