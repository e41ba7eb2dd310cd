"""A body in motion as a Biovision hierarchy (.bvh): a tree of nodes, and each node's angles by frame.

Axes: T frames, V nodes, C coordinates.
"""

from collections.abc import Sequence

import numpy as np

from data_modules.demo.bodies import Floats, unit

Tree = Sequence[tuple[str, str]]  # (node, parent), depth first; the root's parent is ''
FRAME_TIME = 0.0333333
END_LENGTH = 8.0  # centimetres of the outermost bones, which end nowhere in particular
CHANNELS = "Zrotation Yrotation Xrotation"


def format_bvh(tree: Tree, places: Floats) -> str:
    """Nodes (T, V, C) in centimetres, y up, in the order of the tree -> the text of the file.

    The first frame is the pose in which all angles are zero. Bones must keep their lengths, and those that leave one
    node their angles to each other; then the tree's forward kinematics leads back to the same places.
    """
    angles = np.rad2deg(euler_angles(_local(tree, node_rotations(tree, places))))
    motion = np.concatenate([places[:, 0], angles.reshape(len(places), -1)], axis=1)
    row = " ".join(["%.6f"] * motion.shape[1]) + "\n"
    head = f"MOTION\nFrames: {len(places)}\nFrame Time: {FRAME_TIME}\n"
    return _hierarchy(tree, places[0]) + head + row * len(motion) % tuple(motion.ravel().tolist())


def node_rotations(tree: Tree, places: Floats) -> Floats:
    """(T, V, 3, 3): how each node is turned in the world, compared with the first frame."""
    names = [node for node, _ in tree]
    turned = np.empty((*places.shape[:2], 3, 3))
    for number, (node, parent) in enumerate(tree):
        carried = turned[:, names.index(parent)] if parent else np.broadcast_to(np.eye(3), (len(places), 3, 3))
        children = [child for child, (_, above) in enumerate(tree) if above == node]
        bones = places[:, children] - places[:, number, None]
        if len(children) == 1:
            turned[:, number] = _swing(carried @ bones[0, 0], bones[:, 0]) @ carried
        else:
            turned[:, number] = _fit(bones) if children else carried
    return turned


def _swing(start: Floats, end: Floats) -> Floats:
    """(T, 3, 3) the shortest rotations from the directions `start` (T, 3) to `end` (T, 3)."""
    start, end = unit(start), unit(end)
    x, y, z = np.cross(start, end).T
    zero = np.zeros_like(x)
    cross = np.stack([np.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], -2)
    return np.eye(3) + cross + cross @ cross / (1.0 + (start * end).sum(-1))[:, None, None]


def _fit(bones: Floats) -> Floats:
    """(T, 3, 3) the rotations that turn the first frame's bones (T, bones, 3) into each frame's (Kabsch, 1976)."""
    left, _, right = np.linalg.svd(np.swapaxes(bones, 1, 2) @ bones[0])
    handed = np.ones((len(bones), 1, 3))
    handed[:, 0, 2] = np.sign(np.linalg.det(left @ right))
    return left * handed @ right


def _local(tree: Tree, turned: Floats) -> Floats:
    """World rotations (T, V, 3, 3) -> each node's, within its parent."""
    names = [node for node, _ in tree]
    local = turned.copy()
    for number, (_, parent) in enumerate(tree):
        if parent:
            local[:, number] = np.swapaxes(turned[:, names.index(parent)], 1, 2) @ turned[:, number]
    return local


def euler_angles(rotations: Floats) -> Floats:
    """(..., 3, 3) -> (..., 3) radians about z, y and x, where the rotation is Rz Ry Rx."""
    about_z = np.arctan2(rotations[..., 1, 0], rotations[..., 0, 0])
    about_y = np.arcsin((-rotations[..., 2, 0]).clip(-1.0, 1.0))
    about_x = np.arctan2(rotations[..., 2, 1], rotations[..., 2, 2])
    return np.stack([about_z, about_y, about_x], -1)


def _hierarchy(tree: Tree, rest: Floats) -> str:
    """The tree with the offsets of the first frame's places (V, C)."""
    place = {node: rest[number] for number, (node, _) in enumerate(tree)}

    def describe(node: str, parent: str, indent: str) -> list[str]:
        offset = place[node] - place[parent] if parent else np.zeros(3)
        kind, channels = (
            ("JOINT", f"3 {CHANNELS}") if parent else ("ROOT", f"6 Xposition Yposition Zposition {CHANNELS}")
        )
        inside = f"{indent}\t"
        children = [child for child, above in tree if above == node]
        lines = [line for child in children for line in describe(child, node, inside)]
        end = END_LENGTH * unit(offset)
        return [
            *(f"{indent}{kind} {node}", f"{indent}{{", f"{inside}{_offset(offset)}", f"{inside}CHANNELS {channels}"),
            *(lines or [f"{inside}End Site", f"{inside}{{", f"{inside}\t{_offset(end)}", f"{inside}}}"]),
            f"{indent}}}",
        ]

    root, _ = tree[0]
    return "\n".join(["HIERARCHY", *describe(root, "", "")]) + "\n"


def _offset(offset: Floats) -> str:
    return "OFFSET {:.6f} {:.6f} {:.6f}".format(*offset)
