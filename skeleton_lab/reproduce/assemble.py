"""From finished runs to a table: every cell's measured value and verdict.

Axes: N clips of the test set, K classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from skeleton_lab.config import Request
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.fusion import fused
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.networks import Network, network_of
from skeleton_lab.reproduce.runs import Planner, Run, folder_of, shown_side
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.tables import Table
from skeleton_lab.training.module import accuracies

# What may be overridden without making a run another experiment than the paper's; nothing of the training has a say in
# what is measured of an untrained network.
HARMLESS = {"training.precision"}
OF_TRAINING = "training."

# Verdicts in which a number was held against the paper's.
JUDGED = ("reproduced", "better", "gap")
# Of a fusion that is not of logits.
FUSED: Mapping[str, Callable[[Sequence[float]], float]] = {"sum": sum, "max": max}

Values = Mapping[str, Mapping[str, float]]
"""By metric: what was measured by the names of runs or networks or, of a network's part, 'name part'."""


@dataclass(frozen=True)
class Measured:
    """A cell with what was measured. values: one for each finished seed; members: the names of each one's runs, or of
    the untrained networks that were measured; by_fold: what each one is the mean of, where it is of several folds.

    A metric that finished runs do not have, such as a share among absent persons where nobody is absent, has no values.
    """

    cell: Cell
    values: tuple[float, ...]
    members: tuple[tuple[str, ...], ...]
    verdict: str
    by_fold: tuple[tuple[float, ...], ...] = ()

    @property
    def runs(self) -> list[str]:
        """The names of all runs or networks behind the values."""
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
    """A cell with what it is measured of: for each seed, the runs whose predictions are fused, or once the untrained
    networks whose numbers are added up; nothing where its recordings are not there, or its scale leaves it out.

    folds: how many entries, one after another, are of one seed, each of another fold. why: nothing is run of it, where
    its dataset says so.
    """

    cell: Cell
    seeds: tuple[tuple[Run | Network, ...], ...]
    folds: int = 1
    why: str = ""

    @property
    def runs(self) -> list[Run]:
        return [each for members in self.seeds for each in members if isinstance(each, Run)]

    @property
    def networks(self) -> list[Network]:
        return [each for members in self.seeds for each in members if isinstance(each, Network)]


def plan_table(table: Table, sources: Mapping[str, Source]) -> list[Planned]:
    """The runs or networks of every cell. sources: the table's recordings, as far as they are there."""
    planner = Planner(sources)
    networks: dict[str, Network] = {}

    def plan(cell: Cell, request: Request) -> Run | Network:
        if cell.is_of_runs:
            return planner.plan(request)
        network = network_of(request)
        return networks.setdefault(network.name, network)

    def planned(cell: Cell) -> Planned:
        seeds = [each for each in cell.seeds if not cell.is_of_runs or _is_run(cell, each, sources)]
        folds = [planner.folds(members, cell.folds) if cell.is_of_runs else [members] for members in seeds]
        every = tuple(tuple(plan(cell, request) for request in members) for seed in folds for members in seed)
        return Planned(cell, every, len(folds[0]) if folds else 1)

    return _without_filmless([planned(cell) for cell in table.cells])


def _without_filmless(planned: list[Planned]) -> list[Planned]:
    """Leave out what shows films of a dataset that has none, where there is something else to run; a table of films
    alone fails with what its data module says."""
    if all(run.lacks_films for each in planned for run in each.runs):
        return planned
    return [_left_out(each) if any(run.lacks_films for run in each.runs) else each for each in planned]


def _left_out(planned: Planned) -> Planned:
    source = planned.runs[0].source
    name = f"{source.reader.name}, as {source.label}," if source.is_demo else source.reader.name
    why = f"{planned.cell.row} is not run: it looks at films, and {name} has none here."
    return Planned(planned.cell, (), why=why)


def _is_run(cell: Cell, members: Sequence[Request], sources: Mapping[str, Source]) -> bool:
    return not cell.left_out and all(request.dataset in sources for request in members)


def assemble(
    table: Table, planned: Sequence[Planned], output_dir: Path, together: Values | None = None
) -> list[Measured]:
    """Every cell of the table, from those of its runs that are finished and from its networks.

    together: what is no number of a single run.
    """
    return [_assembled(table, each, output_dir, together or {}) for each in planned]


def _assembled(table: Table, planned: Planned, output_dir: Path, together: Values) -> Measured:
    cell, values, names, by_fold, was_measured = planned.cell, [], [], [], False
    for start in range(0, len(planned.seeds), planned.folds):
        folds = planned.seeds[start : start + planned.folds]
        members = [member for fold in folds for member in fold]
        if not all(_is_ready(member, output_dir) for member in members):
            continue
        was_measured = was_measured or all(_was_measured(cell, fold, together) for fold in folds)
        found = [_measure(cell, fold, output_dir, together) for fold in folds]
        measured = [value for value in found if value is not None]
        if len(measured) == len(found):
            values.append(mean(measured))
            names.append(tuple(member.name for member in members))
            by_fold.append(tuple(measured))
    verdict = _verdict(cell, was_measured, values, _is_comparable(table, planned))
    return Measured(cell, tuple(values), tuple(names), verdict, tuple(by_fold) if planned.folds > 1 else ())


def _is_ready(member: Run | Network, output_dir: Path) -> bool:
    return isinstance(member, Network) or folder_of(member, output_dir).is_finished


def _was_measured(cell: Cell, members: Sequence[Run | Network], together: Values) -> bool:
    """Whether what is there has been looked at for the cell's metric."""
    asked, known = METRICS[cell.metric], together.get(cell.metric, {})
    return not (asked.timed or asked.of_weights) or all(member.name in known for member in members)


def _is_comparable(table: Table, planned: Planned) -> bool:
    """Whether the paper's number was measured on the same data with the same recipe; times never are."""
    metric = METRICS[planned.cell.metric]
    if metric.timed or table.dataset != table.home:
        return False
    if metric.of != "run":
        return all(_named(key).startswith(OF_TRAINING) for key in table.overrides)
    real = not any(run.source.is_demo or run.source.shortage(shown_side(run.settings)) for run in planned.runs)
    whole = all(run.folds == planned.folds for run in planned.runs[:1])  # the others are of the same protocol
    return real and whole and table.scale == "paper" and all(_named(key) in HARMLESS for key in table.overrides)


def _named(key: str) -> str:
    """The full key of an override, without a model's name before it."""
    return key.partition(".")[2] if key.count(".") > 1 else key


def _measure(cell: Cell, members: Sequence[Run | Network], output_dir: Path, together: Values) -> float | None:
    """The cell's metric of a finished run, of a fusion of them, or of networks; None where one does not have it."""
    asked, runs = METRICS[cell.metric], [member for member in members if isinstance(member, Run)]
    folders = [folder_of(run, output_dir) for run in runs]
    if asked.fused == "logits" and len(runs) > 1:
        return accuracies(*fused(folders, cell.fusion))[cell.metric]
    if asked.is_apart:
        known = together.get(cell.metric, {})
        found = [known.get(f"{member.name} {cell.part}".strip()) for member in members]
    else:
        found = [folder.result()["metrics"].get(cell.metric) for folder in folders]
    values = [value for value in found if value is not None]
    # Of networks that are added up, one may well have no part of this name; but not all.
    if not values or (len(values) < len(members) and asked.of != "part"):
        return None
    return FUSED.get(asked.fused, mean)(values)


def _verdict(cell: Cell, was_measured: bool, values: Sequence[float], comparable: bool) -> str:
    if cell.is_quoted:
        return "quoted"
    if not was_measured:
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
