"""Pure functions on the arrays of one sequence. Rows of absent persons stay zero throughout.

Axes: T frames, M persons, V joints, C = 3 coordinates.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_modules.layouts import Layout

Joints = NDArray[np.float32]
Valid = NDArray[np.bool_]
Stream = Literal["joint", "bone", "joint_motion", "bone_motion"]


def centre(joints_TMVC: Joints, valid_TM: Valid, joint: int) -> Joints:
    """Put the origin on `joint` of the first person in the first frame that shows that person.

    One translation for the whole sequence: trajectories and the camera's orientation are kept.
    """
    person = int(valid_TM.any(axis=0).argmax())
    frame = int(valid_TM[:, person].argmax())
    return (joints_TMVC - joints_TMVC[frame, person, joint]) * valid_TM[:, :, None, None]


def scale_by_bone(joints_TMVC: Joints, valid_TM: Valid, bone: tuple[int, int]) -> Joints:
    """Divide by the length that `bone` has in the first frame of the first person where it has any; else unchanged."""
    person = int(valid_TM.any(axis=0).argmax())
    lengths = np.linalg.norm(joints_TMVC[:, person, bone[0]] - joints_TMVC[:, person, bone[1]], axis=-1)
    lengths = lengths[valid_TM[:, person] & (lengths > 0)]
    return joints_TMVC / lengths[0] if len(lengths) else joints_TMVC


def as_stream(joints_TMVC: Joints, valid_TM: Valid, stream: Stream, layout: Layout) -> Joints:
    """What a network of one stream sees: positions, bone vectors, or the motion of either.

    bone: at each joint the vector from its parent to it (zero at the root). motion: the next frame minus this one, zero
    in the last frame and wherever the person is missing in either.
    """
    x_TMVC = joints_TMVC
    if stream.startswith("bone"):
        x_TMVC = x_TMVC - x_TMVC[:, :, list(layout.parents)]
    if stream.endswith("motion"):
        seen_twice = (valid_TM[1:] & valid_TM[:-1])[:, :, None, None]
        x_TMVC = np.concatenate([np.diff(x_TMVC, axis=0) * seen_twice, np.zeros_like(x_TMVC[:1])])
    return x_TMVC


def sample_frames(
    joints_TMVC: Joints, valid_TM: Valid, clip_len: int, rng: np.random.Generator | None
) -> tuple[Joints, Valid]:
    """`clip_len` frames spread over the time in which each person is there.

    The time is cut into `clip_len` equal segments; one frame is taken from each, at random with `rng`, else its first.
    Short clips repeat frames. Each person is sampled over their own frames, so that nobody who is there at some time is
    shown as a zero skeleton. Returns joints (clip_len, M, V, C) and valid (clip_len, M).
    """
    persons = joints_TMVC.shape[1]
    sampled = np.zeros((clip_len, *joints_TMVC.shape[1:]), np.float32)
    for person in range(persons):
        frames = np.flatnonzero(valid_TM[:, person])
        if len(frames):
            within = rng.random(clip_len) if rng is not None else 0.0
            sampled[:, person] = joints_TMVC[
                frames[((np.arange(clip_len) + within) * len(frames) / clip_len).astype(int)], person
            ]
    return sampled, np.broadcast_to(valid_TM.any(axis=0), (clip_len, persons)).copy()


def rotate(joints_TMVC: Joints, degrees_xyz: NDArray[np.float64]) -> Joints:
    """Turn all skeletons about the x, then the y, then the z axis (R = R_z R_y R_x on column vectors)."""
    return joints_TMVC @ _rotation(np.deg2rad(degrees_xyz)).T.astype(np.float32)


def _rotation(radians_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    (cx, cy, cz), (sx, sy, sz) = np.cos(radians_xyz), np.sin(radians_xyz)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def align(joints_TMVC: Joints, valid_TM: Valid, up: tuple[int, int], right: tuple[int, int]) -> Joints:
    """Turn the sequence so that, in the first frame of the first person, `up` points along +z and `right`, seen from
    above, along +x. Both are pairs of joints, from the first to the second. Unchanged where a pair coincides, or where
    both point the same way.

    Source: the pre-processing that AdaSGN uses for the cross-view protocol, there in the first sampled frame.
    """
    person = int(valid_TM.any(axis=0).argmax())
    first_VC = joints_TMVC[int(valid_TM[:, person].argmax()), person].astype(np.float64)
    z = first_VC[up[1]] - first_VC[up[0]]
    x = first_VC[right[1]] - first_VC[right[0]]
    y = np.cross(z, x)
    # Where less is left of `right` across `up`, it is float32's rounding and has no direction.
    if not np.linalg.norm(y) > 1e-6 * np.linalg.norm(z) * np.linalg.norm(x):
        return joints_TMVC
    z /= np.linalg.norm(z)
    y /= np.linalg.norm(y)
    return joints_TMVC @ np.stack([np.cross(y, z), y, z], axis=1).astype(np.float32)
