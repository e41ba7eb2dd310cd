"""The loss against its definition."""

from dataclasses import replace

import pytest
import torch

from skeleton_lab.settings import TrainingSettings
from skeleton_lab.training.losses import classification_loss, smoothed_cross_entropy
from skeleton_lab.training.module import accuracies, derived_seed
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


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_smoothing_over_all_classes(smoothing: float) -> None:
    logits, labels = torch.randn(5, 7), torch.tensor([0, 1, 6, 3, 3])
    log_probabilities = logits.log_softmax(dim=1)
    true, mean = log_probabilities[torch.arange(5), labels], log_probabilities.mean(dim=1)
    settings = TrainingSettings(1, 1, label_smoothing=smoothing, smoothing_over="all_classes", learning_rate=1.0)
    assert_close(classification_loss(logits, labels, settings), -((1 - smoothing) * true + smoothing * mean).mean())
    others = replace(settings, smoothing_over="other_classes")
    assert_close(classification_loss(logits, labels, others), smoothed_cross_entropy(logits, labels, smoothing))


def test_accuracies() -> None:
    logits = torch.eye(6)[[0, 0, 1, 5]]
    found = accuracies(logits, torch.tensor([0, 0, 1, 2]))
    assert found["top1"] == 75
    assert found["mean_class_top1"] == pytest.approx(100 * 2 / 3)


def test_seeds_differ_with_every_number() -> None:
    assert len({derived_seed(a, b) for a in range(10) for b in range(10)}) == 100
