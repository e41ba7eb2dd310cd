"""The cells of a declared table: its rows × the columns of each of its groups, with the paper's number and the runs, or
the untrained networks, that are measured."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any, NamedTuple, get_args

from omegaconf import DictConfig, OmegaConf

from data_modules.readers import reader_for
from skeleton_lab.config import Changes, Request
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.fusion import ALONE, Fusion, Scores
from skeleton_lab.reproduce.metrics import METRICS, metric

ROW_KEYS = {
    *("name", "model", "part", "set", "by_group", "fusion"),
    *("quoted", "reported", "tolerances", "ours"),
}
FUSION_KEYS = {"over", "models", "weights", "scores"}
# Networks are measured at their published size, whatever the scale of the runs beside them.
PUBLISHED_SCALE = "paper"


@dataclass(frozen=True)
class Cell:
    """One number in a table.

    reported: the paper's number, None where it prints none (or prints it of another dataset).
    seeds: for each seed the requests whose predictions are fused, one where nothing is; empty for a quoted number. A
        metric of networks has one entry, of those whose numbers are added up.
    fusion: how they are.
    ours: the heading of the columns of ours that it stands in; '' in a column that the paper has.
    row_is_ours: it stands in a row that the paper does not have.
    part: the part of the network that it measures (measure/breakdown.py), where its metric is of one.
    folds: how many of its protocol's folds it is the mean of, from the first; 0 for all, 1 for the one that is set.
    left_out: its runs are not run at the table's scale, unless its protocol is asked for by name.
    """

    row: str
    column: str
    group: str
    metric: str
    reported: float | None
    tolerance: float
    seeds: tuple[tuple[Request, ...], ...] = ()
    fusion: Fusion = ALONE
    ours: str = ""
    row_is_ours: bool = False
    part: str = ""
    folds: int = 1
    left_out: bool = False

    @property
    def is_quoted(self) -> bool:
        return not self.seeds

    @property
    def is_of_runs(self) -> bool:
        """Whether it asks for runs, on recordings; otherwise it is quoted, or measured of untrained networks."""
        return METRICS[self.metric].of == "run" and not self.is_quoted

    @property
    def requests(self) -> list[Request]:
        return [request for members in self.seeds for request in members]


class Division(NamedTuple):
    """A protocol of a dataset, both as requests name them; name: as users ask for it."""

    dataset: str
    protocol: str
    name: str


@dataclass(frozen=True)
class Column:
    """A column as declared. shared: it stands once for all groups, and holds the first one's numbers.

    ours: the heading of the columns of ours that it is one of; models: whose metric it is, where not of all.
    """

    name: str
    metric: str
    tolerance: float = 0.0
    shared: bool = False
    ours: str = ""
    models: Sequence[str] = ()


@dataclass(frozen=True)
class Context:
    """What the rows of a table have in common.

    dataset: the one that gives the numbers of joints their names. groups: what each group of columns is of, by the
    group's name; protocol: the name of the division that is asked for, None for all; run: the names of those that the
    scale runs of all, where it does not run every one. folds: as cells have it. columns: (group, column), shared ones
    last, in no group.
    """

    declared: DictConfig
    columns: Sequence[tuple[str, Column]]
    dataset: str
    groups: Mapping[str, Division]
    protocol: str | None
    has_reported: bool
    scale: str
    seeds: list[int]
    overrides: Changes = field(default_factory=dict)
    run: Collection[str] = ()
    folds: int = 1

    @property
    def asked(self) -> list[str]:
        """The groups whose columns are shown."""
        return [group for group, division in self.groups.items() if self.protocol in (None, division.name)]

    def is_left_out(self, group: str) -> bool:
        return self.protocol is None and bool(self.run) and self.groups[group].name not in self.run

    def text(self, template: str) -> str:
        """Fill in the dataset's numbers of joints: {joints[0]} is the fewest, {joints[2]} all of them."""
        return template.format(joints=reader_for(self.dataset).layout.joint_levels)


def declared_columns(declared: DictConfig, groups: Iterable[str]) -> list[tuple[str, Column]]:
    """(group, column) in the order in which rows report their numbers. Raises RequestError for a mistake in them."""
    columns = []
    for declared_column in declared.columns:
        known = {each.name for each in fields(Column)}
        check_keys(declared_column, known, f"table {declared.title}, column {declared_column.name}")
        columns.append(Column(**OmegaConf.to_container(declared_column)))  # type: ignore[arg-type]
        metric(declared_column.metric)
    grouped = [(group, column) for group, column in product(groups, columns) if not column.shared]
    return grouped + [("", column) for column in columns if column.shared]


