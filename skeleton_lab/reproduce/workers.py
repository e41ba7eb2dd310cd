"""Who trains the runs: this process one after another, or several processes, one run each at a time.

The work on small networks comes in portions too small to share: on two cores, two runs with a core each end well before
the same runs one after the other on both.
"""

import os
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from threading import Thread
from typing import Protocol

import torch

from data_modules.errors import DataError
from skeleton_lab.errors import RequestError
from skeleton_lab.files import write_text
from skeleton_lab.memory import keep_freed_memory
from skeleton_lab.ops.settings import use
from skeleton_lab.reproduce.runs import Run, RunFolder, folder_of
from skeleton_lab.reproduce.train import EpochReport, train
from skeleton_lab.settings import ExecutionSettings

# A run's key, the epochs done and the epochs in all; None at the end.
Reports = SimpleQueue[tuple[str, int, int] | None]
# Called with a run, the epochs done and the epochs in all.
Report = Callable[[Run, int, int], None]

# Where nobody says how many: more processes than these rather run out of memory than end sooner.
MOST_JOBS = 8


class Workers(Protocol):
    """begin: train a run; the result is what went wrong, if something did. close: wait for nobody."""

    jobs: int

    def begin(self, run: Run) -> Future[str | None]: ...
    def close(self) -> None: ...


def workers_for(runs: int, output_dir: Path, execution: ExecutionSettings, report: Report) -> Workers:
    """As many as `execution.jobs` says, or as fit: on a CPU one for each core that PyTorch may use, else one."""
    on_cpu = execution.accelerator == "cpu" or not torch.accelerator.is_available()
    fitting = min(torch.get_num_threads(), MOST_JOBS) if on_cpu else 1
    jobs = min(execution.jobs or fitting, runs)
    return Processes(jobs, output_dir, execution, report) if jobs > 1 else ThisProcess(output_dir, execution, report)


class ThisProcess:
    """Trains a run where and when it is begun."""

    jobs = 1

    def __init__(self, output_dir: Path, execution: ExecutionSettings, report: Report) -> None:
        self.output_dir, self.execution, self.report = output_dir, execution, report

    def begin(self, run: Run) -> Future[str | None]:
        future: Future[str | None] = Future()
        future.set_result(
            attempt(run, self.output_dir, self.execution, lambda done, total: self.report(run, done, total))
        )
        return future

    def close(self) -> None: ...


class Processes:
    """Share the cores that PyTorch may use among several processes, which end with this one, however it ends."""

    def __init__(self, jobs: int, output_dir: Path, execution: ExecutionSettings, report: Report) -> None:
        self.jobs, self.output_dir, self.execution = jobs, output_dir, execution
        self._context = get_context("spawn")
        self._reports: Reports = self._context.SimpleQueue()
        self._pool = self._new_pool()
        self._begun: dict[str, Run] = {}
        self._listener = Thread(target=self._listen, args=(report,), daemon=True)
        self._listener.start()

    def begin(self, run: Run) -> Future[str | None]:
        self._begun[run.key] = run
        try:
            return self._pool.submit(_attempt_here, run, self.output_dir, self.execution)
        except BrokenProcessPool:  # one of the processes was killed; runs that were under way have failed
            self._pool = self._new_pool()
            return self._pool.submit(_attempt_here, run, self.output_dir, self.execution)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for child in active_children():
            child.terminate()
        self._reports.put(None)
        self._listener.join()

    def _new_pool(self) -> ProcessPoolExecutor:
        threads = max(1, torch.get_num_threads() // self.jobs)
        return ProcessPoolExecutor(self.jobs, self._context, _prepare, (self._reports, threads, self.execution))

    def _listen(self, report: Report) -> None:
        for key, done, total in iter(self._reports.get, None):
            report(self._begun[key], done, total)


def attempt(run: Run, output_dir: Path, execution: ExecutionSettings, report: EpochReport) -> str | None:
    """Train; any failure stays this run's own. Returns what went wrong, if something did."""
    folder = folder_of(run, output_dir)
    required = {role: folder_of(each, output_dir).checkpoint for role, each in run.requires.items()}
    try:
        train(run, folder, required, execution, report)
    except (DataError, RequestError) as error:  # mistakes of the user's, which the text explains
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}{_traceback_in(folder)}"
    return None


def _traceback_in(folder: RunFolder) -> str:
    path = folder.path / "error.txt"
    try:
        write_text(path, traceback.format_exc())
    except OSError:  # on a full disk, say, which is then what went wrong in the first place
        return ""
    return f" (traceback in {path})"


# Of a worker process: where it reports epochs to.
_reports: Reports | None = None


def _prepare(reports: Reports, threads: int, execution: ExecutionSettings) -> None:
    """Make this process a worker."""
    global _reports
    _reports = reports
    signal(SIGINT, SIG_IGN)  # the parent decides what an interruption from the keyboard means
    Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    keep_freed_memory()
    use(execution.ops)


def _end_with_parent() -> None:
    """Even if it was killed: its locks on the runs are gone with it."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _attempt_here(run: Run, output_dir: Path, execution: ExecutionSettings) -> str | None:
    def report(done: int, total: int) -> None:
        assert _reports is not None
        _reports.put((run.key, done, total))

    return attempt(run, output_dir, execution, report)
