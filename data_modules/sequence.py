"""The one thing that every reader returns.

Axes: T frames, M persons, V joints, C coordinates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SkeletonSequence:
    """One recording of one action.

    joints: float32 (T, M, V, C), metres for 3-D and pixels for 2-D; zeros where `valid` is false.
    valid: bool (T, M), whether the person is really there in that frame. A missing person is absent here, never a zero
        skeleton that a model must recognise.
    label: the action's number, from 0.
    fine_label: the number in the dataset's finer division of the same recordings (SHREC's 28 gestures), from 0.
    subject, camera, setup, replication: as the dataset numbers them; -1 where it has none.
    split: what the dataset's own list says of it: 'train', 'test', or '' where it has no such list.
    fps: frames per second.
    layout: the name of its joint layout (layouts.py).

    Raises ValueError for shapes that do not agree.
    """

    joints: NDArray[np.float32]
    valid: NDArray[np.bool_]
    label: int
    sample_id: str
    layout: str
    fps: float
    fine_label: int = -1
    subject: int = -1
    camera: int = -1
    setup: int = -1
    replication: int = -1
    split: str = ""

    def __post_init__(self) -> None:
        if self.joints.ndim != 4 or self.valid.shape != self.joints.shape[:2]:
            raise ValueError(
                f"{self.sample_id}: joints must be (T, M, V, C) and valid (T, M), "
                f"not {self.joints.shape} and {self.valid.shape}"
            )
        if self.joints.dtype != np.float32 or self.valid.dtype != np.bool_:
            raise ValueError(f"{self.sample_id}: joints must be float32 and valid bool")