def cells_of(row: DictConfig, context: Context) -> list[Cell]:
    """The cells of a declared row. Raises RequestError for a mistake in it."""
    place = f"table {context.declared.title}, row {row.name}"
    _check_row(row, context, place)
    printed = iter(row.get("reported", []) if context.has_reported else [])
    groups = {"": context.asked[0], **{group: group for group in context.asked}}
    cells = []
    for group, column in context.columns:
        reported = None if column.ours else next(printed, None)
        if group not in groups or (reported is None and not _has_cell(row, column)):
            continue
        cells.append(
            Cell(
                row=context.text(row.name),
                column=f"{group} {context.text(column.name)}".strip(),
                group=group,
                metric=column.metric,
                reported=reported,
                tolerance=row.get("tolerances", {}).get(column.name, column.tolerance),
                seeds=_requests(row, column, groups[group], context),
                fusion=_fusion(row),
                ours=column.ours,
                row_is_ours=row.get("ours", False),
                part=row.get("part", ""),
                folds=context.folds,
                left_out=context.is_left_out(groups[group]),
            )
        )
    if next(printed, None) is not None:
        raise RequestError(f"{place}: reports more numbers than it has columns")
    return [cell for cell in cells if context.has_reported or not cell.is_quoted]


def _check_row(row: DictConfig, context: Context, place: str) -> None:
    check_keys(row, ROW_KEYS, place)
    check_keys(row.get("fusion", {}), FUSION_KEYS, f"{place}, fusion")
    for key, names in (
        ("by_group", map(str, context.declared.get("groups", ()))),
        ("tolerances", {column.name for _, column in context.columns}),
    ):
        stray = sorted(set(row.get(key, {})) - set(names))
        if stray:
            raise RequestError(f"{place}: {key} names {stray[0]}, which the table does not have")
    if row.get("ours") and row.get("reported"):
        raise RequestError(f"{place}: a row of ours has no numbers that a paper reports")
    if "fusion" in row and ("over" in row.fusion) == ("models" in row.fusion):
        raise RequestError(f"{place}: fuse either one model over the values of its keys, or models")
    if row.get("fusion", {}).get("scores", ALONE.scores) not in get_args(Scores):
        raise RequestError(f"{place}: scores is one of {', '.join(get_args(Scores))}")
    for _, column in context.columns:
        if METRICS[column.metric].of == "part" and not (row.get("part") or row.get("quoted")):
            raise RequestError(f"{place}: column {column.name} is of one part of a network; say which, with part:")


def _has_cell(row: DictConfig, column: Column) -> bool:
    """Of a quoted row nothing is measured; and some metrics are of some models only."""
    if row.get("quoted"):
        return not column.ours
    return not column.models or any(model in column.models for model, _ in _members(row))


def _members(row: DictConfig) -> list[tuple[str, Changes]]:
    """What is fused in a row, one model where nothing is: each model, and what it has of its own."""
    if "fusion" not in row:
        return [(row.model, {})]
    if "models" in row.fusion:
        return [(model, {}) for model in row.fusion.models]
    over = row.fusion.over
    return [(row.model, dict(zip(over, values, strict=True))) for values in product(*over.values())]


def _fusion(row: DictConfig) -> Fusion:
    """Of a row's members, which count alike unless it says otherwise."""
    if "fusion" not in row:
        return ALONE
    weights = tuple(row.fusion.get("weights", [1.0] * len(_members(row))))
    return Fusion(weights, row.fusion.get("scores", ALONE.scores))


def _requests(row: DictConfig, column: Column, group: str, context: Context) -> tuple[tuple[Request, ...], ...]:
    """What a row asks for in one group of columns: runs by seed and by member of its fusion, or published networks."""
    if row.get("quoted"):
        return ()
    of_all_rows, of_this_group = context.declared.get("set", {}), row.get("by_group", {}).get(group, {})
    declared_changes = {**of_all_rows, **row.get("set", {}), **of_this_group}
    changes = {key: context.text(value) if isinstance(value, str) else value for key, value in declared_changes.items()}
    dataset, protocol, _ = context.groups[group]

    def members(scale: str, **of_run: int) -> tuple[Request, ...]:
        return tuple(
            Request(model, dataset, protocol, scale, {**changes, **of_run, **own}, context.overrides)
            for model, own in _members(row)
        )

    if METRICS[column.metric].of == "run":
        has_seeds = any("seed" in own for _, own in _members(row))  # then it is the same whichever seed is asked for
        return tuple(members(context.scale, seed=seed) for seed in context.seeds[: 1 if has_seeds else None])
    return (members(PUBLISHED_SCALE),)


def check_keys(declared_part: Mapping[Any, Any], known: set[str], place: str) -> None:
    """Raises RequestError for a key that a declaration cannot have."""
    extra = sorted(set(map(str, declared_part)) - known)
    if extra:
        raise RequestError(f"{place}: unknown key {extra[0]}")
