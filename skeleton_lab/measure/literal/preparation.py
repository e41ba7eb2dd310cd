"""From a stored recording to a clip in plain loops over frames, persons and joints, as the released code has them.

The twin of data_modules/transforms.py and data_modules/augmentation.py: it changes the whole recording step by step and
picks the frames of the clip at the end.

Axes: T frames of the recording, S frames of the clip, M persons, V joints, C coordinates: (x, y, z), or (x, y) in a
picture, to which the confidence comes as a third.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_modules.layouts import Layout
from data_modules.settings import SkeletonSettings
from data_modules.store import Frames
from skeleton_lab.measure.literal.sampling import Rng, Shown, sample_frames

Array = NDArray[np.float64]
Valid = NDArray[np.bool_]


class Draws(NamedTuple):
    """What a clip is drawn from: one generator for frames and augmentation, one for noise; None draws nothing."""

    clip: Rng | None = None
    noise: Rng | None = None


def prepare_clip(
    frames: Frames, layout: Layout, settings: SkeletonSettings, image_size: tuple[int, int], draws: Draws
) -> tuple[Array, Valid]:
    """One clip: what is seen (S, M, V, 3), or nine channels, and who is there (S, M)."""
    persons = min(frames.valid_TM.shape[1], settings.persons)
    valid_TM = frames.valid_TM[:, :persons]
    x_TMVC = frames.joints_TMVC[:, :persons].astype(np.float64)
    if draws.noise is not None:
        x_TMVC += settings.noise_metres * draws.noise.standard_normal(x_TMVC.shape, np.float32)
    confidence_TMV = frames.confidence_TMV if layout.dimensions == 2 else None
    x_TMVC = _normalised(x_TMVC, valid_TM, confidence_TMV, settings, image_size)
    if layout.dimensions == 2:
        x_TMVC = _with_confidence(x_TMVC, confidence_TMV)
    for t, m in np.ndindex(valid_TM.shape):
        if not valid_TM[t, m]:
            x_TMVC[t, m] = 0
    clip = sample_frames(settings.sampling, valid_TM, settings.clip_len, draws.clip)
    parts = [_mixed(stream, clip) for stream in _streams(x_TMVC, valid_TM, settings, layout)]
    if settings.stream == "velocity":
        parts = [_velocity(parts[0], clip, layout)]
    if draws.clip is not None:
        change_CC = _change(settings, layout, draws.clip)
        parts = [_changed(part, change_CC) for part in parts]
    return np.concatenate(parts, axis=-1), np.array([[bool(shown) for shown in frame] for frame in clip])


def _normalised(
    x_TMVC: Array,
    valid_TM: Valid,
    confidence_TMV: NDArray[np.float32] | None,
    settings: SkeletonSettings,
    image_size: tuple[int, int],
) -> Array:
    x_TMVC = x_TMVC.copy()
    m0 = next((m for m in range(valid_TM.shape[1]) if valid_TM[:, m].any()), 0)
    seen = [t for t in range(len(valid_TM)) if valid_TM[t, m0]] or [0]

    def sure(joint: int) -> list[int]:
        return [t for t in seen if confidence_TMV is None or confidence_TMV[t, m0, joint] > 0.01]

    centred = sure(settings.centre_joint)
    origin_C = x_TMVC[centred[0], m0, settings.centre_joint].copy() if centred else np.zeros(x_TMVC.shape[-1])
    for t, m, v in np.ndindex(x_TMVC.shape[:3]):
        if settings.origin == "joint":
            x_TMVC[t, m, v] -= origin_C
        elif settings.origin == "image":
            for c in range(2):
                x_TMVC[t, m, v, c] = (x_TMVC[t, m, v, c] - image_size[c] / 2) / (image_size[c] / 2)
    if settings.scale_bone is not None:
        a, b = settings.scale_bone
        lengths = [np.linalg.norm(x_TMVC[t, m0, a] - x_TMVC[t, m0, b]) for t in sure(a) if t in sure(b)]
        length = next((length for length in lengths if length > 0), 1.0)
        for t, m, v in np.ndindex(x_TMVC.shape[:3]):
            x_TMVC[t, m, v] /= length
    if settings.align_up is not None and settings.align_right is not None:
        return _aligned(x_TMVC, x_TMVC[seen[0], m0], settings.align_up, settings.align_right)
    return x_TMVC


def _aligned(x_TMVC: Array, first_VC: Array, up: list[int], right: list[int]) -> Array:
    """AdaSGN's two turns: first `up` to +z, then what is left of `right` across it to +x; none without a direction."""
    up_C, right_C = first_VC[up[1]] - first_VC[up[0]], first_VC[right[1]] - first_VC[right[0]]
    if np.linalg.norm(np.cross(up_C, right_C)) <= 1e-6 * np.linalg.norm(up_C) * np.linalg.norm(right_C):
        return x_TMVC
    upright_CC = _turn_between(up_C, np.array([0.0, 0.0, 1.0]))
    across_C = upright_CC @ right_C
    across_C[2] = 0
    facing_CC = _turn_between(across_C, np.array([1.0, 0.0, 0.0]))
    return _changed(x_TMVC, facing_CC @ upright_CC)


