"""Live progress of an executor, with rich: a bar of runs, and below it the epochs of those under way."""

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from skeleton_lab.reproduce.runs import Run


class LiveProgress:
    """Bars on a terminal; elsewhere one line for each run that ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._runs: TaskID = self._bars.add_task("runs", total=None)
        self._epochs: dict[str, TaskID] = {}
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

    def planned(self, total: int, finished: int) -> None:
        self._done, self._total = finished, total
        self._bars.update(self._runs, description="runs", completed=finished, total=total)
        self.console.print(f"{total} runs, {finished} of them finished before", highlight=False)

    def started(self, run: Run) -> None:
        # How long an evaluation takes is not known in epochs.
        epochs = run.settings.training.epochs if run.trains else None
        self._epochs[run.key] = self._bars.add_task(run.name, total=epochs)

    def epoch(self, run: Run, done: int, total: int) -> None:
        if run.key in self._epochs:
            self._bars.update(self._epochs[run.key], completed=done, total=total)

    def ended(self, run: Run, problem: str | None) -> None:
        self._bars.remove_task(self._epochs.pop(run.key))
        self._done += 1
        self._bars.update(self._runs, completed=self._done)
        state = f"[red]failed[/]: {escape(problem)}" if problem else "finished"
        self.console.print(f"{self._done}/{self._total} {run.name} {state}", highlight=False, soft_wrap=True)
