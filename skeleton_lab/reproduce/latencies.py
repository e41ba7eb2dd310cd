"""What is measured of all networks of a table together: their latency, in turn, on this machine.

A latency is the median time of a clip in a batch of the test set's first recordings, absent persons and all, from the
batch to its logits. It is kept beside the table, and measured anew for all of them when one is missing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from data_modules.divisions import in_order
from data_modules.skeletons import Batch
from skeleton_lab.files import write_json
from skeleton_lab.measure.in_turn import in_turn
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.runs import Run, folder_of
from skeleton_lab.reproduce.trained import load
from skeleton_lab.training.provenance import hardware

RECORDINGS = 16


def latencies(planned: Sequence[Planned], output_dir: Path, kept: Path) -> dict[str, float]:
    """Milliseconds of a clip, by the names of the finished runs that it is asked of. kept: the table's folder."""
    asked = {run.name: run for each in planned if METRICS[each.cell.metric].measured_together for run in each.runs}
    finished = {name: run for name, run in asked.items() if folder_of(run, output_dir).is_finished}
    if not finished:
        return {}
    stated = {"device": hardware(), "torch": torch.__version__, "dtype": "float32", "threads": 1, "batch": RECORDINGS}
    known = _read(kept / "latency.json")
    if known.get("stated") == stated and set(finished) <= set(known["ms_per_clip"]):
        return known["ms_per_clip"]
    times = in_turn({name: _call(run, output_dir) for name, run in finished.items()})
    found = {name: 1e3 * float(np.median(seconds)) / RECORDINGS for name, seconds in times.items()}
    rounds = len(next(iter(times.values())))
    write_json(kept / "latency.json", {"stated": stated, "rounds": rounds, "ms_per_clip": found})
    return found


def _read(path: Path) -> Mapping:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


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
