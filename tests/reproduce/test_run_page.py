"""What a table's page shows of its runs, and the page that lists all tables.

Axes: N clips, K classes.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_modules.readers import reader_for
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.index_page import write_index
from skeleton_lab.reproduce.run_page import confusion, runs_of
from skeleton_lab.reproduce.runs import Predictions, folder_of
from tests.reproduce.test_pictures import write_epochs
from tests.reproduce.test_runs import plan


def test_the_confusion_matrix_counts_from_the_class_to_what_it_was_taken_for() -> None:
    found_KK = confusion(np.array([0, 0, 0, 2]), np.array([0, 1, 1, 2]), 3)
    assert found_KK.tolist() == [[1, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_a_finished_run_is_shown_once_with_all_its_rows(tmp_path: Path) -> None:
    run, unfinished = plan(seed=1), plan(seed=2)
    run = replace(run, source=replace(run.source, reader=reader_for("ntu60")))
    folder, classes = folder_of(run, tmp_path), run.source.reader.protocols["xsub"].classes
    write_epochs(folder, 0, "0,1,3.0,10.0,,", "1,2,1.0,20.0,,")
    logits_NK = np.eye(60, dtype=np.float32)[[0, 1, 1, 2]]
    folder.write_predictions(Predictions(np.array(list("abcd")), np.array([0, 0, 0, 2]), logits_NK))
    folder.write_result({}, {})
    cells = [Cell(f"{name} <b>", "ACC", "CS", "top1", None, 0.0) for name in ("one", "two")]
    planned = [*(Planned(cell, ((run,),)) for cell in cells), Planned(cells[0], ((unfinished,),))]
    page = runs_of(planned, tmp_path)
    assert page.count("<summary>one &lt;b&gt; CS, two &lt;b&gt; CS: 50.0 % of 4 clips") == 1
    assert unfinished.name not in page
    assert f"{classes[0]} taken for {classes[1]}: 2 of 3" in page
    assert page.count("<polyline") == 1
    assert f"Known worst: {classes[0]}, {classes[2]}." in page
    assert runs_of(planned[2:], tmp_path) == ""


def test_the_index_counts_what_was_held_against_a_paper(tmp_path: Path) -> None:
    def write(folder: str, verdicts: dict[str, str]) -> None:
        cells = [{"row": row, "column": "ACC", "verdict": verdict} for row, verdict in verdicts.items()]
        path = tmp_path / "tables" / folder / "table.json"
        path.parent.mkdir(parents=True)
        known = {
            "id": "adasgn_tab6",
            "paper": "adasgn",
            "title": "Gestures <1>",
            "data": "real recordings",
            "scale": "paper",
        }
        path.write_text(json.dumps({**known, "cells": cells}))

    write("adasgn_tab6", {"a": "gap", "b": "reproduced", "c": "quoted", "d": "not run"})
    write("adasgn_tab6-gestures14", {"b": "reproduced"})
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert "Gestures &lt;1&gt;" in page
    assert '<a href="adasgn_tab6-gestures14/table.html">' in page
    row = page.partition("<th>adasgn</th>")[2].partition("</tr>")[0]
    assert row.startswith("<td>1 of 9</td>")
    assert row.endswith(
        "<td><span class=reproduced>1</span></td><td><span class=none>–</span></td><td><span class=gap>1</span></td>"
    )


def test_without_any_table_the_index_says_so(tmp_path: Path) -> None:
    assert "<td>0 of 9</td>" in write_index(tmp_path).read_text(encoding="utf-8")
