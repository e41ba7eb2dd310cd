"""Tables as declared in experiments/tables: rows × columns of cells, each with the paper's number and its runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf

from data_modules.readers import reader_for
from skeleton_lab.config import Changes, Request, dataset_declaration, declaration, declared
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.metrics import metric

ROW_KEYS = {"name", "model", "set", "fusion", "quoted", "reported", "by_group"}
COLUMN_KEYS = {"name", "metric", "tolerance", "shared", "ours"}


@dataclass(frozen=True)
class Cell:
    """One number in a table.

    reported: the paper's number, None where it prints none (or prints it of another dataset).
    seeds: for each seed the requests whose predictions are fused, one where nothing is; empty for a quoted number.
    weights: of the fused runs' logits.
    """

    row: str
    column: str
    group: str
    metric: str
    reported: float | None
    tolerance: float
    seeds: tuple[tuple[Request, ...], ...] = ()
    weights: tuple[float, ...] = (1.0,)

    @property
    def is_quoted(self) -> bool:
        return not self.seeds


@dataclass(frozen=True)
class Table:
    """A table asked of `dataset`, which is `home`, the paper's own, unless the user wants another."""

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

    @property
    def recordings(self) -> str:
        """The dataset as requests name it: by its name, or a user's own by the path of its folder."""
        asked = (request.dataset for cell in self.cells for members in cell.seeds for request in members)
        return next(asked, self.dataset)

    @property
    def models(self) -> set[str]:
        return {request.model for cell in self.cells for members in cell.seeds for request in members}

    @property
    def varied(self) -> set[str]:
        """The keys that rows and seeds set, which no override may level."""
        return {key for cell in self.cells for members in cell.seeds for request in members for key in request.changes}

    def unique(self, attribute: str) -> list[str]:
        """The rows, columns or groups in their order."""
        return list(dict.fromkeys(getattr(cell, attribute) for cell in self.cells))


def table_names() -> list[str]:
    return declared("tables")


def load_table(
    name: str, scale: str, dataset: str | None = None, seeds: list[int] | None = None, overrides: Changes | None = None
) -> Table:
    """A table as declared, or its grid asked of another dataset or of other seeds.

    Raises RequestError for an unknown table, dataset or scale.
    """
    loaded = declaration("tables", name)
    home, asked = loaded.dataset, dataset or loaded.dataset
    declaration("scales", scale)
    reader = reader_for(asked)
    context = _Context(
        declared=loaded,
        dataset=asked,
        # Protocols and reported numbers belong to the paper's dataset; another one brings its own protocols.
        groups=_groups(loaded)
        if asked == home
        else OmegaConf.to_container(dataset_declaration(asked).default_protocols),  # type: ignore[arg-type]
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
    )


@dataclass(frozen=True)
class _Context:
    """What the rows of a table have in common. groups: the protocol of each group of columns, by the group's name."""

    declared: DictConfig
    dataset: str
    groups: Mapping[str, str]
    has_reported: bool
    scale: str
    seeds: list[int]
    overrides: Changes

    def text(self, template: str) -> str:
        """Fill in the dataset's numbers of joints: {joints[0]} is the fewest, {joints[2]} all of them."""
        return template.format(joints=reader_for(self.dataset).layout.joint_levels)


def _groups(loaded: DictConfig) -> dict[str, str]:
    return {str(name): str(protocol) for name, protocol in loaded.groups.items()}


def _columns(context: _Context) -> list[tuple[str, DictConfig]]:
    """(group, column), groups first; a shared column stands once, after them, and belongs to the first group's runs."""
    columns = list(context.declared.columns)
    for column in columns:
        _check_keys(column, COLUMN_KEYS, context)
    grouped = [(group, column) for group, column in product(context.groups, columns) if not column.get("shared")]
    return grouped + [("", column) for column in columns if column.get("shared")]


def _cells(row: DictConfig, context: _Context) -> list[Cell]:
    _check_keys(row, ROW_KEYS, context)
    columns = _columns(context)
    printed = iter(row.get("reported", []) if context.has_reported else [])
    cells = []
    for group, column in columns:
        reported = None if column.get("ours") else next(printed, None)
        seeds, weights = _requests(row, group or next(iter(context.groups)), context)
        title = context.text(column.name)
        metric(column.metric)
        cells.append(
            Cell(
                row=context.text(row.name),
                column=f"{group} {title}".strip(),
                group=group,
                metric=column.metric,
                reported=reported,
                tolerance=column.get("tolerance", 0.0),
                seeds=seeds,
                weights=weights,
            )
        )
    if next(printed, None) is not None:
        raise RequestError(f"table {context.declared.title}: row {row.name} reports more numbers than it has columns")
    return [cell for cell in cells if context.has_reported or not cell.is_quoted]


def _requests(
    row: DictConfig, group: str, context: _Context
) -> tuple[tuple[tuple[Request, ...], ...], tuple[float, ...]]:
    """The requests of a row in one group of columns, by seed and by member of its fusion, and the members' weights."""
    if row.get("quoted"):
        return (), ()
    declared_changes = {**row.get("set", {}), **row.get("by_group", {}).get(group, {})}
    changes = {key: context.text(value) if isinstance(value, str) else value for key, value in declared_changes.items()}
    streams = list(row.fusion.streams) if "fusion" in row else [None]
    weights = tuple(row.fusion.get("weights", [1.0] * len(streams))) if "fusion" in row else (1.0,)

    def request(seed: int, stream: str | None) -> Request:
        member = {} if stream is None else {"data.stream": stream}
        settings: dict[str, Any] = {**changes, **member, "seed": seed}
        return Request(row.model, context.dataset, context.groups[group], context.scale, settings, context.overrides)

    return tuple(tuple(request(seed, stream) for stream in streams) for seed in context.seeds), weights


def _check_keys(declared_part: DictConfig, known: set[str], context: _Context) -> None:
    extra = set(map(str, declared_part)) - known
    if extra:
        raise RequestError(f"table {context.declared.title}: unknown key {sorted(extra)[0]} in {declared_part.name}")
