"""A .skeleton file read as the released parsers of NTU RGB+D do it: line by line, number by number, a dict per joint.

Axes: F frames of one body, V joints, C coordinates.

In the manner of the parser that ST-GCN released and others took over, and of SGN's stacking of bodies; the twin of
data_modules/readers/skeleton_file.py. It takes files as they should be.
"""

from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

BODY_KEYS = (
    *("id", "clipped_edges", "left_hand_confidence", "left_hand_state", "right_hand_confidence", "right_hand_state"),
    *("restricted", "lean_x", "lean_y", "tracking_state"),
)
JOINT_KEYS = (
    *("x", "y", "z", "depth_x", "depth_y", "colour_x", "colour_y"),
    *("orientation_w", "orientation_x", "orientation_y", "orientation_z", "tracking_state"),
)


def parse(path: Path) -> dict[int, tuple[list[int], NDArray[np.float32]]]:
    """Every tracked body by its id: its frames, and its joints float32 (F, V, C), metres."""
    bodies: dict[int, tuple[list[int], list[NDArray[np.float64]]]] = {}
    for number, frame in enumerate(read_frames(path)):
        for body in frame:
            frames, joints = bodies.setdefault(body["id"], ([], []))
            frames.append(number)
            joints.append(stack(body["joints"]))
    return {name: (frames, np.stack(joints).astype(np.float32)) for name, (frames, joints) in bodies.items()}


def read_frames(path: Path) -> list[list[dict[str, Any]]]:
    """For each frame its bodies, with everything that the file says of them."""
    with path.open() as file:
        return [[read_body(file) for _ in range(int(file.readline()))] for _ in range(int(file.readline()))]


def read_body(file: TextIO) -> dict[str, Any]:
    words = file.readline().split()
    body: dict[str, Any] = dict(zip(BODY_KEYS, map(float, words), strict=True))
    body["id"] = int(words[0])  # its last digits are lost in a float
    body["joints"] = []
    for _ in range(int(file.readline())):
        body["joints"].append(dict(zip(JOINT_KEYS, map(float, file.readline().split()), strict=True)))
    return body


def stack(joints: list[dict[str, float]]) -> NDArray[np.float64]:
    """The joints' coordinates (V, C), filled in one after another."""
    stacked = np.zeros((len(joints), 3))
    for position, joint in enumerate(joints):
        stacked[position] = [joint["x"], joint["y"], joint["z"]]
    return stacked
