"""The cells of a declared table: its rows × the columns of each of its groups, with the paper's number and the runs, or
the untrained networks, that are measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from data_modules.readers import reader_for
from skeleton_lab.config import Changes, Request
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.metrics import METRICS, metric

ROW_KEYS = {
    *("name", "model", "part", "set", "by_group", "fusion"),
    *("quoted", "reported", "tolerances", "ours"),
}
FUSION_KEYS = {"streams", "models", "weights"}
# Networks are measured at their published size, whatever the scale of the runs beside them.
PUBLISHED_SCALE = "paper"


@dataclass(frozen=True)
class Cell:
    """One number in a table.

    reported: the paper's number, None where it prints none (or prints it of another dataset).
    seeds: for each seed the requests whose predictions are fused, one where nothing is; empty for a quoted number. A
        metric of networks has one entry, of those whose numbers are added up.
    weights: of the fused runs' logits.
    ours: the heading of the columns of ours that it stands in; '' in a column that the paper has.
    row_is_ours: it stands in a row that the paper does not have.
    part: the part of the network that it measures (measure/breakdown.py), where its metric is of one.
    """

    row: str
    column: str
    group: str
    metric: str
    reported: float | None
    tolerance: float
    seeds: tuple[tuple[Request, ...], ...] = ()
    weights: tuple[float, ...] = (1.0,)
    ours: str = ""
    row_is_ours: bool = False
    part: str = ""

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
    group's name; protocol: the name of the division that is asked for, None for all. columns: (group, column), shared
    ones last, in no group.
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

    @property
    def asked(self) -> list[str]:
        """The groups whose columns are shown."""
        return [group for group, division in self.groups.items() if self.protocol in (None, division.name)]

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
                weights=_weights(row),
                ours=column.ours,
                row_is_ours=row.get("ours", False),
                part=row.get("part", ""),
            )
        )
    if next(printed, None) is not None:
        raise RequestError(f"{place}: reports more numbers than it has columns")
    return [cell for cell in cells if context.has_reported or not cell.is_quoted]


def _check_row(row: DictConfig, context: Context, place: str) -> None:
    check_keys(row, ROW_KEYS, place)
    check_keys(row.get("fusion", {}), FUSION_KEYS, f"{place}, fusion")
    for key, names in (
        ("by_group", map(str, context.declared.groups)),
        ("tolerances", {column.name for _, column in context.columns}),
    ):
        stray = sorted(set(row.get(key, {})) - set(names))
        if stray:
            raise RequestError(f"{place}: {key} names {stray[0]}, which the table does not have")
    if row.get("ours") and row.get("reported"):
        raise RequestError(f"{place}: a row of ours has no numbers that a paper reports")
    if "fusion" in row and ("streams" in row.fusion) == ("models" in row.fusion):
        raise RequestError(f"{place}: fuse either the streams of one model or models")
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
    return [(row.model, {"data.stream": stream}) for stream in row.fusion.streams]


def _weights(row: DictConfig) -> tuple[float, ...]:
    """Of the members of a row's fusion: alike unless it says otherwise."""
    if "fusion" not in row:
        return (1.0,)
    return tuple(row.fusion.get("weights", [1.0] * len(_members(row))))


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
            Request(model, dataset, protocol, scale, {**changes, **own, **of_run}, context.overrides)
            for model, own in _members(row)
        )

    if METRICS[column.metric].of == "run":
        return tuple(members(context.scale, seed=seed) for seed in context.seeds)
    return (members(PUBLISHED_SCALE),)


def check_keys(declared_part: Mapping[Any, Any], known: set[str], place: str) -> None:
    """Raises RequestError for a key that a declaration cannot have."""
    extra = sorted(set(map(str, declared_part)) - known)
    if extra:
        raise RequestError(f"{place}: unknown key {extra[0]}")
