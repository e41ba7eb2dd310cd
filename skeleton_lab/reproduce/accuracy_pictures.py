"""Pictures of accuracy against what a network costs, and by the value of a setting."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from skeleton_lab.figures.by_setting import accuracy_by_setting
from skeleton_lab.figures.by_sparsity import Line, SparsityPanel
from skeleton_lab.figures.by_sparsity import accuracy_by_sparsity as draw_by_sparsity
from skeleton_lab.figures.tradeoff import Panel, Point, accuracy_against_cost, pareto_front
from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.tables import Table
from skeleton_lab.settings import RunSettings

ACCURACY, COST, COST_OF_CLIP, SIZE = "top1", "gmacs_as_paper", "gmacs_per_clip", "parameters_left"
AXES = {
    COST: "GMACs of one person's clip, as the paper counts",
    COST_OF_CLIP: "GMACs of a clip with all its persons",
    SIZE: "parameters that are left",
    "latency_ms": "ms of a clip",
    "parameters": "parameters",
    "stored_mb": "MB that the checkpoint keeps",
    "moved_mb": "MB that operators read and write for a clip",
    "peak_mb": "MB that are there at once for a clip",
}
SPARSITY = "model.sparsity"
TEST_FRAMES = "data.test_clip_len"


def tradeoff(pictured: Pictured, cost: str = COST, logarithmic: bool = False, curve: str = "") -> Figure | None:
    """Accuracy against cost, a panel for each group of columns of which a row has both numbers; None where none has.

    The paper's points are drawn only where they may be compared. Rows of ours may average a person's cost over other
    persons than the paper's do: they are drawn only where the cost is that of a whole clip.
    curve: a full key; a line joins the rows that set it.
    """
    result, panels = pictured.result, []
    connected = _rows_by(curve, result.table)
    for group in filter(None, result.table.unique("group")):
        reported = _points(result.measured, group, cost, reported=True) if result.is_comparable else []
        measured = _points(result.measured, group, cost)
        if measured:
            panels.append(Panel(group, AXES[cost], measured, reported, connected))
    if not panels:
        return None
    return accuracy_against_cost(pictured.heading, panels, logarithmic)


def pareto(pictured: Pictured) -> Figure | None:
    """Accuracy against every cost that the table has, a panel for each in each group, with the line of those networks
    that none beats at their cost or a lower one; None where nothing was measured."""
    result, panels = pictured.result, []
    for group in filter(None, result.table.unique("group")):
        for cost in [metric for metric in result.table.unique("metric") if metric in AXES]:
            points = _points(result.measured, group, cost)
            if points:
                panels.append(Panel(group, AXES[cost], points, connected=pareto_front(points), steps=True))
    return accuracy_against_cost(pictured.heading, panels, logarithmic=True) if panels else None


def by_setting(pictured: Pictured, key: str, setting: str, lines: str = "") -> Figure | None:
    """Accuracy by the value of a full key, which the picture calls `setting`: a line for each group of columns, and for
    each value of `lines`, another full key. None where nothing was measured."""
    several = len([group for group in pictured.result.table.unique("group") if group]) > 1
    found: dict[str, dict[float, float]] = {}
    for each, planned in zip(pictured.result.measured, pictured.planned, strict=True):
        if each.cell.metric == ACCURACY and each.value is not None and planned.runs:
            settings = planned.runs[0].settings
            line = f"{lines.rpartition('.')[2].replace('_', ' ')} {value_of(settings, lines)}" if lines else ""
            name = ", ".join(filter(None, (each.cell.group if several else "", line)))
            found.setdefault(name, {})[float(value_of(settings, key))] = each.value
    if not found:
        return None
    return accuracy_by_setting(pictured.heading, setting, found)


def value_of(settings: RunSettings, key: str) -> Any:
    """Of a full key; how many frames a test shows is, where it is not said, how many training shows."""
    section, _, name = key.partition(".")
    value = getattr(getattr(settings, section), name)
    return settings.data.clip_len if key == TEST_FRAMES and value is None else value


def accuracy_by_sparsity(pictured: Pictured) -> Figure | None:
    """A panel for each network in each group, with a line for each of its forms (sparse ST-GCNs, Figures 3 to 5).

    Rows are named 'network, form: sparsity', and the dense network's 'network: dense'. None where no row with a
    sparsity has a number yet.
    """
    rows: dict[str, dict[str, list[Measured]]] = {}
    for each in pictured.result.measured:
        if each.cell.metric == ACCURACY and each.value is not None:
            network = each.cell.row.partition(":")[0].partition(",")[0]
            rows.setdefault(each.cell.group, {}).setdefault(network, []).append(each)
    panels = [[_by_sparsity(f"{name}, {group}", each) for name, each in found.items()] for group, found in rows.items()]
    if not any(panel.lines for row in panels for panel in row):
        return None
    return draw_by_sparsity(pictured.heading, panels)


def _by_sparsity(title: str, measured: Sequence[Measured]) -> SparsityPanel:
    lines: dict[str, Line] = {}
    dense = None
    for each in measured:
        form = each.cell.row.partition(":")[0].partition(", ")[2]
        assert each.value is not None
        if not form:
            dense = each.value
            continue
        line = lines.setdefault(form, Line({}, {}))
        sparsity = each.cell.requests[0].changes[SPARSITY]
        line.accuracy[sparsity] = each.value
        line.spread[sparsity] = each.spread or 0.0
    return SparsityPanel(title, lines, dense)


def _rows_by(key: str, table: Table) -> list[str]:
    """The rows that set `key`, in the order of its values."""
    requests = [(cell.row, request) for cell in table.cells for members in cell.seeds for request in members]
    values = {row: request.changes[key] for row, request in requests if key in request.changes}
    return sorted(values, key=lambda row: values[row])


def _points(measured: Sequence[Measured], group: str, cost: str, reported: bool = False) -> list[Point]:
    """The rows that have both numbers; a cost that all groups share stands in none of them. One that the paper does
    not give is what was measured."""
    found: dict[str, dict[str, float]] = {}
    for each in measured:
        if each.cell.group not in (group, "") or (cost == COST and each.cell.row_is_ours):
            continue
        of_ours = each.cell.metric == cost and each.cell.reported is None
        value = each.cell.reported if reported and not of_ours else each.value
        if value is not None and each.cell.metric in (ACCURACY, cost):
            found.setdefault(each.cell.row, {})[each.cell.metric] = value
    return [Point(row, values[cost], values[ACCURACY]) for row, values in found.items() if len(values) == 2]
