"""Measured tables worth keeping: experiments/results/<table>.csv, one row for each cell and seed, with provenance;
before a mean over folds, one for each of them."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from data_modules.readers import reader_for
from skeleton_lab.config import DECLARATIONS
from skeleton_lab.errors import RequestError
from skeleton_lab.files import write_text
from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.report import Result, as_arguments
from skeleton_lab.reproduce.sources import DEMO, Source

COLUMNS = (
    *("row", "column", "metric", "dataset", "scale", "overrides", "seed", "fold", "measured", "reported", "verdict"),
    *("data", "run", "commit", "torch", "hardware", "started", "seconds"),
)
KEY = ("row", "column", "dataset", "scale", "overrides", "seed", "fold")
NOT_DEMO = "only results on real recordings are kept: set data_root to where they are"


def keep(result: Result) -> Path:
    """Add the result's measured cells to its file; rows kept earlier stay, those measured again are replaced.

    Raises RequestError for demo data, which says nothing beyond this machine.
    """
    if result.data == DEMO:
        raise RequestError(NOT_DEMO)
    path = DECLARATIONS / "results" / f"{result.table.id}.csv"
    rows = {tuple(row.get(key, "") for key in KEY): row for row in [*_read(path), *_rows(result)]}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    write_text(path, text.getvalue())
    return path


def refuse_demo(sources: Iterable[Source]) -> None:
    """Raises RequestError before anything is trained on them that could not be kept."""
    if any(source.is_demo for source in sources):
        raise RequestError(NOT_DEMO)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _rows(result: Result) -> list[dict[str, str]]:
    rows = []
    for each in result.measured:
        for number, (value, names) in enumerate(zip(each.values, each.members, strict=True)):
            if each.by_fold:
                by_fold = each.by_fold[number]
                share = len(names) // len(by_fold)
                members = [names[start : start + share] for start in range(0, len(names), share)]
                for found, of_fold in zip(by_fold, members, strict=True):
                    row = _row(result, each, found, of_fold, str(result.origins[of_fold[0]]["fold"]))
                    rows.append({**row, "verdict": ""})  # the paper's number is a mean
                of_all = _row(result, each, value, names, f"mean of {len(by_fold)}")
                rows.append({**of_all, "run": f"the {len(by_fold)} folds above"})
            else:
                rows.append(_row(result, each, value, names, ""))
    return rows


def _row(result: Result, each: Measured, value: float, names: Sequence[str], fold: str) -> dict[str, str]:
    table, measured = result.table, result.origins[names[0]]
    if METRICS[each.cell.metric].timed:
        origin = result.timed[each.cell.metric].origin
    else:
        seconds = [result.origins[name]["seconds"] for name in names if "seconds" in result.origins[name]]
        origin = {**measured, "seconds": round(sum(seconds), 1) if seconds else ""}
    return {
        "row": each.cell.row,
        "column": each.cell.column,
        "metric": each.cell.metric,
        "dataset": reader_for(each.cell.requests[0].dataset).name,
        "scale": table.scale,
        "overrides": " ".join(as_arguments(table.overrides)),
        "seed": str(measured.get("seed", "")),
        "fold": fold,
        "measured": f"{value:.10g}" if float(value).is_integer() else f"{value:.6g}",
        "reported": "" if each.cell.reported is None else f"{each.cell.reported:.10g}",
        "verdict": each.verdict,
        "data": result.data,
        "run": " + ".join(names),
        "commit": origin["commit"],
        "torch": origin["versions"]["torch"],
        "hardware": origin["hardware"],
        "started": origin["started"],
        "seconds": str(origin.get("seconds", "")),
    }
