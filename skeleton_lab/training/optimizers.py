"""Optimisers and schedules under the names that the papers use."""

from collections.abc import Callable, Iterable
from math import cos, pi
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, LRScheduler, MultiStepLR

from skeleton_lab.settings import TrainingSettings


def optimizer_and_schedule(
    parameters: Iterable[nn.Parameter], settings: TrainingSettings, steps_per_epoch: Callable[[], int]
) -> dict[str, Any]:
    """The optimiser and its schedule, and whether that is stepped by 'epoch' or by 'step', as Lightning takes them.

    steps_per_epoch: how often the optimiser is stepped in an epoch; asked only by schedules that depend on it.
    """
    found = optimizer(parameters, settings)
    if settings.schedule == "noam":
        by_step = noam(found, settings.noam_dim, settings.warmup_epochs * steps_per_epoch())
        return {"optimizer": found, "lr_scheduler": {"scheduler": by_step, "interval": "step"}}
    return {"optimizer": found, "lr_scheduler": {"scheduler": _by_epoch(found, settings), "interval": "epoch"}}


def _by_epoch(optimizer: Optimizer, settings: TrainingSettings) -> LRScheduler:
    if settings.schedule == "cosine" and settings.warmup_epochs:
        return LambdaLR(optimizer, lambda done: _warm_cosine(done, settings.warmup_epochs, settings.epochs))
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimizer, settings.epochs)
    if settings.schedule == "exponential":
        return ExponentialLR(optimizer, settings.decay)
    return MultiStepLR(optimizer, list(settings.milestones), settings.decay)


def _warm_cosine(done: int, warmup: int, epochs: int) -> float:
    """A line from 1 / (warmup + 1) to 1, then half a cosine to 0 after the last epoch."""
    if done < warmup:
        return (done + 1) / (warmup + 1)
    return (1 + cos(pi * (done - warmup) / max(1, epochs - warmup))) / 2


def optimizer(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> Optimizer:
    """'adam': Adam; 'sgd': stochastic gradient descent with momentum; in both, weight decay is L2. 'adamw': Adam with
    weight decay that is decoupled from the gradient."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        return SGD(parameters, rate, settings.momentum, weight_decay=decay, nesterov=settings.nesterov)
    first, second = settings.betas
    kind = AdamW if settings.optimizer == "adamw" else Adam
    return kind(parameters, rate, (first, second), settings.epsilon, decay)


def noam(optimizer: Optimizer, dim: int, warmup_steps: int) -> LRScheduler:
    """rate = learning_rate · dim^-0.5 · min(t^-0.5, t · warmup_steps^-1.5) in optimiser step t, counted from 1.

    It rises in a straight line to its peak in step warmup_steps; without a warm-up it only falls. Source: STAR, Eq. 8,
    after "Attention Is All You Need", section 5.3.
    """
    warmup = max(1, warmup_steps)
    return LambdaLR(optimizer, lambda done: dim**-0.5 * min((done + 1) ** -0.5, (done + 1) * warmup**-1.5))
