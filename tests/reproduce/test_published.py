"""What is measured of untrained networks, without any recordings."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skeleton_lab.cli import main
from skeleton_lab.config import Request
from skeleton_lab.errors import RequestError
from skeleton_lab.measure.breakdown import OTHER, names_of_parts
from skeleton_lab.measure.random_batch import random_lengths
from skeleton_lab.reproduce import kept, published, times
from skeleton_lab.reproduce.assemble import plan_table
from skeleton_lab.reproduce.networks import CLIPS, network_of
from skeleton_lab.reproduce.show import write_result
from skeleton_lab.reproduce.tables import Table, load_table, table_names
from tests.reproduce.declared_tables import Declare, declare

__all__ = ["declare"]

SMALL = "{model.width: 0.0625, data.clip_len: 16, model.absent_persons: zeros}"
NETWORKS = f"""
title: Small networks
paper: star
kind: table
source: a test
dataset: ntu60
groups: {{CS: xsub}}
set: {SMALL}
columns:
  - {{name: parameters, metric: network_parameters, tolerance: 10, shared: true}}
  - {{name: GMACs, metric: batch_gmacs_as_paper, tolerance: 0.001, shared: true}}
  - {{name: ms, metric: batch_latency_ms, shared: true}}
  - {{name: ms equal, metric: equal_latency_ms, shared: true, ours: more}}
  - {{name: GMACs equal, metric: equal_gmacs_all, shared: true, ours: more}}
rows:
  - {{name: one, model: st_gcn, reported: [1, 1, 5], tolerances: {{GMACs: 1000}}}}
  - {{name: both, fusion: {{models: [st_gcn, st_tr_s]}}, reported: [1]}}
"""
PARTS = f"""
title: Parts of small networks
paper: star
kind: figure
source: a test
dataset: ntu60
groups: {{CS: xsub}}
set: {SMALL}
columns:
  - {{name: parameters, metric: part_parameters, shared: true}}
  - {{name: GMACs, metric: part_gmacs_all, shared: true}}
  - {{name: ms, metric: part_latency_ms, shared: true}}
rows:
  - {{name: "one: Conv2d", model: st_gcn, part: Conv2d}}
  - {{name: "one: BatchNorm2d", model: st_gcn, part: BatchNorm2d}}
  - {{name: "one: ReLU", model: st_gcn, part: ReLU}}
  - {{name: "one: Linear", model: st_gcn, part: Linear}}
  - {{name: "one: MatMul", model: st_gcn, part: MatMul}}
  - {{name: "both: Conv2d", fusion: {{models: [st_gcn, st_tr_s]}}, part: Conv2d}}
  - {{name: "both: nothing", fusion: {{models: [st_gcn, st_tr_s]}}, part: AdaptiveMaxPool2d}}
pictures: [largest_parts]
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "SECONDS", 0.0)
    monkeypatch.setattr(published, "PROFILED_ROUNDS", 1)


