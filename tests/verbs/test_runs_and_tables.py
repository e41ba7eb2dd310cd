"""The verbs that list things, and what is shown of errors."""

import json
from pathlib import Path

import pytest

from skeleton_lab.cli import main
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.tables import table_names
from tests.finished_runs import write_finished

RESULT = ({"top1": 87.5}, {"started": "2026-01-02 03:04"})


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path))


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    folders = [write_finished(tmp_path, model)[0] for model in ("sgn", "st_gcn")]
    for folder in folders:
        folder.write_result(*RESULT)
    return [folder.path.name for folder in folders]


def test_runs_lists_those_that_are_finished(
    names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs" / "sgn-ntu60-xsub-begun00000000").mkdir()
    assert main(["runs"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert sorted(lines) == [f"{name}  top1 87.50  2026-01-02 03:04" for name in names]
    assert last == f"2 finished runs in {tmp_path / 'runs'}"


def test_runs_takes_parts_of_names(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "st_gcn", "ntu60"]) == 0
    assert capsys.readouterr().out.splitlines()[:-1] == [f"{names[1]}  top1 87.50  2026-01-02 03:04"]


def test_runs_for_programs(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["run"]: each["metrics"]["top1"] for each in found} == dict.fromkeys(names, 87.5)


def test_tables_lists_all_or_those_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in table_names())
    assert main(["tables", "star_tab2"]) == 0
    assert len(capsys.readouterr().out.strip().splitlines()) == 2


def test_tables_has_one_other_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "format=markdown"]) == 0
    assert "| `star_tab2` |" in capsys.readouterr().out
    assert main(["tables", "format=html"]) == 2
    assert "markdown" in capsys.readouterr().err


def test_report_without_a_table_writes_a_page_of_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 0
    page = Path("".join(capsys.readouterr().err.split("written to ")[1].split("\n")))
    assert page.is_relative_to(tmp_path)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_errors_are_lines_and_with_debug_exceptions() -> None:
    assert main(["tables", "x=1"]) == 2
    with pytest.raises(RequestError):
        main(["tables", "x=1", "--debug"])


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (PermissionError(13, "Permission denied", "/data/x"), "skeleton-lab: Permission denied: /data/x"),
        (KeyboardInterrupt(), "skeleton-lab: stopped; the same command goes on from here"),
    ],
)
def test_what_the_system_or_the_user_stops_ends_with_1(
    error: BaseException, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(arguments: object) -> int:
        raise error

    monkeypatch.setattr("skeleton_lab.verbs.runs.run", stopped)
    assert main(["runs"]) == 1
    assert capsys.readouterr().err.strip() == shown
