"""Walking the graph of runs: finished ones are skipped, interrupted ones resumed, failures kept apart."""

import traceback
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from data_modules.errors import DataError
from skeleton_lab.errors import RequestError
from skeleton_lab.files import write_text
from skeleton_lab.reproduce.runs import Run, RunFolder, folder_of, in_order
from skeleton_lab.reproduce.train import train
from skeleton_lab.settings import ExecutionSettings


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
    runs = in_order(roots)
    waiting = deque(run for run in runs if not folder_of(run, output_dir).is_finished)
    watcher.planned(len(runs), len(runs) - len(waiting))
    outcome = Outcome()
    postponed = 0
    while waiting:
        run = waiting.popleft()
        if any(not _is_settled(required, output_dir, outcome) for required in run.requires.values()):
            waiting.append(run)  # another executor is at work on what it requires, and that run waits here too
            postponed += 1
            continue
        # When nothing that is left can be begun, wait for the first run that another executor holds.
        patience = -1 if postponed >= len(waiting) + 1 else 0
        try:
            with FileLock(folder_of(run, output_dir).lock, timeout=patience):
                _finish(run, output_dir, execution, watcher, outcome)
            postponed = 0
        except Timeout:
            waiting.append(run)
            postponed += 1
    return outcome


def _is_settled(run: Run, output_dir: Path, outcome: Outcome) -> bool:
    return run.key in outcome.problems or folder_of(run, output_dir).is_finished


def _finish(run: Run, output_dir: Path, execution: ExecutionSettings, watcher: Watcher, outcome: Outcome) -> None:
    folder = folder_of(run, output_dir)
    watcher.started(run)
    problem = None
    if not folder.is_finished:
        problem = _blocked(run, outcome) or _attempt(run, folder, output_dir, execution, watcher)
    if problem:
        outcome.problems[run.key] = problem
    watcher.ended(run, problem)


def _blocked(run: Run, outcome: Outcome) -> str | None:
    broken = [required.name for required in run.requires.values() if required.key in outcome.problems]
    return f"needs {broken[0]}, which failed" if broken else None


def _attempt(
    run: Run, folder: RunFolder, output_dir: Path, execution: ExecutionSettings, watcher: Watcher
) -> str | None:
    """Train; any failure stays this run's own. Returns what went wrong, if something did."""
    required = {role: folder_of(each, output_dir).checkpoint for role, each in run.requires.items()}
    try:
        train(run, folder, required, execution, lambda done, total: watcher.epoch(run, done, total))
    except (DataError, RequestError) as error:  # mistakes of the user's, which the text explains
        return str(error)
    except Exception as error:
        path = folder.path / "error.txt"
        write_text(path, traceback.format_exc())
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} (traceback in {path})"
    return None
