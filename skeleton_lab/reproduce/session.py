"""What the verbs share: where things lie, how runs are executed, and the way from a request to finished runs."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from data_modules.errors import DataError
from data_modules.readers import reader_for
from data_modules.store import Problem
from data_modules.transcode import prepare_films
from skeleton_lab.reproduce.executor import Outcome, execute
from skeleton_lab.reproduce.places import team
from skeleton_lab.reproduce.progress import LiveProgress
from skeleton_lab.reproduce.runs import Run, folder_of, shown_side, with_required
from skeleton_lab.reproduce.sources import Source, prepared
from skeleton_lab.reproduce.workers import follow_leader
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

    def prepare(self, dataset: str, scale: str, films: bool = False) -> Source:
        """The dataset's store, made if need be; bad recordings are counted on the console. films: whether a demo world
        is filmed."""
        name = reader_for(dataset).name
        with LiveProgress(self.console) as progress:
            source = prepared(
                dataset,
                self.data_root,
                self.output_dir,
                scale,
                self.demo_clips,
                films,
                lambda done, total: progress.preparing(name, done, total),
            )
        self.console.print(
            f"{name}: {len(source.store)} recordings ({source.label}), {source.store.unusable} unusable",
            highlight=False,
        )
        return source

    def prepare_all(
        self, datasets: Sequence[str], scale: str, films: bool = False
    ) -> tuple[dict[str, Source], list[str]]:
        """The stores of several datasets, and a line for each that cannot be had; raises DataError where none can."""
        sources, problems = {}, []
        for dataset in datasets:
            try:
                sources[dataset] = self.prepare(dataset, scale, films)
            except DataError as error:
                problems.append(str(error))
                if len(problems) == len(datasets):
                    raise
        return sources, problems

    def prepare_films(self, source: Source, short_side: int) -> list[Problem]:
        """Make the source's films small, those that are not yet; the films that cannot be read are returned."""
        name = source.reader.name
        with LiveProgress(self.console) as progress:
            problems = prepare_films(
                source.store,
                source.folder,
                self.output_dir,
                short_side,
                self.execution.workers,
                lambda done, total: progress.preparing(f"films of {name}", done, total),
            )
        films = source.films_named
        if not films:
            self.console.print(f"{name}: none of its recordings has a film", highlight=False)
            return []
        made = f"{films - len(problems)} of {films} films are there with {short_side} pixels"
        self.console.print(f"{name}: {made}, {len(problems)} are unusable", highlight=False)
        return problems

    def execute(self, runs: Iterable[Run]) -> Outcome:
        """Finish the runs. Of several programs that were launched together, the first one returns; the others train
        what it says and end here, since what comes after is done once. Films that runs show are made small before,
        which spares more time than it takes."""
        runs = list(runs)
        if not team(self.execution).leads:
            follow_leader(with_required(runs), self.output_dir, self.execution)
            sys.exit(0)
        waiting = [run for run in with_required(runs) if not folder_of(run, self.output_dir).is_finished]
        for source, short_side in {(run.source, side) for run in waiting if (side := shown_side(run.settings))}:
            self.prepare_films(source, short_side)
        with LiveProgress(self.console) as progress:
            return execute(runs, self.output_dir, self.execution, progress)
