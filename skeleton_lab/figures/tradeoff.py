"""Accuracy against cost: what a network buys with its multiply–accumulates, its time or its memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, inf

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import Bbox

MEASURED, REPORTED = "tab:blue", "tab:grey"
MOST_COLUMNS = 3
# Costs that differ by more have numbers at the powers of ten alone.
WIDE = 200
BEATEN = 0.45  # the opacity of what is not on a front

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

    cost: what its axis shows. connected: the names of those that a line joins, in its order. steps: whether the line
    keeps an accuracy until the next network's cost, as the best that a cost can buy does.
    """

    title: str
    cost: str
    measured: Sequence[Point]
    reported: Sequence[Point] = ()
    connected: Sequence[str] = ()
    steps: bool = False


def pareto_front(points: Sequence[Point]) -> list[str]:
    """The names of those that no other point beats at their cost or a lower one, the cheapest first."""
    found, best = [], -inf
    for point in sorted(points, key=lambda point: (point.cost, -point.accuracy)):
        if point.accuracy > best:
            found.append(point.name)
            best = point.accuracy
    return found


def accuracy_against_cost(heading: str, panels: Sequence[Panel], logarithmic: bool = False) -> Figure:
    """One panel beside the other, three in a row at most. logarithmic: where networks differ by magnitudes."""
    columns = min(MOST_COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    figure = Figure(figsize=(6 * columns, 4.5 * rows), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    all_axes = every[: len(panels)]
    for spare in every[len(panels) :]:
        spare.set_axis_off()
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw(axes, panel.measured, panel, "measured", MEASURED)
        if panel.reported:
            _draw(axes, panel.reported, panel, "paper", REPORTED)
            axes.legend(loc="lower right")
        if logarithmic:
            axes.set_xscale("log")
            costs = [point.cost for point in (*panel.measured, *panel.reported)]
            steps = (1, 2, 5) if max(costs) < WIDE * min(costs) else (1,)
            axes.xaxis.set_major_locator(LogLocator(subs=steps))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(title=panel.title, xlabel=panel.cost, ylabel="top-1 accuracy (%)")
        axes.margins(0.15)
        axes.grid(alpha=0.3)
    figure.suptitle(heading, fontsize=10)
    figure.draw_without_rendering()  # labels are placed in pixels, which are known from here on
    for axes, panel in zip(all_axes, panels, strict=True):
        _label(axes, panel)
    return figure


def _draw(axes: Axes, points: Sequence[Point], panel: Panel, label: str, colour: str) -> None:
    places = {point.name: point.place for point in points}
    shades = [to_rgba(colour, BEATEN if panel.steps and name not in panel.connected else 1.0) for name in places]
    axes.scatter(*zip(*places.values(), strict=True), color=shades, label=label)
    line = [places[name] for name in panel.connected if name in places]
    if line:
        drawstyle = "steps-post" if panel.steps else "default"
        axes.plot(*zip(*line, strict=True), color=colour, linewidth=1, drawstyle=drawstyle)


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
