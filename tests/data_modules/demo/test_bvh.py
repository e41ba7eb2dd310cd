"""Angles of a tree of nodes: forward kinematics, written here once more, leads back to where the nodes were.

Axes: T frames, V nodes, C coordinates.
"""

import numpy as np
import pytest

from data_modules.demo.berkeley_mhad import CENTIMETRES, NODE_WEIGHTS, TREE, recordings
from data_modules.demo.bvh import format_bvh
from data_modules.demo.retarget import retarget
from data_modules.layouts import MHAD20


def places_of(text: str) -> dict[str, np.ndarray]:
    """Every node's places (T, 3), straight from the words of the file; Z, Y and X rotations, in this order."""
    head, motion = text.split("MOTION\n")
    rows = np.array([line.split() for line in motion.splitlines()[2:]], float)
    found: dict[str, np.ndarray] = {}
    turned: dict[str, np.ndarray] = {}
    stack: list[str] = []
    node, offset, column = "", np.zeros(3), 0
    for words in (line.split() for line in head.splitlines()):
        if words[0] in ("ROOT", "JOINT", "End"):
            node = words[1] if words[0] != "End" else f"end of {stack[-1]}"
        elif words[0] == "{":
            stack.append(node)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            offset = np.array(words[1:], float)
        elif words[0] == "CHANNELS":
            assert words[-3:] == ["Zrotation", "Yrotation", "Xrotation"]
            moved = 3 * (words[1] == "6")
            z, y, x = np.deg2rad(rows[:, column + moved : column + moved + 3]).T
            local = _about(2, z) @ _about(1, y) @ _about(0, x)
            if moved:
                found[node], turned[node] = rows[:, :3] + offset, local
            else:
                found[node] = found[stack[-2]] + turned[stack[-2]] @ offset
                turned[node] = turned[stack[-2]] @ local
            column += moved + 3
    assert column == rows.shape[1]
    return found


def _about(axis: int, angle: np.ndarray) -> np.ndarray:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.broadcast_to(np.eye(3), (len(angle), 3, 3)).copy()
    rotation[:, first, first] = rotation[:, second, second] = np.cos(angle)
    rotation[:, first, second], rotation[:, second, first] = -np.sin(angle), np.sin(angle)
    return rotation


def test_all_nodes_of_all_actions_come_back() -> None:
    tree = [(node, parent) for node, (parent, _) in TREE.items()]
    for _, _, joints in recordings(clips=1, seed=0):
        places = CENTIMETRES * NODE_WEIGHTS @ retarget(joints, MHAD20)
        found = places_of(format_bvh(tree, places))
        assert list(found) == list(TREE)
        np.testing.assert_allclose(np.stack(list(found.values()), 1), places, atol=1e-3)


def test_the_official_nodes() -> None:
    assert len(TREE) == 30
    assert list(TREE)[:12] == [
        *("Hips", "spine", "spine1", "spine2", "Neck", "Head"),
        *("RightShoulder", "RightArm", "RightArmRoll", "RightForeArm", "RightForeArmRoll", "RightHand"),
    ]
    assert TREE["LeftToeBase"][0] == "LeftFoot"
    np.testing.assert_allclose(NODE_WEIGHTS.sum(1), 1.0)


def test_turns_that_a_body_could_not_do() -> None:
    """Two branching bones under any rotation, and a limb that turns far round."""
    rng = np.random.default_rng(0)
    tree = [("a", ""), ("b", "a"), ("c", "a"), ("d", "c"), ("e", "d")]
    rest = rng.normal(size=(5, 3))
    turns = np.linalg.qr(rng.normal(size=(2, 50, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[..., None, None]
    turns[:, 0] = np.eye(3)
    places = np.broadcast_to(rest, (50, 5, 3)).copy()
    places[:, 1:3] = places[:, :1] + (rest[1:3] - rest[0]) @ np.swapaxes(turns[0], 1, 2)
    places[:, 3] = places[:, 2] + turns[1] @ (rest[3] - rest[2])
    places[:, 4] = places[:, 3] + turns[0] @ (rest[4] - rest[3])
    found = places_of(format_bvh(tree, places))
    assert np.stack(list(found.values()), 1) == pytest.approx(places, abs=1e-4)