def _turn_between(start_C: Array, end_C: Array) -> Array:
    """The smallest rotation that takes one direction to another (Rodrigues' formula)."""
    axis_C = np.cross(start_C, end_C)
    # Opposite directions leave the axis open: any that stands on both will do, +z where the turn must keep +z.
    axis_C = axis_C / np.linalg.norm(axis_C) if np.linalg.norm(axis_C) > 1e-12 else np.roll(end_C, -1)
    cosine = start_C @ end_C / (np.linalg.norm(start_C) * np.linalg.norm(end_C))
    angle = np.arccos(np.clip(cosine, -1, 1))
    x, y, z = axis_C
    k_CC = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k_CC + (1 - np.cos(angle)) * (k_CC @ k_CC)


def _with_confidence(x_TMVC: Array, confidence_TMV: NDArray[np.float32] | None) -> Array:
    """pyskl: the score comes third, and joints with a score of no more than 0.01 lie on the origin."""
    seen = np.zeros((*x_TMVC.shape[:3], 3))
    for t, m, v in np.ndindex(x_TMVC.shape[:3]):
        score = 1.0 if confidence_TMV is None else float(confidence_TMV[t, m, v])
        seen[t, m, v] = (*(x_TMVC[t, m, v] if score > 0.01 else (0.0, 0.0)), score)
    return seen


def _streams(x_TMVC: Array, valid_TM: Valid, settings: SkeletonSettings, layout: Layout) -> list[Array]:
    """The parts of a stream over the whole recording."""
    if settings.stream in ("joint", "velocity"):
        return [x_TMVC]
    bones_TMVC = np.zeros_like(x_TMVC)
    for t, m, v in np.ndindex(x_TMVC.shape[:3]):
        bones_TMVC[t, m, v] = _difference(x_TMVC[t, m, v], x_TMVC[t, m, layout.parents[v]], layout)
    if settings.stream == "bone":
        return [bones_TMVC]
    if settings.stream == "joint_bone_motion":
        return [x_TMVC, bones_TMVC, _motion(x_TMVC, valid_TM, layout)]
    return [_motion(bones_TMVC if settings.stream == "bone_motion" else x_TMVC, valid_TM, layout)]


def _difference(end_C: Array, start_C: Array, layout: Layout) -> Array:
    difference_C = end_C - start_C
    if layout.dimensions == 2:
        difference_C[2] = (end_C[2] + start_C[2]) / 2
    return difference_C


def _motion(x_TMVC: Array, valid_TM: Valid, layout: Layout) -> Array:
    motion_TMVC = np.zeros_like(x_TMVC)
    for t, m, v in np.ndindex(len(x_TMVC) - 1, *x_TMVC.shape[1:3]):
        if valid_TM[t, m] and valid_TM[t + 1, m]:
            motion_TMVC[t, m, v] = _difference(x_TMVC[t + 1, m, v], x_TMVC[t, m, v], layout)
    return motion_TMVC


def _mixed(x_TMVC: Array, clip: list[list[Shown]]) -> Array:
    """The frames of the clip, those that are mixed joint by joint."""
    x_SMVC = np.zeros((len(clip), *x_TMVC.shape[1:]))
    for s, m, v in np.ndindex(x_SMVC.shape[:3]):
        for frame, weight in clip[s][m]:
            x_SMVC[s, m, v] += weight * x_TMVC[frame, m, v]
    return x_SMVC


def _velocity(x_SMVC: Array, clip: list[list[Shown]], layout: Layout) -> Array:
    """SGN: this shown frame minus the one before."""
    velocity_SMVC = np.zeros_like(x_SMVC)
    for s, m, v in np.ndindex(x_SMVC.shape[:3]):
        if s > 0 and clip[s][m] and clip[s - 1][m]:
            velocity_SMVC[s, m, v] = _difference(x_SMVC[s, m, v], x_SMVC[s - 1, m, v], layout)
    return velocity_SMVC


def _change(settings: SkeletonSettings, layout: Layout, rng: Rng) -> Array:
    """One turn about x, y and z, then a stretch of each axis; in a picture about the axis out of it alone."""
    change_CC = np.eye(3)
    if settings.rotation_degrees:
        degrees = settings.rotation_degrees
        angles = [0.0, 0.0, 0.0]
        for axis in range(3) if layout.dimensions == 3 else (2,):
            angles[axis] = np.deg2rad(rng.uniform(-degrees, degrees))
        for axis, angle in enumerate(angles):
            first, second = (axis + 1) % 3, (axis + 2) % 3
            about_CC = np.eye(3)
            about_CC[first, first] = about_CC[second, second] = np.cos(angle)
            about_CC[first, second], about_CC[second, first] = -np.sin(angle), np.sin(angle)
            change_CC = about_CC @ change_CC
    if settings.scale_spread:
        for axis in range(layout.dimensions):
            change_CC[axis] *= 1 + rng.uniform(-settings.scale_spread, settings.scale_spread)
    return change_CC


def _changed(x_TMVC: Array, change_CC: Array) -> Array:
    changed_TMVC = np.zeros_like(x_TMVC)
    for t, m, v in np.ndindex(x_TMVC.shape[:3]):
        changed_TMVC[t, m, v] = change_CC @ x_TMVC[t, m, v]
    return changed_TMVC
