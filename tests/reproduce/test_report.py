"""Verdicts, fusion, and the files of a table, from runs made up in the test."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce import kept
from skeleton_lab.reproduce.assemble import Measured, judge
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.fusion import Fusion, fused
from skeleton_lab.reproduce.page import print_table, write_page
from skeleton_lab.reproduce.report import Result, as_json, as_markdown, grid, measured_text, shown_verdict, write_report
from skeleton_lab.reproduce.runs import Predictions, RunFolder
from skeleton_lab.reproduce.tables import load_table
from skeleton_lab.training.module import accuracies
from tests.reproduce.made_up_results import ORIGIN, cell, measured, result, two_cells


@pytest.mark.parametrize(
    ("metric", "reported", "tolerance", "values", "verdict"),
    [
        ("top1", 90.0, 0.5, [90.4], "reproduced"),
        ("top1", 90.0, 0.5, [89.5], "reproduced"),
        ("top1", 90.0, 0.5, [89.4], "gap"),
        ("top1", 90.0, 0.5, [90.6], "better"),
        ("gmacs_as_paper", 0.16, 0.001, [0.1608], "reproduced"),
        ("gmacs_as_paper", 0.16, 0.001, [0.12], "better"),
        ("gmacs_as_paper", 0.16, 0.001, [0.2], "gap"),
        ("share_0", 40.0, 5.0, [60.0], "gap"),
        ("share_0", 40.0, 5.0, [20.0], "gap"),
        ("top1", 90.0, 0.5, [88.0, 92.0], "reproduced"),
        ("top1", 90.0, 0.5, [87.9, 88.1], "gap"),
        ("gmacs_as_paper", 0.16, 0.001, [0.1608, 0.1608], "reproduced"),
    ],
)
def test_verdicts(metric: str, reported: float, tolerance: float, values: list[float], verdict: str) -> None:
    assert judge(cell(metric, reported, tolerance), values) == verdict


def make_folder(path: Path, sample_ids: list[str], logits: list[list[float]], labels: list[int]) -> RunFolder:
    folder = RunFolder(path)
    folder.write_predictions(Predictions(np.array(sample_ids), np.array(labels), np.array(logits, np.float32)))
    return folder


def test_fusion_joins_by_sample_and_weighs(tmp_path: Path) -> None:
    first = make_folder(tmp_path / "1", ["x", "y"], [[2.0, 0], [0, 1]], [0, 1])
    second = make_folder(tmp_path / "2", ["y", "x"], [[3.0, 0], [0, 1]], [1, 0])
    for weights, top1 in (((1, 0), 100), ((1, 1), 50), ((0, 1), 0)):
        assert accuracies(*fused([first, second], Fusion(weights)))["top1"] == top1


def test_probabilities_are_fused_as_such(tmp_path: Path) -> None:
    """A member that is sure of itself has a larger say by its logits than by its probabilities."""
    sure = make_folder(tmp_path / "1", ["x"], [[0.0, 9.0, 0.0]], [0])
    others = [make_folder(tmp_path / name, ["x"], [[2.0, 0.0, 0.0]], [0]) for name in "23"]
    folders, weights = [sure, *others], (1.0, 1.0, 1.0)
    assert accuracies(*fused(folders, Fusion(weights)))["top1"] == 0
    probabilities_NK, _ = fused(folders, Fusion(weights, "probabilities"))
    assert probabilities_NK.sum() == pytest.approx(1)
    assert probabilities_NK.argmax() == 0


def test_fusion_refuses_different_samples(tmp_path: Path) -> None:
    first = make_folder(tmp_path / "1", ["x"], [[1.0, 0]], [0])
    second = make_folder(tmp_path / "2", ["z"], [[1.0, 0]], [0])
    with pytest.raises(ValueError, match="different samples"):
        fused([first, second], Fusion((1, 1)))


LISTED = "ARGS='training.milestones=[10,13] data.train_clips=null'"


@pytest.mark.parametrize(
    ("asked", "overrides", "words"),
    [
        (None, {}, []),
        (0, {}, ["ARGS=folds=all"]),
        (3, {"training.epochs": 2}, ["ARGS='training.epochs=2 folds=3'"]),
        (1, {"data.fold": 2}, ["ARGS=data.fold=2"]),
        (None, {"training.milestones": [10, 13], "data.train_clips": None}, [LISTED]),
    ],
)
def test_the_command_that_repeats_a_table_asks_for_its_folds(
    asked: int | None, overrides: dict[str, Any], words: list[str]
) -> None:
    table = load_table("adasgn_tab3", "demo", folds=asked, overrides=overrides)
    assert Result(table, (), "demo data", {}).command == " ".join(["make reproduce TABLE=adasgn_tab3", *words])


@pytest.mark.parametrize(("seeds", "words"), [((1,), []), ((3,), ["SEEDS=3"]), ((1, 2), ["SEEDS=1,2"])])
def test_the_command_that_repeats_a_table_asks_for_its_seeds(seeds: tuple[int, ...], words: list[str]) -> None:
    table = load_table("adasgn_tab3", "demo", seeds=seeds)
    assert Result(table, (), "demo data", {}).command == " ".join(["make reproduce TABLE=adasgn_tab3", *words])


def test_seeds_that_a_row_fuses_are_not_asked_of_the_others() -> None:
    assert Result(load_table("sparse_stgcn_tab2", "demo"), (), "demo data", {}).command.endswith("=sparse_stgcn_tab2")


def test_json_holds_every_cell(tmp_path: Path) -> None:
    write_report(two_cells(), tmp_path, [])
    found: dict[str, Any] = json.loads((tmp_path / "table.json").read_text())
    assert found["data"] == "demo data"
    assert found["scale"] == "demo"
    assert found["provenance"] == {"run-1": ORIGIN}
    first, *_, last = found["cells"]
    assert (first["row"], first["reported"], first["measured"], first["std"]) == ("a", 90.0, 91.26, None)
    assert (first["seeds"], first["verdict"], first["runs"]) == (1, "not comparable", ["run-1"])
    assert (last["measured"], last["verdict"]) == (None, "not run")


def test_demo_data_is_labelled_everywhere(tmp_path: Path) -> None:
    write_report(two_cells(), tmp_path, [])
    write_page(two_cells(), tmp_path, [])
    for name in ("table.md", "table.html"):
        assert "Measured on demo data, demo scale: not comparable with the paper." in (tmp_path / name).read_text()


def with_ours() -> Result:
    """A row and a column of the paper, and one of ours each."""
    row_of_ours = replace(cell(reported=None, row="c"), row_is_ours=True)
    return result(
        measured(cell(), 91.26),
        measured(replace(cell("gmacs_all", None), ours="cost"), 0.5),
        measured(row_of_ours, 70),
        measured(replace(row_of_ours, column="CS gmacs_all", metric="gmacs_all", ours="cost"), 0.6),
        Measured(Cell("peer", "CS top1", "CS", "top1", 80.0, 0.5), (), (), "quoted"),
    )


def test_columns_of_ours_are_blocks_of_their_own() -> None:
    paper, ours = with_ours().blocks()
    assert (paper.title, ours.title) == ("", "Ours, not in the paper: cost")
    assert [name for name, _ in grid(paper)[1]] == ["a", "c (ours)", "peer"]
    assert grid(ours)[0] == ["CS gmacs_all"]
    assert [name for name, _ in grid(ours)[1]] == ["a", "c (ours)"]


def test_what_is_ours_is_said_everywhere(tmp_path: Path) -> None:
    write_report(with_ours(), tmp_path, [])
    write_page(with_ours(), tmp_path, [])
    console = Console(record=True, width=100, file=io.StringIO())
    print_table(with_ours(), console)
    shown = [(tmp_path / name).read_text() for name in ("table.md", "table.html")]
    for text in (*shown, console.export_text()):
        for part in ("Ours, not in the paper: cost", "c (ours)", "Rows marked (ours) are not in the paper."):
            assert part in text
    found = json.loads((tmp_path / "table.json").read_text())
    assert [each["row"] for each in found["cells"]] == ["a", "a", "c", "c", "peer"]
    assert "Ours" not in as_markdown(two_cells())
    assert "(ours)" not in as_markdown(two_cells())


def test_many_columns_are_shown_group_by_group() -> None:
    wide = [
        measured(replace(cell(), column=f"{group} {number}", group=group, ours=heading), 1)
        for heading in ("", "actions")
        for group in ("CS", "CV")
        for number in range(5)
    ]
    blocks = result(*wide).blocks()
    titles = ["", "", "Ours, not in the paper: actions, CS", "Ours, not in the paper: actions, CV"]
    assert [block.title for block in blocks] == titles
    assert [{each.cell.group for each in block.measured} for block in blocks] == [{"CS"}, {"CV"}] * 2


def test_columns_of_ours_that_runs_have_nothing_of_are_left_out() -> None:
    absent = replace(cell("absent_share_0", None), ours="actions of absent persons")
    for verdict, blocks in (("not comparable", 1), ("not run", 2)):
        shown = result(measured(cell(), 90), Measured(absent, (), (), verdict))
        assert len(shown.blocks()) == blocks
        assert len(as_json(shown)["cells"]) == 2


def test_a_number_that_there_is_not_is_a_dash_without_a_verdict() -> None:
    empty = Measured(cell("absent_share_0", None), (), (), "not comparable")
    assert (measured_text(empty), shown_verdict(empty)) == ("–", "")
    waiting = Measured(cell("absent_share_0", None), (), (), "not run")
    assert shown_verdict(waiting) == "not run"


def test_the_page_escapes_and_shows_all(tmp_path: Path) -> None:
    write_page(two_cells(), tmp_path, [])
    page = (tmp_path / "table.html").read_text()
    for text in ("A title &lt;b&gt;", "91.3", "0.0123", "paper 90", "not run", "a footnote", "run-1"):
        assert text in page
    assert "<b>" not in page


def test_spread_over_seeds() -> None:
    three = Measured(cell(), (90.0, 91.0, 92.0), (("r",), ("s",), ("t",)), "reproduced")
    found = as_json(result(three))["cells"][0]
    assert (found["measured"], found["std"], found["seeds"]) == (91.0, 1.0, 3)


def test_kept_results_are_added_to_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "DECLARATIONS", tmp_path)
    kept.keep(result(Measured(cell(), (90.0,), (("run-1",),), "reproduced"), data="real recordings"))
    path = kept.keep(result(Measured(cell(row="b"), (80.0,), (("run-1",),), "gap"), data="real recordings"))
    kept.keep(result(Measured(cell(row="b"), (81.0,), (("run-1",),), "gap"), data="real recordings"))
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["measured"], row["commit"], row["seed"]) for row in rows] == [
        ("a", "90", "abc", "1"),
        ("b", "81", "abc", "1"),
    ]


def test_folds_are_kept_before_their_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "DECLARATIONS", tmp_path)
    folds = Measured(cell(), (85.0,), (("run-1", "run-2"),), "gap", ((80.0, 90.0),))
    origins = {name: {**ORIGIN, "fold": number} for number, name in enumerate(("run-1", "run-2"))}
    found = replace(result(folds, data="real recordings"), origins=origins)
    assert found.notes[-1].endswith("by fold: 80.0, 90.0.")
    assert as_json(found)["cells"][0]["by_fold"] == [[80.0, 90.0]]
    with kept.keep(found).open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["fold"], row["measured"], row["verdict"], row["run"]) for row in rows] == [
        ("0", "80", "", "run-1"),
        ("1", "90", "", "run-2"),
        ("mean of 2", "85", "gap", "the 2 folds above"),
    ]


def test_demo_data_is_not_kept() -> None:
    with pytest.raises(RequestError, match="only results on real recordings are kept"):
        kept.keep(two_cells())
