"""Pictures of what networks spend and of how they learn; those of accuracy against cost have a file of their own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeleton_lab.config import Request
from skeleton_lab.reproduce.accuracy_pictures import accuracy_by_sparsity
from skeleton_lab.reproduce.assemble import Measured, Planned
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.fusion import Fusion
from skeleton_lab.reproduce.network_pictures import informativeness, mean_informativeness
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.pictures import by_epoch, confidence, largest_parts
from skeleton_lab.reproduce.report import Result
from skeleton_lab.reproduce.runs import Predictions, Run, RunFolder, folder_of
from skeleton_lab.reproduce.tables import Table
from tests.reproduce.test_runs import plan


def pictured(measured: list[Measured], output_dir: Path, planned: tuple[Planned, ...] = ()) -> Pictured:
    cells = tuple(each.cell for each in measured)
    table = Table("some_fig1", "star", "figure", "A title", "ntu60", "ntu60", "demo", cells)
    return Pictured(Result(table, tuple(measured), "demo data", {}), planned, output_dir)


def part(network: str, name: str, value: float | None, metric: str = "part_parameters") -> Measured:
    cell = Cell(f"{network}: {name}", metric, "", metric, None, 0.0, part=name)
    return Measured(cell, () if value is None else (value,), (), "not comparable")


def test_the_three_largest_parts_of_each_network_are_drawn(tmp_path: Path) -> None:
    amounts = {"Linear": 5.0, "Conv2d": 900.0, "ReLU": None, "other": 70.0, "MatMul": 60.0}
    measured = [part("a", name, value) for name, value in amounts.items()] + [part("b", "Linear", 3.0)]
    measured += [part("a", "Linear", 1e9, "part_latency_ms")]
    figure = largest_parts(pictured(measured, tmp_path))
    assert figure is not None
    first, second = figure.axes
    assert (first.get_title("left"), second.get_title("left")) == ("a", "b")
    assert [label.get_text() for label in first.get_yticklabels()] == ["Conv2d", "other", "MatMul"]
    assert [bar.get_width() for bar in first.patches] == [900, 70, 60]  # type: ignore[attr-defined]
    assert [text.get_text() for text in first.texts] == ["900", "70", "60"]


def test_no_bars_where_nothing_was_measured(tmp_path: Path) -> None:
    assert largest_parts(pictured([part("a", "ReLU", None)], tmp_path)) is None


def write_epochs(folder: RunFolder, start: int, *lines: str) -> None:
    path = folder.path / "epochs" / f"version_{start}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(["epoch,step,train/loss,train/top1,validation/loss,validation/top1", *lines]) + "\n")


def test_epochs_of_all_starts_are_one_curve(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.epochs("train/top1") == {}
    write_epochs(folder, 2, "1,3,1.0,25.0,,", "2,3,1.0,30.0,,")
    write_epochs(folder, 10, "2,5,1.0,31.0,,")
    write_epochs(folder, 0, "0,1,,,2.0,5.0", "0,1,3.0,10.0,,", "1,2,1.0,20.0,,")
    assert folder.epochs("train/top1") == {1: 10, 2: 25, 3: 31}
    assert folder.epochs("validation/top1") == {1: 5}


@pytest.fixture
def learnt(tmp_path: Path) -> tuple[Planned, ...]:
    """Two rows: one of two seeds, whose epochs are logged, and one of a run that has not begun."""

    def row(name: str, *runs: Run) -> Planned:
        return Planned(Cell(name, "ACC", "", "top1", None, 0.0), tuple((run,) for run in runs))

    first, second = plan(seed=1), plan(seed=2)
    write_epochs(folder_of(first, tmp_path), 0, "0,1,,,2.0,5.0", "0,1,3.0,10.0,,", "1,2,,,2.0,6.0", "1,2,1.0,20.0,,")
    write_epochs(folder_of(second, tmp_path), 0, "0,1,3.0,12.0,,")
    return row("a", first, second), row("b", plan(seed=3))


def test_curves_are_drawn_for_every_row_that_has_begun(learnt: tuple[Planned, ...], tmp_path: Path) -> None:
    figure: Any = by_epoch(pictured([], tmp_path, learnt))
    (axes,) = figure.axes
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert lines == [([1, 2], [10, 20]), ([1], [12]), ([1, 2], [5, 6])]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "held-out subjects"]
    assert by_epoch(pictured([], tmp_path, learnt[1:])) is None
    losses: Any = by_epoch(pictured([], tmp_path, learnt), "loss")
    assert [list(line.get_ydata()) for line in losses.axes[0].lines] == [[3, 1], [3], [2, 2]]
    assert (axes.get_ylabel(), losses.axes[0].get_ylabel()) == ("top-1 accuracy (%)", "loss")


def test_a_row_has_a_curve_in_every_group(learnt: tuple[Planned, ...], tmp_path: Path) -> None:
    def of(group: str, planned: Planned) -> Planned:
        return replace(planned, cell=replace(planned.cell, group=group))

    other = Planned(learnt[0].cell, learnt[0].seeds[1:])
    figure: Any = by_epoch(pictured([], tmp_path, (of("CS", learnt[0]), of("CV", other))))
    assert [axes.get_title() for axes in figure.axes] == ["a, CS", "a, CV"]
    assert [len(axes.lines) for axes in figure.axes] == [3, 1]


def sparse(row: str, sparsity: float, *values: float, group: str = "60-sub") -> Measured:
    request = Request("sparse_st_gcn", "ntu60", "xsub", "demo", {"model.sparsity": sparsity})
    cell = Cell(row, "ACC(%)", group, "top1", None, 0.0, ((request,),))
    return Measured(cell, values, (), "not comparable")


def test_accuracy_by_sparsity_is_a_line_for_each_form_of_a_network(tmp_path: Path) -> None:
    measured = [
        sparse("A: dense", 0.0, 60.0),
        sparse("A, with: 0.95", 0.95, 40.0),
        sparse("A, with: 0.6", 0.6, 50.0, 54.0),
        sparse("A, without: 0.6", 0.6, 30.0),
        sparse("A, without: 0.95", 0.95),
        sparse("B: dense", 0.0, 10.0),
        sparse("B, with: 0.6", 0.6, 20.0),
    ]
    figure = accuracy_by_sparsity(pictured(measured, tmp_path))
    assert figure is not None
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("A, 60-sub", "B, 60-sub")
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["0.6", "0.95"]
    legend = first.get_legend()
    assert legend is not None
    assert sorted(text.get_text() for text in legend.get_texts()) == ["dense", "with", "without"]
    drawn = {tuple(map(float, line.get_ydata())) for line in first.lines}  # type: ignore[arg-type, union-attr]
    assert {(52.0, 40.0), (30.0,), (60.0, 60.0)} <= drawn


def test_no_lines_before_a_sparse_network_has_run(tmp_path: Path) -> None:
    assert (
        accuracy_by_sparsity(pictured([sparse("A: dense", 0.0, 60.0), sparse("A, with: 0.6", 0.6)], tmp_path)) is None
    )


def test_how_sure_networks_are_alone_and_together(tmp_path: Path) -> None:
    """Of two runs together, by the mean of their probabilities."""
    runs = [plan(seed=seed) for seed in (1, 2)]
    for run, logits in zip(runs, ([[3.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]), strict=True):
        folder = folder_of(run, tmp_path)
        folder.path.mkdir(parents=True)
        folder.write_predictions(Predictions(np.array(["x", "y"]), np.array([0, 1]), np.array(logits, np.float32)))
        folder.write_result({}, {})
    one = Cell("A: base", "ACC(%)", "60-sub", "top1", None, 0.0)
    two = Cell("A: assembled", "ACC(%)", "60-sub", "top1", None, 0.0, fusion=Fusion((1.0, 1.0), "probabilities"))
    planned = (Planned(one, ((runs[0],),)), Planned(two, (tuple(runs),)))
    figure = confidence(pictured([], tmp_path, planned))
    assert figure is not None
    above, below = figure.axes
    assert above.get_title() == "A, 60-sub"
    assert [tick.get_text() for tick in above.get_xticklabels()] == ["base\n2 clips", "assembled\n2 clips"]
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["base\n0 clips", "assembled\n0 clips"]
    unfinished = Planned(one, ((plan(seed=3),),))
    assert confidence(pictured([], tmp_path, (unfinished,))) is None


def test_nothing_is_drawn_of_networks_that_are_not_trained(tmp_path: Path) -> None:
    cell = Cell("GCA-LSTM", "ACC(%)", "CS", "top1", None, 0.0)
    unfinished = pictured([], tmp_path, (Planned(cell, ((plan("gca_lstm"),),)),))
    assert informativeness(unfinished) is None
    assert mean_informativeness(unfinished) is None
