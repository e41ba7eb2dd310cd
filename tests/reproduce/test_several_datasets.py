"""Tables whose groups of columns are of several datasets, and rows that fuse several models."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from skeleton_lab.cli import main
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.report import table_json
from skeleton_lab.reproduce.tables import load_table
from tests.reproduce.declared_tables import Declare, declare

__all__ = ["declare"]

TINY = ["width=0.0625", "epochs=1", "milestones=[]", "demo_clips=88"]
TWO = """
title: Two datasets
paper: star
kind: table
source: a test
dataset: ntu60
groups: {bodies: xsub, hands: shrec2017/gestures14}
columns:
  - {name: ACC, metric: top1}
  - {name: GMACs, metric: gmacs_all}
rows:
  - {name: one, model: sgn, reported: [1, 2, 3, 4]}
  - name: both
    fusion: {models: [sgn, adasgn_single], weights: [2, 1]}
    set: {model.absent_persons: zeros}
    reported: [5, 6, 7, 8]
"""


@pytest.fixture
def two(declare: Declare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The output folder of a test that may ask for the table two_tab1."""
    declare("two_tab1", TWO)
    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path))
    return tmp_path


def cells_of(output_dir: Path, name: str = "two_tab1") -> dict[tuple[str, str], dict[str, Any]]:
    found = json.loads((output_dir / "tables" / name / "table.json").read_text(encoding="utf-8"))
    return {(cell["row"], cell["column"]): cell for cell in found["cells"]}


def test_a_group_names_a_protocol_of_the_tables_dataset_or_of_another(two: Path) -> None:
    table = load_table("two_tab1", "paper")
    divisions = {(cell.group, request.dataset, request.protocol) for cell in table.cells for request in cell.requests}
    assert divisions == {("bodies", "ntu60", "xsub"), ("hands", "shrec2017", "gestures14")}
    assert (table.dataset, table.datasets, table.recordings) == ("ntu60", *[["ntu60", "shrec2017"]] * 2)
    assert table_json(table)["datasets"] == ["ntu60", "shrec2017"]
    printed = {(cell.row, cell.column): cell.reported for cell in table.cells}
    assert (printed["both", "bodies GMACs"], printed["both", "hands ACC"]) == (6, 7)


def test_one_of_its_protocols_is_asked_for_as_the_table_names_it(two: Path) -> None:
    table = load_table("two_tab1", "paper", protocol="shrec2017/gestures14")
    assert table.recordings == ["shrec2017"]
    assert [cell.reported for cell in table.cells] == [3, 4, 7, 8]
    with pytest.raises(RequestError, match="did you mean 'shrec2017/gestures14'"):
        load_table("two_tab1", "paper", protocol="gestures14")


def test_another_dataset_takes_the_place_of_all(two: Path) -> None:
    table = load_table("two_tab1", "paper", "ntu120")
    assert table.recordings == table.datasets == ["ntu120"]
    assert table.unique("group") == ["CS", "CE"]
    assert all(cell.reported is None for cell in table.cells)


def test_models_are_fused_with_their_weights(two: Path) -> None:
    cell = next(cell for cell in load_table("two_tab1", "paper").cells if cell.row == "both")
    assert [request.model for request in cell.requests] == ["sgn", "adasgn_single"]
    assert cell.fusion.weights == (2, 1)
    assert all("data.stream" not in request.changes for request in cell.requests)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("{models: ", "{over: {seed: [1]}, models: ", "fuse either one model over the values of its keys, or models"),
        ("{models: ", "{networks: ", "fusion: unknown key networks"),
        (
            "reported: [1, 2",
            "tolerances: {ACCC: 1}, reported: [1, 2",
            "tolerances names ACCC, which the table does not",
        ),
    ],
)
def test_a_mistake_in_a_row_is_named(before: str, after: str, problem: str, declare: Declare) -> None:
    assert before in TWO
    declare("two_tab1", TWO.replace(before, after))
    with pytest.raises(RequestError, match=problem):
        load_table("two_tab1", "paper")


def test_what_rows_of_other_models_do_not_have_may_be_overridden(declare: Declare) -> None:
    row = "  - {name: graph, model: st_gcn}\n"
    text = TWO.replace("set: {model.absent_persons: zeros}", "set: {model.size: small}")
    declare("two_tab1", text)
    assert "model.size" in load_table("two_tab1", "paper").varied
    declare("two_tab2", text.replace("  - {name: one, model: sgn, reported: [1, 2, 3, 4]}\n", row))
    assert load_table("two_tab2", "paper").varied == {"seed"}


def test_runs_of_all_datasets_fill_one_table(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "two_tab1", *TINY]) == 0
    shown = capsys.readouterr()
    # Five: of hands, nobody is ever absent.
    assert "5 runs, 0 of them finished before" in shown.err
    cells = cells_of(two)
    assert all(cell["measured"] is not None for cell in cells.values())
    assert {name.split("-")[1] for name in cells["both", "hands ACC"]["runs"]} == {"shrec2017"}
    for group in ("bodies", "hands"):
        assert cells["both", f"{group} GMACs"]["measured"] > cells["one", f"{group} GMACs"]["measured"]
    assert main(["reproduce", "two_tab1", *TINY, "protocol=shrec2017/gestures14"]) == 0
    alone = cells_of(two, "two_tab1-shrec2017-gestures14")
    assert alone["one", "hands ACC"] == cells["one", "hands ACC"]


def test_a_dataset_that_is_not_there_does_not_lose_the_others(
    two: Path, demo_outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["prepare", "ntu60", "demo_clips=88", f"output_dir={demo_outputs}"])
    demo = next(path for path in demo_outputs.glob("demo_world/ntu60-88-*") if path.is_dir())
    shutil.copytree(demo, two / "data")
    capsys.readouterr()
    assert main(["reproduce", "two_tab1", *TINY, f"data_root={two / 'data'}"]) == 1
    shown = capsys.readouterr()
    assert "shrec2017" in shown.out
    cells = cells_of(two)
    assert {cell["verdict"] for (_, column), cell in cells.items() if column.startswith("hands")} == {"not run"}
    assert all(cell["measured"] is not None for (_, column), cell in cells.items() if column.startswith("bodies"))
    assert main(["reproduce", "two_tab1", *TINY, f"data_root={two / 'nowhere'}"]) == 2
