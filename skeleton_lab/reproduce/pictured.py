"""What pictures are drawn of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.report import Result


@dataclass(frozen=True)
class Pictured:
    """A measured table, and its runs below `output_dir`."""

    result: Result
    planned: Sequence[Planned]
    output_dir: Path

    @property
    def heading(self) -> str:
        return f"{self.result.table.id}, {self.result.headline}"
