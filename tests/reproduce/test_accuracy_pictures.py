"""Pictures of accuracy against cost, and by the value of a setting."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from skeleton_lab.reproduce.accuracy_pictures import by_setting, tradeoff
from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.pictures import PICTURES
from skeleton_lab.reproduce.report import Result
from skeleton_lab.reproduce.tables import load_table, table_names
from tests.reproduce.made_up_results import REQUEST, cell, measured, result, two_cells


def tradeoff_of(result: Result, **options: Any) -> Any:
    return tradeoff(Pictured(result, (), Path()), **options)


def test_rows_of_ours_are_drawn_by_the_cost_of_a_whole_clip_alone() -> None:
    found = []
    for row, ours in (("a", False), ("b", True)):
        for metric, value in (("top1", 90.0), ("gmacs_as_paper", 0.1), ("gmacs_per_clip", 0.2)):
            column = replace(cell(), row=row, row_is_ours=ours, metric=metric, column=metric)
            found.append(Measured(column, (value,), (("run",),), "not comparable"))
    names = {cost: drawn_names(tradeoff_of(result(*found), cost=cost)) for cost in ("gmacs_as_paper", "gmacs_per_clip")}
    assert names == {"gmacs_as_paper": ["a"], "gmacs_per_clip": ["a", "b"]}


def drawn_names(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_picture_shows_the_papers_points_only_where_they_compare() -> None:
    for verdict, labels in (("not comparable", ["a"]), ("reproduced", ["a", "a"])):
        figure = tradeoff_of(two_cells(verdict))
        assert figure is not None
        assert [text.get_text() for text in figure.axes[0].texts] == labels


def test_a_cost_that_the_paper_does_not_give_is_the_measured_one_for_its_points_too() -> None:
    of_ours = [
        measured(each.cell if each.cell.metric == "top1" else replace(each.cell, reported=None), each.value or 0)
        for each in two_cells("reproduced").measured
    ]
    figure = tradeoff_of(result(*(replace(each, verdict="reproduced") for each in of_ours)))
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "a"]


def test_protocols_have_a_line_each_by_the_value_of_a_setting() -> None:
    found, planned = [], []
    for group in ("CS", "CV"):
        for frames in (8, 16):
            column = replace(cell(), group=group, row=str(frames))
            found.append(measured(column, frames + (group == "CV")))
            settings = SimpleNamespace(data=SimpleNamespace(clip_len=frames))
            planned.append(SimpleNamespace(runs=[SimpleNamespace(settings=settings)]))
    pictured = Pictured(result(*found), tuple(planned), Path())  # type: ignore[arg-type]
    figure = by_setting(pictured, key="data.clip_len", setting="frames")
    assert figure is not None
    lines = {str(line.get_label()): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines == {"CS": [8, 16], "CV": [9, 17]}


def test_no_picture_without_points() -> None:
    assert tradeoff_of(result(Measured(cell(), (), (), "not run"))) is None


def test_a_line_joins_the_rows_of_a_curve_in_the_order_of_its_key() -> None:
    points = [(4.0, 0.07, 89.0), (0.5, 0.1, 88.0), (10.0, 0.03, 86.0)]
    found = []
    for alpha, cost, accuracy in points:
        request = replace(REQUEST, changes={"model.alpha": alpha})
        for metric, value in (("top1", accuracy), ("gmacs_as_paper", cost)):
            found.append(measured(replace(cell(metric, row=f"α={alpha}"), seeds=((request,),)), value))
    figure = tradeoff_of(result(*found, *two_cells().measured), curve="model.alpha")
    assert figure is not None
    (line,) = figure.axes[0].lines
    assert list(line.get_xdata()) == [0.1, 0.07, 0.03]
    assert list(line.get_ydata()) == [88, 89, 86]
    plain = tradeoff_of(result(*found))
    assert plain is not None
    assert not plain.axes[0].lines


def test_names_of_networks_that_are_alike_can_be_read() -> None:
    points = [measured(cell(metric, row=row), 50) for row in "abcde" for metric in ("top1", "gmacs_as_paper")]
    figure = tradeoff_of(result(*points))
    assert figure is not None
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 5
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_costs_that_differ_by_magnitudes_are_drawn_on_a_logarithmic_axis() -> None:
    for logarithmic, scale in ((True, "log"), (False, "linear")):
        figure = tradeoff_of(two_cells(), logarithmic=logarithmic)
        assert figure is not None
        assert figure.axes[0].get_xscale() == scale


@pytest.mark.parametrize("name", table_names())
def test_every_picture_that_a_table_asks_for_exists(name: str) -> None:
    assert set(load_table(name, "paper").pictures) <= set(PICTURES)
