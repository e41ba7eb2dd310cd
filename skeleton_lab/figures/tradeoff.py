"""Accuracy against cost: what a network buys with its multiply–accumulates."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import Bbox

MEASURED, REPORTED = "tab:blue", "tab:grey"

# Where a label may stand beside its point, the nearest first: steps of a line's height above and below, right and left.
PLACES = list(product((4, -11, 15, -22, 26, -33, 37, -44), (6, -6)))  # (up, right), in points


@dataclass(frozen=True)
class Point:
    """One network: what it costs, and its top-1 accuracy in percent."""

    name: str
    cost: float
    accuracy: float

    @property
    def place(self) -> tuple[float, float]:
        return self.cost, self.accuracy


@dataclass(frozen=True)
class Panel:
    """The networks of one protocol, as measured, and as reported where the two may be compared.

    connected: the names of those that a line joins, in its order.
    """

    title: str
    measured: Sequence[Point]
    reported: Sequence[Point] = ()
    connected: Sequence[str] = ()


def accuracy_against_cost(heading: str, panels: Sequence[Panel], cost: str, logarithmic: bool = False) -> Figure:
    """One panel beside the other. cost: what its axis shows; logarithmic, where networks differ by magnitudes."""
    figure = Figure(figsize=(6 * len(panels), 4.5), layout="constrained")
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw(axes, panel.measured, panel.connected, "measured", MEASURED)
        if panel.reported:
            _draw(axes, panel.reported, panel.connected, "paper", REPORTED)
            axes.legend(loc="lower right")
        if logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(title=panel.title, xlabel=cost, ylabel="top-1 accuracy (%)")
        axes.margins(0.15)
        axes.grid(alpha=0.3)
    figure.suptitle(heading, fontsize=10)
    figure.draw_without_rendering()  # labels are placed in pixels, which are known from here on
    for axes, panel in zip(all_axes, panels, strict=True):
        _label(axes, panel)
    return figure


def _draw(axes: Axes, points: Sequence[Point], connected: Sequence[str], label: str, colour: str) -> None:
    axes.scatter([point.cost for point in points], [point.accuracy for point in points], color=colour, label=label)
    places = {point.name: point.place for point in points}
    line = [places[name] for name in connected if name in places]
    if line:
        axes.plot(*zip(*line, strict=True), color=colour, linewidth=1)


def _label(axes: Axes, panel: Panel) -> None:
    """Name every point, where there is room beside it."""
    coloured = [(point, MEASURED) for point in panel.measured] + [(point, REPORTED) for point in panel.reported]
    taken = [_around(axes, point) for point, _ in coloured]
    legend = axes.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent())
    for point, colour in coloured:
        label = axes.annotate(point.name, point.place, (0, 0), textcoords="offset points", fontsize=8, color=colour)
        for up, right in PLACES:
            label.set(position=(right, up), horizontalalignment="left" if right > 0 else "right")
            box = label.get_window_extent()
            inside = axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def _around(axes: Axes, point: Point) -> Bbox:
    """The pixels of a point's mark."""
    x, y = axes.transData.transform(point.place)
    return Bbox.from_extents(x - 3, y - 3, x + 3, y + 3)
