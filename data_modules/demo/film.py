"""Films of the demo bodies: what the joints are to the sensor, coloured limbs are to the camera.

The pictures follow from the seed; the bytes of an encoded film also depend on the version of its encoder.

Axes: T frames, H rows, W columns, C = 3 colours or 2 coordinates, M persons, V the 25 joints of the demo bodies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_modules.demo.bodies import JOINT, Floats
from data_modules.films import write_video
from data_modules.video_transforms import Frames, Size, film_frames, scale_pixels

Colour = tuple[int, int, int]
Corners = tuple[int, int, int, int]  # left, top, right, bottom; the latter two just outside
Shape = Literal["disc", "box"]

# Bones in the order of painting: what they wear, from where to where, and how thick they are as a part of the height.
BONES = (
    ("shoes", "left_ankle", "left_foot", 0.020),
    ("shoes", "right_ankle", "right_foot", 0.020),
    ("trousers", "left_knee", "left_ankle", 0.028),
    ("trousers", "right_knee", "right_ankle", 0.028),
    ("trousers", "left_hip", "left_knee", 0.038),
    ("trousers", "right_hip", "right_knee", 0.038),
    ("shirt", "spine_base", "spine_shoulder", 0.070),
    ("shirt", "left_shoulder", "right_shoulder", 0.035),
    ("skin", "spine_shoulder", "neck", 0.025),
    ("skin", "neck", "head", 0.025),
    ("skin", "head", "head", 0.055),
    ("sleeves", "left_shoulder", "left_elbow", 0.026),
    ("sleeves", "right_shoulder", "right_elbow", 0.026),
    ("skin", "left_elbow", "left_wrist", 0.022),
    ("skin", "right_elbow", "right_wrist", 0.022),
    ("skin", "left_wrist", "left_hand_tip", 0.018),
    ("skin", "right_wrist", "right_hand_tip", 0.018),
    ("skin", "left_hand", "left_thumb", 0.012),
    ("skin", "right_hand", "right_thumb", 0.012),
)
TRUNK_SHARE = 0.285  # of the height, from the spine's base to the shoulders
PROP_SIZE = 0.07  # large, so that small frames show it
BLOCK = 16  # frames drawn at once: few enough that a limb stays in one place
GRAIN, CLOUD, CLOUDS = 5.0, 10.0, 8  # the background's noise, fine and coarse, and how many pixels a coarse patch has
FILM_GOP, FILM_QUALITY, JPEG_QUALITY = 12, 20, 90


@dataclass(frozen=True)
class Prop:
    """What is held in the busier hand. Of two actions with the same motion it tells which one is seen."""

    shape: Shape
    colour: Colour


@dataclass(frozen=True)
class Look:
    """The colours of one person, and what is held."""

    shirt: Colour
    sleeves: Colour
    trousers: Colour
    shoes: Colour
    skin: Colour
    prop: Prop | None = None


def dress(person: np.random.Generator, prop: Prop | None = None) -> Look:
    """A person's clothes, of any colours that stand out from the grey behind them."""
    shirt, trousers = (person.permutation((215, 120, 30)) + person.integers(-25, 26, 3) for _ in range(2))
    skin = np.array((225, 175, 145)) * person.uniform(0.45, 1.05)
    shoes = person.integers(10, 50, 3)
    return Look(
        shirt=_colour(shirt),
        sleeves=_colour(0.75 * shirt),
        trousers=_colour(0.8 * trousers),
        shoes=_colour(shoes),
        skin=_colour(skin),
        prop=prop,
    )


def _colour(numbers: NDArray) -> Colour:
    red, green, blue = (int(number) for number in np.clip(numbers, 0, 255))
    return red, green, blue


def draw(pixels_TMVC: Floats, looks: Sequence[Look], size: Size, rng: np.random.Generator) -> Frames:
    """uint8 (T, H, W, 3): bodies whose joints lie at `pixels` (x to the right, y down) of pictures of `size`.

    looks: one for each person; later persons stand in front. The background is noise, drawn from `rng`, which stands
    still.
    """
    frames = np.repeat(background(size, rng)[None], len(pixels_TMVC), axis=0)
    for person, look in enumerate(looks):
        joints_TVC = pixels_TMVC[:, person].astype(np.float32)
        height = _height(joints_TVC)
        for wear, start, end, thickness in BONES:
            radius = max(thickness * height, 1.0)
            ends = joints_TVC[:, JOINT[start]], joints_TVC[:, JOINT[end]]
            _paint(frames, *ends, radius, "disc", getattr(look, wear))
        if look.prop is not None:
            hand_TC = joints_TVC[:, JOINT[busier_hand(joints_TVC)]]
            _paint(frames, hand_TC, hand_TC, max(PROP_SIZE * height, 2.0), look.prop.shape, look.prop.colour)
    return frames


