"""How sure networks are: the distribution of the highest probability that they give to a class.

Axes: N clips of the test set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

# Below it a network is not sure.
HALF = 0.5


@dataclass(frozen=True)
class ConfidencePanel:
    """highest: the highest probability of each clip (N,), by what gave it."""

    title: str
    highest: Mapping[str, NDArray[np.float64]]


def confidence(heading: str, panels: Sequence[ConfidencePanel]) -> Figure:
    """Violins of all clips above those of the clips whose highest probability is below 0.5, with how many they are."""
    widest = max(len(panel.highest) for panel in panels)
    figure = Figure(figsize=((1.5 * widest + 0.4) * len(panels), 6.5), layout="constrained")
    all_axes = figure.subplots(2, len(panels), squeeze=False, sharey="row")
    for (above, below), panel in zip(all_axes.T, panels, strict=True):
        unsure = {name: highest_N[highest_N < HALF] for name, highest_N in panel.highest.items()}
        _draw(above, panel.highest)
        _draw(below, unsure)
        above.set(title=panel.title, ylim=(0, 1.02))
        below.set(ylim=(0, HALF))
    all_axes[0][0].set_ylabel("highest probability, all clips")
    all_axes[1][0].set_ylabel("clips below 0.5")
    figure.suptitle(heading, fontsize=10)
    return figure


def _draw(axes: Axes, highest: Mapping[str, NDArray[np.float64]]) -> None:
    for place, highest_N in enumerate(highest.values()):
        if len(highest_N) > 1:  # of one clip there is no distribution
            axes.violinplot([highest_N], [place], showmedians=True, widths=0.8)
        else:
            axes.plot([place] * len(highest_N), highest_N, "o")
    names = [f"{name}\n{len(highest_N):,} clips" for name, highest_N in highest.items()]
    axes.set_xticks(range(len(names)), names, fontsize=7)
    axes.grid(alpha=0.3, axis="y")
