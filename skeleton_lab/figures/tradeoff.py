"""Accuracy against cost: what a network buys with its multiply–accumulates."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.report import Result

ACCURACY, COST = "top1", "gmacs_as_paper"


def accuracy_against_gmacs(result: Result) -> Figure | None:
    """One panel for each group of columns; None where no row has both numbers yet.

    The paper's points are drawn only where they may be compared.
    """
    groups = [group for group in result.table.unique("group") if group]
    panels = [(group, _points(result.measured, group)) for group in groups]
    if not any(points for _, points in panels):
        return None
    figure = Figure(figsize=(6 * len(panels), 4.5), layout="constrained")
    for axes, (group, points) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _draw(axes, points, "measured", "tab:blue")
        if result.is_comparable:
            _draw(axes, _points(result.measured, group, reported=True), "paper", "tab:grey")
            axes.legend()
        axes.set(title=group, xlabel="GMACs of one person's clip", ylabel="top-1 accuracy (%)")
        axes.grid(alpha=0.3)
    figure.suptitle(f"{result.table.id}, {result.headline}", fontsize=10)
    return figure


def _draw(axes: Axes, points: Sequence[tuple[str, float, float]], label: str, colour: str) -> None:
    axes.scatter([cost for _, cost, _ in points], [accuracy for *_, accuracy in points], color=colour, label=label)
    for name, cost, accuracy in points:
        axes.annotate(name, (cost, accuracy), xytext=(4, 4), textcoords="offset points", fontsize=8, color=colour)


def _points(measured: Sequence[Measured], group: str, reported: bool = False) -> list[tuple[str, float, float]]:
    """(row, GMACs, accuracy) of the rows that have both; a cost that all groups share stands in none."""
    found: dict[str, dict[str, float]] = {}
    for each in measured:
        value = each.cell.reported if reported else each.value
        if value is not None and each.cell.group in (group, "") and each.cell.metric in (ACCURACY, COST):
            found.setdefault(each.cell.row, {})[each.cell.metric] = value
    return [(row, values[COST], values[ACCURACY]) for row, values in found.items() if len(values) == 2]
