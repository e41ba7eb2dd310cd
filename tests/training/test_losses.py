"""The loss against its definition."""

import pytest
import torch

from skeleton_lab.settings import TrainingSettings
from skeleton_lab.training.losses import smoothed_cross_entropy
from skeleton_lab.training.module import accuracies, derived_seed
from skeleton_lab.training.optimizers import optimizer_and_schedule
from tests.helpers import assert_close


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_smoothed_cross_entropy(smoothing: float) -> None:
    logits = torch.randn(5, 7, requires_grad=True)
    labels = torch.tensor([0, 1, 6, 3, 3])
    target = torch.full((5, 7), smoothing / 6)
    target[torch.arange(5), labels] = 1 - smoothing
    plain = -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()
    loss = smoothed_cross_entropy(logits, labels, smoothing)
    assert_close(loss, plain)
    assert_close(torch.autograd.grad(loss, logits)[0], torch.autograd.grad(plain, logits)[0])


def test_the_rate_falls_after_each_milestone() -> None:
    settings = TrainingSettings(epochs=6, batch_size=1, learning_rate=1.0, milestones=[2, 4])
    optimizer, schedule = optimizer_and_schedule([torch.nn.Parameter(torch.zeros(1))], settings)
    rates = []
    for _ in range(6):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_accuracies() -> None:
    logits = torch.eye(6)[[0, 0, 1, 5]]
    found = accuracies(logits, torch.tensor([0, 0, 1, 2]))
    assert found["top1"] == 75
    assert found["mean_class_top1"] == pytest.approx(100 * 2 / 3)


def test_seeds_differ_with_every_number() -> None:
    assert len({derived_seed(a, b) for a in range(10) for b in range(10)}) == 100