def background(size: Size, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One picture (H, W, 3) of some grey with coarse and fine noise."""
    width, height = size
    coarse = rng.normal(0.0, CLOUD, (height // CLOUDS + 1, width // CLOUDS + 1, 1))
    coarse = coarse.repeat(CLOUDS, 0).repeat(CLOUDS, 1)[:height, :width]
    grey = rng.uniform(90, 165)
    return (grey + coarse + rng.normal(0.0, GRAIN, (height, width, 3))).clip(0, 255).astype(np.uint8)


def _height(joints_TVC: NDArray[np.float32]) -> float:
    """How tall a body is in the picture, from its trunk."""
    trunk = np.linalg.norm(joints_TVC[:, JOINT["spine_shoulder"]] - joints_TVC[:, JOINT["spine_base"]], axis=-1)
    return float(np.percentile(trunk, 75)) / TRUNK_SHARE


def busier_hand(joints_TVC: NDArray) -> str:
    """The hand that moves more, as seen from its shoulder."""

    def travel(side: str) -> float:
        arm_TC = joints_TVC[:, JOINT[f"{side}_hand"]] - joints_TVC[:, JOINT[f"{side}_shoulder"]]
        return float(np.abs(np.diff(arm_TC, axis=0)).sum())

    return f"{max(('left', 'right'), key=travel)}_hand"


def _paint(
    frames: Frames,
    start_TC: NDArray[np.float32],
    end_TC: NDArray[np.float32],
    radius: float,
    shape: Shape,
    colour: Colour,
) -> None:
    """Draw the path of a disc or of a box from start to end into each frame, in the smallest part of the picture that
    holds it for some frames together."""
    for first in range(0, len(frames), BLOCK):
        time = slice(first, first + BLOCK)
        start, end = start_TC[time], end_TC[time]
        part = _corners(np.concatenate([start, end]), radius, (frames.shape[2], frames.shape[1]))
        if part is None:
            continue
        left, top, right, bottom = part
        x, y = np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)[:, None]
        aside, above = _offsets(x, y, start[:, :, None, None], end[:, :, None, None])
        near = aside**2 + above**2 <= radius**2 if shape == "disc" else np.maximum(abs(aside), abs(above)) <= radius
        frames[time, top:bottom, left:right][near] = colour


def _corners(points: NDArray[np.float32], radius: float, size: Size) -> Corners | None:
    """The part of the picture within `radius` of (points, 2); None where all of that lies outside."""
    limits = np.array(size)
    left, top = (np.floor(points.min(axis=0) - radius).clip(0, limits)).astype(int).tolist()
    right, bottom = (np.ceil(points.max(axis=0) + radius + 1).clip(0, limits)).astype(int).tolist()
    return (left, top, right, bottom) if left < right and top < bottom else None


def _offsets(
    x: NDArray[np.float32], y: NDArray[np.float32], start: NDArray[np.float32], end: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far pixels (H, W) lie from the nearest point of each bone (T, 2, 1, 1), in x and in y: (T, H, W) each."""
    bone = end - start
    from_x, from_y = x - start[:, 0], y - start[:, 1]
    length = np.maximum((bone**2).sum(axis=1), 1e-6)
    along = ((from_x * bone[:, 0] + from_y * bone[:, 1]) / length).clip(0, 1)
    return from_x - along * bone[:, 0], from_y - along * bone[:, 1]


def shown(pixels_TMVC: Floats, picture: Size, size: Size, frames: int) -> Floats:
    """The bodies (`frames`, M, V, 2) of a film of so many frames, in pictures of `size`, from those of a recording in
    pictures of `picture`."""
    times = film_frames(np.arange(frames), frames, len(pixels_TMVC))
    return scale_pixels(pixels_TMVC[times].astype(np.float32), picture, size).astype(np.float64)


def write_film(path: Path, frames: Frames, fps: int) -> None:
    """Write h264 video, .avi or .mp4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, frames, fps, FILM_GOP, path.suffix[1:], FILM_QUALITY)


def write_pictures(folder: Path, frames: Frames) -> None:
    """Write a folder of 000001.jpg, 000002.jpg …"""
    folder.mkdir(parents=True)
    for number, picture in enumerate(frames, 1):
        Image.fromarray(picture).save(folder / f"{number:06}.jpg", quality=JPEG_QUALITY)
