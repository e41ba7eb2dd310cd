"""One number for each joint of a skeleton, on the skeleton and as bars beside it.

Axes: V joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skeleton_lab.figures.skeletons import BRIGHTEST, COLOURS, Floats, ShownSkeleton, draw_skeleton, extent


@dataclass(frozen=True)
class JointMeans:
    """names and values (V,) of the joints of a skeleton."""

    title: str
    names: Sequence[str]
    values: Floats
    skeleton: ShownSkeleton


def joint_means(heading: str, panels: Sequence[JointMeans], what: str) -> Figure:
    """One panel below the other. what: the values are, for their axis; they may be below 0."""
    figure = Figure(figsize=(9, 0.7 + sum(0.4 + 0.22 * len(panel.names) for panel in panels)), layout="constrained")
    heights = [len(panel.names) for panel in panels]
    rows = figure.subfigures(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for row, panel in zip(rows, panels, strict=True):
        row.suptitle(panel.title, fontsize=10)
        draw_skeleton(row.add_subplot(1, 2, 1, projection="3d"), panel.skeleton, *extent(panel.skeleton.joints))
        _draw_bars(row.add_subplot(1, 2, 2), panel, what)
    figure.suptitle(heading, fontsize=9)
    return figure


def _draw_bars(axes: Axes, panel: JointMeans, what: str) -> None:
    """In the order of the joints, in the colours that they have on the skeleton."""
    bars = axes.barh(np.arange(len(panel.names)), panel.values, color=COLOURS(BRIGHTEST * panel.skeleton.shade))
    axes.bar_label(bars, [f"{round(float(value), 1) + 0.0:+.1f}" for value in panel.values], padding=3, fontsize=7)
    axes.set_yticks(range(len(panel.names)), panel.names, fontsize=8)
    axes.axvline(0, color="tab:grey", linewidth=1)
    axes.invert_yaxis()
    axes.margins(x=0.15, y=0.01)
    axes.set_xlabel(what, fontsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
