"""Pure functions on the frames of a film and the joints in its pictures.

Pixel coordinates are (x, y), x to the right and y down; whole numbers are the centres of pixels, so that a picture of W
columns reaches from -0.5 to W - 0.5.

Axes: T frames, H rows, W columns, C = 3 colours or 2 coordinates, M persons, V joints.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Frames = NDArray[np.uint8]
Pixels = NDArray[np.float32]
Visible = NDArray[np.bool_]
Size = tuple[int, int]  # width, height

# The square around bodies: how many times as large as what their joints cover, for hands, heads and feet reach further;
# in training by so much more or less.
AROUND, MORE_OR_LESS = 1.25, 0.1
# Sizes whose ratios differ by no more than this share, and by two pixels, are of pictures of the same shape.
SAME_SHAPE = 0.02
# No cloth and no skin has a brightest and a darkest colour so far apart as the dots that are drawn over joints.
DRAWN = 170
ITS_EDGE, FILLED_FROM = 2, 15  # pixels around a dot that it has bled into; the side of what it is filled from


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


def in_words(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def is_shaped_like(size: Size, other: Size) -> bool:
    """Whether pictures of both sizes show the same, up to what whole numbers of pixels leave of it."""
    (width, height), (other_width, other_height) = size, other
    return abs(width * other_height - other_width * height) <= SAME_SHAPE * width * other_height + 2 * other_height


def crop_corner(size: Size, crop: int, rng: np.random.Generator | None) -> tuple[int, int]:
    """The upper left pixel (x, y) of a square crop: at random with `rng`, else such that the crop is in the middle."""
    x, y = (side - crop for side in size)
    return (int(rng.integers(x + 1)), int(rng.integers(y + 1))) if rng is not None else (x // 2, y // 2)


def square_around(
    pixels_TMVC: Pixels, visible_TMV: Visible, size: Size, rng: np.random.Generator | None
) -> tuple[tuple[int, int], int]:
    """The upper left pixel (x, y) and the side of the square that shows all visible joints of a clip, or as many as a
    square within the picture can; with `rng` a little smaller or larger, and aside. Where nobody is seen it is in the
    middle.
    """
    shorter = min(size)
    seen = pixels_TMVC[visible_TMV]
    if not len(seen):
        return crop_corner(size, shorter, None), shorter
    low, high = seen.min(axis=0), seen.max(axis=0)
    covered, times, middle = float((high - low).max()), AROUND, (low + high + 1) / 2
    if rng is not None:
        times += rng.uniform(-MORE_OR_LESS, MORE_OR_LESS)
        middle = middle + (times - 1) / 4 * covered * rng.uniform(-1, 1, 2)  # half of what is left at each side
    side = int(np.clip(round(times * covered), 1, shorter))
    x, y = np.round(middle - side / 2).clip(0, np.array(size) - side).astype(int).tolist()
    return (x, y), side


def hide_dots(frames_THWC: Frames) -> Frames:
    """Fill what is drawn in pure colours from around it. A blur is left in its place."""
    drawn_THW = frames_THWC.max(axis=-1).astype(np.int16) - frames_THWC.min(axis=-1) > DRAWN
    reach = np.ones((1, 2 * ITS_EDGE + 1, 2 * ITS_EDGE + 1), np.bool_)
    drawn_THW = ndimage.binary_dilation(drawn_THW, reach)
    window = (1, FILLED_FROM, FILLED_FROM)
    known_THW = ndimage.uniform_filter((~drawn_THW).astype(np.float32), window)
    colours_THWC = np.where(drawn_THW[..., None], 0, frames_THWC).astype(np.float32)
    around_THWC = ndimage.uniform_filter(colours_THWC, (*window, 1)) / known_THW.clip(min=1e-3)[..., None]
    return np.where(drawn_THW[..., None], around_THWC.clip(0, 255).astype(np.uint8), frames_THWC)


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
