"""The keys of a run: everything that its result depends on, with types. Their values stand in experiments/."""

from dataclasses import dataclass, field
from typing import Any, Literal

from data_modules.settings import Selection, SkeletonSettings


@dataclass
class TrainingSettings:
    """How a network is trained.

    learning_rate is multiplied by `decay` after each of the `milestones` (epochs).
    label_smoothing: the probability that the other classes share (SGN's form; see training/losses.py).
    selection: which weights are kept: the 'last', the best on 'validation' subjects, or the best on the 'test' set,
        which is the papers' habit and flatters the result.
    """

    epochs: int = "???"  # type: ignore[assignment]
    batch_size: int = "???"  # type: ignore[assignment]
    optimizer: Literal["adam"] = "adam"
    learning_rate: float = "???"  # type: ignore[assignment]
    weight_decay: float = 0.0
    milestones: list[int] = field(default_factory=list)
    decay: float = 0.1
    label_smoothing: float = 0.0
    selection: Selection = "last"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


@dataclass
class RunSettings:
    """One run. `model` holds the settings that the model's registry entry names."""

    name: str
    model: Any
    data: SkeletonSettings
    training: TrainingSettings
    seed: int = 1
    scale: str = "demo"


@dataclass
class ExecutionSettings:
    """Where and how runs are executed; nothing here changes what they compute."""

    devices: int = 1
    nodes: int = 1
    accelerator: str = "auto"
    workers: int = 0
    wandb: bool = False
