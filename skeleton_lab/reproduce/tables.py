"""Tables as declared in experiments/tables: rows × columns of cells, each with the paper's number and its runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf

from data_modules.readers import reader_for
from skeleton_lab.config import Changes, Request, dataset_declaration, declaration, declared
from skeleton_lab.errors import RequestError, unknown
from skeleton_lab.reproduce.metrics import metric

TABLE_KEYS = {
    *("title", "paper", "kind", "source", "dataset", "groups", "seeds", "set", "columns", "rows"),
    *("footnotes", "pictures"),
}
ROW_KEYS = {"name", "model", "set", "by_group", "fusion", "quoted", "reported", "ours"}


@dataclass(frozen=True)
class Cell:
    """One number in a table.

    reported: the paper's number, None where it prints none (or prints it of another dataset).
    seeds: for each seed the requests whose predictions are fused, one where nothing is; empty for a quoted number.
    weights: of the fused runs' logits.
    ours: the heading of the columns of ours that it stands in; '' in a column that the paper has.
    row_is_ours: it stands in a row that the paper does not have.
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

    @property
    def is_quoted(self) -> bool:
        return not self.seeds


@dataclass(frozen=True)
class Table:
    """A table asked of `dataset`, which is `home`, the paper's own, unless the user wants another.

    protocol: the one whose columns alone are asked for; None for all.
    """

    id: str
    paper: str | None
    kind: str
    title: str
    home: str
    dataset: str
    scale: str
    cells: tuple[Cell, ...]
    footnotes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    overrides: Changes = field(default_factory=dict)
    protocol: str | None = None

    @property
    def requests(self) -> list[Request]:
        """What its cells ask for; cells of one row ask for the same."""
        return [request for cell in self.cells for members in cell.seeds for request in members]

    @property
    def recordings(self) -> str:
        """The dataset as requests name it: by its name, or a user's own by the path of its folder."""
        return next((request.dataset for request in self.requests), self.dataset)

    @property
    def models(self) -> set[str]:
        return {request.model for request in self.requests}

    @property
    def varied(self) -> set[str]:
        """The keys that no override may level: those in which the rows differ, and the seed."""
        found: dict[str, set[str]] = {key: set() for request in self.requests for key in request.changes}
        for request in self.requests:
            for key, values in found.items():
                values.add(repr(request.changes.get(key)))
        return {key for key, values in found.items() if len(values) > 1 or key == "seed"}

    def unique(self, attribute: str) -> list[str]:
        """The rows, columns or groups in their order."""
        return list(dict.fromkeys(getattr(cell, attribute) for cell in self.cells))


def table_names() -> list[str]:
    return declared("tables")


def load_table(
    name: str,
    scale: str,
    dataset: str | None = None,
    seeds: list[int] | None = None,
    overrides: Changes | None = None,
    protocol: str | None = None,
) -> Table:
    """A table as declared, or its grid asked of another dataset, of other seeds, or of one of its protocols alone.

    Raises RequestError for an unknown table, dataset or scale, and for a protocol that none of its columns has.
    """
    loaded = declaration("tables", name)
    _check_keys(loaded, TABLE_KEYS, f"table {name}")
    home, asked = loaded.dataset, dataset or loaded.dataset
    declaration("scales", scale)
    reader = reader_for(asked)
    # Protocols and reported numbers belong to the paper's dataset; another one brings its own protocols.
    protocols = loaded.groups if asked == home else dataset_declaration(asked).default_protocols
    groups = {str(group): str(name) for group, name in protocols.items()}
    if protocol is not None and protocol not in groups.values():
        raise unknown(f"protocol of table {name}", protocol, groups.values())
    context = _Context(
        declared=loaded,
        columns=_columns(loaded, groups),
        dataset=asked,
        groups=groups,
        protocol=protocol,
        has_reported=asked == home,
        scale=scale,
        seeds=seeds or list(loaded.get("seeds", [1])),
        overrides=overrides or {},
    )
    return Table(
        id=name,
        paper=loaded.paper,
        kind=loaded.kind,
        title=loaded.title,
        home=home,
        dataset=reader.name,
        scale=scale,
        cells=tuple(cell for row in loaded.rows for cell in _cells(row, context)),
        footnotes=tuple(loaded.get("footnotes", [])),
        pictures=tuple(loaded.get("pictures", [])),
        overrides=context.overrides,
        protocol=protocol,
    )


