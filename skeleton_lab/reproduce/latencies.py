"""What is measured of all networks of a table together: their latency, in turn, on this machine.

A latency is the median time of a clip in a batch of the test set's first recordings, absent persons and all, from the
batch to its logits. It is kept beside the table, and measured anew for all of them when one is missing, or where the
machine or the code is another.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_modules.divisions import in_order
from data_modules.skeletons import Batch
from skeleton_lab.files import write_json
from skeleton_lab.measure.bench import device_name
from skeleton_lab.measure.in_turn import in_turn
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.runs import Run, folder_of
from skeleton_lab.reproduce.trained import is_there, load
from skeleton_lab.training.provenance import provenance

RECORDINGS = 16


@dataclass(frozen=True)
class Latencies:
    """ms_per_clip: by the names of runs; origin: the provenance of the session; rounds: how many each was called."""

    ms_per_clip: Mapping[str, float] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 0

    @property
    def note(self) -> str:
        """How they were measured; '' where there are none."""
        if not self.ms_per_clip:
            return ""
        return (
            f"ms per clip: median of {self.rounds} rounds in which all networks follow one another, {RECORDINGS} test "
            f"recordings at a time, float32, 1 thread, on {self.origin['hardware']}, torch {torch.__version__}."
        )


def latencies(planned: Sequence[Planned], output_dir: Path, kept: Path) -> Latencies:
    """Of the finished runs that are asked for their latency. kept: the table's folder."""
    asked = {run.name: run for each in planned if METRICS[each.cell.metric].measured_together for run in each.runs}
    there = {name: run for name, run in asked.items() if is_there(folder_of(run, output_dir))}
    if not there:
        return Latencies()
    origin = {**provenance(), "hardware": device_name()}
    known = _read(kept / "latency.json")
    same = all(known.origin.get(key) == origin[key] for key in ("commit", "versions", "hardware"))
    if same and set(there) <= set(known.ms_per_clip):
        return known
    times = in_turn({name: _call(run, output_dir) for name, run in there.items()})
    found = {name: 1e3 * float(np.median(seconds)) / RECORDINGS for name, seconds in times.items()}
    measured = Latencies(found, origin, len(next(iter(times.values()))))
    write_json(kept / "latency.json", asdict(measured))
    return measured


def _read(path: Path) -> Latencies:
    """What is kept; nothing where there is no such file, or one that says something else."""
    try:
        return Latencies(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, TypeError, ValueError):
        return Latencies()


def _call(run: Run, output_dir: Path) -> Callable[[], object]:
    """One batch through the trained network as it predicts."""
    trained = load(run, output_dir)
    module, data = trained.module.to("cuda" if torch.cuda.is_available() else "cpu"), trained.data
    module.on_predict_start()
    # A test set of fewer recordings repeats them.
    draws = in_order(np.resize(data.test, RECORDINGS), data.test_crops)
    batch = data.collate([data.clips[draw] for draw in draws])
    on_device: Batch = type(batch)(**{name: value.to(module.device) for name, value in vars(batch).items()})
    return torch.inference_mode()(lambda: module(on_device))
