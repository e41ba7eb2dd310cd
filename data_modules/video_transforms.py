"""Pure functions on the frames of a film and the joints in its pictures.

Pixel coordinates are (x, y), x to the right and y down; whole numbers are the centres of pixels, so that a picture of W
columns reaches from -0.5 to W - 0.5.

Axes: T frames, H rows, W columns, C = 3 colours or 2 coordinates, M persons, V joints.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Pixels = NDArray[np.float32]
Visible = NDArray[np.bool_]
Size = tuple[int, int]  # width, height


def sample_times(length: int, count: int, rng: np.random.Generator | None) -> NDArray[np.int64]:
    """`count` of `length` frames, ascending: one from each of `count` equal segments, at random with `rng`, else from
    its centre. Short recordings repeat frames.

    Source: uniform segments as of TSN; the deformable transformer does not say how it samples.
    """
    within = rng.random(count) if rng is not None else 0.5
    return ((np.arange(count) + within) * length / count).astype(np.int64).clip(max=length - 1)


def film_frames(times: NDArray[np.int64], recorded_frames: int, frames: int) -> NDArray[np.int64]:
    """Which of a film's `frames` show the frames `times` of a recording of `recorded_frames`.

    Both cover the same time, so equal numbers of frames give the identity, as does -1, which says that the recording
    has as many as its film; beyond its ends the film stands still.
    """
    if recorded_frames == -1:
        return times.clip(0, frames - 1)
    return ((2 * times + 1) * frames // (2 * recorded_frames)).clip(0, frames - 1)


def fit(width: int, height: int, short_side: int) -> Size:
    """The size of a picture whose shorter side becomes `short_side`; the longer side is even, as video needs it."""
    longer = max(short_side, 2 * round(short_side * max(width, height) / min(width, height) / 2))
    return (longer, short_side) if width >= height else (short_side, longer)


def scale_pixels(pixels: Pixels, size: Size, new_size: Size) -> Pixels:
    """Where joints lie after their picture of `size` is resized to `new_size`."""
    factor = np.array([new / old for new, old in zip(new_size, size, strict=True)], np.float32)
    return (pixels + np.float32(0.5)) * factor - np.float32(0.5)


def crop_corner(size: Size, crop: int, rng: np.random.Generator | None) -> tuple[int, int]:
    """The upper left pixel (x, y) of a square crop: at random with `rng`, else such that the crop is in the middle."""
    x, y = (side - crop for side in size)
    return (int(rng.integers(x + 1)), int(rng.integers(y + 1))) if rng is not None else (x // 2, y // 2)


def crop_frames(frames_THWC: Frames, corner: tuple[int, int], crop: int) -> Frames:
    """The square of the frames whose upper left pixel is `corner` (x, y)."""
    x, y = corner
    return frames_THWC[:, y : y + crop, x : x + crop]


def inside(pixels: Pixels, size: Size) -> Visible:
    """Whether each joint lies on a pixel of a picture of `size`."""
    x, y = pixels[..., 0], pixels[..., 1]
    return (x >= -0.5) & (x < size[0] - 0.5) & (y >= -0.5) & (y < size[1] - 0.5)


def mirror(
    frames_THWC: Frames, width: int, pixels_TMVC: Pixels, visible_TMV: Visible, pairs: Sequence[tuple[int, int]]
) -> tuple[Frames, Pixels, Visible]:
    """Turn a picture of `width` left for right, x -> width - 1 - x; the joints of each pair change places, for who
    raises the left hand then raises the right one."""
    joints = np.arange(pixels_TMVC.shape[2])
    for left, right in pairs:
        joints[[left, right]] = right, left
    mirrored = pixels_TMVC[:, :, joints]
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    return frames_THWC[:, :, ::-1], mirrored, visible_TMV[:, :, joints]
