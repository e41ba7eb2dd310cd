"""A measured table as files: table.json for programs, table.md for text, and what both and the page share."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skeleton_lab.files import write_json, write_text
from skeleton_lab.reproduce.assemble import JUDGED, Measured
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.sources import REAL
from skeleton_lab.reproduce.tables import Table
from skeleton_lab.reproduce.times import Times

# Means over more folds than this are shown without what they are of.
MOST_FOLDS = 20
# More columns than this are shown one group at a time.
WIDEST = 8
# What numbers that need no recordings were measured on.
UNTRAINED = "untrained networks"


def as_arguments(overrides: Mapping[str, Any]) -> list[str]:
    """As they are given on the command line: key=value, without blanks."""
    return [
        f"{key}={value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}"
        for key, value in overrides.items()
    ]


@dataclass(frozen=True)
class Block:
    """Cells that are shown as a table of their own. title: '' over columns that the paper has."""

    title: str
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class Result:
    """A table with everything measured of it.

    data: what its runs' recordings are, or that it has no runs. origins: the provenance of its runs and of what was
    counted of its networks, by their names; folds: which were measured, of every protocol that divides the dataset
    more than once; timed: its times, by metric; measuring: what its networks were measured on.
    """

    table: Table
    measured: tuple[Measured, ...]
    data: str
    origins: Mapping[str, Mapping[str, Any]]
    problems: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    timed: Mapping[str, Times] = field(default_factory=dict)
    measuring: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """What the numbers were measured on, in one line."""
        scale = "" if self.data == UNTRAINED else f", {self.table.scale} scale"
        asked = "" if self.table.dataset == self.table.home else f", asked of {self.table.dataset}"
        overrides = "".join(f", {word}" for word in as_arguments(self.table.overrides))
        folds = "".join(f", {fold}" for fold in self.folds)
        return f"{self.data}{asked}{folds}{scale}{overrides}"

    @property
    def command(self) -> str:
        """What measures it again."""
        table = self.table
        of_members = [{member.changes.get("seed", 1) for member in each} for cell in table.cells for each in cell.seeds]
        # Members of other seeds are a row's own.
        seeds = sorted({seed for found in of_members if len(found) == 1 for seed in found})
        words = {
            "TABLE": table.id,
            "DATASET": "" if table.dataset == table.home else table.dataset,
            "PROTOCOL": table.protocol,
            "SCALE": "" if table.scale == "demo" else table.scale,
            "SEEDS": "" if seeds in ([], [1]) else ",".join(map(str, seeds)),
            "ARGS": " ".join(as_arguments({**table.overrides, **_folds(table)})),
            "DATA_ROOT": "/data" if self.data == REAL else "",
        }
        return " ".join(
            [
                "make reproduce",
                *(f"{key}={shlex.quote(value)}" for key, value in words.items() if value),
            ]
        )

    @property
    def is_comparable(self) -> bool:
        """Whether any number of a run was held against the paper's; of a network, where there are no runs."""
        return any(each.verdict in JUDGED for each in self._decisive)

    @property
    def _decisive(self) -> list[Measured]:
        """The cells of runs; where there are none, those of networks that the paper has too."""
        of_runs = [each for each in self.measured if each.cell.is_of_runs]
        return of_runs or [each for each in self.measured if each.cell.reported is not None]

    @property
    def caution(self) -> str | None:
        """Why the measured numbers may not be held against the paper's, if they may not."""
        if self.table.paper is None or self.is_comparable or not any(each.values for each in self._decisive):
            return None
        return f"Measured on {self.headline}: not comparable with the paper."

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known of the table, besides what went wrong."""
        marked = any(each.cell.row_is_ours for each in self.measured)
        timing = dict.fromkeys(times.note for times in self.timed.values() if times.note)
        ours = ["Rows marked (ours) are not in the paper."] if marked else []
        return (*self.table.footnotes, *self.measuring, *timing, *ours, *self._by_fold())

    def _by_fold(self) -> Iterator[str]:
        """What means over folds are of, in a line for each cell that the paper has and each seed."""
        for each in self.measured:
            for values in () if each.cell.ours else each.by_fold:
                if len(values) <= MOST_FOLDS:
                    listed = ", ".join(number(value, each.cell) for value in values)
                    yield f"{each.cell.row}, {each.cell.column}, by fold: {listed}."

    def blocks(self) -> list[Block]:
        """The paper's columns, then those of ours under each of their headings; where they are many, group by group.

        Columns of ours of which finished runs have nothing are left out.
        """
        found = []
        for heading in sorted(self.table.unique("ours"), key=bool):
            cells = tuple(each for each in self.measured if each.cell.ours == heading)
            if heading and not any(each.values or each.verdict == "not run" for each in cells):
                continue
            title = f"Ours, not in the paper: {heading}" if heading else ""
            if len({each.cell.column for each in cells}) <= WIDEST:
                found.append(Block(title, cells))
                continue
            for group in dict.fromkeys(each.cell.group for each in cells):
                of_group = tuple(each for each in cells if each.cell.group == group)
                found.append(Block(f"{title}, {group}" if title else "", of_group))
        return found


def _folds(table: Table) -> dict[str, str]:
    """The folds that were asked for, as they are asked for; a fold that is named by its number is an override."""
    if table.folds is None or "data.fold" in table.overrides:
        return {}
    return {"folds": str(table.folds or "all")}


def grid(block: Block) -> tuple[list[str], list[tuple[str, list[Measured | None]]]]:
    """The column names, and each row's name as it is shown and its cells in the columns' order."""
    columns = list(dict.fromkeys(each.cell.column for each in block.measured))
    rows = {
        each.cell.row: f"{each.cell.row} (ours)" if each.cell.row_is_ours else each.cell.row for each in block.measured
    }
    found = {(each.cell.row, each.cell.column): each for each in block.measured}
    return columns, [(shown, [found.get((row, column)) for column in columns]) for row, shown in rows.items()]


def number(value: float | None, cell: Cell) -> str:
    return "–" if value is None else f"{value:,.{METRICS[cell.metric].decimals}f}"


def reported_number(cell: Cell) -> str:
    return "" if cell.reported is None else f"{cell.reported:,.10g}"


def measured_text(each: Measured) -> str:
    """The measured value with its spread over seeds; a quoted cell has none."""
    if each.verdict == "quoted":
        return "–"
    spread = f" ± {number(each.spread, each.cell)}" if each.spread is not None else ""
    return number(each.value, each.cell) + spread


def shown_verdict(each: Measured) -> str:
    """The verdict; none where finished runs measured what the paper does not have: there is nothing to judge."""
    return "" if each.cell.reported is None and each.verdict == "not comparable" else each.verdict


def write_report(result: Result, folder: Path, pictures: Iterable[str]) -> None:
    """table.json and table.md. pictures: their file names in the folder."""
    write_json(folder / "table.json", as_json(result))
    write_text(folder / "table.md", as_markdown(result, pictures))


def as_json(result: Result) -> dict[str, Any]:
    table = result.table
    return {
        **table_json(table),
        "data": result.data,
        "scale": table.scale,
        "overrides": dict(table.overrides),
        "folds": list(result.folds),
        "cells": [_cell_json(each) for each in result.measured],
        "problems": list(result.problems),
        "timing": {metric: dict(times.origin) for metric, times in result.timed.items()},
        "provenance": {name: dict(origin) for name, origin in result.origins.items()},
    }


def _cell_json(each: Measured) -> dict[str, Any]:
    return {
        **declared_json(each.cell),
        "measured": each.value,
        "std": each.spread,
        "seeds": len(each.values),
        "verdict": each.verdict,
        "runs": list(each.runs),
        **({"by_fold": [list(values) for values in each.by_fold]} if each.by_fold else {}),
    }


def table_json(table: Table) -> dict[str, Any]:
    """What a table is, without its cells."""
    return {
        "id": table.id,
        "paper": table.paper,
        "kind": table.kind,
        "title": table.title,
        "datasets": table.datasets,
    }


def declared_json(cell: Cell) -> dict[str, Any]:
    return {"row": cell.row, "column": cell.column, "metric": cell.metric, "reported": cell.reported}


def as_markdown(result: Result, pictures: Iterable[str] = ()) -> str:
    lines = [f"# {result.table.id}: {result.table.title}", "", f"Measured on {result.headline}.", ""]
    if result.caution:
        lines += [f"**{result.caution}**", ""]
    if result.table.paper is not None:
        lines += ["Each cell: measured, the paper's number in parentheses, verdict.", ""]
    for block in result.blocks():
        columns, rows = grid(block)
        lines += [f"## {block.title}", ""] if block.title else []
        lines += ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for name, cells in rows:
            lines.append("| " + " | ".join([name, *(_markdown_cell(each) for each in cells)]) + " |")
        lines.append("")
    lines += [f"- {note}" for note in (*result.notes, *result.problems)]
    lines += ["", *(f"![{picture}]({picture})" for picture in pictures)]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_cell(each: Measured | None) -> str:
    if each is None:
        return ""
    reported = reported_number(each.cell)
    return f"{measured_text(each)}{f' ({reported})' if reported else ''} {shown_verdict(each)}".rstrip()
