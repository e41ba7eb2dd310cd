"""The latency of all trained networks of a table, in turn, on this machine.

A latency is the median time of a clip in a batch of the test set's first recordings, absent persons and all, from the
batch to its logits.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from data_modules.divisions import evenly_spread, in_order
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.networks import on_device_of
from skeleton_lab.reproduce.runs import Run, folder_of
from skeleton_lab.reproduce.times import Times, kept_times, timed_in_turn
from skeleton_lab.reproduce.trained import is_there, load

RECORDINGS = 16
METRIC = "latency_ms"


def latencies(planned: Sequence[Planned], output_dir: Path, folder: Path, may_time: bool = True) -> Times:
    """Of the finished runs that are asked for their latency. folder: the table's, which keeps them; may_time: whether
    those that are not kept are measured now."""
    asked = {run.name: run for each in planned if each.cell.metric == METRIC for run in each.runs}
    there = {name: run for name, run in asked.items() if is_there(folder_of(run, output_dir))}
    if not there:
        return Times()

    def measure() -> tuple[dict[str, float], int]:
        ms, rounds = timed_in_turn({name: _call(run, output_dir) for name, run in there.items()})
        return {name: batch / RECORDINGS for name, batch in ms.items()}, rounds

    how = f"{RECORDINGS} recordings from all over the test set at a time"
    return kept_times(there, folder / "latency.json", "ms per clip", how, measure if may_time else None)


def _call(run: Run, output_dir: Path) -> Callable[[], object]:
    return torch.inference_mode()(predicting(run, output_dir))


def predicting(run: Run, output_dir: Path) -> Callable[[], object]:
    """What puts one batch through the trained network as it predicts."""
    trained = load(run, output_dir)
    module, data = trained.module.to("cuda" if torch.cuda.is_available() else "cpu"), trained.data
    module.on_predict_start()
    # From all over the test set, which is sorted by class in some datasets; one of fewer recordings repeats them.
    positions = np.resize(evenly_spread(data.test, RECORDINGS), RECORDINGS)
    draws = in_order(positions, data.test_crops)
    batch = on_device_of(module, data.collate([data.clips[draw] for draw in draws]))
    return lambda: module(batch)
