"""Random changes of skeletons. Every draw comes from the generator that is given.

Axes: T frames, M persons, V joints, C coordinates: (x, y, z), or (x, y, confidence) in a picture.
"""

import numpy as np
from numpy.typing import NDArray

Joints = NDArray[np.float32]
Matrix = NDArray[np.float64]
Rng = np.random.Generator


def augmented(joints_TMVC: Joints, rng: Rng, rotation_degrees: float, scale_spread: float, dimensions: int) -> Joints:
    """Turn and stretch a clip, every three of its channels alike.

    rotation_degrees: up to this about each axis (SGN: R = R_z R_y R_x on column vectors). scale_spread: each axis by a
    factor of 1 ± up to this, afterwards (pyskl's RandomScale). What is seen in a picture (two dimensions) is turned in
    its plane alone, and its confidence is left as it is. Nothing is drawn for what is 0.
    """
    change = np.eye(3)
    if rotation_degrees:
        in_plane = dimensions == 2
        drawn = rng.uniform(-rotation_degrees, rotation_degrees, 1 if in_plane else 3)
        change = rotation(np.array([0, 0, *drawn]) if in_plane else drawn)
    if scale_spread:
        factors = np.ones(3)
        factors[:dimensions] += rng.uniform(-scale_spread, scale_spread, dimensions)
        change = factors[:, None] * change
    if not (rotation_degrees or scale_spread):
        return joints_TMVC
    return (joints_TMVC.reshape(-1, 3) @ change.T.astype(np.float32)).reshape(joints_TMVC.shape)


def rotation(degrees_xyz: NDArray[np.float64]) -> Matrix:
    """The matrix that turns column vectors about the x, then the y, then the z axis."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.deg2rad(degrees_xyz)), np.sin(np.deg2rad(degrees_xyz))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def with_noise(joints_TMVC: Joints, rng: Rng, deviation: float) -> Joints:
    """Add zero-mean Gaussian noise of this standard deviation to every coordinate (GCA-LSTM, Table VI)."""
    return joints_TMVC + np.float32(deviation) * rng.standard_normal(joints_TMVC.shape, np.float32)
