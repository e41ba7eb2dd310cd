"""From the results of runs, made up in the test, to the cells of a table."""

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_modules.readers import READERS
from skeleton_lab.config import Request
from skeleton_lab.reproduce.assemble import Measured, Planned, assemble
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.fusion import Fusion
from skeleton_lab.reproduce.runs import Planner, Predictions, Run, folder_of
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.tables import Table
from tests.reproduce.test_runs import FakeStore

STREAMS = ("joint", "bone", "joint_motion")


@pytest.fixture
def fused(tmp_path: Path) -> tuple[Run, ...]:
    """Three finished runs, one of each stream."""
    reader = copy(READERS["ntu60"])
    reader.recordings = len(FakeStore().index)
    planner = Planner({"ntu60": Source(reader, FakeStore(), Path(), is_demo=False)})  # type: ignore[arg-type]
    runs = [planner.plan(Request("adasgn", "ntu60", "xsub", "paper", {"data.stream": stream})) for stream in STREAMS]
    for run, cost, share in zip(runs, (0.1, 0.2, 0.4), (10, 20, 60), strict=True):
        folder = folder_of(run, tmp_path)
        folder.path.mkdir(parents=True)
        metrics = {"top1": 50.0, "gmacs_per_clip": cost, "present_share_0": share}
        folder.write_predictions(Predictions(np.array(["x"]), np.array([1]), np.array([[0.0, cost]], np.float32)))
        folder.write_result(metrics, {})
    return tuple(runs)


def assembled(
    metric: str, runs: tuple[Run, ...], output_dir: Path, together: dict[str, float] | None = None
) -> Measured:
    cell = Cell("a", "CS a", "CS", metric, None, 0.0, ((),), Fusion((1.0,) * len(runs)))
    table = Table("some_tab1", "adasgn", "table", "A title", "ntu60", "ntu60", "paper", (cell,))
    (found,) = assemble(table, [Planned(cell, (runs,))], output_dir, {metric: together} if together else None)
    return found


@pytest.mark.parametrize(
    ("metric", "of_one", "of_all"),
    [("top1", 50, 100), ("gmacs_per_clip", 0.1, 0.7), ("present_share_0", 10, 30)],
)
def test_scores_are_fused_costs_added_up_and_shares_averaged(
    metric: str, of_one: float, of_all: float, fused: tuple[Run, ...], tmp_path: Path
) -> None:
    assert assembled(metric, fused[:1], tmp_path).value == pytest.approx(of_one)
    found = assembled(metric, fused, tmp_path)
    assert found.value == pytest.approx(of_all)
    assert found.runs == [run.name for run in fused]


def test_a_metric_that_a_finished_run_does_not_have_is_an_empty_cell(fused: tuple[Run, ...], tmp_path: Path) -> None:
    for runs in (fused[:1], fused):
        found = assembled("absent_share_0", runs, tmp_path)
        assert (found.value, found.runs, found.verdict) == (None, [], "not comparable")


def test_a_run_that_is_not_finished_is_not_run(fused: tuple[Run, ...], tmp_path: Path) -> None:
    (folder_of(fused[2], tmp_path).path / "result.json").unlink()
    assert assembled("gmacs_per_clip", fused, tmp_path).verdict == "not run"


def test_what_is_measured_together_is_given_by_the_names_of_runs(fused: tuple[Run, ...], tmp_path: Path) -> None:
    together = {run.name: milliseconds for run, milliseconds in zip(fused, (1.0, 2.0, 4.0), strict=True)}
    assert assembled("latency_ms", fused[1:2], tmp_path, together).value == 2
    assert assembled("latency_ms", fused, tmp_path, together).value == 7
    del together[fused[0].name]
    assert assembled("latency_ms", fused, tmp_path, together).value is None
    assert assembled("latency_ms", fused[:1], tmp_path).value is None


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        ("training.precision", "better"),
        ("adasgn.training.precision", "better"),
        ("adasgn.training.epochs", "not comparable"),
    ],
)
def test_precision_leaves_a_table_comparable(key: str, verdict: str, fused: tuple[Run, ...], tmp_path: Path) -> None:
    run = fused[0]
    cell = Cell("a", "CS a", "CS", "gmacs_per_clip", 0.5, 0.0, ((),))
    table = Table("a_tab1", "adasgn", "table", "A title", "ntu60", "ntu60", "paper", (cell,), overrides={key: "x"})
    (found,) = assemble(table, [Planned(cell, ((run,),))], tmp_path)
    assert found.verdict == verdict


@pytest.mark.parametrize(("published", "verdict"), [(10, "better"), (12, "not comparable"), (None, "better")])
def test_a_part_of_a_dataset_is_not_held_against_the_paper(
    published: int | None, verdict: str, fused: tuple[Run, ...], tmp_path: Path
) -> None:
    run = fused[0]
    run.source.reader.recordings = published
    cell = Cell("a", "CS a", "CS", "gmacs_per_clip", 0.5, 0.0, ((),))
    table = Table("a_tab1", "adasgn", "table", "A title", "ntu60", "ntu60", "paper", (cell,))
    (found,) = assemble(table, [Planned(cell, ((run,),))], tmp_path)
    assert found.verdict == verdict
    assert ("10 of its 12 recordings are there" in run.source.shortage(None)) == (published == 12)


def test_a_cell_is_the_mean_over_the_folds_of_each_seed(fused: tuple[Run, ...], tmp_path: Path) -> None:
    """Three seeds of two folds each, the last of which is not finished."""
    cell = Cell("a", "CS a", "CS", "gmacs_per_clip", None, 0.0, ((),))
    table = Table("some_tab1", "adasgn", "table", "A title", "ntu60", "ntu60", "paper", (cell,))
    first, second, third = ((run,) for run in fused)
    waiting = folder_of(fused[2], tmp_path).path / "result.json"
    planned = Planned(cell, (first, second, second, first, third, third), folds=2)
    (found,) = assemble(table, [planned], tmp_path)
    assert found.values == pytest.approx((0.15, 0.15, 0.4))
    assert found.by_fold == ((0.1, 0.2), (0.2, 0.1), (0.4, 0.4))
    assert found.members[0] == (fused[0].name, fused[1].name)
    waiting.unlink()
    (found,) = assemble(table, [replace(planned, seeds=(*planned.seeds[:4], first, third))], tmp_path)
    assert len(found.values) == len(found.by_fold) == 2
