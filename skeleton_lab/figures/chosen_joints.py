"""Skeletons frame by frame, as a policy saw them: with few joints or many.

Axes: J joints that were chosen, C coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray


@dataclass(frozen=True)
class ShownSkeleton:
    """joints (J, 3) in metres, y upwards; edges: pairs of them to be joined; choice: what the policy chose, and its
    place among all choices (0 to 1)."""

    joints: NDArray[np.float32]
    edges: Sequence[tuple[int, int]]
    choice: str
    place: float


@dataclass(frozen=True)
class ShownClip:
    title: str
    skeletons: Sequence[ShownSkeleton]


def chosen_joints(heading: str, clips: Sequence[ShownClip]) -> Figure:
    """One clip above the other, its skeletons side by side."""
    columns = max(len(clip.skeletons) for clip in clips)
    figure = Figure(figsize=(2.2 * columns, 2.9 * len(clips) + 0.4), layout="constrained")
    rows = figure.subfigures(len(clips), 1, squeeze=False)[:, 0]
    for row, clip in zip(rows, clips, strict=True):
        row.suptitle(clip.title, fontsize=10)
        centre, radius = _extent(clip)
        for number, skeleton in enumerate(clip.skeletons):
            axes = row.add_subplot(1, columns, number + 1, projection="3d")
            _draw(axes, skeleton, centre, radius)
    figure.suptitle(heading, fontsize=9)
    return figure


def _extent(clip: ShownClip) -> tuple[NDArray[np.float32], float]:
    """The middle and half the side of a cube around all skeletons of a clip."""
    joints_C = np.concatenate([skeleton.joints for skeleton in clip.skeletons])
    low, high = joints_C.min(axis=0), joints_C.max(axis=0)
    return (low + high) / 2, max(float((high - low).max()) / 2, 1e-3)


def _draw(axes: Axes3D, skeleton: ShownSkeleton, centre: NDArray[np.float32], radius: float) -> None:
    colour = colormaps["viridis"](0.9 * skeleton.place)
    # The picture's depth is the recording's z, its height the recording's y.
    x, depth, height = (skeleton.joints[:, axis] for axis in (0, 2, 1))
    for start, end in skeleton.edges:
        ends = [start, end]
        axes.plot(x[ends], depth[ends], height[ends], color="tab:grey", linewidth=1)
    axes.scatter(x, depth, height, color=colour, s=14, depthshade=False)
    for limits, axis in ((axes.set_xlim, 0), (axes.set_ylim, 2), (axes.set_zlim, 1)):
        limits(centre[axis] - radius, centre[axis] + radius)
    axes.view_init(elev=10, azim=-80)
    axes.set_box_aspect((1, 1, 1), zoom=1.4)
    axes.set_axis_off()
    axes.set_title(skeleton.choice, fontsize=9, color=colour)
