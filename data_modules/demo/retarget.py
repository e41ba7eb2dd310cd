"""From the 25 joints of the demo bodies to every other layout of bodies, by fixed weights.

Axes: T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from data_modules.demo.bodies import Floats
from data_modules.layouts import COCO17, FLORENCE15, KINECT20, MHAD20, NTU25, SBU15, Layout

# What each joint is made of that is not simply the joint of the same name; weights add up to one.
Weights = Mapping[str, Mapping[str, float]]
FACE = 0.08  # eyes and ears lie aside of the head by these parts of the shoulders' width
EAR = 0.20
DIFFERENT: dict[str, Weights] = {
    KINECT20.name: {
        "hip_centre": {"spine_base": 1.0},
        "spine": {"spine_base": 0.7, "spine_middle": 0.3},
        "shoulder_centre": {"spine_shoulder": 1.0},
    },
    SBU15.name: {"torso": {"spine_middle": 1.0}},
    FLORENCE15.name: {"spine": {"spine_middle": 1.0}},
    MHAD20.name: {
        "hips": {"spine_base": 1.0},
        "spine": {"spine_base": 0.5, "spine_middle": 0.5},
        "spine1": {"spine_middle": 1.0},
        "spine2": {"spine_middle": 0.3, "spine_shoulder": 0.7},
    },
    COCO17.name: {
        "nose": {"head": 0.8, "neck": 0.2},
        "left_eye": {"head": 1.0, "left_shoulder": FACE, "right_shoulder": -FACE},
        "right_eye": {"head": 1.0, "left_shoulder": -FACE, "right_shoulder": FACE},
        "left_ear": {"head": 0.9, "neck": 0.1, "left_shoulder": EAR, "right_shoulder": -EAR},
        "right_ear": {"head": 0.9, "neck": 0.1, "left_shoulder": -EAR, "right_shoulder": EAR},
    },
}


@lru_cache(maxsize=16)
def weights(layout: Layout) -> Floats:
    """(V of the layout, 25): every joint as a weighted sum of the demo bodies' joints."""
    found = np.zeros((layout.num_joints, NTU25.num_joints))
    for row, joint in enumerate(layout.joints):
        for source, weight in DIFFERENT.get(layout.name, {}).get(joint, {joint: 1.0}).items():
            found[row, NTU25.joints.index(source)] = weight
    return found


def retarget(joints: Floats, layout: Layout) -> Floats:
    """(..., 25, 3) -> (..., V, 3): the same bodies with another layout's joints, still in space."""
    return weights(layout) @ joints


def retarget_trust(tracked: NDArray[np.bool_], layout: Layout) -> Floats:
    """(..., 25) -> (..., V), 0 to 1: which part of what a joint is made of was really seen."""
    shares = np.abs(weights(layout))
    return tracked @ (shares / shares.sum(1, keepdims=True)).T