@dataclass(frozen=True)
class _Column:
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
class _Context:
    """What the rows of a table have in common.

    groups: the protocol of each group of columns, by the group's name; protocol: the one that is asked for, None for
    all. columns: (group, column), shared ones last, in no group.
    """

    declared: DictConfig
    columns: Sequence[tuple[str, _Column]]
    dataset: str
    groups: Mapping[str, str]
    protocol: str | None
    has_reported: bool
    scale: str
    seeds: list[int]
    overrides: Changes

    @property
    def asked(self) -> list[str]:
        """The groups whose columns are shown."""
        return [group for group, protocol in self.groups.items() if self.protocol in (None, protocol)]

    def text(self, template: str) -> str:
        """Fill in the dataset's numbers of joints: {joints[0]} is the fewest, {joints[2]} all of them."""
        return template.format(joints=reader_for(self.dataset).layout.joint_levels)


def _columns(loaded: DictConfig, groups: Iterable[str]) -> list[tuple[str, _Column]]:
    columns = []
    for declared_column in loaded.columns:
        known = {each.name for each in fields(_Column)}
        _check_keys(declared_column, known, f"table {loaded.title}, column {declared_column.name}")
        columns.append(_Column(**OmegaConf.to_container(declared_column)))  # type: ignore[arg-type]
        metric(declared_column.metric)
    grouped = [(group, column) for group, column in product(groups, columns) if not column.shared]
    return grouped + [("", column) for column in columns if column.shared]


def _cells(row: DictConfig, context: _Context) -> list[Cell]:
    place = f"table {context.declared.title}, row {row.name}"
    _check_keys(row, ROW_KEYS, place)
    stray = set(row.get("by_group", {})) - set(map(str, context.declared.groups))
    if stray:
        raise RequestError(f"{place}: there is no group {sorted(stray)[0]}")
    if row.get("ours") and row.get("reported"):
        raise RequestError(f"{place}: a row of ours has no numbers that a paper reports")
    printed = iter(row.get("reported", []) if context.has_reported else [])
    asked = {group: _requests(row, group, context) for group in context.asked}
    asked[""] = next(iter(asked.values()))
    cells = []
    for group, column in context.columns:
        reported = None if column.ours else next(printed, None)
        if group not in asked or (reported is None and not _has_cell(row, column)):
            continue
        cells.append(
            Cell(
                row=context.text(row.name),
                column=f"{group} {context.text(column.name)}".strip(),
                group=group,
                metric=column.metric,
                reported=reported,
                tolerance=column.tolerance,
                seeds=asked[group],
                weights=_weights(row),
                ours=column.ours,
                row_is_ours=row.get("ours", False),
            )
        )
    if next(printed, None) is not None:
        raise RequestError(f"{place}: reports more numbers than it has columns")
    return [cell for cell in cells if context.has_reported or not cell.is_quoted]


def _has_cell(row: DictConfig, column: _Column) -> bool:
    """Of a quoted row nothing is measured; and some metrics are of some models only."""
    if row.get("quoted"):
        return not column.ours
    return not column.models or row.model in column.models


def _weights(row: DictConfig) -> tuple[float, ...]:
    """Of the members of a row's fusion: alike unless it says otherwise."""
    if "fusion" not in row:
        return (1.0,)
    return tuple(row.fusion.get("weights", [1.0] * len(row.fusion.streams)))


def _requests(row: DictConfig, group: str, context: _Context) -> tuple[tuple[Request, ...], ...]:
    """The requests of a row in one group of columns, by seed and by member of its fusion."""
    if row.get("quoted"):
        return ()
    of_all_rows, of_this_group = context.declared.get("set", {}), row.get("by_group", {}).get(group, {})
    declared_changes = {**of_all_rows, **row.get("set", {}), **of_this_group}
    changes = {key: context.text(value) if isinstance(value, str) else value for key, value in declared_changes.items()}
    streams = list(row.fusion.streams) if "fusion" in row else [None]

    def request(seed: int, stream: str | None) -> Request:
        member = {} if stream is None else {"data.stream": stream}
        settings: dict[str, Any] = {**changes, **member, "seed": seed}
        return Request(row.model, context.dataset, context.groups[group], context.scale, settings, context.overrides)

    return tuple(tuple(request(seed, stream) for stream in streams) for seed in context.seeds)


def _check_keys(declared_part: DictConfig, known: set[str], place: str) -> None:
    extra = sorted(set(map(str, declared_part)) - known)
    if extra:
        raise RequestError(f"{place}: unknown key {extra[0]}")
