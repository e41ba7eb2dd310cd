"""Optimisers and the rates of their schedules, step by step and across an interruption."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from data_modules.layouts import NTU25
from data_modules.skeletons import Batch
from skeleton_lab.config import Request, compose
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.runs import differing
from skeleton_lab.settings import TrainingSettings
from skeleton_lab.training.module import ClassificationModule, Output
from skeleton_lab.training.optimizers import noam, optimizer, optimizer_and_schedule
from tests.helpers import padded_batch, settings_of

SETTINGS = TrainingSettings(epochs=6, batch_size=1, learning_rate=1.0)
STEPS_PER_EPOCH = 4


def rates(settings: TrainingSettings, count: int) -> list[float]:
    found = optimizer_and_schedule([nn.Parameter(torch.zeros(1))], settings, lambda: STEPS_PER_EPOCH)
    seen = []
    for _ in range(count):
        seen.append(found["optimizer"].param_groups[0]["lr"])
        found["optimizer"].step()
        found["lr_scheduler"]["scheduler"].step()
    return seen


def test_the_rate_falls_after_each_milestone() -> None:
    assert rates(replace(SETTINGS, milestones=[2, 4]), 6) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_the_rate_falls_along_half_a_cosine() -> None:
    expected = [(1 + math.cos(math.pi * epoch / 6)) / 2 for epoch in range(7)]
    assert rates(replace(SETTINGS, schedule="cosine"), 7) == pytest.approx(expected)


def test_the_rate_grows_in_a_line_before_the_cosine() -> None:
    found = rates(replace(SETTINGS, schedule="cosine", warmup_epochs=2), 7)
    assert found == pytest.approx([1 / 3, 2 / 3, 1, *((1 + math.cos(math.pi * n / 4)) / 2 for n in (1, 2, 3, 4))])


def test_adamw_decays_weights_and_not_gradients() -> None:
    """A weight without gradient: decoupled decay takes its share of it, Adam makes a step of the rate's size of it."""
    found = {}
    for name in ("adam", "adamw"):
        weight = nn.Parameter(torch.tensor([2.0]))
        weight.grad = torch.zeros(1)
        optimizer([weight], replace(SETTINGS, optimizer=name, learning_rate=0.1, weight_decay=0.5)).step()
        found[name] = weight.item()
    assert found == pytest.approx({"adam": 2 - 0.1, "adamw": 2 * (1 - 0.1 * 0.5)})


def test_the_rate_falls_after_every_epoch() -> None:
    found = rates(replace(SETTINGS, schedule="exponential", decay=0.5), 4)
    assert found == pytest.approx([1, 0.5, 0.25, 0.125])


@pytest.mark.parametrize(("dim", "warmup_epochs"), [(64, 5), (128, 2), (64, 0)])
def test_noam(dim: int, warmup_epochs: int) -> None:
    settings = replace(SETTINGS, schedule="noam", noam_dim=dim, warmup_epochs=warmup_epochs, learning_rate=3.0)
    w = warmup_epochs * STEPS_PER_EPOCH
    rising = [t * w**-1.5 if w else 1.0 for t in range(1, 61)]
    expected = [3 * dim**-0.5 * min(t**-0.5, rise) for t, rise in enumerate(rising, 1)]
    assert rates(settings, 60) == pytest.approx(expected)


def test_the_peak_of_star() -> None:
    """The peaks that follow for NTU-60, cross-subject: 314 steps in each of 5 epochs."""
    for dim, peak in ((64, 3.16e-3), (128, 2.23e-3)):
        rate = optimizer([nn.Parameter(torch.zeros(1))], SETTINGS)
        schedule = noam(rate, dim, 5 * 314)
        seen = []
        for _ in range(2000):
            rate.step()
            schedule.step()
            seen.append(rate.param_groups[0]["lr"])
        assert max(seen) == pytest.approx(peak, rel=5e-3)
        assert seen.index(max(seen)) + 2 == 5 * 314  # the first one seen here is that of step 2


