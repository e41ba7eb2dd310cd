"""What a network sees of a recording: its coordinates normalised, in the stream that is asked for.

Axes: T frames of the recording, S frames of the clip, M persons, V joints, C coordinates. In space C is (x, y, z), in a
picture (x, y) as recorded and (x, y, confidence) as shown.

Only the frames that a clip shows are computed. Normalisation is one map for a whole recording and bones lie within one
frame, so both give the same before and after sampling; motion does not, and is always taken between frames that follow
each other in the recording, as pyskl and AdaSGN do (CTR-GCN takes it after resizing).

Streams:
joint: the positions. bone: at each joint the vector from its parent to it; zero at the root.
joint_motion, bone_motion: the next frame of the recording minus this one; zero in the last (where STAR repeats the one
    before) and wherever the person is missing in either.
velocity: each shown frame minus the one shown before it; zero in the first (SGN).
joint_bone_motion: positions, bones and joint motion side by side, nine channels (STAR).

In a picture the third channel of a bone or a motion is the mean confidence of both its ends (pyskl's rule).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_modules.layouts import Layout
from data_modules.sampling import Sample, Valid
from data_modules.settings import SkeletonSettings, Stream
from data_modules.store import Frames

Joints = NDArray[np.float32]
Places = NDArray[np.int64]

# What a joint must exceed to count as seen (pyskl's PreNormalize2D); others are put on the origin.
SEEN_CONFIDENCE = 0.01


class Normalisation(NamedTuple):
    """x → ((x − shift) / divisor)·turn, one map for a whole recording: trajectories are kept.

    shift_C: (C,); divisor_C: (C,) or one number; turn_CC: (C, C), for rows. None leaves a step out.
    """

    shift_C: Joints | None = None
    divisor_C: Joints | np.float32 | None = None
    turn_CC: Joints | None = None

    def __call__(self, x: Joints) -> Joints:
        if self.shift_C is not None:
            x = x - self.shift_C
        if self.divisor_C is not None:
            x = x / self.divisor_C
        return x if self.turn_CC is None else (x.reshape(-1, x.shape[-1]) @ self.turn_CC).reshape(x.shape)


class Recording(NamedTuple):
    """One stored sequence and how its coordinates are normalised. whole: everybody is there in every frame."""

    frames: Frames
    whole: bool
    layout: Layout
    normalisation: Normalisation


def first_persons(frames: Frames, persons: int) -> Frames:
    """The first `persons` persons of a recording."""
    if frames.valid_TM.shape[1] <= persons:
        return frames
    return replace(frames, **{name: array[:, :persons] for name, array in vars(frames).items() if array is not None})


def along_x(frames: Frames, joint: int) -> Frames:
    """The persons by falling x of this joint, on average where they are seen; who never is comes last."""
    seen_M = frames.valid_TM.sum(axis=0)
    x_M = (frames.joints_TMVC[:, :, joint, 0] * frames.valid_TM).sum(axis=0) / np.maximum(seen_M, 1)
    order = np.argsort(np.where(seen_M, -x_M, np.inf), kind="stable")
    return replace(frames, **{name: array[:, order] for name, array in vars(frames).items() if array is not None})


def first_seen(valid_TM: Valid) -> tuple[int, int]:
    """The first frame of the first person who is ever there, and that person; (0, 0) where nobody is."""
    person = int(valid_TM.any(axis=0).argmax())
    return int(valid_TM[:, person].argmax()), person


def normalisation_of(frames: Frames, settings: SkeletonSettings, image_size: tuple[int, int]) -> Normalisation:
    """How the settings normalise a recording. image_size: width and height of its picture, asked for by 'image' alone.

    Everything refers to the first frame that shows the first person and, in a picture, the joints that are asked for.
    A bone is measured in the first frame in which it has a length; one that never has leaves the scale as it is, and a
    joint that is never seen the origin.
    """
    at = first_seen(frames.valid_TM)
    normalisation = Normalisation()
    if settings.origin == "joint":
        seen_T = _seen(frames, at[1], [settings.centre_joint])
        if seen_T.any():
            normalisation = Normalisation(frames.joints_TMVC[seen_T.argmax(), at[1], settings.centre_joint])
    elif settings.origin == "image":
        middle: Joints = np.array([length / 2 for length in image_size], np.float32)
        normalisation = Normalisation(middle, middle)
    if settings.scale_bone is not None:
        seen_T = _seen(frames, at[1], settings.scale_bone)
        ends_T2C = normalisation(frames.joints_TMVC[:, at[1], settings.scale_bone])
        lengths = np.linalg.norm(ends_T2C[:, 0] - ends_T2C[:, 1], axis=-1)[seen_T]
        lengths = lengths[lengths > 0]
        if len(lengths):
            divisor = lengths[0] if normalisation.divisor_C is None else normalisation.divisor_C * lengths[0]
            normalisation = normalisation._replace(divisor_C=divisor)
    if settings.align_up is not None and settings.align_right is not None:
        first_VC = normalisation(frames.joints_TMVC[at])
        turn = alignment(first_VC, _pair(settings.align_up), _pair(settings.align_right))
        normalisation = normalisation._replace(turn_CC=turn)
    return normalisation


def _seen(frames: Frames, person: int, joints: Sequence[int]) -> NDArray[np.bool_]:
    """(T,), in which frames the person is there and, in a picture, all of these joints with them."""
    seen_T = frames.valid_TM[:, person]
    if frames.confidence_TMV is None or frames.joints_TMVC.shape[-1] == 3:
        return seen_T
    return seen_T & (frames.confidence_TMV[:, person, joints] > SEEN_CONFIDENCE).all(axis=-1)


def _pair(joints: list[int]) -> tuple[int, int]:
    first, second = joints
    return first, second


def alignment(skeleton_VC: Joints, up: tuple[int, int], right: tuple[int, int]) -> Joints | None:
    """The matrix that turns rows so that `up` points along +z and `right`, seen from above, along +x in this skeleton.

    Both are pairs of joints, from the first to the second. None where a pair coincides, or where both point the same
    way. Source: the pre-processing that AdaSGN uses for the cross-view protocol, there in the first sampled frame.
    """
    joints_VC = skeleton_VC.astype(np.float64)
    z, x = joints_VC[up[1]] - joints_VC[up[0]], joints_VC[right[1]] - joints_VC[right[0]]
    y = _cross(z, x)
    # Where less is left of `right` across `up`, it is float32's rounding and has no direction.
    if not np.linalg.norm(y) > 1e-6 * np.linalg.norm(z) * np.linalg.norm(x):
        return None
    z /= np.linalg.norm(z)
    y /= np.linalg.norm(y)
    return np.stack([_cross(y, z), y, z], axis=1).astype(np.float32)


def _cross(a_C: NDArray[np.float64], b_C: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector product of two vectors; np.cross takes eight times as long."""
    return a_C[[1, 2, 0]] * b_C[[2, 0, 1]] - a_C[[2, 0, 1]] * b_C[[1, 2, 0]]


