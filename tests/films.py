"""A small dataset of films for tests: coloured dots move over grey, and the joints say where.

Axes: T frames, M persons, V joints, H rows, W columns, C = 2 coordinates or 3 colours.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from data_modules.films import write_video
from data_modules.layouts import PENN13
from data_modules.readers.folds import fold_by
from data_modules.readers.reader import Protocol
from data_modules.sequence import SkeletonSequence
from data_modules.store import Store, write_store

WIDTH, HEIGHT, FRAMES = 160, 120, 20
GREY = 60
XSUB = Protocol(("left", "right"), fold_by(lambda index: index.subject < 4))
# The dot is the right wrist, in red, with the left wrist mirrored at the picture's middle, in blue.
RED, BLUE = PENN13.joints.index("right_wrist"), PENN13.joints.index("left_wrist")


def path_of(seed: int, frames: int = FRAMES) -> np.ndarray:
    """(T, 2): where the red dot is, anywhere in the middle of the picture's right half."""
    return np.random.default_rng(seed).uniform((90, 40), (110, 80), (frames, 2)).astype(np.float32)


def draw_dots(path_TC: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) with a soft red dot at each place, and a blue one as far from the other side of the picture."""
    frames = np.full((len(path_TC), HEIGHT, WIDTH, 3), float(GREY))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for frame, (at_x, at_y) in zip(frames, path_TC, strict=True):
        for channel, centre in ((0, at_x), (2, WIDTH - 1 - at_x)):
            frame[..., channel] += 190 * np.exp(-((x - centre) ** 2 + (y - at_y) ** 2) / (2 * 2.5**2))
    return frames.round().astype(np.uint8)


def find_dot(picture_HWC: np.ndarray, channel: int) -> np.ndarray:
    """(x, y) of the middle of the dot in a channel."""
    weight = (picture_HWC[..., channel].astype(float) - GREY - 25).clip(0)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def write_film(path: Path, frames: np.ndarray) -> None:
    """By its name: a video, or a folder of .png."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        write_video(path, frames, 20, 250, path.suffix[1:], 8)
        return
    path.mkdir()
    for number, picture in enumerate(frames):
        Image.fromarray(picture).save(path / f"{number:03}.png")


def dots(video: str, seed: int, **known: object) -> SkeletonSequence:
    """The recording of a film of dots: both wrists are sure, the other joints are not known."""
    path = path_of(seed)
    joints = np.zeros((FRAMES, 1, PENN13.num_joints, 2), np.float32)
    joints[:, 0, RED] = path
    joints[:, 0, BLUE] = np.stack([WIDTH - 1 - path[:, 0], path[:, 1]], axis=1)
    confidence = np.zeros(joints.shape[:3], np.float32)
    confidence[:, :, [RED, BLUE]] = 1
    facts = {"label": seed % 2, "subject": seed, "image_width": WIDTH, "image_height": HEIGHT, **known}
    return SkeletonSequence(
        joints=joints,
        valid=np.ones((FRAMES, 1), np.bool_),
        sample_id=f"dots {seed}",
        layout=PENN13,
        fps=20.0,
        confidence=confidence,
        video=video,
        **facts,  # type: ignore[arg-type]
    )


def write_dots(root: Path, videos: Sequence[str], **known: object) -> Store:
    """A dataset of a recording for each name of a film ('' for none) in root/data, and its store."""
    for seed, video in enumerate(videos):
        if video:
            write_film(root / "data" / video, draw_dots(path_of(seed)))
    sequences = [dots(video, seed, **known) for seed, video in enumerate(videos)]
    return write_store(root / "store", PENN13, ("confidence",), sequences)
