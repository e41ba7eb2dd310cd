"""Frames of films with what attention looks at in them.

Axes: T frames, H rows, W columns, C = 3 colours, K places, D = 3 coordinates, V joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

SHOWN = 6  # frames side by side
OPACITY = 0.6
# What nothing can look at is grey.
COLOURS = colormaps["inferno"].with_extremes(bad="0.6")


@dataclass(frozen=True)
class SeenClip:
    """frames: uint8 (T, H, W, 3). heat: (T, H, W), how much attention each pixel gets."""

    title: str
    frames: NDArray[np.uint8]
    heat: NDArray[np.float32]


@dataclass(frozen=True)
class SeenJoints:
    """frames: uint8 (T, H, W, 3). places: (T, V, 2), (x, y) in pixels. shares: (T, V), how much attention each joint
    gets, NaN for a joint that nothing can look at. joints: their names, (V,)."""

    title: str
    frames: NDArray[np.uint8]
    places: NDArray[np.float32]
    shares: NDArray[np.float32]
    joints: Sequence[str]


def splatted(places_KD: NDArray, weights_K: NDArray, shape: tuple[int, int, int], sigma: float) -> NDArray[np.float32]:
    """(T, H, W): a Gaussian of `sigma` pixels at each place (x, y in pixels, t in frames), as high as its weight; a
    place between two frames is shared by them."""
    frames, height, width = shape
    x_K, y_K, t_K = places_KD.T
    in_time_TK = np.maximum(0, 1 - abs(np.arange(frames)[:, None] - t_K)) * weights_K
    down_KH = np.exp(-((np.arange(height) - y_K[:, None]) ** 2) / (2 * sigma**2))
    across_KW = np.exp(-((np.arange(width) - x_K[:, None]) ** 2) / (2 * sigma**2))
    return np.einsum("tk,kh,kw->thw", in_time_TK, down_KH, across_KW, optimize=True).astype(np.float32)


def attention_on_frames(heading: str, clips: Sequence[SeenClip]) -> Figure:
    """Two rows for each clip: frames, and the same with their attention, on one scale for the clip."""
    rows = figure_of(heading, 2 * len(clips), min(SHOWN, len(clips[0].frames)))
    for number, clip in enumerate(clips):
        highest = float(clip.heat.max()) or 1.0
        chosen = shown_of(len(clip.frames))
        rows.axes[2 * number, 0].set_title(clip.title, fontsize=9, loc="left")
        for column, t in enumerate(chosen):
            rows.axes[2 * number, column].imshow(clip.frames[t])
            below = rows.axes[2 * number + 1, column]
            below.imshow(clip.frames[t])
            below.imshow(clip.heat[t], cmap="inferno", vmin=0, vmax=highest, alpha=OPACITY)
    return rows.figure


def attention_to_joints(heading: str, clips: Sequence[SeenJoints]) -> Figure:
    """For each clip its frames with the joints, and below them a map of how much each joint gets in each frame."""
    figure = Figure(figsize=(9, 5.2 * len(clips) + 0.4), layout="constrained")
    parts = figure.subfigures(len(clips), 1, squeeze=False)[:, 0]
    for part, clip in zip(parts, clips, strict=True):
        chosen = shown_of(len(clip.frames))
        above, below = part.subfigures(2, 1, height_ratios=(1, 2))
        highest = float(np.nan_to_num(clip.shares).max()) or 1.0
        for axes, t in zip(above.subplots(1, len(chosen), squeeze=False)[0], chosen, strict=True):
            axes.imshow(clip.frames[t])
            x, y = clip.places[t].T
            axes.scatter(x, y, c=clip.shares[t], cmap=COLOURS, vmin=0, vmax=highest, s=10, plotnonfinite=True)
            axes.set_axis_off()
        above.suptitle(clip.title, fontsize=9)
        axes = below.subplots()
        drawn = axes.imshow(clip.shares.T, aspect="auto", cmap=COLOURS, vmin=0, vmax=highest)
        axes.set_yticks(range(len(clip.joints)), clip.joints, fontsize=7)
        axes.set_xlabel("frame")
        below.colorbar(drawn, ax=axes, label="share of attention")
    figure.suptitle(heading, fontsize=10)
    return figure


def shown_of(frames: int) -> list[int]:
    """Which frames are drawn, from the first to the last."""
    return np.linspace(0, frames - 1, min(SHOWN, frames)).round().astype(int).tolist()


@dataclass(frozen=True)
class Rows:
    figure: Figure
    axes: NDArray[np.object_]


def figure_of(heading: str, rows: int, columns: int) -> Rows:
    """Pictures without axes around them."""
    figure = Figure(figsize=(1.6 * columns, 1.6 * rows + 0.5), layout="constrained")
    all_axes = figure.subplots(rows, columns, squeeze=False)
    for axes in all_axes.flat:
        assert isinstance(axes, Axes)
        axes.set_axis_off()
    figure.suptitle(heading, fontsize=10)
    return Rows(figure, all_axes)
