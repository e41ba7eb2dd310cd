"""What a table measures of untrained networks: parameters, multiply–accumulates, and times on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skeleton_lab.measure.breakdown import milliseconds_by_part
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.networks import (
    CLIPS,
    COUNTS,
    EQUAL_FRAMES,
    LONGEST,
    PART_COUNTS,
    SHORTEST,
    Network,
    own_lengths,
)
from skeleton_lab.reproduce.times import Times, kept_times, timed_in_turn
from skeleton_lab.training.provenance import provenance

# A call takes many seconds on a processor: two rounds of whole batches, or as many as fit into a minute.
SECONDS, FEWEST_ROUNDS = 60.0, 2
PROFILED_ROUNDS = 2
BATCH, EQUAL, PART = "batch_latency_ms", "equal_latency_ms", "part_latency_ms"


@dataclass(frozen=True)
class Published:
    """values: by metric and by what `assemble` looks up; times: by metric; origins: the provenance of what was counted,
    by the networks' names."""

    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    times: Mapping[str, Times] = field(default_factory=dict)
    origins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def measure_networks(planned: Sequence[Planned], folder: Path) -> Published:
    """Everything that the planned cells ask of untrained networks. folder: the table's, which keeps the times."""
    asked: dict[str, dict[str, Network]] = {}
    for each in planned:
        for network in each.networks:
            asked.setdefault(each.cell.metric, {})[network.name] = network
    if not asked:
        return Published()
    origin = provenance()
    times = {**_batch_times(asked, folder), **_part_times(asked, folder)}
    values = {
        **{metric: _counts(metric, networks) for metric, networks in asked.items() if not METRICS[metric].timed},
        **{metric: found.ms for metric, found in times.items()},
    }
    origins = {name: origin for networks in asked.values() for name in networks}
    return Published(values, times, origins, _notes(asked))


def _counts(metric: str, networks: Mapping[str, Network]) -> dict[str, float]:
    if metric in COUNTS:
        return {name: COUNTS[metric](network) for name, network in networks.items()}
    return {
        f"{name} {part}": value
        for name, network in networks.items()
        for part, value in PART_COUNTS[metric](network).items()
    }


def _batch_times(asked: Mapping[str, Mapping[str, Network]], folder: Path) -> dict[str, Times]:
    """Of whole batches, all in one session."""
    metrics = [metric for metric in (BATCH, EQUAL) if metric in asked]
    if not metrics:
        return {}
    networks = {_called(metric, each): (metric, each) for metric in metrics for each in asked[metric].values()}

    def measure() -> tuple[dict[str, float], int]:
        calls = {
            name: each.predicting(each.own_batch if metric == BATCH else each.equal_batch)
            for name, (metric, each) in networks.items()
        }
        return timed_in_turn(calls, SECONDS, FEWEST_ROUNDS)

    how = f"{CLIPS} clips at a time"
    session = kept_times(networks, folder / "batch_latency.json", "ms per batch", how, measure)
    return {
        metric: replace(session, ms={name: session.ms[_called(metric, each)] for name, each in asked[metric].items()})
        for metric in metrics
    }


def _called(metric: str, network: Network) -> str:
    """What is timed of a network; it is timed once where both batches are the same work."""
    return f"{network.name} {BATCH if network.computes_all_slots else metric}"


def _part_times(asked: Mapping[str, Mapping[str, Network]], folder: Path) -> dict[str, Times]:
    """Of parts, and under the networks' own names of all parts together."""
    if PART not in asked:
        return {}

    def measure() -> tuple[dict[str, float], int]:
        profiled = {name: network.profiled() for name, network in asked[PART].items()}
        by_part = milliseconds_by_part(profiled, PROFILED_ROUNDS)
        of_parts = {f"{name} {part}": ms for name, parts in by_part.items() for part, ms in parts.items()}
        return {**of_parts, **{name: sum(parts.values()) for name, parts in by_part.items()}}, PROFILED_ROUNDS

    how = f"{CLIPS} clips at a time, as PyTorch's profiler counts an operator's own time"
    return {PART: kept_times(asked[PART], folder / "part_latency.json", "ms of a part", how, measure)}


def _notes(asked: Mapping[str, Mapping[str, Network]]) -> tuple[str, ...]:
    """What the networks are, and what is counted and timed of them."""
    networks = {name: network for each in asked.values() for name, network in each.items()}
    dataset = next(iter(networks.values())).settings.data.dataset
    notes = [f"Networks are untrained and of their published size, for the skeletons and classes of {dataset}."]
    if any("parameters" not in metric for metric in asked):
        notes.append(
            f"They are measured on {CLIPS} random clips of one person and {SHORTEST} to {LONGEST} frames "
            f"({sum(own_lengths()):,} in all), which those that take padded clips see padded."
        )
    if any(metric.startswith("equal") for metric in asked):
        notes.append(f"At equal input, all clips have {EQUAL_FRAMES} frames and two persons who are there throughout.")
    return tuple(notes)