def test_optimizers_take_their_settings() -> None:
    weights = [nn.Parameter(torch.zeros(1))]
    adam = optimizer(weights, replace(SETTINGS, betas=[0.9, 0.98], epsilon=1e-9, weight_decay=1e-4))
    assert isinstance(adam, torch.optim.Adam)
    assert adam.defaults.items() >= {"betas": (0.9, 0.98), "eps": 1e-9, "weight_decay": 1e-4, "lr": 1.0}.items()
    sgd = optimizer(weights, replace(SETTINGS, optimizer="sgd", momentum=0.9, nesterov=True, weight_decay=1e-4))
    assert isinstance(sgd, torch.optim.SGD)
    assert sgd.defaults.items() >= {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4, "lr": 1.0}.items()


def test_defaults_are_those_of_pytorch() -> None:
    weights = [nn.Parameter(torch.zeros(1))]
    assert optimizer(weights, SETTINGS).defaults == torch.optim.Adam(weights, 1.0).defaults
    sgd = optimizer(weights, replace(SETTINGS, optimizer="sgd"))
    assert sgd.defaults == torch.optim.SGD(weights, 1.0).defaults


def test_what_identifies_older_runs_stays() -> None:
    """Their settings that differ from the defaults: none of those that came later."""
    kept = differing(settings_of("sgn"))["training"]
    assert set(kept) == {
        "epochs",
        "batch_size",
        "learning_rate",
        "weight_decay",
        "milestones",
        "label_smoothing",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 1.0}, "training.momentum=1.0: give a number from 0 to less than 1"),
        ({"betas": [0.9]}, "training.betas=.*: give two numbers"),
        ({"optimizer": "sgd", "nesterov": True}, "training.nesterov=True: it needs training.momentum"),
        ({"warmup_epochs": -1}, "training.warmup_epochs=-1: give a number from 0"),
        ({"warmup_epochs": 3}, "training.schedule=milestones has none"),
        ({"noam_dim": 0}, "training.noam_dim=0: give a number above 0"),
        ({"learning_rate": float("nan")}, "training.learning_rate=nan: give a number above 0"),
        ({"learning_rate": float("inf")}, "training.learning_rate=inf: give a number above 0"),
        ({"decay": float("nan")}, "training.decay=nan: give a number above 0"),
        ({"label_smoothing": 1.0}, "training.label_smoothing=1.0: give"),
    ],
)
def test_values_that_no_training_can_have(changes: dict[str, Any], message: str) -> None:
    full = {f"training.{key}": value for key, value in changes.items()}
    with pytest.raises(RequestError, match=message):
        compose(Request("sgn", "ntu60", "xsub", "paper", full))


class Tiny(ClassificationModule):
    def __init__(self) -> None:
        changes = {"training.schedule": "noam", "training.warmup_epochs": 2, "training.learning_rate": 0.5}
        super().__init__(settings_of("sgn", changes), NTU25, 6)
        self.network = nn.Linear(75, 6)

    def forward(self, batch: Batch) -> Output:
        return Output(self.network(batch.x[:, 0, 0].flatten(1)))


class Rates(Callback):
    """The rate of every step; `until` interrupts after so many epochs."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.seen: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 == self.until


def fit(folder: Path, until: int, resume: Path | None = None) -> tuple[list[float], torch.Tensor]:
    """The rates of four epochs of three steps, or of fewer epochs; and the weights at the end."""
    torch.manual_seed(0)
    module, rates_seen = Tiny(), Rates(until)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=4,
        callbacks=[ModelCheckpoint(folder, "last", save_on_train_epoch_end=True), rates_seen],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches = [padded_batch(seed=seed) for seed in range(3)]
    trainer.fit(module, DataLoader(batches, batch_size=None), ckpt_path=resume, weights_only=True)
    return rates_seen.seen, module.network.weight.detach()


@pytest.mark.filterwarnings("ignore")
def test_a_resumed_training_has_the_same_rates(tmp_path: Path) -> None:
    whole, weights = fit(tmp_path / "whole", until=4)
    first, _ = fit(tmp_path / "parts", until=2)
    rest, resumed = fit(tmp_path / "parts", until=4, resume=tmp_path / "parts" / "last.ckpt")
    assert len(first) == len(rest) == 6
    assert first + rest == whole
    assert whole == pytest.approx([0.5 * 64**-0.5 * min(t**-0.5, t * 6**-1.5) for t in range(1, 13)])
    assert torch.equal(resumed, weights)
