"""Cells with numbers that nobody measured, for the tests of what is made of them."""

from skeleton_lab.config import Request
from skeleton_lab.reproduce.assemble import Measured
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.report import Result
from skeleton_lab.reproduce.tables import Table

REQUEST = Request("sgn", "ntu60", "xsub", "paper", {"seed": 1})
ORIGIN = {
    "seed": 1,
    "commit": "abc",
    "versions": {"torch": "2"},
    "hardware": "CPU",
    "started": "2026-01-01",
    "seconds": 1.0,
}


def cell(metric: str = "top1", reported: float | None = 90.0, tolerance: float = 0.5, row: str = "a") -> Cell:
    return Cell(row, f"CS {metric}", "CS", metric, reported, tolerance, ((REQUEST,),))


def measured(each: Cell, value: float) -> Measured:
    return Measured(each, (value,), (("run-1",),), "not comparable")


def result(*measured: Measured, data: str = "demo data") -> Result:
    cells = tuple(each.cell for each in measured)
    table = Table("some_tab1", "adasgn", "table", "A title <b>", "ntu60", "ntu60", "demo", cells, ("a footnote",))
    return Result(table, measured, data, {"run-1": ORIGIN})


def two_cells(verdict: str = "not comparable") -> Result:
    return result(
        Measured(cell(), (91.26,), (("run-1",),), verdict),
        Measured(cell("gmacs_as_paper", 0.16), (0.0123456,), (("run-1",),), verdict),
        Measured(cell(row="b", reported=80.0), (), (), "not run"),
    )
