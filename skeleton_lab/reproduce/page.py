"""A measured table as one HTML page that needs nothing beside it, and as a table on the terminal."""

import base64
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from skeleton_lab.files import write_text
from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.report import Block, Result, grid, measured_text, reported_number, shown_verdict

COLOURS = {"reproduced": "green", "better": "cyan", "gap": "red"}
SHORT = {"not comparable": "n/c"}

# Characters. Longer names of rows take two lines, as most cells do.
NAME_WIDTH = 24

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #1c2330; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; }
.caution { background: #fff3cd; padding: .6rem 1rem; border-left: 4px solid #e0a800; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .3rem .7rem; border-bottom: 1px solid #dde2ea; }
th { text-align: left; } tbody th { min-width: 9rem; } thead th, td { text-align: right; } thead th { max-width: 8rem; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { display: block; color: #667085; } .verdict { font-size: .75rem; color: #667085; }
.reproduced .verdict { color: #17803d; } .better .verdict { color: #0b6fa4; } .gap .verdict { color: #b42318; }
img { max-width: 100%; } footer { color: #667085; font-size: .85rem; }
"""


def write_page(result: Result, folder: Path, pictures: Iterable[str]) -> None:
    """table.html, with the pictures (file names in the folder) inside it."""
    table = result.table
    caution = f'<p class="caution">{escape(result.caution)}</p>' if result.caution else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in (*result.notes, *result.problems))
    body = [
        f"<h1>{escape(table.id)}: {escape(table.title)}</h1>",
        f"<p>Measured on {escape(result.headline)}. Each cell: measured, the paper's number, the verdict.</p>",
        caution,
        *(_html_block(block) for block in result.blocks()),
        f"<ul>{notes}</ul>" if notes else "",
        *(_html_picture(folder / picture) for picture in pictures),
        f"<footer><h2>Where the numbers come from</h2><ul>{_html_origins(result)}</ul></footer>",
    ]
    head = f'<meta charset="utf-8"><title>{escape(table.id)}</title><style>{STYLE}</style>'
    write_text(
        folder / "table.html", f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(body)}</body></html>"
    )


def _html_block(block: Block) -> str:
    columns, rows = grid(block)
    title = f"<h2>{escape(block.title)}</h2>" if block.title else ""
    header = "".join(f"<th>{escape(column)}</th>" for column in ["", *columns])
    lines = [f"<tr><th>{escape(name)}</th>{''.join(_html_cell(each) for each in cells)}</tr>" for name, cells in rows]
    return f"{title}<table><thead><tr>{header}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _html_cell(each: Measured | None) -> str:
    if each is None:
        return "<td></td>"
    reported = reported_number(each.cell)
    paper = f"<small>paper {escape(reported)}</small>" if reported else ""
    return (
        f'<td class="{each.verdict.replace(" ", "-")}" title="{escape(", ".join(each.runs))}">'
        f'{escape(measured_text(each))} {paper}<span class="verdict">{shown_verdict(each)}</span></td>'
    )


def _html_picture(path: Path) -> str:
    encoded = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{escape(path.stem)}" src="data:image/png;base64,{encoded}"></p>'


def _html_origins(result: Result) -> str:
    return "".join(
        f"<li>{escape(name)}: {escape(', '.join(f'{key} {value}' for key, value in origin.items()))}</li>"
        for name, origin in result.origins.items()
    )


def print_table(result: Result, console: Console) -> None:
    """The table on the terminal, as many columns at a time as it is wide."""
    console.print(f"\n[bold]{result.table.id}[/]: {result.table.title}", highlight=False)
    for block in result.blocks():
        if block.title:
            console.print(f"\n{block.title}", style="bold", highlight=False)
        for part in _terminal_blocks(block, console.width):
            console.print(part)
    lines = [
        "Each cell: measured (the paper's number), and the verdict; n/c is not comparable with the paper.",
        *(f"Note: {note}" for note in result.notes),
        *result.problems,
    ]
    console.print("\n".join(lines), style="dim", highlight=False, markup=False)
    console.print(result.caution or f"Measured on {result.headline}.", style="bold", highlight=False)


def _terminal_blocks(block: Block, width: int) -> Iterator[RichTable]:
    """As many columns at a time as fit into `width` characters."""
    columns, rows = grid(block)
    texts = [[_terminal_cell(each) for each in cells] for _, cells in rows]
    lines = [line for cells in texts for text in cells for line in text.plain.split("\n")]
    widest = max(map(len, [*lines, *" ".join(columns).split()]))
    names = min(NAME_WIDTH, max(len(name) for name, _ in rows))
    at_once = max(1, (width - names - 2) // (widest + 2))
    for first in range(0, len(columns), at_once):
        shown = slice(first, first + at_once)
        part = RichTable(box=None, padding=(0, 1), header_style="bold")
        part.add_column("", max_width=NAME_WIDTH)
        for column in columns[shown]:
            part.add_column(column, justify="right", width=widest)
        for (name, _), cells in zip(rows, texts, strict=True):
            part.add_row(name, *cells[shown])
        yield part


def _terminal_cell(each: Measured | None) -> Text:
    if each is None:
        return Text("")
    reported = reported_number(each.cell)
    text = Text(measured_text(each)).append(f" ({reported})" if reported else "", style="dim")
    verdict = shown_verdict(each)
    return text.append(f"\n{SHORT.get(verdict, verdict)}", style=COLOURS.get(verdict, "dim")) if verdict else text
