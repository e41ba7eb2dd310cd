"""Skeletons one after another, as an animated GIF."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from skeleton_lab.figures.skeletons import ShownSkeleton, draw_skeleton, extent

# Of longer clips frames are left out: each takes a tenth of a second to draw.
MOST_FRAMES = 60
# Pictures in a second.
SLOWEST, FASTEST = 4, 25
DPI = 80


def animate(heading: str, skeletons: Sequence[ShownSkeleton], per_second: float, path: Path) -> None:
    """Write a GIF. per_second: how many of the skeletons pass in a second of the recording."""
    kept = np.linspace(0, len(skeletons) - 1, min(MOST_FRAMES, len(skeletons))).round().astype(int).tolist()
    centre, radius = extent(np.concatenate([skeleton.joints for skeleton in skeletons]))
    figure = Figure(figsize=(4.5, 5))
    axes: Axes3D = figure.add_axes((0, 0, 1, 0.86), projection="3d")
    figure.suptitle(heading, fontsize=9)

    def draw(number: int) -> list:
        axes.cla()
        draw_skeleton(axes, skeletons[number], centre, radius)
        return []

    fps = min(max(round(per_second * len(kept) / len(skeletons)), SLOWEST), FASTEST)
    FuncAnimation(figure, draw, frames=kept, init_func=list).save(path, PillowWriter(fps=fps), dpi=DPI)
