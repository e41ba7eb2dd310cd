"""Walking the graph of runs: finished ones are skipped, interrupted ones resumed, failures kept apart."""

import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from skeleton_lab.reproduce.claims import Claims
from skeleton_lab.reproduce.crew import KILLED
from skeleton_lab.reproduce.runs import Run, folder_of, with_required
from skeleton_lab.reproduce.workers import Workers, workers_for
from skeleton_lab.settings import ExecutionSettings

# Seconds between two looks at runs that another executor is at work on.
PATIENCE = 0.2
TAKEN_OVER = "another process, which had not heard from this one for a while, has taken it over: go on from here"
# Problems that say nothing of the run itself, which another process may finish.
OF_THIS_PROCESS = (TAKEN_OVER, KILLED)


class Watcher(Protocol):
    """Who is told how the work goes on (progress.py shows it)."""

    def planned(self, total: int, finished: int) -> None: ...
    def started(self, run: Run) -> None: ...
    def epoch(self, run: Run, done: int, total: int) -> None: ...
    def ended(self, run: Run, problem: str | None) -> None: ...


@dataclass
class Outcome:
    """problems: one line for each run that could not be finished, by key."""

    problems: dict[str, str] = field(default_factory=dict)


def execute(roots: Iterable[Run], output_dir: Path, execution: ExecutionSettings, watcher: Watcher) -> Outcome:
    """Finish every run and what it requires. Several executors on one output folder divide the work between them."""
    runs = with_required(roots)
    waiting = [run for run in runs if not folder_of(run, output_dir).is_finished]
    watcher.planned(len(runs), len(runs) - len(waiting))
    # By the number of all runs, not of those that are left: the same work is divided in the same way when resumed.
    with (
        closing(Claims(output_dir / "claims")) as claims,
        closing(workers_for(len(runs), output_dir, execution, watcher.epoch)) as workers,
    ):
        return _Execution(waiting, output_dir, watcher, workers, claims).to_the_end()


class _Execution:
    """waiting: in an order in which every run comes after what it requires; going: those that are claimed."""

    def __init__(
        self, waiting: list[Run], output_dir: Path, watcher: Watcher, workers: Workers, claims: Claims
    ) -> None:
        self.waiting, self.output_dir, self.watcher, self.workers = waiting, output_dir, watcher, workers
        self.claims = claims
        self.began = time.time()
        self.going: dict[Future[str | None], Run] = {}
        self.outcome = Outcome()

    def to_the_end(self) -> Outcome:
        while self.waiting or self.going:
            for run in list(self.waiting):
                if len(self.going) < self.workers.jobs and all(map(self._is_settled, run.requires.values())):
                    self._begin(run)
            if self.going:
                for future in wait(self.going, PATIENCE, FIRST_COMPLETED).done:
                    self._end(future)
            elif self.waiting:  # another executor is at work on all that could be begun
                time.sleep(PATIENCE)
        return self.outcome

    def _is_settled(self, run: Run) -> bool:
        return run.key in self.outcome.problems or folder_of(run, self.output_dir).is_finished

    def _begin(self, run: Run) -> None:
        if not self.claims.take(run.name):
            return
        self.waiting.remove(run)
        self.watcher.started(run)
        folder = folder_of(run, self.output_dir)
        broken = self._broken(run)
        future: Future[str | None] = Future()
        if folder.is_finished:  # meanwhile, by another executor
            future.set_result(None)
        elif failure := folder.failure_since(self.began):  # likewise; what it met would be met here, too
            future.set_result(failure)
        elif broken:
            future.set_result(f"needs {broken[0]}, which failed")
        else:
            future = self.workers.begin(run, lambda: TAKEN_OVER if self.claims.is_lost(run.name) else None)
        self.going[future] = run

    def _broken(self, run: Run) -> list[str]:
        """What it requires and cannot have."""
        return [required.name for required in run.requires.values() if required.key in self.outcome.problems]

    def _end(self, future: Future[str | None]) -> None:
        run = self.going.pop(future)
        # A process can be killed when its work is just done.
        folder = folder_of(run, self.output_dir)
        problem = None if folder.is_finished else future.result()
        if problem and problem not in OF_THIS_PROCESS and not self._broken(run):
            folder.note_failure(problem)
        self.claims.release(run.name)
        if problem:
            self.outcome.problems[run.key] = problem
        self.watcher.ended(run, problem)
