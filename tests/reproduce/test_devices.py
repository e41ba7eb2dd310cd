"""Runs that several processes train together end as those of one process, and are stored once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from data_modules.divisions import Part
from skeleton_lab.config import Request
from skeleton_lab.reproduce import crew
from skeleton_lab.reproduce.executor import Outcome, execute
from skeleton_lab.reproduce.runs import Planner, Run, folder_of
from skeleton_lab.reproduce.sources import Source, prepared
from skeleton_lab.reproduce.train import build_module, data_module
from skeleton_lab.settings import ExecutionSettings
from tests.helpers import assert_close
from tests.reproduce import calm

# Two processes have 5 and 4 clips of a batch of 9, and 4 and 4 of the last one. With Adam, a weight whose gradient is
# nothing but noise goes its own way.
SHARED = {
    **{"training.epochs": 3, "training.batch_size": 9, "data.train_clips": 17},
    **{"training.optimizer": "sgd", "training.learning_rate": 0.1},
}
NARROW = {"model.width": 0.0625}
PAPERS: dict[str, dict[str, Any]] = {
    "sgn": NARROW,
    # A phase in which the joints' matrices are frozen, and one in which they are not.
    "adasgn": {**NARROW, "model.pretrained": False, "model.frozen_epochs": 1, "model.alpha": 4.0},
    # Three steps of an epoch each: what a later one trains, an earlier one leaves out.
    "gca_lstm": {"data.clip_len": 6, "model.dropout": 0.0, "model.width": 0.125, "model.attention_iterations": 2},
    # Warm-up with the penalty, then fine-tuning.
    "sparse_st_gcn": {
        **{**NARROW, "data.clip_len": 16, "model.sparsity": 0.6, "model.warmup": 0.34},
        **{"model.norm_statistics": "running"},
    },
    "star_64": {
        **{"model.width": 0.25, "data.frame_step": 8},
        **{"training.schedule": "milestones", "training.warmup_epochs": 0},
        **{f"model.{key}": 0.0 for key in ("attention_dropout", "dropout", "head_dropout")},
    },
    # Films and poses.
    "deform3d": {"model.width": 0.03125, "data.crop": 32, "data.short_side": 32, "data.clip_len": 4},
}
# What is not of NTU RGB+D.
DATASETS = {"deform3d": ("penn_action", "official")}
# Each process computes them of its own part.
ANEW = {"model.norm_statistics": "recomputed", "training.epochs": 1}
CPU = ExecutionSettings(accelerator="cpu", devices=1, jobs=1)

Sources = Mapping[str, Source]


class Silent:
    def planned(self, total: int, finished: int) -> None: ...
    def started(self, run: Run) -> None: ...
    def epoch(self, run: Run, done: int, total: int) -> None: ...
    def ended(self, run: Run, problem: str | None) -> None: ...


def run_on(devices: int, runs: list[Run], output_dir: Path) -> Outcome:
    return execute(runs, output_dir, replace(CPU, devices=devices), Silent())


def plan(sources: Sources, model: str, changes: Mapping[str, Any] = {}) -> Run:
    dataset, protocol = DATASETS.get(model, ("ntu60", "xsub"))
    return Planner(sources).plan(Request(model, dataset, protocol, "demo", {**SHARED, **PAPERS[model], **changes}))


@pytest.fixture(scope="module")
def sources(demo_outputs: Path, demo_source: Source) -> Sources:
    filmed = prepared("penn_action", None, demo_outputs, "demo", demo_clips=44, films=True)
    return {"ntu60": demo_source, "penn_action": filmed}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory, sources: Sources) -> Iterator[dict[int, Path]]:
    """By the number of processes that trained one run of every paper there."""
    runs = [plan(sources, model) for model in PAPERS]
    found = {devices: tmp_path_factory.mktemp(f"devices-{devices}") for devices in (1, 2)}
    with pytest.MonkeyPatch.context() as patched, calm.calm():
        patched.setattr(crew, "_serve", calm.serve)
        assert not run_on(1, runs, found[1]).problems
        assert not run_on(2, [*runs, plan(sources, "sparse_st_gcn", ANEW)], found[2]).problems
    yield found


@pytest.mark.parametrize("model", PAPERS)
def test_two_processes_end_as_one_does(model: str, sources: Sources, outputs: dict[int, Path]) -> None:
    run = plan(sources, model)
    alone, together = (folder_of(run, outputs[devices]) for devices in (1, 2))
    assert together.epochs("train/loss") == pytest.approx(alone.epochs("train/loss"), rel=1e-4)
    assert together.epochs("train/top1") == pytest.approx(alone.epochs("train/top1"), abs=1e-3)
    assert (alone.result()["provenance"]["processes"], together.result()["provenance"]["processes"]) == (1, 2)
    predicted, expected = together.predictions(), alone.predictions()
    assert predicted.sample_id.tolist() == expected.sample_id.tolist()
    assert len(set(predicted.sample_id)) == len(predicted.sample_id) == len(data_module(run, CPU).test) > 20
    np.testing.assert_allclose(predicted.logits, expected.logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("model", PAPERS)
def test_it_has_learned_something(model: str, sources: Sources, outputs: dict[int, Path]) -> None:
    """Else the equality above says little."""
    losses = list(folder_of(plan(sources, model), outputs[2]).epochs("train/loss").values())
    assert max(losses) - min(losses) > 1e-3


def test_statistics_that_are_computed_anew_are_the_mean_over_the_processes(
    sources: Sources, outputs: dict[int, Path]
) -> None:
    run = plan(sources, "sparse_st_gcn", ANEW)
    of_parts = []
    for number in range(2):
        data = data_module(run, CPU, Part(number, 2))
        module = build_module(run.settings, data)
        module.take_over(folder_of(run, outputs[2]).checkpoint)
        kept = statistics(module)
        with calm.calm():
            update_bn(data.train_dataloader(), module)  # of the first epoch, which was the only one
        of_parts.append(statistics(module))
    assert kept
    for name, value in kept.items():
        first, second = (found[name] for found in of_parts)
        assert_close(value, (first + second) / 2)
        assert not torch.allclose(first, second, rtol=1e-3, atol=0)


def statistics(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.named_buffers() if "running_" in name}


def test_a_run_is_stored_once(sources: Sources, outputs: dict[int, Path]) -> None:
    folder = folder_of(plan(sources, "sgn"), outputs[2])
    assert len(list(folder.path.glob("epochs/*"))) == 1
    assert sorted(path.name for path in folder.path.iterdir()) == [
        *("checkpoint.ckpt", "epochs", "predictions.npz", "result.json", "settings.yaml")
    ]
    weights = torch.load(folder.checkpoint, weights_only=True)["state_dict"]
    assert all(name.startswith("network.") for name in weights)
