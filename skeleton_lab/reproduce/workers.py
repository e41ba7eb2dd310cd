"""Who trains the runs: this process one after another, or several processes, one run each at a time or one together.

The work on small networks comes in portions too small to share: on two cores, two runs with a core each end well before
the same runs one after the other on both.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import torch

from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.crew import Crew, Elsewhere, Equipment, attempt
from skeleton_lab.reproduce.places import Team, team
from skeleton_lab.reproduce.runs import Run
from skeleton_lab.reproduce.together import Leading, follow
from skeleton_lab.settings import ExecutionSettings

# Called with a run, the epochs done and the epochs in all.
Report = Callable[[Run, int, int], None]

# Where nobody says how many: more processes than these rather run out of memory than end sooner.
MOST_JOBS = 8


class Workers(Protocol):
    """begin: train a run, as long as nothing is wrong `elsewhere`; the result is what went wrong, if something did.
    close: wait for nobody."""

    jobs: int

    def begin(self, run: Run, elsewhere: Elsewhere) -> Future[str | None]: ...
    def close(self) -> None: ...


def workers_for(runs: int, output_dir: Path, execution: ExecutionSettings, report: Report) -> Workers:
    """As many jobs as `execution.jobs` says, or as fit: on a CPU one for each core that PyTorch may use, else one for
    each `execution.devices` devices. Raises RequestError where that cannot be."""
    own = team(execution)
    if own.of > 1:
        return Leading(own, _equipment_of_team(own, output_dir, execution), report)
    jobs = min(execution.jobs or min(_fitting(execution), MOST_JOBS), max(1, runs))
    if jobs > 1 or execution.devices > 1:
        return Processes(jobs, own, output_dir, execution, report)
    return ThisProcess(output_dir, execution, report)


def follow_leader(runs: Iterable[Run], output_dir: Path, execution: ExecutionSettings) -> None:
    """Of a program that several others train the same runs with, and that is not the first of them."""
    own = team(execution)
    follow({run.key: run for run in runs}, own, _equipment_of_team(own, output_dir, execution))


def _equipment_of_team(own: Team, output_dir: Path, execution: ExecutionSettings) -> Equipment:
    if execution.jobs > 1:
        raise RequestError(f"jobs={execution.jobs}: programs that were launched together train one run at a time")
    return Equipment(output_dir, execution, max(1, torch.get_num_threads() // len(own.places)))


def _fitting(execution: ExecutionSettings) -> int:
    if _on_cpu(execution):
        return max(1, torch.get_num_threads() // execution.devices)
    there = torch.accelerator.device_count()
    if execution.devices > there:
        raise RequestError(f"devices={execution.devices}: this machine has {there}")
    return there // execution.devices


def _on_cpu(execution: ExecutionSettings) -> bool:
    return execution.accelerator == "cpu" or not torch.accelerator.is_available()


class ThisProcess:
    """Trains a run where and when it is begun."""

    jobs = 1

    def __init__(self, output_dir: Path, execution: ExecutionSettings, report: Report) -> None:
        self.output_dir, self.execution, self.report = output_dir, execution, report

    def begin(self, run: Run, elsewhere: Elsewhere) -> Future[str | None]:
        def report(done: int, total: int) -> None:
            if problem := elsewhere():
                raise RequestError(problem)
            self.report(run, done, total)

        future: Future[str | None] = Future()
        future.set_result(attempt(run, self.output_dir, self.execution, report))
        return future

    def close(self) -> None: ...


class Processes:
    """Share the cores that PyTorch may use, or the devices, among several jobs, each of one process for every device
    that its run is trained on. They end with this process, however it ends."""

    def __init__(self, jobs: int, own: Team, output_dir: Path, execution: ExecutionSettings, report: Report) -> None:
        self.jobs, self.report = jobs, report
        threads = max(1, torch.get_num_threads() // (jobs * execution.devices))
        self._crews = [
            Crew(own.places, Equipment(output_dir, execution, threads, visible_devices(job, execution)))
            for job in range(jobs)
        ]
        self._idle: SimpleQueue[Crew] = SimpleQueue()
        for crew in self._crews:
            self._idle.put(crew)
        self._threads = ThreadPoolExecutor(jobs)

    def begin(self, run: Run, elsewhere: Elsewhere) -> Future[str | None]:
        return self._threads.submit(self._train, run, elsewhere)

    def close(self) -> None:
        for crew in self._crews:
            crew.close()
        self._threads.shutdown(cancel_futures=True)
        for crew in self._crews:
            crew.dismiss()

    def _train(self, run: Run, elsewhere: Elsewhere) -> str | None:
        crew = self._idle.get()
        try:
            return crew.train(run, partial(self.report, run), elsewhere)
        finally:
            self._idle.put(crew)


def visible_devices(job: int, execution: ExecutionSettings) -> tuple[str, ...]:
    """The names of the CUDA devices of a job, in turn; jobs that are too many for devices of their own share them."""
    if _on_cpu(execution) or not torch.cuda.is_available():
        return ()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    there = named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
    first = job * execution.devices
    return tuple(there[(first + number) % len(there)] for number in range(execution.devices))
