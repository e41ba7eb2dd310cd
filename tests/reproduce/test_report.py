"""Verdicts, fusion, and the files of a table, from runs made up in the test."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeleton_lab.config import Request
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce import kept
from skeleton_lab.reproduce.assemble import Measured, fused_accuracies, judge
from skeleton_lab.reproduce.page import write_page
from skeleton_lab.reproduce.pictures import tradeoff
from skeleton_lab.reproduce.report import Result, as_json, write_report
from skeleton_lab.reproduce.runs import Predictions, RunFolder
from skeleton_lab.reproduce.tables import Cell, Table

REQUEST = Request("sgn", "ntu60", "xsub", "paper", {"seed": 1})
ORIGIN = {
    "seed": 1,
    "commit": "abc",
    "versions": {"torch": "2"},
    "hardware": "CPU",
    "started": "2026-01-01",
    "seconds": 1.0,
}


def cell(metric: str = "top1", reported: float | None = 90.0, tolerance: float = 0.5, row: str = "a") -> Cell:
    return Cell(row, f"CS {metric}", "CS", metric, reported, tolerance, ((REQUEST,),))


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
    assert fused_accuracies([first, second], [1, 0])["top1"] == 100
    assert fused_accuracies([first, second], [1, 1])["top1"] == 50
    assert fused_accuracies([first, second], [0, 1])["top1"] == 0


def test_fusion_refuses_different_samples(tmp_path: Path) -> None:
    first = make_folder(tmp_path / "1", ["x"], [[1.0, 0]], [0])
    second = make_folder(tmp_path / "2", ["z"], [[1.0, 0]], [0])
    with pytest.raises(ValueError, match="different samples"):
        fused_accuracies([first, second], [1, 1])


def result(*measured: Measured, data: str = "demo data") -> Result:
    cells = tuple(each.cell for each in measured)
    table = Table("some_tab1", "adasgn", "table", "A title <b>", "ntu60", "ntu60", "demo", cells, ("a footnote",))
    return Result(table, measured, data, {"run-1": ORIGIN})


def two_cells(verdict: str = "not comparable") -> Result:
    return result(
        Measured(cell(), (91.26,), (("run-1",),), verdict),
        Measured(cell("gmacs_as_paper", 0.16), (0.0123456,), (("run-1",),), verdict),
        Measured(cell(row="b", reported=80.0), (), (), "not run"),
    )


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


def test_the_page_escapes_and_shows_all(tmp_path: Path) -> None:
    write_page(two_cells(), tmp_path, [])
    page = (tmp_path / "table.html").read_text()
    for text in ("A title &lt;b&gt;", "91.3", "0.0123", "paper 90", "not run", "a footnote", "run-1"):
        assert text in page
    assert "<b>" not in page


def test_the_picture_shows_the_papers_points_only_where_they_compare() -> None:
    for verdict, labels in (("not comparable", ["a"]), ("reproduced", ["a", "a"])):
        figure = tradeoff(two_cells(verdict))
        assert figure is not None
        assert [text.get_text() for text in figure.axes[0].texts] == labels


def test_no_picture_without_points() -> None:
    assert tradeoff(result(Measured(cell(), (), (), "not run"))) is None


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


def test_demo_data_is_not_kept() -> None:
    with pytest.raises(RequestError, match="only results on real recordings are kept"):
        kept.keep(two_cells())
