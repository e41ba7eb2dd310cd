"""Tables as declared in experiments/tables: rows × columns of cells, each with the paper's number and its runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from omegaconf import DictConfig, OmegaConf

from data_modules.readers import reader_for
from skeleton_lab.config import Changes, Request, dataset_declaration, declaration, declared, keys
from skeleton_lab.errors import unknown
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.cells import Cell, Context, Division, cells_of, check_keys, declared_columns

TABLE_KEYS = {
    *("title", "paper", "kind", "source", "dataset", "groups", "seeds", "folds", "set", "columns", "rows"),
    *("footnotes", "pictures"),
}


@dataclass(frozen=True)
class Table:
    """A table asked of `dataset`, which is `home`, the paper's own, unless the user wants another.

    paper: None for a table of ours, which has no numbers to be held against. Some of its groups of columns may be of
    other datasets. protocol: the one whose columns alone are asked for; None
    for all. folds: how many every number was asked to be the mean of, 0 for all; None for what is declared.
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
    folds: int | None = None

    @property
    def requests(self) -> list[Request]:
        """What its cells ask for; cells of one row ask for the same."""
        return [request for cell in self.cells for request in cell.requests]

    @property
    def datasets(self) -> list[str]:
        """The names of all datasets that its cells are of, its own first."""
        asked = dict.fromkeys(request.dataset for request in self.requests)
        return list(dict.fromkeys([self.dataset, *(reader_for(dataset).name for dataset in asked)]))

    @property
    def recordings(self) -> list[str]:
        """The datasets whose recordings its runs need, as requests name them: by name, or a user's own by its folder's
        path."""
        of_runs = (cell for cell in self.cells if cell.is_of_runs and not cell.left_out)
        return list(dict.fromkeys(request.dataset for cell in of_runs for request in cell.requests))

    @property
    def models(self) -> set[str]:
        return {request.model for request in self.requests}

    @property
    def shows_films(self) -> bool:
        """Whether its models look at films, all of them: a demo world with films is smaller than one without."""
        return bool(self.models) and all(MODELS[model].shows_films for model in self.models)

    @property
    def varied(self) -> set[str]:
        """The keys that no override may level: the seed, and those in which rows differ whose models have them."""
        found: dict[str, set[str]] = {key: set() for request in self.requests for key in request.changes}
        for request in self.requests:
            for key in keys(request.model) & set(found):
                found[key].add(repr(request.changes.get(key)))
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
    folds: int | None = None,
) -> Table:
    """A table as declared, or its grid asked of another dataset, of other seeds, of one of its protocols alone, or of
    other folds.

    protocol: as the table's groups name it: 'xview', or 'ntu120/xset' where it is of another dataset than the table's.
    folds: how many every number is the mean of; 0 for all. Without it, what the scale says, or the table.
    Raises RequestError for an unknown table, dataset or scale, and for a protocol that none of its columns has.
    """
    loaded = declaration("tables", name)
    check_keys(loaded, TABLE_KEYS, f"table {name}")
    at_scale = OmegaConf.select(declaration("scales", scale), f"tables.{name}") or {}
    asked = dataset or loaded.dataset
    groups = _groups(loaded, asked, protocol)
    _check_protocol(protocol, groups, name)
    context = Context(
        declared=loaded,
        columns=declared_columns(loaded, groups),
        dataset=asked,
        groups=groups,
        protocol=protocol,
        has_reported=asked == loaded.dataset,
        scale=scale,
        seeds=seeds or list(loaded.get("seeds", [1])),
        overrides=overrides or {},
        run=at_scale.get("protocols", ()) if asked == loaded.dataset else (),
        folds=at_scale.get("folds", loaded.get("folds", 1)) if folds is None else folds,
    )
    return _table(name, context, folds)


def _check_protocol(protocol: str | None, groups: Mapping[str, Division], table: str) -> None:
    names = [division.name for division in groups.values()]
    if protocol is not None and protocol not in names:
        raise unknown(f"protocol of table {table}", protocol, names)


def _table(name: str, context: Context, folds: int | None) -> Table:
    declared = context.declared
    return Table(
        id=name,
        paper=declared.paper,
        kind=declared.kind,
        title=declared.title,
        home=declared.dataset,
        dataset=reader_for(context.dataset).name,
        scale=context.scale,
        cells=tuple(cell for row in declared.rows for cell in cells_of(row, context)),
        footnotes=(*declared.get("footnotes", []), *_left_out(context)),
        pictures=tuple(declared.get("pictures", [])),
        overrides=context.overrides,
        protocol=context.protocol,
        folds=folds,
    )


def _left_out(context: Context) -> list[str]:
    """A line that says how to run what the scale leaves out."""
    others = [context.groups[group].name for group in context.asked if context.is_left_out(group)]
    return [f"Not run at {context.scale} scale unless asked for: protocol={' or '.join(others)}."] if others else []


def _groups(loaded: DictConfig, asked: str, protocol: str | None) -> dict[str, Division]:
    """What each group of columns is of. Protocols and reported numbers belong to the paper's datasets; another one
    brings its own protocols. A table without groups is of a dataset's first protocol, or of the one that is asked for.
    """
    if "groups" not in loaded or asked != loaded.dataset:
        protocols = dataset_declaration(asked).default_protocols
        found = {str(group): Division(asked, str(name), str(name)) for group, name in protocols.items()}
        return found if "groups" in loaded or protocol else dict([*found.items()][:1])
    found = {}
    for group, name in loaded.groups.items():
        dataset, _, protocol = str(name).rpartition("/")
        found[str(group)] = Division(dataset or asked, protocol, str(name))
    return found