def measured(table: Table, output_dir: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The cells of table.json, by row and metric."""
    write_result(table, plan_table(table, {}), output_dir)
    (path,) = output_dir.glob(f"tables/{table.id}*/table.json")
    return {(cell["row"], cell["metric"]): cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


def only(table: Table, *metrics: str) -> Table:
    """The columns of these metrics alone."""
    return replace(table, cells=tuple(cell for cell in table.cells if cell.metric in metrics))


def test_networks_are_measured_without_recordings(declare: Declare, tmp_path: Path) -> None:
    declare("small_tab1", NETWORKS)
    table = load_table("small_tab1", "demo")
    assert table.recordings == []
    cells = measured(table, tmp_path)
    (network,) = plan_table(table, {})[0].networks
    counted = sum(parameter.numel() for parameter in network.module.network.parameters())
    assert cells["one", "network_parameters"]["measured"] == counted
    assert cells["both", "network_parameters"]["measured"] > counted
    assert cells["one", "equal_gmacs_all"]["measured"] > 0
    assert cells["one", "network_parameters"]["runs"] == [network.name]
    assert all(cells[row, "batch_latency_ms"]["measured"] > 0 for row in ("one", "both"))


def test_counts_carry_verdicts_at_any_scale_and_times_never_do(declare: Declare, tmp_path: Path) -> None:
    declare("small_tab1", NETWORKS)
    cells = measured(load_table("small_tab1", "demo"), tmp_path)
    assert cells["one", "batch_gmacs_as_paper"]["verdict"] == "reproduced"  # a row's own tolerance
    assert cells["both", "network_parameters"]["verdict"] == "gap"
    assert cells["one", "batch_latency_ms"]["verdict"] == "not comparable"
    assert cells["one", "equal_gmacs_all"]["verdict"] == "not comparable"  # the paper has no such number


@pytest.mark.parametrize(
    ("overrides", "verdict"),
    [({"training.epochs": 1}, "gap"), ({"st_gcn.training.epochs": 1}, "gap"), ({"data.clip_len": 8}, "not comparable")],
)
def test_what_changes_the_network_makes_it_another(
    overrides: dict[str, Any], verdict: str, declare: Declare, tmp_path: Path
) -> None:
    declare("small_tab1", NETWORKS)
    table = only(load_table("small_tab1", "demo", overrides=overrides), "network_parameters")
    assert measured(table, tmp_path)["both", "network_parameters"]["verdict"] == verdict


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """What was timed together, session by session."""
    found: list[set[str]] = []
    timed = times.in_turn
    monkeypatch.setattr(times, "in_turn", lambda calls, *_: found.append(set(calls)) or timed(calls, 0, 1))
    return found


@pytest.mark.parametrize(
    ("what", "value", "noted"),
    [
        ("device_name", "an abacus", "on an abacus"),
        ("code_digest", "other code", "commit"),
        ("backend", "torch_scatter", "ops.backend=torch_scatter"),
    ],
)
def test_times_are_kept_until_machine_code_or_backend_is_another(
    what: str,
    value: str,
    noted: str,
    declare: Declare,
    sessions: list[set[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declare("small_tab1", NETWORKS)
    table = only(load_table("small_tab1", "paper"), "batch_latency_ms", "equal_latency_ms")
    first = measured(table, tmp_path)
    monkeypatch.setattr("skeleton_lab.training.provenance.commit", lambda: "another commit of the same code")
    assert measured(table, tmp_path) == first
    assert len(sessions) == 1
    monkeypatch.setattr(times, what, lambda: value)
    result = write_result(table, plan_table(table, {}), tmp_path)
    assert sessions == [sessions[0]] * 2
    assert sum(noted in note for note in result.notes) == 1
    assert f"{sum(random_lengths(CLIPS)):,} in all" in " ".join(result.notes)


def test_any_table_takes_the_times_of_a_session_that_has_all_of_its_networks(
    declare: Declare, sessions: list[set[str]], tmp_path: Path
) -> None:
    declare("small_tab1", NETWORKS)
    declare("small_tab2", NETWORKS.replace("- {name: both", "- {name: two"))
    declare("small_tab3", NETWORKS.replace("[st_gcn, st_tr_s]", "[st_gcn, st_tr_t]"))
    first, same, other = (
        only(load_table(name, "paper"), "batch_latency_ms") for name in ("small_tab1", "small_tab2", "small_tab3")
    )
    both = measured(first, tmp_path)["both", "batch_latency_ms"]["measured"]
    fewer = replace(first, cells=tuple(cell for cell in first.cells if cell.row == "one"))
    assert measured(fewer, tmp_path)["one", "batch_latency_ms"]["measured"] < both
    assert len(sessions) == 1
    path = tmp_path / "tables" / "small_tab2" / "table.json"
    write_result(same, plan_table(same, {}), tmp_path)
    cells = {cell["row"]: cell["measured"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}
    assert cells["two"] == both
    write_result(other, plan_table(other, {}), tmp_path)
    assert [len(timed) for timed in sessions] == [2, 2]  # what is compared is of one session
    assert len(list((tmp_path / "times").iterdir())) == 2


def test_a_report_times_nothing_and_says_of_which_commit_its_times_are(
    declare: Declare, sessions: list[set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare("small_tab1", NETWORKS)
    table = load_table("small_tab1", "paper")

    def reported(table: Table) -> tuple[dict[str, float | None], str]:
        result = write_result(table, plan_table(table, {}), tmp_path, may_time=False)
        values = {each.cell.row: each.value for each in result.measured if each.cell.metric == "equal_latency_ms"}
        return values, " ".join(result.notes)

    values, notes = reported(table)
    assert values == {"one": None, "both": None}
    cells = json.loads((tmp_path / "tables" / "small_tab1" / "table.json").read_text(encoding="utf-8"))["cells"]
    assert {cell["verdict"] for cell in cells if cell["metric"] == "equal_latency_ms"} == {"not run"}
    assert "median of" not in notes
    assert not sessions
    monkeypatch.setattr("skeleton_lab.training.provenance.commit", lambda: "abc123")
    one = replace(table, cells=tuple(cell for cell in table.cells if cell.row == "one"))
    taken = write_result(one, plan_table(one, {}), tmp_path)
    monkeypatch.setattr("skeleton_lab.training.provenance.commit", lambda: "def456")
    monkeypatch.setattr(times, "code_digest", lambda: "other code")
    values, notes = reported(table)
    assert values["one"] == next(each.value for each in taken.measured if each.cell.metric == "equal_latency_ms")
    assert values["both"] is None  # one of the two was never timed
    assert "commit abc123" in notes
    assert len(sessions) == 1


def test_equal_input_has_as_many_persons_as_networks_take(declare: Declare, tmp_path: Path) -> None:
    declare("small_tab1", NETWORKS)

    def at_equal_input(**overrides: Any) -> tuple[int, float, str]:
        table = only(load_table("small_tab1", "paper", overrides=overrides), "equal_gmacs_all")
        result = write_result(table, plan_table(table, {}), tmp_path)
        (network,) = plan_table(table, {})[0].networks
        return network.equal_batch.x.shape[1], result.measured[0].values[0], " ".join(result.notes)

    slots, gmacs, notes = at_equal_input()
    assert (slots, "300 frames and two persons there throughout" in notes) == (2, True)
    assert "take clips of 16 frames see no more of longer ones" in notes
    slots, fewer, notes = at_equal_input(**{"data.persons": 1})
    assert (slots, "300 frames and one person there throughout" in notes) == (1, True)
    assert fewer < 0.6 * gmacs


def test_measured_clips_have_all_frames_where_the_model_trains_on_some() -> None:
    request = Request("star_64", "ntu60", "xsub", "paper", {"data.frame_step": 4}, {})
    offsets = network_of(request).own_batch.offsets  # type: ignore[union-attr]
    assert offsets.diff().tolist() == random_lengths(CLIPS)


def test_a_table_without_recordings_says_so(declare: Declare, tmp_path: Path) -> None:
    declare("small_tab1", NETWORKS)

    def headed(dataset: str | None = None, **overrides: Any) -> tuple[str, str | None]:
        table = only(load_table("small_tab1", "demo", dataset, overrides=overrides), "network_parameters")
        result = write_result(table, plan_table(table, {}), tmp_path)
        return result.headline, result.caution

    assert headed()[0] == "untrained networks"
    assert headed("shrec2017") == ("untrained networks, asked of shrec2017", None)
    assert headed(**{"model.width": 0.125}) == (
        "untrained networks, model.width=0.125",
        "Measured on untrained networks, model.width=0.125: not comparable with the paper.",
    )


def test_the_command_needs_no_data(declare: Declare, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declare("small_tab1", NETWORKS)
    words = ["small_tab1", f"data_root={tmp_path / 'nowhere'}", f"output_dir={tmp_path}"]
    assert main(["reproduce", *words]) == 0
    first = capsys.readouterr().out
    assert "reproduced" in first
    assert main(["report", *words]) == 0
    assert capsys.readouterr().out == first
    assert main(["report", *words, "dataset=demo"]) == 0


def test_what_is_measured_of_networks_can_be_kept(
    declare: Declare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare("small_tab1", NETWORKS)
    table = load_table("small_tab1", "paper")
    result = write_result(table, plan_table(table, {}), tmp_path)
    monkeypatch.setattr(kept, "DECLARATIONS", tmp_path)
    with kept.keep(result).open(encoding="utf-8") as file:
        rows = {(row["row"], row["metric"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(table.cells)
    assert rows["one", "network_parameters"]["measured"].isdecimal()
    assert rows["one", "network_parameters"]["seed"] == ""
    assert rows["one", "batch_latency_ms"]["hardware"] == times.device_name()


def test_parts_of_networks(declare: Declare, tmp_path: Path) -> None:
    declare("small_fig1", PARTS)
    cells = measured(load_table("small_fig1", "paper"), tmp_path)
    assert cells["one: ReLU", "part_parameters"]["measured"] is None
    assert cells["one: MatMul", "part_gmacs_all"]["measured"] > 0
    for metric in ("part_parameters", "part_gmacs_all", "part_latency_ms"):
        assert cells["both: Conv2d", metric]["measured"] > cells["one: Conv2d", metric]["measured"] > 0
        assert cells["both: nothing", metric]["measured"] is None
        assert cells["both: nothing", metric]["verdict"] == "not comparable"
    assert (tmp_path / "tables" / "small_fig1" / "largest_parts.png").stat().st_size > 1000


def test_a_part_must_be_named_where_one_is_measured(declare: Declare) -> None:
    declare(
        "small_fig1", PARTS.replace('part: Conv2d}\n  - {name: "one: BatchNorm2d"', '}\n  - {name: "one: BatchNorm2d"')
    )
    with pytest.raises(RequestError, match="row one: Conv2d: column parameters is of one part of a network"):
        load_table("small_fig1", "paper")


def test_lengths_are_those_of_the_papers_range() -> None:
    lengths = random_lengths(CLIPS)
    assert len(lengths) == CLIPS
    assert all(100 <= length <= 299 for length in lengths)


@pytest.mark.parametrize("name", [name for name in table_names() if name.startswith("star")])
def test_every_part_that_a_table_names_exists(name: str) -> None:
    parts: dict[str, set[str]] = {}
    for cell in load_table(name, "paper").cells:
        for request in cell.requests if cell.part else []:
            if request.model not in parts:
                module = network_of(request).module
                parts[request.model] = {OTHER, *names_of_parts(module.network, module.parts).values()}
            assert cell.part in parts[request.model], cell.row
