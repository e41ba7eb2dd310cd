"""Accuracy against cost: what a network buys with its multiply–accumulates."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Point:
    """One network: its cost in GMACs of one person's clip, and its top-1 accuracy in percent."""

    name: str
    gmacs: float
    accuracy: float


@dataclass(frozen=True)
class Panel:
    """The networks of one protocol, as measured, and as reported where the two may be compared."""

    title: str
    measured: Sequence[Point]
    reported: Sequence[Point] = ()


def accuracy_against_gmacs(heading: str, panels: Sequence[Panel]) -> Figure:
    """One panel beside the other."""
    figure = Figure(figsize=(6 * len(panels), 4.5), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _draw(axes, panel.measured, "measured", "tab:blue")
        if panel.reported:
            _draw(axes, panel.reported, "paper", "tab:grey")
            axes.legend()
        axes.set(title=panel.title, xlabel="GMACs of one person's clip", ylabel="top-1 accuracy (%)")
        axes.grid(alpha=0.3)
    figure.suptitle(heading, fontsize=10)
    return figure


def _draw(axes: Axes, points: Sequence[Point], label: str, colour: str) -> None:
    axes.scatter([point.gmacs for point in points], [point.accuracy for point in points], color=colour, label=label)
    for point in points:
        place = (point.gmacs, point.accuracy)
        axes.annotate(point.name, place, xytext=(4, 4), textcoords="offset points", fontsize=8, color=colour)
