"""The numbers that a cell can hold, and how each is judged."""

from dataclasses import dataclass
from typing import Literal

from skeleton_lab.errors import unknown

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Metric:
    """better: which way an improvement goes; decimals: how many are shown; fused: how a fusion of runs is measured."""

    better: Better
    decimals: int
    fused: Literal["logits", "sum", "none"] = "none"


METRICS = {
    "top1": Metric("higher", 1, fused="logits"),
    "top5": Metric("higher", 1, fused="logits"),
    "mean_class_top1": Metric("higher", 1, fused="logits"),
    "parameters": Metric("lower", 0, fused="sum"),
    "gmacs_as_paper": Metric("lower", 4, fused="sum"),
    "gmacs_all": Metric("lower", 4, fused="sum"),
    **{f"share_{action}": Metric("neither", 2) for action in range(6)},
}


def metric(name: str) -> Metric:
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]