def show(recording: Recording, sample: Sample, stream: Stream) -> Joints:
    """A stream in the frames of a sample: (S, M, V, 3), or nine channels; zero for whoever is not shown."""
    if stream == "velocity":
        return _velocity(show(recording, sample, "joint"), sample.shown_SM, recording.layout)
    x_SMVC = _show_frames(recording, sample.frames_SM, stream)
    if sample.mixed_SM is not None and sample.weight_SM is not None:
        mixed_SMVC = _show_frames(recording, sample.mixed_SM, stream)
        x_SMVC = x_SMVC + sample.weight_SM[:, :, None, None] * (mixed_SMVC - x_SMVC)
    # A frame that pads the clip shows nobody, whoever is there in the frame that stands in for it.
    return x_SMVC if sample.shown_SM.all() else x_SMVC * sample.shown_SM[:, :, None, None]


def _show_frames(recording: Recording, frames_SM: Places, stream: Stream) -> Joints:
    layout, positions_SMVC = recording.layout, _positions(recording, frames_SM)
    if stream == "joint":
        return positions_SMVC
    if stream == "bone":
        return _bones(positions_SMVC, layout)
    last = len(recording.frames.valid_TM) - 1
    next_SM = np.minimum(frames_SM + 1, last)
    moving_SM = (frames_SM < last) & _there(recording, frames_SM) & _there(recording, next_SM)
    motion_SMVC = _motion(_positions(recording, next_SM), positions_SMVC, moving_SM, layout)
    if stream == "joint_motion":
        return motion_SMVC
    if stream == "bone_motion":  # the motion of bones is the bones of the motion
        return _bones(motion_SMVC, layout)
    return np.concatenate([positions_SMVC, _bones(positions_SMVC, layout), motion_SMVC], axis=-1)


def _there(recording: Recording, frames_SM: Places) -> Valid:
    return recording.frames.valid_TM[frames_SM, np.arange(frames_SM.shape[1])]


def _positions(recording: Recording, frames_SM: Places) -> Joints:
    """Normalised positions (S, M, V, 3); zero for whoever is not there."""
    frames, persons = recording.frames, np.arange(frames_SM.shape[1])
    x_SMVC = recording.normalisation(frames.joints_TMVC[frames_SM, persons])
    if recording.layout.dimensions == 2:
        known_SMV = None if frames.confidence_TMV is None else frames.confidence_TMV[frames_SM, persons]
        x_SMVC = with_confidence(x_SMVC, known_SMV)
    return x_SMVC if recording.whole else x_SMVC * _there(recording, frames_SM)[:, :, None, None]


def with_confidence(x_SMVC: Joints, confidence_SMV: Joints | None) -> Joints:
    """(x, y) → (x, y, confidence): 1 where nothing is known. Joints that were not seen are put on the origin."""
    if confidence_SMV is None:
        confidence_SMV = np.ones(x_SMVC.shape[:3], np.float32)
    seen_SMV = confidence_SMV > SEEN_CONFIDENCE
    return np.concatenate([x_SMVC * seen_SMV[..., None], confidence_SMV[..., None]], axis=-1)


def _bones(x_SMVC: Joints, layout: Layout) -> Joints:
    return _difference(x_SMVC, x_SMVC.take(layout.parents, axis=2), layout)


def _velocity(x_SMVC: Joints, shown_SM: Valid, layout: Layout) -> Joints:
    moved_SMVC = np.zeros_like(x_SMVC)
    moved_SMVC[1:] = _motion(x_SMVC[1:], x_SMVC[:-1], shown_SM[1:] & shown_SM[:-1], layout)
    return moved_SMVC


def _motion(later_SMVC: Joints, x_SMVC: Joints, moving_SM: Valid, layout: Layout) -> Joints:
    return _difference(later_SMVC, x_SMVC, layout) * moving_SM[:, :, None, None]


def _difference(end_SMVC: Joints, start_SMVC: Joints, layout: Layout) -> Joints:
    difference_SMVC = end_SMVC - start_SMVC
    if layout.dimensions == 2:
        difference_SMVC[..., 2] = (end_SMVC[..., 2] + start_SMVC[..., 2]) / 2
    return difference_SMVC
