"""From planned runs, finished or not, to the files of a table."""

from collections.abc import Sequence
from pathlib import Path

from skeleton_lab.files import write_whole
from skeleton_lab.reproduce.assemble import Planned, assemble
from skeleton_lab.reproduce.footprints import footprints
from skeleton_lab.reproduce.latencies import METRIC, latencies
from skeleton_lab.reproduce.page import write_page
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.pictures import PICTURES
from skeleton_lab.reproduce.published import measure_networks
from skeleton_lab.reproduce.report import UNTRAINED, Result, write_report
from skeleton_lab.reproduce.run_page import runs_of
from skeleton_lab.reproduce.runs import folder_of, folds_of, shown_side, with_required
from skeleton_lab.reproduce.tables import Table


def table_folder(table: Table, output_dir: Path) -> Path:
    """The tables of another dataset, of one protocol alone, and of another scale than the demo's lie beside one
    another: to look at the demo takes nothing away."""
    dataset = "" if table.dataset == table.home else f"-{table.dataset}"
    protocol = f"-{table.protocol.replace('/', '-')}" if table.protocol else ""
    scale = "" if table.scale == "demo" or not table.recordings else f"-{table.scale}"
    return output_dir / "tables" / f"{table.id}{dataset}{protocol}{scale}"


def write_result(
    table: Table, planned: Sequence[Planned], output_dir: Path, problems: Sequence[str] = (), may_time: bool = True
) -> Result:
    """Assemble the table and write table.json, table.md, table.html and its pictures.

    problems: a line for each thing that went wrong. may_time: whether times that the table asks for, and that are not
    kept, are measured now; otherwise it has those that are kept, of whatever commit, and its note says of which.
    """
    folder = table_folder(table, output_dir)
    runs = {run.name: run for run in with_required(run for each in planned for run in each.runs)}
    folders = {name: folder_of(run, output_dir) for name, run in runs.items()}
    of_runs = latencies(planned, output_dir, folder, may_time)
    published = measure_networks(planned, output_dir, may_time)
    trained = {name: folder.result()["provenance"] for name, folder in folders.items() if folder.is_finished}
    together = {METRIC: of_runs.ms, **footprints(planned, output_dir), **published.values}
    without_runs = UNTRAINED if published.values else "quoted numbers"
    shortages = [run.source.shortage(shown_side(run.settings)) for run in runs.values()]
    whys = [*shortages, *(each.why for each in planned)]
    result = Result(
        table,
        tuple(assemble(table, planned, output_dir, together)),
        next((run.source.label for run in runs.values()), without_runs),
        {**trained, **published.origins},
        tuple(problems),
        tuple(folds_of(runs.values())),
        {**({METRIC: of_runs} if of_runs.ms else {}), **published.times},
        (*published.notes, *dict.fromkeys(filter(None, whys))),
    )
    pictured = Pictured(result, planned, output_dir)
    pictures = [f"{name}.png" for name in table.pictures if _draw(name, pictured, folder)]
    write_report(result, folder, pictures)
    write_page(result, folder, pictures, runs_of(planned, output_dir))
    return result


def _draw(name: str, pictured: Pictured, folder: Path) -> bool:
    figure = PICTURES[name](pictured)
    if figure is not None:
        write_whole(folder / f"{name}.png", lambda path: figure.savefig(path, dpi=130))
    return figure is not None
