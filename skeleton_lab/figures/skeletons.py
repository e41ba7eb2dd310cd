"""Skeletons side by side, each joint with a colour and a size of its own: what a policy chose, what attention found.

Axes: M persons, V joints of each, J joints of all who are shown, C coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray

from data_modules.layouts import Layout

COLOURS = colormaps["viridis"]
# Areas of a joint's mark in points².
PLAIN = 14.0
# The marks of joints that weigh nothing and of those that weigh most.
SMALLEST, LARGEST = PLAIN / 2, 8 * PLAIN
LINK = "tab:red"
# Of viridis, whose end is too pale on white.
BRIGHTEST = 0.9

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ShownSkeleton:
    """joints (J, 3) in metres, y upwards; edges: pairs of them to be joined; shade (J,): the place of each joint in the
    colour map, 0 to 1; area (J,): of each joint's mark in points²; links: further pairs of joints with a weight, 0 to
    1."""

    joints: Floats
    edges: Sequence[tuple[int, int]]
    title: str
    shade: Floats
    area: Floats
    links: Sequence[tuple[int, int, float]] = ()


@dataclass(frozen=True)
class ShownClip:
    title: str
    skeletons: Sequence[ShownSkeleton]


def upwards(joints: Floats, layout: Layout) -> Floats:
    """Joints (..., 3) as they are drawn: in a picture y points downwards, and the third number is no place."""
    return joints if layout.dimensions == 3 else joints * np.array([1, -1, 0], np.float32)


def from_least_to_most(values: Floats) -> Floats:
    """What is drawn of values that may differ by little: 0 for the least of them, 1 for the most."""
    least, most = values.min(), values.max()
    return (values - least) / (most - least) if most > least else np.zeros_like(values)


def weighed(joints_MVC: Floats, there_M: Bools, weight_MV: Floats, layout: Layout, title: str) -> ShownSkeleton:
    """All persons of a frame who are there (the first where nobody is), the brighter and larger a joint the more it
    weighs, from 0 to 1."""
    kept_M = there_M if there_M.any() else np.arange(len(there_M)) == 0
    persons_MVC, share_J = joints_MVC[kept_M], weight_MV[kept_M].ravel()
    starts = range(0, len(share_J), layout.num_joints)
    bones = [(start + child, start + parent) for start in starts for child, parent in layout.bones]
    area_J = SMALLEST + (LARGEST - SMALLEST) * share_J
    return ShownSkeleton(upwards(persons_MVC.reshape(-1, 3), layout), bones, title, share_J, area_J)


def together(shown: Sequence[ShownSkeleton], title: str) -> ShownSkeleton:
    """Several persons as one skeleton."""
    starts = np.cumsum([0, *(len(each.joints) for each in shown)]).tolist()
    return ShownSkeleton(
        np.concatenate([each.joints for each in shown]),
        [
            (first + start, second + start)
            for start, each in zip(starts, shown, strict=False)
            for first, second in each.edges
        ],
        title,
        np.concatenate([each.shade for each in shown]),
        np.concatenate([each.area for each in shown]),
        [(a + start, b + start, w) for start, each in zip(starts, shown, strict=False) for a, b, w in each.links],
    )


def skeletons(heading: str, clips: Sequence[ShownClip]) -> Figure:
    """One clip above the other, its skeletons side by side."""
    columns = max(len(clip.skeletons) for clip in clips)
    figure = Figure(figsize=(2.2 * columns, 2.9 * len(clips) + 0.4), layout="constrained")
    rows = figure.subfigures(len(clips), 1, squeeze=False)[:, 0]
    for row, clip in zip(rows, clips, strict=True):
        row.suptitle(clip.title, fontsize=10)
        centre, radius = extent(np.concatenate([skeleton.joints for skeleton in clip.skeletons]))
        for number, skeleton in enumerate(clip.skeletons):
            axes = row.add_subplot(1, columns, number + 1, projection="3d")
            draw_skeleton(axes, skeleton, centre, radius)
    figure.suptitle(heading, fontsize=9)
    return figure


def extent(joints: Floats) -> tuple[Floats, float]:
    """The middle and half the side of a cube around joints (J, 3)."""
    low, high = joints.min(axis=0), joints.max(axis=0)
    return (low + high) / 2, max(float((high - low).max()) / 2, 1e-3)


def draw_skeleton(axes: Axes3D, skeleton: ShownSkeleton, centre: Floats, radius: float) -> None:
    """In a cube that the axes fill; see `extent`."""
    # The picture's depth is the recording's z, its height the recording's y.
    x, depth, height = (skeleton.joints[:, axis] for axis in (0, 2, 1))
    for start, end in skeleton.edges:
        ends = [start, end]
        axes.plot(x[ends], depth[ends], height[ends], color="tab:grey", linewidth=1)
    for start, end, weight in skeleton.links:
        ends = [start, end]
        axes.plot(x[ends], depth[ends], height[ends], color=LINK, linewidth=3 * weight, alpha=0.8 * weight)
    colours = COLOURS(BRIGHTEST * skeleton.shade)
    axes.scatter(x, depth, height, c=colours, s=skeleton.area, depthshade=False)
    for limits, axis in ((axes.set_xlim, 0), (axes.set_ylim, 2), (axes.set_zlim, 1)):
        limits(centre[axis] - radius, centre[axis] + radius)
    axes.view_init(elev=10, azim=-80)
    axes.set_box_aspect((1, 1, 1), zoom=1.4)
    axes.set_axis_off()
    axes.set_title(skeleton.title, fontsize=9)
