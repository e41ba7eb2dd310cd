"""Latencies are measured of all networks of a table together, once, on real, tiny trainings."""

import json
from pathlib import Path

import pytest

from skeleton_lab.reproduce import times
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.latencies import latencies
from skeleton_lab.reproduce.runs import Run, folder_of
from skeleton_lab.reproduce.sources import Source
from tests.reproduce.test_executor import plan, run_all


def cell(run: Run, metric: str = "latency_ms") -> Planned:
    return Planned(Cell("a", "CS a", "CS", metric, None, 0.0, ((),)), ((run,),))


@pytest.fixture
def runs(demo_source: Source, tmp_path: Path) -> list[Run]:
    found = [plan(demo_source), plan(demo_source, "adasgn", model__pretrained=False)]
    run_all(found, tmp_path)
    return found


def test_all_are_timed_in_one_session_and_kept(
    runs: list[Run], demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, other = tmp_path / "table", plan(demo_source, seed=2)
    found = latencies([cell(run) for run in (*runs, other)], tmp_path, table)
    assert set(found.ms) == {run.name for run in runs}
    assert all(milliseconds > 0 for milliseconds in found.ms.values())
    assert f"median of {found.rounds} rounds" in found.note
    kept = json.loads((table / "latency.json").read_text(encoding="utf-8"))
    assert kept["origin"].keys() == {"commit", "code", "backend", "versions", "hardware", "started"}
    sessions = []
    timed = times.in_turn
    monkeypatch.setattr(times, "in_turn", lambda calls, *_: sessions.append(set(calls)) or timed(calls, 0))
    assert latencies([cell(run) for run in runs], tmp_path, table) == found
    assert not sessions
    run_all([other], tmp_path)
    latencies([cell(run) for run in (*runs, other)], tmp_path, table)
    assert sessions == [{run.name for run in (*runs, other)}]


def test_other_machines_measure_for_themselves(
    runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latencies([cell(runs[0])], tmp_path, tmp_path / "table")
    monkeypatch.setattr(times, "device_name", lambda: "an abacus")
    assert "on an abacus" in latencies([cell(runs[0])], tmp_path, tmp_path / "table").note
    assert json.loads((tmp_path / "table" / "latency.json").read_text())["origin"]["hardware"] == "an abacus"


def test_a_report_takes_what_is_kept_and_times_nothing(
    runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, table = [cell(run) for run in runs], tmp_path / "table"
    assert not latencies(cells, tmp_path, table, may_time=False).ms
    assert not table.exists()
    taken = latencies(cells[:1], tmp_path, table)
    monkeypatch.setattr(times, "device_name", lambda: "an abacus")
    found = latencies(cells, tmp_path, table, may_time=False)
    assert found == taken
    assert f"commit {taken.origin['commit']}" in found.note
    assert not latencies(cells[1:], tmp_path, table, may_time=False).note


@pytest.mark.parametrize("text", ["", "[]", '{"other": 1}'])
def test_what_cannot_be_read_is_measured_anew(runs: list[Run], tmp_path: Path, text: str) -> None:
    (tmp_path / "latency.json").write_text(text)
    assert latencies([cell(runs[0])], tmp_path, tmp_path).ms


def test_a_table_without_latencies_times_nothing(runs: list[Run], tmp_path: Path) -> None:
    assert not latencies([cell(runs[0], "top1")], tmp_path, tmp_path / "table").ms
    assert not (tmp_path / "table").exists()


def test_runs_whose_weights_are_gone_are_left_out(runs: list[Run], tmp_path: Path) -> None:
    folder_of(runs[0], tmp_path).checkpoint.unlink()
    found = latencies([cell(run) for run in runs], tmp_path, tmp_path / "table")
    assert set(found.ms) == {runs[1].name}
