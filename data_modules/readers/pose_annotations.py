"""One recording of a pose pickle, as pyskl and mmaction2 write them: every field checked, for any may be anything.

Axes: T frames, M persons, V joints, C coordinates, S skeletons (of all frames and persons together).

Sources: the descriptions of the format in pyskl (Duan et al., ACM Multimedia 2022) and mmaction2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import FETCH_AGAIN
from data_modules.layouts import Layout
from data_modules.readers.formats.shapes import fits, in_words
from data_modules.readers.formats.text_file import quoted

MAX_FRAMES = 100_000  # about an hour; the longest official recordings have some 300
MAX_SIDE = 100_000  # of a picture, pixels
MAX_NAME = 255  # characters

Annotation = Mapping[str, Any]


class AnnotationError(Exception):
    """Why a recording cannot be used, in words, and what to do about it."""

    def __init__(self, problem: str, remedy: str = FETCH_AGAIN) -> None:
        super().__init__(problem)
        self.remedy = remedy


@dataclass(frozen=True, eq=False)
class Poses:
    """Who is where, as SkeletonSequence has it: joints (T, M, V, C), valid (T, M), confidence (T, M, V) or None.

    step: how many frames of the film pass from one frame to the next.
    """

    joints_TMVC: NDArray[np.float32]
    valid_TM: NDArray[np.bool_]
    confidence_TMV: NDArray[np.float32] | None
    step: int = 1


def name_in(annotation: object) -> str:
    """What a recording is called: its `frame_dir`, or its `filename` without the ending."""
    if not isinstance(annotation, dict):
        raise AnnotationError(f"expected a dict, found {described(annotation)}")
    field = "frame_dir" if "frame_dir" in annotation else "filename"
    name = annotation.get(field)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise AnnotationError(f"expected a name as frame_dir, found {described(name)}")
    return name if field == "frame_dir" else str(PurePosixPath(name).with_suffix(""))


def label_in(annotation: Annotation, num_classes: int) -> int:
    """The action's number, from 0."""
    return _whole_number(annotation, "label", 0, num_classes - 1)


def image_size_in(annotation: Annotation) -> tuple[int, int]:
    """Width and height of the picture; 0 and 0 where it is not said."""
    shape = annotation.get("img_shape")
    if shape is None:
        return 0, 0
    sides = [int(side) if _is_whole(side) else 0 for side in shape[:2]] if isinstance(shape, tuple | list) else []
    if len(sides) != 2 or not all(0 < side <= MAX_SIDE for side in sides):
        raise AnnotationError("expected img_shape to be height and width in pixels")
    height, width = sides
    return width, height


def poses_in(annotation: Annotation, layout: Layout, max_persons: int) -> Poses:
    """The poses of an annotation that has `keypoint` (M, T, V, C) and, for pictures, perhaps `keypoint_score`
    (M, T, V) or a score as the third coordinate. Persons after the first `max_persons` are left out."""
    keypoint = _numbers(annotation, "keypoint", (None, None, layout.num_joints, None))
    _, num_frames, _, coordinates = keypoint.shape
    if coordinates not in (layout.dimensions, 3):
        raise AnnotationError(f"expected {layout.dimensions} coordinates of each joint, found {coordinates}")
    if not 1 <= num_frames <= MAX_FRAMES:
        raise AnnotationError(f"expected 1 to {MAX_FRAMES} frames in keypoint, found {num_frames}")
    if annotation.get("total_frames") is not None:
        _whole_number(annotation, "total_frames", num_frames, num_frames)
    x_TMVC = keypoint[:max_persons].swapaxes(0, 1)
    if layout.dimensions == 3:
        return _checked(x_TMVC, None)
    if annotation.get("keypoint_score") is not None:
        score = _numbers(annotation, "keypoint_score", keypoint.shape[:3])
        return _checked(x_TMVC[..., :2], score[:max_persons].swapaxes(0, 1))
    return _checked(x_TMVC[..., :2], x_TMVC[..., 2] if coordinates == 3 else None)


def scattered_poses(annotation: Annotation, found: object, layout: Layout, max_persons: int) -> Poses:
    """The poses of an annotation that has `frame_inds` (S,) and `total_frames`, and whose `keypoint` (S, V, 3), x, y
    and score, was found elsewhere.

    Only frames in which somebody was found are there, one after another, as pyskl's networks see them (it calls that
    squeezing): in Kinetics the estimator looked at every second frame. The skeletons of a frame take the persons'
    places in the order in which they are listed: they are detections, and who is first in one frame may be second in
    the next.
    """
    skeletons = _numbers({"keypoint": found}, "keypoint", (None, layout.num_joints, 3))
    last = _whole_number(annotation, "total_frames", 1, MAX_FRAMES)
    frames = _numbers(annotation, "frame_inds", skeletons.shape[:1])
    # Frames are counted from 1.
    if frames.dtype.kind == "f" or (frames < 0).any() or (frames > last).any():
        raise AnnotationError(f"expected frame_inds to be frames up to {last}")
    if not len(frames):
        raise AnnotationError(f"nobody in any of the {last} frames")
    order = np.argsort(frames, kind="stable")
    seen, first, frame = np.unique(frames[order], return_index=True, return_inverse=True)
    place = np.arange(len(order)) - first[frame]
    kept = place < max_persons
    x_TMVC = np.zeros((len(seen), max_persons, layout.num_joints, 3), np.float32)
    with np.errstate(over="ignore"):
        x_TMVC[frame[kept], place[kept]] = skeletons[order[kept]]
    step = int(np.diff(seen.astype(np.int64)).min()) if len(seen) > 1 else 1
    return replace(_checked(x_TMVC[..., :2], x_TMVC[..., 2]), step=step)


def _checked(joints_TMVC: NDArray, score_TMV: NDArray | None) -> Poses:
    """Finite float32. A person whose joints are all zero is not there; those who never are, are left out."""
    with np.errstate(over="ignore"):
        joints = joints_TMVC.astype(np.float32)
        confidence = None if score_TMV is None else score_TMV.astype(np.float32)
    if not np.isfinite(joints).all() or (confidence is not None and not np.isfinite(confidence).all()):
        raise AnnotationError("a coordinate or score of a joint is not finite")
    valid: NDArray[np.bool_] = np.any(joints, axis=(2, 3))
    persons = valid.any(axis=0)
    if not persons.any():
        raise AnnotationError(f"nobody in any of the {len(valid)} frames")
    valid = valid[:, persons]
    if confidence is not None:
        confidence = np.clip(confidence[:, persons], 0, 1) * valid[:, :, None]
    return Poses(joints[:, persons], valid, confidence)


def _numbers(annotation: Annotation, field: str, shape: tuple[int | None, ...]) -> NDArray:
    """An array of numbers; None in its shape stands for any size."""
    found = annotation.get(field)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
        raise AnnotationError(f"expected {field} to be an array of numbers, found {described(found)}")
    if not fits(found.shape, shape):
        raise AnnotationError(f"expected {field} to be of {in_words(shape)}, found {in_words(found.shape)}")
    return found


def _whole_number(annotation: Annotation, field: str, lowest: int, highest: int) -> int:
    found: Any = annotation.get(field)
    if not _is_whole(found) or not lowest <= found <= highest:
        between = f"{lowest} to {highest}" if lowest < highest else f"{lowest}"
        raise AnnotationError(f"expected {field} to be {between}, found {described(found)}")
    return int(found)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def described(value: object) -> str:
    """A value in words, briefly. Containers may hold anything, themselves too, and are not looked into."""
    if value is None or isinstance(value, bool | float | np.number):
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else "a very large number"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return f"a {type(value).__name__}"
