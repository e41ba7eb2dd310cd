"""The executor on real, tiny trainings: skipped, resumed, isolated, and never two at once on one run."""

import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Trainer

from skeleton_lab.config import Request
from skeleton_lab.measure.in_turn import threads
from skeleton_lab.reproduce import crew, train
from skeleton_lab.reproduce.claims import Claims
from skeleton_lab.reproduce.executor import execute
from skeleton_lab.reproduce.runs import Planner, Run, folder_of
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.settings import ExecutionSettings

TINY = {"model.width": 0.0625, "training.epochs": 3, "training.milestones": [2], "training.batch_size": 16}


class Watched:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.problems: dict[str, str] = {}
        self.epochs: dict[str, list[int]] = {}
        self.killed = False

    def planned(self, total: int, finished: int) -> None:
        self.total, self.finished = total, finished

    def started(self, run: Run) -> None:
        self.trained.append(run.key)

    def epoch(self, run: Run, done: int, total: int) -> None:
        self.epochs.setdefault(run.key, []).append(done)

    def ended(self, run: Run, problem: str | None) -> None:
        if problem:
            self.problems[run.key] = problem


def plan(source: Source, model: str = "sgn", **changes: object) -> Run:
    full = {key.replace("__", "."): value for key, value in changes.items()}
    return Planner({"ntu60": source}).plan(Request(model, "ntu60", "xsub", "demo", full, TINY))


def run_all(runs: list[Run], output_dir: Path, jobs: int = 1) -> Watched:
    watched = Watched()
    execute(runs, output_dir, ExecutionSettings(accelerator="cpu", jobs=jobs), watched)
    return watched


def weights(run: Run, output_dir: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder_of(run, output_dir).checkpoint, weights_only=True)["state_dict"]


def test_a_finished_run_is_not_trained_again(demo_source: Source, tmp_path: Path) -> None:
    run = plan(demo_source)
    assert run_all([run, run], tmp_path).trained == [run.key]
    again = run_all([run], tmp_path)
    assert (again.trained, again.total, again.finished) == ([], 1, 1)


def test_a_finished_run_holds_everything_tables_ask_for(demo_source: Source, tmp_path: Path) -> None:
    run = plan(demo_source)
    run_all([run], tmp_path)
    folder = folder_of(run, tmp_path)
    predictions = folder.predictions()
    assert len(set(predictions.sample_id)) == len(predictions.sample_id) == len(predictions.logits)
    top1 = 100 * (predictions.logits.argmax(axis=1) == predictions.label).mean()
    assert folder.result()["metrics"]["top1"] == pytest.approx(top1)
    assert folder.result()["provenance"].keys() >= {"commit", "versions", "hardware", "started", "seconds", "data"}
    assert list(folder.path.glob("epochs/*/metrics.csv"))
    assert (folder.path / "settings.yaml").exists()
    assert not folder.resume.exists()


class Interrupted(BaseException):
    """As a signal would be: not for the executor to catch."""


def stop_before(epoch: int, run: Run, output_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: object, trainer: Trainer, module: torch.nn.Module) -> None:
        if trainer.current_epoch == epoch:
            raise Interrupted

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(train.ReportEpochs, "on_train_epoch_start", stop)
        run_all([run], output_dir)


