"""Optimisers and schedules under the names that the papers use."""

from collections.abc import Iterable

from torch import nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR

from skeleton_lab.settings import TrainingSettings


def optimizer_and_schedule(
    parameters: Iterable[nn.Parameter], settings: TrainingSettings
) -> tuple[Optimizer, LRScheduler]:
    """'adam': Adam with L2 weight decay (not decoupled), its rate multiplied by `decay` after each milestone epoch."""
    optimizer = Adam(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return optimizer, MultiStepLR(optimizer, list(settings.milestones), settings.decay)
