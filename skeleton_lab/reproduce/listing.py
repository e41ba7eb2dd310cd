"""The list of all tables with their state, as the README has it: what is kept in experiments/results of each."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping

from skeleton_lab.config import DECLARATIONS
from skeleton_lab.reproduce.assemble import JUDGED
from skeleton_lab.reproduce.sources import REAL
from skeleton_lab.reproduce.tables import Table, load_table, table_names

OURS = "ours"
UNTRAINED_STATE = "of untrained networks: needs no recordings"
DEMO_STATE = "runs on demo data"


def listing() -> str:
    """Markdown: a line for each paper, then one for each table, folded away."""
    tables = [load_table(name, "paper") for name in table_names()]
    papers = dict.fromkeys(table.paper for table in tables)
    return "\n".join(
        [
            f"| paper | tables and figures | numbers that can be measured | {' | '.join(JUDGED)} |",
            "|---" * (3 + len(JUDGED)) + "|",
            *(_paper_line(paper, [table for table in tables if table.paper == paper]) for paper in papers if paper),
            "",
            f"<details><summary>All {len(tables)} tables and figures, and their state</summary>",
            "",
            "| table | title | datasets | state |",
            "|---|---|---|---|",
            *map(_table_line, tables),
            "",
            "</details>",
        ]
    )


def _paper_line(paper: str, tables: list[Table]) -> str:
    reported = sum(cell.reported is not None and not cell.is_quoted for table in tables for cell in table.cells)
    verdicts = Counter(row["verdict"] for table in tables for row in _kept(table).values())
    counts = " | ".join(str(verdicts[verdict] or "–") for verdict in JUDGED)
    return f"| `{paper}` | {len(tables)} | {reported} | {counts} |"


def _table_line(table: Table) -> str:
    datasets = ", ".join(f"`{name}`" for name in table.datasets) if table.recordings else "none needed"
    return f"| `{table.id}` | {table.title} | {datasets} | {_state(table)} |"


def _state(table: Table) -> str:
    if not table.recordings:
        return UNTRAINED_STATE
    numbers = Counter(row["dataset"] for row in _kept(table).values())
    return "; ".join(
        [DEMO_STATE, *(f"real `{dataset}`: {count} number{'s' * (count > 1)}" for dataset, count in numbers.items())]
    )


def _kept(table: Table) -> Mapping[tuple[str, ...], Mapping[str, str]]:
    """What was measured of the table on real recordings, every number once; with the paper's recipe where that was."""
    rows = [row for row in _rows(table) if row["data"] == REAL and row["measured"]]
    rows.sort(key=lambda row: row["verdict"] in JUDGED)
    return {(row["row"], row["column"], row["dataset"]): row for row in rows}


def _rows(table: Table) -> Iterator[dict[str, str]]:
    path = DECLARATIONS / "results" / f"{table.id}.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
