"""A measured table as one HTML page that needs nothing beside it, and as a table on the terminal."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from skeleton_lab.files import write_text
from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.report import Block, Result, grid, measured_text, reported_number, shown_verdict
from skeleton_lab.reproduce.style import html_page

COLOURS = {"reproduced": "green", "better": "cyan", "gap": "red"}
LEGEND = " Each cell: measured, the paper's number, the verdict."
SHORT = {"not comparable": "n/c"}

# Characters of a line where there is no terminal.
WIDTH = 120
# Characters. Longer names of rows take two lines, as most cells do.
NAME_WIDTH = 24


def write_page(result: Result, folder: Path, pictures: Iterable[str], runs: str = "") -> None:
    """table.html, with the pictures (file names in the folder) inside it. runs: what it shows of single ones."""
    table = result.table
    caution = f'<p class="caution">{escape(result.caution)}</p>' if result.caution else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in (*result.notes, *result.problems))
    body = [
        f"<h1>{escape(table.id)}: {escape(table.title)}</h1>",
        f"<p>Measured on {escape(result.headline)}.{'' if table.paper is None else LEGEND}</p>",
        caution,
        *(_html_block(block) for block in result.blocks()),
        f"<ul>{notes}</ul>" if notes else "",
        *(_html_picture(folder / picture) for picture in pictures),
        runs,
        f"<h2>To repeat it</h2><pre>{escape(result.command)}</pre>",
        f"<footer><h2>Where the numbers come from</h2><ul>{_html_origins(result)}</ul></footer>",
    ]
    write_text(folder / "table.html", html_page(table.id, "".join(body)))


def _html_block(block: Block) -> str:
    columns, rows = grid(block)
    title = f"<h2>{escape(block.title)}</h2>" if block.title else ""
    header = "".join(f"<th>{escape(column)}</th>" for column in ["", *columns])
    lines = [f"<tr><th>{escape(name)}</th>{''.join(_html_cell(each) for each in cells)}</tr>" for name, cells in rows]
    table = f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f"{title}<div class=wide>{table}</div>"


def _html_cell(each: Measured | None) -> str:
    if each is None:
        return "<td></td>"
    reported = reported_number(each.cell)
    paper = f"<small>paper {escape(reported)}</small> " if reported else ""
    verdict = f'<span class="verdict">{shown}</span>' if (shown := shown_verdict(each)) else ""
    return (
        f'<td class="{each.verdict.replace(" ", "-")}" title="{escape(", ".join(each.runs))}">'
        f"{escape(measured_text(each))}{'<br>' if paper or verdict else ''}{paper}{verdict}</td>"
    )


def _html_picture(path: Path) -> str:
    encoded = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{escape(path.stem)}" src="data:image/png;base64,{encoded}"></p>'


def _html_origins(result: Result) -> str:
    return "".join(
        f"<li>{escape(name)}: {escape(', '.join(f'{key} {_told(value)}' for key, value in origin.items()))}</li>"
        for name, origin in result.origins.items()
    )


def _told(value: object) -> str:
    """What an origin says; of several things, one after another."""
    if isinstance(value, Mapping):
        return " ".join(f"{key} {each}" for key, each in value.items()) or "nothing"
    return str(value)


def page_console() -> Console:
    """A log file or a pipe is as wide as a page, whatever the terminal is."""
    return Console(width=None if Console().is_terminal else WIDTH)


def print_table(result: Result, console: Console) -> None:
    """The table on the terminal, as many columns at a time as it is wide."""
    console.print(f"\n[bold]{result.table.id}[/]: {result.table.title}", highlight=False)
    for block in result.blocks():
        if block.title:
            console.print(f"\n{block.title}", style="bold", highlight=False)
        for part in _terminal_blocks(block, console.width):
            console.print(part)
    legend = "Each cell: measured (the paper's number), and the verdict; n/c is not comparable with the paper."
    lines = [
        *([] if result.table.paper is None else [legend]),
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
