"""What W&B hears of runs that its agents ask for."""

import os
from pathlib import Path

import pytest

from skeleton_lab.reproduce.runs import RunFolder
from skeleton_lab.reproduce.tracking import ask_for, tell_finished, wandb_logger
from tests.reproduce.test_runs import plan

wandb = pytest.importorskip("wandb")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """Of three runs, under an agent's combination with the id `given`."""
    for name, value in (("WANDB_MODE", "offline"), ("WANDB_SILENT", "true"), ("HOME", str(tmp_path))):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_RUN_ID", "given")
    monkeypatch.setenv("WANDB_SWEEP_ID", "the-sweep")
    monkeypatch.setenv("SKELETON_LAB_ASKED_FOR", "")
    found = [RunFolder(tmp_path / name) for name in ("started-from", "asked-for", "of-another-seed")]
    for folder in found:
        folder.path.mkdir()
    return found


def test_the_run_that_was_asked_for_has_the_agents_id_and_no_other_has(folders: list[RunFolder]) -> None:
    ask_for("asked-for")
    found = []
    for folder in folders:
        run = wandb_logger(plan().settings, folder).experiment
        found.append((run.name, run.id == "given", run.group))
    wandb.finish()
    beside = "the-sweep"
    assert found == [("started-from", False, beside), ("asked-for", True, ""), ("of-another-seed", False, beside)]
    assert (os.environ["WANDB_RUN_ID"], os.environ["WANDB_SWEEP_ID"]) == ("given", "the-sweep")


def test_what_was_finished_before_is_told(folders: list[RunFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for("asked-for")
    told = {}
    monkeypatch.setattr(wandb, "finish", lambda: told.update(dict(wandb.run.summary) if wandb.run else {}))
    tell_finished(plan().settings, folders[1], {"top1": 91.5})
    monkeypatch.undo()
    wandb.finish()
    assert told["top1"] == 91.5
