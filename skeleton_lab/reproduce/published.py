"""What a table measures of untrained networks: parameters, multiply–accumulates, and times on this machine."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skeleton_lab.measure.breakdown import milliseconds_by_part
from skeleton_lab.measure.random_batch import FULL_LENGTH, LONGEST, SHORTEST, random_lengths
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.networks import CLIPS, COUNTS, PART_COUNTS, Network, is_of_films
from skeleton_lab.reproduce.times import Times, kept_times, timed_in_turn
from skeleton_lab.training.provenance import provenance

# A call takes many seconds on a processor: two rounds of whole batches, or as many as fit into a minute.
SECONDS, FEWEST_ROUNDS = 60.0, 2
PROFILED_ROUNDS = 2
PERSONS = {1: "one person", 2: "two persons"}
BATCH, EQUAL, PART = "batch_latency_ms", "equal_latency_ms", "part_latency_ms"


@dataclass(frozen=True)
class Published:
    """values: by metric and by what `assemble` looks up; times: by metric; origins: the provenance of what was counted,
    by the networks' names."""

    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    times: Mapping[str, Times] = field(default_factory=dict)
    origins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def measure_networks(planned: Sequence[Planned], output_dir: Path, may_time: bool = True) -> Published:
    """Everything that the planned cells ask of untrained networks. may_time: whether times that are not kept below
    output_dir are measured now."""
    asked: dict[str, dict[str, Network]] = {}
    for each in planned:
        for network in each.networks:
            asked.setdefault(each.cell.metric, {})[network.name] = network
    if not asked:
        return Published()
    origin = provenance()
    times = {**_batch_times(asked, output_dir, may_time), **_part_times(asked, output_dir, may_time)}
    values = {
        **{metric: _counts(metric, networks) for metric, networks in asked.items() if not METRICS[metric].timed},
        **{metric: found.ms for metric, found in times.items()},
    }
    origins = {name: origin for networks in asked.values() for name in networks}
    return Published(values, {metric: found for metric, found in times.items() if found.ms}, origins, _notes(asked))


def _counts(metric: str, networks: Mapping[str, Network]) -> dict[str, float]:
    if metric in COUNTS:
        return {name: COUNTS[metric](network) for name, network in networks.items()}
    return {
        f"{name} {part}": value
        for name, network in networks.items()
        for part, value in PART_COUNTS[metric](network).items()
    }


def _batch_times(asked: Mapping[str, Mapping[str, Network]], output_dir: Path, may_time: bool) -> dict[str, Times]:
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
    path = _path(output_dir, "batch_latency", networks)
    session = kept_times(networks, path, "ms per batch", how, measure if may_time else None)
    return {metric: replace(session, ms=_by_network(session, metric, asked[metric])) for metric in metrics}


def _by_network(session: Times, metric: str, networks: Mapping[str, Network]) -> dict[str, float]:
    """The milliseconds by the networks' own names, of those that the session has."""
    called = {name: _called(metric, network) for name, network in networks.items()}
    return {name: session.ms[timed] for name, timed in called.items() if timed in session.ms}


def _called(metric: str, network: Network) -> str:
    """What is timed of a network; it is timed once where both batches are the same work."""
    return f"{network.name} {BATCH if network.computes_all_slots else metric}"


def _part_times(asked: Mapping[str, Mapping[str, Network]], output_dir: Path, may_time: bool) -> dict[str, Times]:
    """Of parts, and under the networks' own names of all parts together."""
    if PART not in asked:
        return {}

    def measure() -> tuple[dict[str, float], int]:
        profiled = {name: network.profiled() for name, network in asked[PART].items()}
        by_part = milliseconds_by_part(profiled, PROFILED_ROUNDS)
        of_parts = {f"{name} {part}": ms for name, parts in by_part.items() for part, ms in parts.items()}
        return {**of_parts, **{name: sum(parts.values()) for name, parts in by_part.items()}}, PROFILED_ROUNDS

    how = f"{CLIPS} clips at a time, as PyTorch's profiler counts an operator's own time"
    path = _path(output_dir, "part_latency", asked[PART])
    return {PART: kept_times(asked[PART], path, "ms of a part", how, measure if may_time else None)}


def _path(output_dir: Path, kind: str, names: Collection[str]) -> Path:
    """Where a session of these names is kept: for every table that asks for them."""
    digest = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
    return output_dir / "times" / f"{kind}-{digest[:8]}.json"


def _notes(asked: Mapping[str, Mapping[str, Network]]) -> tuple[str, ...]:
    """What the networks are, and what is counted and timed of them."""
    networks = {name: network for each in asked.values() for name, network in each.items()}
    dataset = next(iter(networks.values())).settings.data.dataset
    notes = [f"Networks are untrained and of their published size, for the skeletons and classes of {dataset}."]
    measured = [network for metric, each in asked.items() if "parameters" not in metric for network in each.values()]
    filmed = {(data.clip_len, data.crop, data.persons) for each in measured if is_of_films(data := each.settings.data)}
    notes += [
        f"They are measured on {CLIPS} clips of {frames} frames of {crop} × {crop} pixels, in which all {persons} "
        f"person{'s' if persons > 1 else ''} are seen throughout."
        for frames, crop, persons in sorted(filmed)
    ]
    on_clips = [network for network in measured if not is_of_films(network.settings.data)]
    if on_clips:
        notes.append(
            f"They are measured on {CLIPS} random clips of one person and {SHORTEST} to {LONGEST} frames "
            f"({sum(random_lengths(CLIPS)):,} in all), which those that take padded clips see padded."
        )
    equal = [network for metric, each in asked.items() if metric.startswith("equal") for network in each.values()]
    if equal:
        persons = " or ".join(PERSONS[count] for count in sorted({network.equal_persons for network in equal}))
        notes.append(f"At equal input, all clips have {FULL_LENGTH} frames and {persons} there throughout.")
    lengths = {network.settings.data.clip_len for network in on_clips if network.settings.data.sampling != "all"}
    cut = sorted(length for length in lengths if length < FULL_LENGTH)
    notes += [f"Networks that take clips of {length} frames see no more of longer ones." for length in cut]
    return tuple(notes)
