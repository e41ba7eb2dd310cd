"""One page that lists all measured tables, and says how much of each paper is reproduced."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from skeleton_lab.files import write_text
from skeleton_lab.reproduce.assemble import JUDGED
from skeleton_lab.reproduce.style import html_page
from skeleton_lab.reproduce.tables import load_table, table_names

SHOWN = (*JUDGED, "not comparable", "not run", "quoted")


def write_index(output_dir: Path) -> Path:
    """outputs/tables/index.html, of every table.json beside it."""
    folder = output_dir / "tables"
    measured = [(path.parent.name, _read(path)) for path in sorted(folder.glob("*/table.json"))]
    body = [
        "<h1>What is reproduced</h1>",
        f"<div class=wide><table><thead><tr><th>paper</th><th>tables</th><th>numbers</th>"
        f"{''.join(f'<th>{verdict}</th>' for verdict in JUDGED)}</tr></thead><tbody>"
        f"{''.join(_paper(paper, measured) for paper in _papers())}</tbody></table></div>",
        "<p>Of the numbers in a paper that can be measured here: how many were held against it, on its dataset and "
        "at its scale.</p><h2>Tables</h2>",
        "<div class=wide><table class=list><thead><tr><th>table</th><th class=text>title</th>",
        "<th class=text>measured on</th><th class=text>verdicts</th></tr></thead><tbody>",
        *(_table(name, table) for name, table in measured),
        "</tbody></table></div>",
    ]
    path = folder / "index.html"
    write_text(path, html_page("skeleton_lab", "".join(body)))
    return path


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _papers() -> list[str]:
    return sorted({name.rpartition("_")[0] for name in table_names()} - {""})


def _paper(paper: str, measured: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """A number counts once, however many tables of other datasets or protocols there are."""
    names = [name for name in table_names() if name.rpartition("_")[0] == paper]
    cells = [cell for name in names for cell in load_table(name, "paper").cells]
    numbers = sum(cell.reported is not None and not cell.is_quoted for cell in cells)
    found: dict[tuple[str, str, str], str] = {}
    for _, table in measured:
        for cell in table["cells"] if table["id"] in names else ():
            if cell["verdict"] in JUDGED:
                found[table["id"], cell["row"], cell["column"]] = cell["verdict"]
    verdicts = Counter(found.values())
    counts = "".join(
        f"<td><span class={verdict if verdicts[verdict] else 'none'}>{verdicts[verdict] or '–'}</span></td>"
        for verdict in JUDGED
    )
    there = len({table["id"] for _, table in measured} & set(names))
    return f"<tr><th>{escape(paper)}</th><td>{there} of {len(names)}</td><td>{numbers:,}</td>{counts}</tr>"


def _table(folder: str, table: Mapping[str, Any]) -> str:
    verdicts = Counter(cell["verdict"] for cell in table["cells"])
    told = ", ".join(
        f"<span class={verdict.replace(' ', '-')}>{verdicts[verdict]} {verdict}</span>"
        for verdict in SHOWN
        if verdicts[verdict] and table["paper"]
    )
    measured_on = f"{table['data']}, {table['scale']} scale"
    return (
        f'<tr><th><a href="{escape(folder)}/table.html">{escape(folder)}</a></th><td class=text>'
        f"{escape(table['title'])}</td><td class=text>{escape(measured_on)}</td><td class=text>{told}</td></tr>"
    )
