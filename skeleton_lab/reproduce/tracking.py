"""Runs at Weights & Biases: which of them it hears of, and under which id.

An agent of W&B calls this program once for each combination of a sweep, and has given that combination an id before.
Several runs may come of one call: what the one that was asked for starts from, its seeds, its folds. The id is the
first one's that was asked for; the others are runs beside the sweep, in a group of its name.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from lightning.pytorch.loggers import Logger

from skeleton_lab.reproduce.runs import RunFolder
from skeleton_lab.settings import RunSettings

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger

# By which an agent's combination is known: its own id, and the sweep's.
RUN, SWEEP = "WANDB_RUN_ID", "WANDB_SWEEP_ID"
# The name of the run that the combination asked for, for the processes in which runs are trained.
ASKED_FOR = "SKELETON_LAB_ASKED_FOR"


def is_of_agent() -> bool:
    """Whether an agent of W&B called this program."""
    return SWEEP in os.environ


def ask_for(name: str) -> None:
    """Let the run of this name be the agent's combination."""
    os.environ[ASKED_FOR] = name


def wandb_logger(settings: RunSettings, folder: RunFolder) -> "WandbLogger":
    """What sends a run's numbers to W&B, offline unless logged in."""
    # Imported only where it is asked for: it is slow to load, and some machines have none.
    import wandb
    from lightning.pytorch.loggers import WandbLogger

    wandb.finish()  # the run before this one, if this program had one
    if is_of_agent():
        wandb.teardown()  # the ids of the environment are read once otherwise
    mode = os.environ.get("WANDB_MODE") or ("online" if wandb.login(prompt=False) else "offline")
    beside = is_of_agent() and os.environ.get(ASKED_FOR) != folder.path.name
    group = os.environ[SWEEP] if beside else None
    with _without(RUN, SWEEP) if beside else _without():
        logger = WandbLogger(
            folder.path.name, folder.path, project="skeleton_lab", mode=mode, config=asdict(settings), group=group
        )
        _ = logger.experiment  # begins the run, in the first of several processes
    return logger


def tell(logger: Logger, metrics: Mapping[str, float]) -> None:
    """What a run was found to have, for W&B's summary of it; nothing to other loggers, which have it in the store."""
    from lightning.pytorch.loggers import WandbLogger

    if isinstance(logger, WandbLogger):
        logger.experiment.summary.update(dict(metrics))


def tell_finished(settings: RunSettings, folder: RunFolder, metrics: Mapping[str, float]) -> None:
    """The same of a run that was finished before W&B's agent asked for it."""
    import wandb

    tell(wandb_logger(settings, folder), metrics)
    wandb.finish()


@contextmanager
def _without(*names: str) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
