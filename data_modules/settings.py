"""The keys that say how a dataset's sequences become clips."""

from dataclasses import dataclass
from typing import Literal

from data_modules.transforms import Stream

Selection = Literal["last", "validation", "test"]


@dataclass
class SkeletonSettings:
    """How the sequences of a dataset become clips.

    centre_joint: the joint that the origin is put on; scale_bone: the pair of joints whose distance becomes 1, or none.
    align_up, align_right: pairs of joints that are turned to +z and +x in the first frame, or none.
    clip_len: frames sampled from a sequence. rotation_degrees: training clips are turned by up to this about each axis.
    persons: the most persons in a clip. Batches have that many slots, whoever is in them.
    train_clips: at most this many training clips, the same number of each class as far as they go; none takes all.
    """

    dataset: str = "???"
    protocol: str = "???"
    fold: int = 0
    stream: Stream = "joint"
    collation: Literal["padded", "ragged"] = "padded"
    centre_joint: int = 0
    scale_bone: list[int] | None = None
    align_up: list[int] | None = None
    align_right: list[int] | None = None
    clip_len: int = 20
    persons: int = 1
    rotation_degrees: float = 0.0
    train_clips: int | None = None