@pytest.mark.parametrize("model", ["sgn", "adasgn", "gca_lstm"])
@pytest.mark.parametrize("selection", ["last", "validation"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    model: str, selection: str, demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"training.selection": selection}
    if model == "adasgn":
        changes |= {"model.pretrained": False, "model.frozen_epochs": 1}
    run = plan(demo_source, model, **{key.replace(".", "__"): value for key, value in changes.items()})
    run_all([run], tmp_path / "whole")

    stop_before(1, run, tmp_path / "torn", monkeypatch)
    torch.manual_seed(12345)
    run_all([run], tmp_path / "torn")
    assert len(list(folder_of(run, tmp_path / "torn").path.glob("epochs/*"))) == 2
    for name, weight in weights(run, tmp_path / "whole").items():
        assert torch.equal(weight, weights(run, tmp_path / "torn")[name]), name
    whole, torn = (folder_of(run, tmp_path / each).predictions() for each in ("whole", "torn"))
    assert np.array_equal(whole.logits, torn.logits)


@pytest.mark.parametrize("left", [0, 1000])
def test_a_torn_checkpoint_counts_as_none(
    left: int, demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = plan(demo_source)
    stop_before(1, run, tmp_path, monkeypatch)
    os.truncate(folder_of(run, tmp_path).resume / "last.ckpt", left)
    watched = run_all([run], tmp_path)
    assert (watched.problems, watched.epochs[run.key]) == ({}, [1, 2, 3])
    assert "last.ckpt cannot be read" in caplog.text
    assert folder_of(run, tmp_path).result()["provenance"]["resumed"] is False


def test_checkpoints_are_written_where_they_belong(
    demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not first to the folder for temporary files, from which they would be copied over the last good one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    assert run_all([plan(demo_source)], tmp_path).problems == {}


def test_a_resumed_run_knows_its_best_epoch_wherever_its_folder_lies_now(
    demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, found = plan(demo_source, training__selection="validation"), []
    stop_before(2, run, tmp_path / "before", monkeypatch)
    shutil.move(tmp_path / "before", tmp_path / "after")

    def look(self: object, trainer: Trainer, module: torch.nn.Module) -> None:
        best = trainer.checkpoint_callback
        assert isinstance(best, train.BestCheckpoint)
        assert best.best_model_score is not None
        found.append({Path(path) for path in (best.best_model_path, best.kth_best_model_path, *best.best_k_models)})

    monkeypatch.setattr(train.ReportEpochs, "on_train_epoch_start", look, raising=False)
    assert run_all([run], tmp_path / "after").problems == {}
    assert found == [{folder_of(run, tmp_path / "after").resume / "best.ckpt"}]


def test_one_broken_run_never_loses_the_others(
    demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = plan(demo_source, seed=1)
    broken = plan(demo_source, "adasgn", seed=2)
    real = crew.train

    def failing(run: Run, *arguments: object) -> None:
        if run.settings.name == "adasgn_single" and run.settings.model.joints == 9:
            raise RuntimeError("no luck\nat all")
        real(run, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(crew, "train", failing)
    watched = run_all([broken, good], tmp_path)
    assert folder_of(good, tmp_path).is_finished
    assert watched.problems[broken.key].startswith("needs adasgn_single-")
    failed = [problem for problem in watched.problems.values() if "RuntimeError: no luck" in problem]
    assert len(failed) == 2
    assert all("\n" not in problem for problem in watched.problems.values())


def test_several_processes_end_with_what_one_does(demo_source: Source, tmp_path: Path) -> None:
    runs = [plan(demo_source, seed=seed) for seed in (1, 2)] + [plan(demo_source, "adasgn")]
    watched = run_all(runs, tmp_path / "processes", jobs=2)
    assert not watched.problems
    assert watched.trained[-1] == runs[-1].key
    assert watched.epochs[runs[0].key] == [1, 2, 3]
    with threads(1):  # as each of the processes has
        run_all(runs, tmp_path / "here")
    for run in runs:
        for name, weight in weights(run, tmp_path / "here").items():
            assert torch.equal(weight, weights(run, tmp_path / "processes")[name]), name


def test_a_failure_in_a_process_is_told_and_kept_apart(demo_source: Source, tmp_path: Path) -> None:
    good, broken = plan(demo_source, seed=1), plan(demo_source, seed=2)
    folder_of(broken, tmp_path).path.parent.mkdir(parents=True)
    folder_of(broken, tmp_path).path.write_text("a file where a folder must be")
    watched = run_all([broken, good], tmp_path, jobs=2)
    assert folder_of(good, tmp_path).is_finished
    assert list(watched.problems) == [broken.key]


def test_a_training_that_came_apart_is_not_finished(demo_source: Source, tmp_path: Path) -> None:
    run = plan(demo_source, training__learning_rate=1e30)
    assert "its training came apart" in run_all([run], tmp_path).problems[run.key]
    assert not folder_of(run, tmp_path).is_finished


def test_deleted_weights_are_named_where_they_are_needed(demo_source: Source, tmp_path: Path) -> None:
    required = plan(demo_source, "adasgn").requires["big-25"]
    run_all([required], tmp_path)
    checkpoint = folder_of(required, tmp_path).checkpoint
    checkpoint.unlink()
    run = plan(demo_source, "adasgn")
    problem = run_all([run], tmp_path).problems[run.key]
    assert problem.startswith(f"{checkpoint} has been deleted: delete its whole folder")


def test_a_killed_process_fails_its_run_alone(demo_source: Source, tmp_path: Path) -> None:
    runs = [plan(demo_source, seed=seed) for seed in (1, 2, 3, 4)]
    watched = Watched()

    def kill_one(run: Run, done: int, total: int) -> None:
        if not watched.killed:
            watched.killed = True
            multiprocessing.active_children()[0].kill()

    watched.epoch = kill_one  # type: ignore[method-assign]
    execute(runs, tmp_path, ExecutionSettings(accelerator="cpu", jobs=2), watched)
    assert len(watched.problems) == 1
    assert all("a worker process was killed" in problem for problem in watched.problems.values())
    finished = [run.key for run in runs if folder_of(run, tmp_path).is_finished]
    assert sorted([*finished, *watched.problems]) == sorted(run.key for run in runs)
    assert not run_all(runs, tmp_path).problems


def wait_for(happened: Callable[[], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, f"nothing of it in {seconds} s"
        time.sleep(0.1)


def test_a_run_that_another_executor_holds_is_waited_for(demo_source: Source, tmp_path: Path) -> None:
    held, free = plan(demo_source, seed=1), plan(demo_source, seed=2)
    another = Claims(tmp_path / "claims")
    assert another.take(held.name)
    watched: list[Watched] = []
    worker = threading.Thread(target=lambda: watched.append(run_all([held, free], tmp_path)))
    worker.start()
    worker.join(timeout=1.0)
    wait_for(lambda: folder_of(free, tmp_path).is_finished)
    assert worker.is_alive()
    another.close()
    worker.join(timeout=60)
    assert watched[0].trained == [free.key, held.key]


def test_what_failed_elsewhere_meanwhile_is_not_tried_again(demo_source: Source, tmp_path: Path) -> None:
    run, another, watched = plan(demo_source), Claims(tmp_path / "claims"), []
    assert another.take(run.name)
    worker = threading.Thread(target=lambda: watched.append(run_all([run], tmp_path)))
    worker.start()
    worker.join(timeout=0.5)
    folder_of(run, tmp_path).note_failure("its disk burns")
    another.close()
    worker.join(timeout=60)
    assert watched[0].problems == {run.key: "its disk burns"}
    assert not list(folder_of(run, tmp_path).path.glob("epochs"))
    again = run_all([run], tmp_path)  # a new command is a new attempt
    assert (again.problems, again.trained) == ({}, [run.key])
    assert not folder_of(run, tmp_path).failure.exists()


def test_what_a_run_requires_is_waited_for_too(demo_source: Source, tmp_path: Path) -> None:
    run = plan(demo_source, "adasgn")
    required = list(run.requires.values())[-1]
    another = Claims(tmp_path / "claims")
    assert another.take(required.name)
    watched: list[Watched] = []
    worker = threading.Thread(target=lambda: watched.append(run_all([run], tmp_path)))
    worker.start()
    others = [each for each in run.requires.values() if each is not required]
    wait_for(lambda: all(folder_of(each, tmp_path).is_finished for each in others))
    worker.join(timeout=0.5)
    assert worker.is_alive()
    another.close()
    worker.join(timeout=60)
    assert not watched[0].problems
    assert watched[0].trained[-2:] == [required.key, run.key]
    assert folder_of(run, tmp_path).result()["provenance"]["requires"]["big-25"] == required.name
