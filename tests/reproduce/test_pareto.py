"""The table of ours that asks what accuracy costs: every model once, nothing held against a paper."""

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from data_modules.readers import READERS
from data_modules.readers.reader import Index
from skeleton_lab.config import Request
from skeleton_lab.figures.tradeoff import Point, pareto_front
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.accuracy_pictures import AXES, pareto
from skeleton_lab.reproduce.assemble import Measured, assemble, plan_table
from skeleton_lab.reproduce.footprints import footprints
from skeleton_lab.reproduce.page import print_table, write_page
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.report import Result, as_json, as_markdown
from skeleton_lab.reproduce.runs import Planner, folder_of
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.tables import Table, load_table
from tests.helpers import only
from tests.reproduce.test_executor import plan, run_all
from tests.reproduce.test_latencies import cell
from tests.reproduce.test_runs import FakeStore


@dataclass(frozen=True)
class Filmed(FakeStore):
    """The same recordings, each with a film."""

    @property
    def index(self) -> Index:
        found = super().index
        return replace(found, video=np.array([f"{name}.avi" for name in found.sample_id]))


def of_films(table: Table) -> Request:
    return next(request for request in table.requests if request.model == "deform3d")


@pytest.fixture(scope="module")
def table() -> Table:
    return load_table("pareto", "demo")


def of(store: FakeStore) -> dict[str, Source]:
    return {"ntu60": Source(READERS["ntu60"], store, Path(), is_demo=False)}  # type: ignore[arg-type]


def test_every_model_of_the_suite_is_in_it(table: Table) -> None:
    assert table.models == set(MODELS)
    assert {cell.metric for cell in table.cells} == {"top1", *(set(AXES) - {"gmacs_as_paper", "parameters_left"})}
    assert all(cell.reported is None for cell in table.cells)


def test_it_is_of_the_first_protocol_of_any_dataset_or_of_the_one_that_is_asked_for(table: Table) -> None:
    assert {request.protocol for request in table.requests} == {"xsub"}
    gestures = load_table("pareto", "demo", "shrec2017")
    assert {request.protocol for request in gestures.requests} == {"gestures14"}
    assert "SGN, 11 joints, small" in gestures.unique("row")
    other = load_table("pareto", "demo", protocol="xview")
    assert {request.protocol for request in other.requests} == {"xview"}


def test_films_are_left_out_with_a_reason_where_there_are_none(table: Table) -> None:
    assert not table.shows_films
    planned = plan_table(table, of(FakeStore()))
    (why,) = {each.why for each in planned} - {""}
    assert why == "3D deformable transformer is not run: it looks at films, and ntu60 has none here."
    assert all(bool(each.runs) != bool(each.why) for each in planned)
    left_out = [each for each in assemble(table, planned, Path("nowhere")) if each.cell.row.startswith("3D")]
    assert {each.verdict for each in left_out} == {"not run"}
    filmed = Planner(of(Filmed())).plan(of_films(table))
    assert not filmed.lacks_films


def test_a_table_of_films_alone_is_never_emptied() -> None:
    table = load_table("deform3d_tab4", "demo", "ntu60")
    assert table.shows_films
    assert all(each.runs for each in plan_table(table, of(FakeStore())) if not each.cell.is_quoted)


def test_what_is_kept_and_moved_is_counted_of_trained_networks(demo_source: Source, tmp_path: Path) -> None:
    small = plan(demo_source, "adasgn_single", model__size="small")
    big = plan(demo_source)
    run_all([small, big], tmp_path)
    planned = [cell(run, metric) for run in (small, big, plan(demo_source, seed=2)) for metric in ("moved_mb", "top1")]
    found = footprints(planned, tmp_path)
    assert set(found) == {"stored_mb", "moved_mb", "peak_mb"}
    for metric, values in found.items():
        assert set(values) == {small.name, big.name}
        assert 0 < values[small.name] <= values[big.name], metric
    assert found["moved_mb"][small.name] < found["moved_mb"][big.name]
    size = folder_of(small, tmp_path).checkpoint.stat().st_size / 1e6
    assert size / 2 < found["stored_mb"][small.name] < size
    assert found["peak_mb"][small.name] < found["moved_mb"][small.name]
    assert not footprints([cell(small, "top1")], tmp_path)["peak_mb"]


def test_the_front_holds_what_nothing_beats_at_its_cost() -> None:
    points = [
        Point("dear", 9, 80),
        Point("best", 5, 90),
        Point("cheap", 1, 50),
        Point("tie", 1, 40),
        Point("mid", 2, 50),
    ]
    assert pareto_front(points) == ["cheap", "best"]


ROWS = ("SGN", "AdaSGN", "ST-GCN")


def measured(table: Table) -> Result:
    """Every cell of three rows has a number: their places among the three, from 1."""
    cells = [cell for cell in table.cells if cell.row in ROWS]
    found = tuple(Measured(each, (ROWS.index(each.row) + 1.0,), (("run",),), "not comparable") for each in cells)
    return Result(table, found, "demo data", {})


def test_every_cost_has_a_panel_with_its_front(table: Table) -> None:
    figure: Any = only([pareto(Pictured(measured(table), (), Path()))])
    drawn = [axes for axes in figure.axes if axes.get_xlabel()]
    assert [axes.get_xlabel() for axes in drawn] == [
        AXES[metric] for metric in table.unique("metric") if metric in AXES
    ]
    for axes in drawn:
        (front,) = axes.lines
        assert list(front.get_xdata()) == [1, 2, 3]
        assert front.get_drawstyle() == "steps-post"
    assert pareto(Pictured(Result(table, (), "demo data", {}), (), Path())) is None


def test_nothing_is_said_of_a_paper(table: Table, tmp_path: Path) -> None:
    result = measured(table)
    write_page(result, tmp_path, [])
    console = Console(record=True, width=100, file=io.StringIO())
    print_table(result, console)
    for text in (as_markdown(result), (tmp_path / "table.html").read_text(), console.export_text()):
        assert "demo data" in text
        assert "not comparable" not in text
        assert "the paper's number" not in text
    assert json.dumps(as_json(result)["paper"]) == "null"
