"""What networks spend, by kind of part: the largest parts of each as bars."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOUR = "tab:blue"


@dataclass(frozen=True)
class Spent:
    """The parts of one network, the largest first: (name, amount)."""

    network: str
    parts: Sequence[tuple[str, float]]


def breakdown_bars(heading: str, networks: Sequence[Spent], unit: str, decimals: int) -> Figure:
    """One panel below the other, each with a scale of its own: networks differ by magnitudes."""
    figure = Figure(figsize=(7, 0.8 + 1.5 * len(networks)), layout="constrained")
    all_axes = figure.subplots(len(networks), 1, squeeze=False)[:, 0]
    for axes, spent in zip(all_axes, networks, strict=True):
        _draw(axes, spent, decimals)
    all_axes[-1].set_xlabel(unit)
    figure.suptitle(heading, fontsize=10)
    return figure


def _draw(axes: Axes, spent: Spent, decimals: int) -> None:
    names, amounts = zip(*spent.parts, strict=True)
    bars = axes.barh(names, amounts, color=COLOUR, height=0.6)
    axes.bar_label(bars, [f"{amount:,.{decimals}f}" for amount in amounts], padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.set_title(spent.network, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
