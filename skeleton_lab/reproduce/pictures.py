"""The pictures that a table can ask for, drawn from its measured cells."""

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from skeleton_lab.figures.tradeoff import Panel, Point, accuracy_against_gmacs
from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.report import Result

ACCURACY, COST = "top1", "gmacs_as_paper"


def tradeoff(result: Result) -> Figure | None:
    """Accuracy against GMACs, a panel for each group of columns; None where no row has both numbers yet.

    The paper's points are drawn only where they may be compared.
    """
    panels = []
    for group in filter(None, result.table.unique("group")):
        reported = _points(result.measured, group, reported=True) if result.is_comparable else []
        panels.append(Panel(group, _points(result.measured, group), reported))
    if not any(panel.measured for panel in panels):
        return None
    return accuracy_against_gmacs(f"{result.table.id}, {result.headline}", panels)


def _points(measured: Sequence[Measured], group: str, reported: bool = False) -> list[Point]:
    """The rows that have both numbers; a cost that all groups share stands in none of them."""
    found: dict[str, dict[str, float]] = {}
    for each in measured:
        value = each.cell.reported if reported else each.value
        if value is not None and each.cell.group in (group, "") and each.cell.metric in (ACCURACY, COST):
            found.setdefault(each.cell.row, {})[each.cell.metric] = value
    return [Point(row, values[COST], values[ACCURACY]) for row, values in found.items() if len(values) == 2]


PICTURES: dict[str, Callable[[Result], Figure | None]] = {"accuracy_against_gmacs": tradeoff}
