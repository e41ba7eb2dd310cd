"""What the verbs share: where things lie, how runs are executed, and the way from a request to finished runs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from data_modules.readers import reader_for
from skeleton_lab.reproduce.executor import Outcome, execute
from skeleton_lab.reproduce.progress import LiveProgress
from skeleton_lab.reproduce.runs import Run
from skeleton_lab.reproduce.sources import Source, prepared
from skeleton_lab.settings import ExecutionSettings


@dataclass(frozen=True)
class Session:
    """data_root: the folder of datasets, None for the demo world; output_dir: where everything made here is kept.

    demo_clips: the size of the demo world, None for the scale's.
    """

    data_root: Path | None
    output_dir: Path
    demo_clips: int | None = None
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    console: Console = field(default_factory=lambda: Console(stderr=True))

    def prepare(self, dataset: str, scale: str) -> Source:
        """The dataset's store, made if need be; bad recordings are counted on the console."""
        name = reader_for(dataset).name
        with LiveProgress(self.console) as progress:
            source = prepared(
                dataset,
                self.data_root,
                self.output_dir,
                scale,
                self.demo_clips,
                lambda done, total: progress.preparing(name, done, total),
            )
        unusable = source.store.problems
        self.console.print(
            f"{name}: {len(source.store)} recordings ({source.label}), {len(unusable)} unusable", highlight=False
        )
        return source

    def execute(self, runs: Iterable[Run]) -> Outcome:
        with LiveProgress(self.console) as progress:
            return execute(runs, self.output_dir, self.execution, progress)
