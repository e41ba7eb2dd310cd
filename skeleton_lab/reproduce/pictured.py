"""What pictures are drawn of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.report import Result

# Of a line of the heading, which the narrowest picture has room for.
CHARACTERS = 70


@dataclass(frozen=True)
class Pictured:
    """A measured table, and its runs below `output_dir`."""

    result: Result
    planned: Sequence[Planned]
    output_dir: Path

    @property
    def heading(self) -> str:
        """In as many lines as it needs."""
        return fill(f"{self.result.table.id}, {self.result.headline}", CHARACTERS)
