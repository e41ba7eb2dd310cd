"""The numbers that a cell can hold, and how each is judged."""

from dataclasses import dataclass
from typing import Literal

from skeleton_lab.errors import unknown

Better = Literal["higher", "lower", "neither"]
Of = Literal["run", "network", "part"]


@dataclass(frozen=True)
class Metric:
    """better: which way an improvement goes; decimals: how many are shown; fused: how a fusion of runs is measured.

    of: a 'run' on recordings; or the untrained 'network' at its published size, or one 'part' of it (published.py).
    timed: measured side by side, in one session, of everything in a table that has it; it says as much of the machine,
        and is never held against a paper's.
    of_weights: measured of a run's trained weights, whatever it recorded (footprints.py).
    """

    better: Better
    decimals: int
    fused: Literal["logits", "sum", "mean", "max"]
    of: Of = "run"
    timed: bool = False
    of_weights: bool = False

    @property
    def is_apart(self) -> bool:
        """Whether it is measured when a table is put together, so that no run's result has it."""
        return self.of != "run" or self.timed or self.of_weights


def _shares(name: str) -> dict[str, Metric]:
    """Of each action, in percent. Fused runs see the same skeletons, so that their mean is the share among all."""
    return {f"{name}_{action}": Metric("neither", 2, fused="mean") for action in range(6)}


METRICS = {
    "top1": Metric("higher", 1, fused="logits"),
    "top5": Metric("higher", 1, fused="logits"),
    "mean_class_top1": Metric("higher", 1, fused="logits"),
    "parameters": Metric("lower", 0, fused="sum"),
    "gmacs_as_paper": Metric("lower", 4, fused="sum"),
    "gmacs_all": Metric("lower", 4, fused="sum"),
    "gmacs_per_clip": Metric("lower", 4, fused="sum"),
    "gmacs_per_present_person": Metric("lower", 4, fused="sum"),
    "kept_weights": Metric("neither", 1, fused="sum"),
    "kept_parameters": Metric("lower", 1, fused="sum"),
    "parameters_left": Metric("lower", 0, fused="sum"),
    "stored_weights": Metric("lower", 1, fused="sum"),
    "stored_state": Metric("lower", 1, fused="sum"),
    "dead_layers": Metric("lower", 0, fused="sum"),
    "latency_ms": Metric("lower", 2, fused="sum", timed=True),
    "stored_mb": Metric("lower", 3, fused="sum", of_weights=True),
    "moved_mb": Metric("lower", 2, fused="sum", of_weights=True),
    "peak_mb": Metric("lower", 2, fused="max", of_weights=True),
    **_shares("share"),
    **_shares("present_share"),
    **_shares("absent_share"),
    "network_parameters": Metric("neither", 0, fused="sum", of="network"),
    "batch_gmacs_as_paper": Metric("neither", 2, fused="sum", of="network"),
    "batch_gmacs_all": Metric("neither", 2, fused="sum", of="network"),
    "batch_latency_ms": Metric("lower", 1, fused="sum", of="network", timed=True),
    "equal_gmacs_all": Metric("neither", 2, fused="sum", of="network"),
    "equal_latency_ms": Metric("lower", 1, fused="sum", of="network", timed=True),
    "part_gmacs_as_paper": Metric("neither", 4, fused="sum", of="part"),
    "part_gmacs_all": Metric("neither", 4, fused="sum", of="part"),
    "part_parameters": Metric("neither", 0, fused="sum", of="part"),
    "part_latency_ms": Metric("lower", 2, fused="sum", of="part", timed=True),
}


def metric(name: str) -> Metric:
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]
