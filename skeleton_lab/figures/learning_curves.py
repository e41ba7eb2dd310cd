"""How networks learn: on the clips that a network learns from, and on those held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red")

Curve = Mapping[int, float]
"""From epochs, counted from 1, to what was measured after them."""


@dataclass(frozen=True)
class Learning:
    """The curves of one network, by what they are of ('training'): one for each seed."""

    network: str
    curves: Mapping[str, Sequence[Curve]]


def learning_curves(heading: str, networks: Sequence[Learning], what: str) -> Figure:
    """One panel beside the other, on one scale. what: was measured, for its axis."""
    figure = Figure(figsize=(5.5 * len(networks), 4), layout="constrained")
    all_axes = figure.subplots(1, len(networks), squeeze=False, sharey=True)[0]
    for axes, learning in zip(all_axes, networks, strict=True):
        _draw(axes, learning)
    all_axes[0].set_ylabel(what)
    figure.suptitle(heading, fontsize=10)
    return figure


def _draw(axes: Axes, learning: Learning) -> None:
    for (what, curves), colour in zip(learning.curves.items(), COLOURS, strict=False):
        for number, curve in enumerate(curves):
            # One epoch alone is a point.
            marker = "o" if len(curve) == 1 else None
            label = what if number == 0 else None
            axes.plot(list(curve), list(curve.values()), color=colour, marker=marker, linewidth=1.5, label=label)
    axes.set(title=learning.network, xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
