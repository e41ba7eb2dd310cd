"""The keys of a run: everything that its result depends on, with types. Their values stand in experiments/."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, Protocol

from data_modules.settings import ClipSettings, Selection

# Slots of a batch that nobody is in: 'masked' leaves them out of everything; 'zeros' runs a zero skeleton for each and
# averages over it too, as released code mostly does.
AbsentPersons = Literal["masked", "zeros"]

# How the joints' graph is cut into partitions (layers/graph.py).
PartitionMode = Literal["spatial", "stgcn_spatial"]

# A network's graph: partitions of the skeleton's, or random numbers; and how it is learned (layers/learned_graph.py).
GraphMode = Literal["spatial", "stgcn_spatial", "random"]
Adaptive = Literal["importance", "init", "offset", "none"]


class TreatsAbsentPersons(Protocol):
    """The settings of a model that knows both ways."""

    absent_persons: AbsentPersons


def one_person_is_there(model: TreatsAbsentPersons, data: ClipSettings) -> None:
    """Where clips have a single person, nobody is absent: both ways are the same run."""
    if data.persons == 1:
        model.absent_persons = "masked"


def dropout_problems(model: Any, *keys: str) -> Iterator[str]:
    """One line for each share that no network can drop: of its `dropout` unless other keys are named."""
    for key in keys or ("dropout",):
        # Written so that NaN is refused too.
        if not 0 <= getattr(model, key) < 1:
            yield f"model.{key}={getattr(model, key)}: give a number from 0 to less than 1"


@dataclass
class TrainingSettings:
    """How a network is trained.

    optimizer: 'adam' (betas, epsilon) or 'sgd' (momentum, nesterov), each with L2 weight decay; 'adamw' decouples it.
    schedule: with 'milestones' the learning_rate is multiplied by `decay` after each of the milestones (epochs). With
        'noam' it grows over the first warmup_epochs and falls from then on (training/optimizers.py); learning_rate is
        then a factor, and noam_dim the width of the network that the rate is made for. With 'cosine' it falls along
        half a cosine, from epoch to epoch, to 0 after the last; before that it grows in a line for warmup_epochs. With
        'exponential' it is multiplied by `decay` after every epoch.
    label_smoothing: the probability that is taken from the true class and shared by smoothing_over: 'other_classes'
        (SGN's form) or 'all_classes', the true one too (PyTorch's own form).
    selection: which weights are kept: the 'last', the best on 'validation' subjects, or the best on the 'test' set,
        which is the papers' habit and flatters the result.
    """

    epochs: int = "???"  # type: ignore[assignment]
    batch_size: int = "???"  # type: ignore[assignment]
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    epsilon: float = 1e-8
    momentum: float = 0.0
    nesterov: bool = False
    learning_rate: float = "???"  # type: ignore[assignment]
    weight_decay: float = 0.0
    schedule: Literal["milestones", "noam", "cosine", "exponential"] = "milestones"
    milestones: list[int] = field(default_factory=list)
    decay: float = 0.1
    warmup_epochs: int = 0
    noam_dim: int = 64
    label_smoothing: float = 0.0
    smoothing_over: Literal["other_classes", "all_classes"] = "other_classes"
    selection: Selection = "last"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


def training_problems(training: TrainingSettings) -> Iterator[str]:
    """One line for each value that no training can have."""
    # Written so that NaN is refused too.
    for key in ("epochs", "batch_size", "learning_rate", "epsilon", "noam_dim", "decay"):
        if not 0 < getattr(training, key) < inf:
            yield f"training.{key}={getattr(training, key)}: give a number above 0"
    for key in ("weight_decay", "warmup_epochs"):
        if not 0 <= getattr(training, key) < inf:
            yield f"training.{key}={getattr(training, key)}: give a number from 0"
    for key in ("momentum", "label_smoothing"):
        if not 0 <= getattr(training, key) < 1:
            yield f"training.{key}={getattr(training, key)}: give a number from 0 to less than 1"
    if len(training.betas) != 2 or not all(0 <= beta < 1 for beta in training.betas):
        yield f"training.betas={training.betas}: give two numbers from 0 to less than 1"
    if training.optimizer == "sgd" and training.nesterov and not training.momentum:
        yield "training.nesterov=True: it needs training.momentum above 0, such as 0.9"
    if training.warmup_epochs and training.schedule not in ("noam", "cosine"):
        yield f"training.warmup_epochs={training.warmup_epochs}: training.schedule={training.schedule} has none; give 0"


@dataclass
class RunSettings:
    """One run. `model` and `data` hold the settings that the model's registry entry names."""

    name: str
    model: Any
    data: Any
    training: TrainingSettings
    seed: int = 1
    scale: str = "demo"


@dataclass
class OpsSettings:
    """backend: what reduces segments (ops/segments.py), 'native' or, after `make setup-scatter`, 'torch_scatter'.
    recompute: what a backward pass needs of large layers is computed again (ops/piecewise.py), for a fraction of the
        memory; false keeps it, which is quicker. Results are the same.
    checkpoint: networks of films keep what each of their blocks begins with alone, and compute the rest again: a third
        more time, for clips or pictures that would not fit into the memory. Results are the same.
    """

    backend: str = "native"
    recompute: bool = True
    checkpoint: bool = False


@dataclass
class ExecutionSettings:
    """Where and how runs are executed; nothing here changes what they compute.

    jobs: how many runs are trained at once; 0: as many as there are cores on a CPU, or devices, for.
    devices, nodes: how many devices of each of how many machines train one run together; on a CPU, processes.
    """

    jobs: int = 0
    devices: int = 1
    nodes: int = 1
    accelerator: str = "auto"
    workers: int = 0
    wandb: bool = False
    ops: OpsSettings = field(default_factory=OpsSettings)
