"""From finished runs to a table: every cell's measured value and verdict.

Axes: N clips of the test set, K classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch

from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.runs import Planner, Run, RunFolder, folder_of
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.tables import Cell, Table
from skeleton_lab.training.module import accuracies

# What may be overridden without making a run another experiment than the paper's.
HARMLESS = {"training.precision"}


@dataclass(frozen=True)
class Measured:
    """A cell with what was measured. values: one for each finished seed; members: the names of each one's runs.

    A metric that finished runs do not have, such as a share among absent persons where nobody is absent, has no values.
    """

    cell: Cell
    values: tuple[float, ...]
    members: tuple[tuple[str, ...], ...]
    verdict: str

    @property
    def runs(self) -> list[str]:
        """The names of all runs behind the values."""
        return [name for names in self.members for name in names]

    @property
    def value(self) -> float | None:
        return mean(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """The standard deviation over seeds, where there are several."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Planned:
    """A cell with its runs: for each seed, the runs whose predictions are fused."""

    cell: Cell
    seeds: tuple[tuple[Run, ...], ...]

    @property
    def runs(self) -> list[Run]:
        return [run for members in self.seeds for run in members]


def plan_table(table: Table, sources: Mapping[str, Source]) -> list[Planned]:
    """The runs of every cell."""
    planner = Planner(sources)
    return [
        Planned(cell, tuple(tuple(planner.plan(request) for request in members) for members in cell.seeds))
        for cell in table.cells
    ]


def assemble(
    table: Table, planned: Sequence[Planned], output_dir: Path, together: Mapping[str, float] | None = None
) -> list[Measured]:
    """Every cell of the table from those of its runs that are finished.

    together: the values of the metric that is measured of all runs in one session, by the runs' names.
    """
    comparable = _is_comparable(table, planned)
    assembled = []
    for each in planned:
        finished = [runs for runs in each.seeds if all(folder_of(run, output_dir).is_finished for run in runs)]
        found = [(_measure(each.cell, runs, output_dir, together or {}), runs) for runs in finished]
        values = tuple(value for value, _ in found if value is not None)
        members = tuple(tuple(run.name for run in runs) for value, runs in found if value is not None)
        verdict = _verdict(each.cell, bool(finished), values, comparable)
        assembled.append(Measured(each.cell, values, members, verdict))
    return assembled


def _is_comparable(table: Table, planned: Sequence[Planned]) -> bool:
    """Whether the paper's numbers were measured on the same data with the same recipe."""
    real = not any(run.source.is_demo for each in planned for run in each.runs)
    return real and table.dataset == table.home and table.scale == "paper" and all(map(_is_harmless, table.overrides))


def _is_harmless(key: str) -> bool:
    """Whether the key of an override, with or without a model's name before it, leaves a run comparable."""
    return key in HARMLESS or key.partition(".")[2] in HARMLESS


def _measure(cell: Cell, runs: Sequence[Run], output_dir: Path, together: Mapping[str, float]) -> float | None:
    """The cell's metric of a finished run or of a fusion of them; None where a run does not have it."""
    asked = METRICS[cell.metric]
    folders = [folder_of(run, output_dir) for run in runs]
    if asked.fused == "logits" and len(runs) > 1:
        return fused_accuracies(folders, cell.weights)[cell.metric]
    if asked.measured_together:
        found = [together.get(run.name) for run in runs]
    else:
        found = [folder.result()["metrics"].get(cell.metric) for folder in folders]
    values = [value for value in found if value is not None]
    if len(values) < len(runs):
        return None
    return sum(values) if asked.fused == "sum" else mean(values)


def fused_accuracies(folders: Sequence[RunFolder], weights: Sequence[float]) -> dict[str, float]:
    """The accuracies of a weighted sum of logits, joined by sample id. Raises ValueError where the samples differ."""
    first, *others = [folder.predictions() for folder in folders]
    logits = weights[0] * first.logits
    order = np.argsort(first.sample_id)
    for weight, other in zip(weights[1:], others, strict=True):
        other_order = np.argsort(other.sample_id)
        if not np.array_equal(first.sample_id[order], other.sample_id[other_order]):
            raise ValueError("the runs to be fused were tested on different samples")
        logits[order] += weight * other.logits[other_order]
    return accuracies(torch.from_numpy(logits), torch.from_numpy(first.label))


def _verdict(cell: Cell, finished: bool, values: Sequence[float], comparable: bool) -> str:
    if cell.is_quoted:
        return "quoted"
    if not finished:
        return "not run"
    if not comparable or cell.reported is None or not values:
        return "not comparable"
    return judge(cell, values)


def judge(cell: Cell, values: Sequence[float]) -> str:
    """'reproduced' within the tolerance (the seeds' spread, if there are several, or the table's), 'better' or 'gap'.

    Seeds that agree exactly, as on counts of operations, say nothing of a tolerance: then the table's applies too.
    """
    assert cell.reported is not None
    gap = mean(values) - cell.reported
    tolerance = (stdev(values) if len(values) > 1 else 0.0) or cell.tolerance
    # Measured values are floats that printed ones were rounded from: a hair over the tolerance is still inside.
    if abs(gap) <= tolerance * (1 + 1e-9):
        return "reproduced"
    wanted = {"higher": 1, "lower": -1, "neither": 0}[METRICS[cell.metric].better]
    return "better" if gap * wanted > 0 else "gap"
