"""Runs that evaluate a trained network in another way, on real, tiny trainings. Axes: N recordings, K classes."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Trainer
from rich.console import Console

from data_modules.divisions import Draw
from data_modules.layouts import NTU25
from skeleton_lab.papers.adasgn.module import SHARED_FEATURES, AdaSGNModule
from skeleton_lab.reproduce import train
from skeleton_lab.reproduce.progress import LiveProgress
from skeleton_lab.reproduce.runs import TRAINED, Run, folder_of
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.train import build_module, data_module
from skeleton_lab.settings import ExecutionSettings
from tests.helpers import padded_batch, settings_of
from tests.reproduce.test_executor import Interrupted, plan, run_all, weights

ADASGN = {"model__pretrained": False, "model__frozen_epochs": 1}


def refuse_to_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "fit", lambda *_, **__: pytest.fail("trained again"))


def assert_same_weights(first: Run, second: Run, output_dir: Path) -> None:
    one, other = weights(first, output_dir), weights(second, output_dir)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def by_plain_loop(run: Run, output_dir: Path) -> np.ndarray:
    """The mean logits (N, K) of every test recording's crops, one clip at a time."""
    data = data_module(run, ExecutionSettings())
    module = build_module(run.settings, data).eval()
    module.load_state_dict(weights(run, output_dir))
    rows = []
    for position in data.test.tolist():
        clips = [data.clips[Draw(position, crop=crop)] for crop in range(run.settings.data.test_crops)]
        with torch.no_grad():
            rows.append(torch.stack([module(data.collate([clip])).logits[0] for clip in clips]).mean(dim=0))
    return torch.stack(rows).numpy()


@pytest.mark.parametrize(("model", "changes"), [("sgn", {}), ("adasgn", ADASGN)])
def test_crops_are_averaged_and_nothing_is_trained(
    model: str, changes: dict[str, object], demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, crops = (plan(demo_source, model, **changes, data__test_crops=n) for n in (1, 5))
    run_all([usual], tmp_path)
    refuse_to_train(monkeypatch)
    watched = run_all([crops], tmp_path)
    assert (watched.trained, watched.problems) == ([crops.key], {})
    assert_same_weights(crops, usual, tmp_path)
    one, several = (folder_of(run, tmp_path) for run in (usual, crops))
    predictions = several.predictions()
    np.testing.assert_array_equal(predictions.sample_id, one.predictions().sample_id)
    np.testing.assert_array_equal(predictions.label, one.predictions().label)
    np.testing.assert_allclose(predictions.logits, by_plain_loop(crops, tmp_path), rtol=1e-4, atol=1e-5)
    assert not np.allclose(predictions.logits, one.predictions().logits, rtol=1e-4, atol=1e-5)
    metrics = several.result()["metrics"]
    top1 = 100 * (predictions.logits.argmax(axis=1) == predictions.label).mean()
    assert metrics["top1"] == pytest.approx(top1)
    if model == "adasgn":
        assert sum(metrics[f"share_{action}"] for action in range(6)) == pytest.approx(100)
    else:
        for cost in ("gmacs_as_paper", "gmacs_all"):
            assert metrics[cost] == pytest.approx(5 * one.result()["metrics"][cost])
    assert several.result()["provenance"]["requires"] == {TRAINED: usual.name}


def test_the_trained_run_comes_first_and_is_shared(demo_source: Source, tmp_path: Path) -> None:
    sampled = plan(demo_source, "adasgn", **ADASGN, model__evaluation_actions="sampled")
    noisy = plan(demo_source, "adasgn", **ADASGN, data__noise_metres=0.5, data__noise_on="test")
    watched = run_all([sampled, noisy], tmp_path)
    trained = sampled.requires[TRAINED]
    assert (watched.trained, watched.total) == ([trained.key, sampled.key, noisy.key], 3)
    logits = [folder_of(run, tmp_path).predictions().logits for run in (trained, sampled, noisy)]
    assert not any(np.array_equal(logits[i], logits[j]) for i in range(3) for j in range(i))
    for run in (sampled, noisy):
        assert_same_weights(run, trained, tmp_path)
        assert not list(folder_of(run, tmp_path).path.glob("epochs/*/metrics.csv"))


def test_an_evaluation_that_was_interrupted_is_done_again(
    demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan(demo_source, "adasgn", **ADASGN, model__evaluation_actions="sampled", data__test_crops=2)
    run_all([run], tmp_path / "whole")

    def stop(*_: object) -> None:
        raise Interrupted

    run_all([run.requires[TRAINED]], tmp_path / "torn")
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(train, "measure", stop)
        run_all([run], tmp_path / "torn")
    assert not folder_of(run, tmp_path / "torn").is_finished
    torch.manual_seed(12345)
    refuse_to_train(monkeypatch)
    run_all([run], tmp_path / "torn")
    whole, torn = (folder_of(run, tmp_path / each).predictions() for each in ("whole", "torn"))
    np.testing.assert_array_equal(whole.logits, torn.logits)


def test_a_failed_training_is_named(demo_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = plan(demo_source, data__test_crops=5)
    monkeypatch.setattr(Trainer, "fit", lambda *_, **__: 1 / 0)
    problems = run_all([run], tmp_path).problems
    assert problems[run.key] == f"needs {run.requires[TRAINED].name}, which failed"


@pytest.mark.parametrize(("crops", "shown"), [(1, "0/3"), (5, "0/?")])
def test_progress_promises_epochs_only_where_there_are(crops: int, shown: str, demo_source: Source) -> None:
    written = StringIO()
    with LiveProgress(Console(file=written, force_terminal=True, width=200)) as progress:
        progress.planned(9, 0)
        progress.started(plan(demo_source, data__test_crops=crops))
    assert shown in written.getvalue()
    assert ("0/3" in written.getvalue()) == (crops == 1)


def test_what_is_recorded_of_crops_is_averaged() -> None:
    recorded = {
        "position": torch.tensor([7, 7, 4, 4]),
        "label": torch.tensor([1, 1, 0, 0]),
        "logits": torch.tensor([[0.0, 1], [2, 2], [5, 0], [7, 4]]),
        "skeletons": torch.tensor([20, 40, 20, 20]),
    }
    averaged = train._mean_of_crops(recorded, 2, "logits")
    assert averaged["position"].tolist() == [7, 4]
    assert averaged["label"].tolist() == [1, 0]
    assert averaged["logits"].tolist() == [[1, 1.5], [6, 2]]
    assert averaged["skeletons"].tolist() == [30, 20]
    probabilities = recorded["logits"].softmax(dim=1).unflatten(0, (2, 2)).mean(dim=1)
    of_them = train._mean_of_crops(recorded, 2, "probabilities")
    torch.testing.assert_close(of_them["logits"].exp(), probabilities)
    assert of_them["skeletons"].tolist() == [30, 20]


def test_crops_of_one_recording_are_told_apart_where_features_are_shared() -> None:
    """Features are remembered by the positions of a batch, which several crops of a recording have in common."""
    SHARED_FEATURES.clear()
    settings = settings_of("adasgn", {"model.width": 0.0625, "model.share_features": True, "data.test_crops": 2})
    module = AdaSGNModule(settings, NTU25, classes=7).eval()
    module.on_predict_start()
    first, second = padded_batch(seed=0), padded_batch(seed=1)
    assert torch.equal(first.position, second.position)
    assert not torch.equal(module(first).logits, module(second).logits)
    assert not SHARED_FEATURES
