"""What trained networks of a table keep and move: counted, not timed, on the batch that latencies are timed on."""

from collections.abc import Sequence
from pathlib import Path

import torch

from skeleton_lab.measure.memory import moved_bytes, peak_bytes
from skeleton_lab.papers.sparse_stgcn.storage import stored_bytes
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.latencies import RECORDINGS, predicting
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.runs import Run, folder_of
from skeleton_lab.reproduce.trained import is_there

STORED, MOVED, PEAK = "stored_mb", "moved_mb", "peak_mb"
MB = 1e6


def footprints(planned: Sequence[Planned], output_dir: Path) -> dict[str, dict[str, float]]:
    """By metric and by the name of every finished run that is asked for one, in 10⁶ bytes: what its checkpoint keeps of
    the network; and for each clip of a batch, what operators read and write, and the most that is there at once."""
    asked = {run.name: run for each in planned if METRICS[each.cell.metric].of_weights for run in each.runs}
    there = {name: run for name, run in asked.items() if is_there(folder_of(run, output_dir))}
    measured = {name: _measured(run, output_dir) for name, run in there.items()}
    return {metric: {name: found[metric] for name, found in measured.items()} for metric in (STORED, MOVED, PEAK)}


def _measured(run: Run, output_dir: Path) -> dict[str, float]:
    kept = torch.load(folder_of(run, output_dir).checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    call = predicting(run, output_dir)
    moved = moved_bytes(call)  # first: what is made once is no part of every batch
    with torch.no_grad():
        peak = peak_bytes(call)
    return {STORED: stored_bytes(kept) / MB, MOVED: moved / RECORDINGS / MB, PEAK: peak / RECORDINGS / MB}
