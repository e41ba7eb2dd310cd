"""Live progress of an executor, with rich: a bar of runs, and below it the epochs of those under way."""

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as LeftColumn

from skeleton_lab.reproduce.runs import Run

# Seconds between two lines of the same thing in a log file.
EVERY = 60.0


class LiveProgress:
    """Bars on a terminal; elsewhere a line for each run that ends, and one a minute of what is under way."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            LeftColumn(),
        )
        self._bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._runs: TaskID = self._bars.add_task("runs", total=None)
        self._epochs: dict[str, TaskID] = {}
        self._paces: dict[str, Pace] = {}
        self._done = 0
        self._total = 0

    def __enter__(self) -> "LiveProgress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def preparing(self, dataset: str, done: int, total: int) -> None:
        self._bars.update(self._runs, description=f"reading {dataset}", completed=done, total=total)
        self._log(f"reading {dataset}", "", done, total)

    def planned(self, total: int, finished: int) -> None:
        self._done, self._total = finished, total
        self._bars.update(self._runs, description="runs", completed=finished, total=total)
        self.console.print(f"{total} runs, {finished} of them finished before", highlight=False)

    def started(self, run: Run) -> None:
        # How long an evaluation takes is not known in epochs.
        epochs = run.settings.training.epochs if run.trains else None
        self._epochs[run.key] = self._bars.add_task(run.name, total=epochs)
        # A run that was begun before goes on from an epoch that is not known here.
        self._paces[run.name] = Pace(None)

    def epoch(self, run: Run, done: int, total: int) -> None:
        if run.key in self._epochs:
            self._bars.update(self._epochs[run.key], completed=done, total=total)
            self._log(run.name, "epoch ", done, total)

    def ended(self, run: Run, problem: str | None) -> None:
        self._bars.remove_task(self._epochs.pop(run.key))
        self._done += 1
        self._bars.update(self._runs, completed=self._done)
        took = in_words(self._paces.pop(run.name).seconds)
        state = f"[red]failed[/] after {took}: {escape(problem)}" if problem else f"finished in {took}"
        self.console.print(f"{self._done}/{self._total} {run.name} {state}", highlight=False, soft_wrap=True)

    def _log(self, name: str, unit: str, done: int, total: int) -> None:
        """A line for a log file, where the last one of this name is old enough."""
        pace = self._paces.setdefault(name, Pace(done))
        left = pace.left(done, total)
        if self._bars.disable and done < total and pace.is_due():
            self.console.print(f"{name}: {unit}{done} of {total}{left}", highlight=False, soft_wrap=True, markup=False)


class Pace:
    """Of one thing under way: since when, and how fast. done: how far it is already; None until `left` is told."""

    def __init__(self, done: int | None) -> None:
        self.began = self.told = time.monotonic()
        self.first = None if done is None else (self.began, done)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def is_due(self) -> bool:
        """Whether it is long since it last was."""
        now = time.monotonic()
        due = now - self.told >= EVERY
        self.told = now if due else self.told
        return due

    def left(self, done: int, total: int) -> str:
        """How long the rest will take; '' where nothing is known of it."""
        now = time.monotonic()
        since, first = self.first = self.first or (now, done)
        return f", about {in_words((now - since) / (done - first) * (total - done))} left" if done > first else ""


def in_words(seconds: float) -> str:
    """As people say it: 42 s, 7 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
