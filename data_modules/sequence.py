"""The one thing that every reader returns.

Axes: T frames, M persons, V joints, C coordinates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_modules.layouts import Layout


@dataclass(frozen=True, eq=False)
class SkeletonSequence:
    """One recording of one action.

    joints: float32 (T, M, V, C), finite; metres for layouts in space (C = 3), pixels for those in a picture (C = 2: x
        to the right, y down, from 0 at the upper left corner); zeros where `valid` is false.
    valid: bool (T, M), whether the person is really there in that frame. A missing person is absent here, never a zero
        skeleton that a model must recognise.
    label: the action's number, from 0.
    fine_label: the number in the dataset's finer division of the same recordings (SHREC's 28 gestures), from 0.
    subject, camera, setup, replication: as the dataset numbers them; -1 where it has none.
    split: what the dataset's own list says of it: 'train', 'test', or '' where it has no such list.
    fps: frames per second.
    confidence: float32 (T, M, V), 0 to 1, how sure each joint is; None where nothing is known.
    pixels: float32 (T, M, V, 2), where a skeleton in space is seen in the picture; None where nothing is known.
    video: the recording's film or folder of frames, relative to the dataset's folder; '' where there is none.
    image_width, image_height: the size of the picture that the pixels refer to; 0 where there is none.
    first_frame: which frame of the whole recording, and of its film, the first one here is.
    recorded_frames: how many frames the whole recording has; 0 says: up to the last one here; -1: as many as its film,
        so that frame t here is frame first_frame + t of the film.

    Raises ValueError for arrays that do not agree.
    """

    joints: NDArray[np.float32]
    valid: NDArray[np.bool_]
    label: int
    sample_id: str
    layout: Layout
    fps: float
    fine_label: int = -1
    subject: int = -1
    camera: int = -1
    setup: int = -1
    replication: int = -1
    split: str = ""
    confidence: NDArray[np.float32] | None = None
    pixels: NDArray[np.float32] | None = None
    video: str = ""
    image_width: int = 0
    image_height: int = 0
    first_frame: int = 0
    recorded_frames: int = 0

    def __post_init__(self) -> None:
        joint_shape = (self.layout.num_joints, self.layout.dimensions)
        expected = (*self.valid.shape, *joint_shape)
        if self.valid.ndim != 2 or self.joints.shape != expected:
            raise ValueError(
                f"{self.sample_id}: joints must be (T, M, *{joint_shape}) and valid (T, M), "
                f"not {self.joints.shape} and {self.valid.shape}"
            )
        if self.joints.dtype != np.float32 or self.valid.dtype != np.bool_:
            raise ValueError(f"{self.sample_id}: joints must be float32 and valid bool")
        for name, array, shape in (
            ("confidence", self.confidence, expected[:3]),
            ("pixels", self.pixels, (*expected[:3], 2)),
        ):
            if array is not None and (array.dtype != np.float32 or array.shape != shape):
                raise ValueError(f"{self.sample_id}: {name} must be float32 {shape}, not {array.dtype} {array.shape}")
