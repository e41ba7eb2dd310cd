"""Frames of a film one after another, with the joints in them and what attention looks at, as an animated GIF.

Axes: T frames, M persons, V joints, H rows, W columns, C = 2 coordinates or 3 colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from skeleton_lab.figures.animation import DPI, SLOWEST
from skeleton_lab.figures.attention_on_frames import OPACITY

BONES = "#39d353"


@dataclass(frozen=True)
class ShownFilm:
    """frames: uint8 (T, H, W, 3). places: (T, M, V, 2), x and y in pixels, NaN of joints that are not seen. bones:
    pairs of joints. heat: (T, H, W), how much attention each pixel gets; None where nothing attends to films."""

    frames: NDArray[np.uint8]
    places: NDArray[np.float32]
    bones: Sequence[tuple[int, int]]
    heat: NDArray[np.float32] | None


def animate_film(heading: str, film: ShownFilm, path: Path) -> None:
    """Write a GIF, slower than the recording: a clip has few of its frames. Attention stands on the right."""
    panels = 1 if film.heat is None else 2
    figure = Figure(figsize=(3.2 * panels, 3.8), layout="constrained")
    figure.suptitle(heading, fontsize=9)
    left, *right = figure.subplots(1, panels, squeeze=False)[0]

    def draw(t: int) -> list:
        _draw_joints(left, film, t)
        if film.heat is not None:
            _draw_heat(right[0], film.frames[t], film.heat[t], float(film.heat.max()) or 1.0)
        return []

    FuncAnimation(figure, draw, frames=len(film.frames), init_func=list).save(path, PillowWriter(fps=SLOWEST), dpi=DPI)


def _draw_joints(axes: Axes, film: ShownFilm, t: int) -> None:
    axes.cla()
    axes.set_axis_off()
    axes.imshow(film.frames[t])
    for places_VC in film.places[t]:
        for bone in film.bones:
            axes.plot(*places_VC[list(bone)].T, color=BONES, linewidth=1.5)
    # Joints outside of the picture do not widen it.
    height, width = film.frames.shape[1:3]
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=f"frame {t + 1}")


def _draw_heat(axes: Axes, frame: NDArray[np.uint8], heat: NDArray[np.float32], highest: float) -> None:
    axes.cla()
    axes.set_axis_off()
    axes.imshow(frame)
    axes.imshow(heat, cmap="inferno", vmin=0, vmax=highest, alpha=OPACITY)
    axes.set_title("3D deformable attention", fontsize=9)
