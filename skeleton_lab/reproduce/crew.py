"""The processes that train one run after another together, one for each of its devices here.

Each has a pipe of its own to the process that started it: a process that is killed while it says something holds up
nobody else.
"""

import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import SIG_IGN, SIGINT, SIGTERM, SIGUSR1, signal
from threading import Lock, Thread
from typing import NamedTuple, cast

import torch

from data_modules.errors import DataError
from skeleton_lab.errors import RequestError
from skeleton_lab.files import write_text
from skeleton_lab.memory import keep_freed_memory
from skeleton_lab.ops.settings import use
from skeleton_lab.reproduce.places import Meeting, Place, forget_launcher, meeting_at
from skeleton_lab.reproduce.runs import Run, RunFolder, folder_of
from skeleton_lab.reproduce.train import EpochReport, train
from skeleton_lab.settings import ExecutionSettings

KILLED = "a worker process was killed, for want of memory perhaps: give a lower jobs=, and go on from here"
# Seconds: between two looks at what is not said through a pipe; and for the others to end by themselves, once one of
# several processes has failed.
PATIENCE, GRACE = 1.0, 10.0

# What went wrong elsewhere with the run that is being trained, if something did.
Elsewhere = Callable[[], str | None]


class Epoch(NamedTuple):
    done: int
    total: int


class Ended(NamedTuple):
    problem: str | None


@dataclass(frozen=True)
class Equipment:
    """What a crew has of this machine: threads for each process, and the names of its CUDA devices, () for all."""

    output_dir: Path
    execution: ExecutionSettings
    threads: int
    devices: tuple[str, ...] = ()


class Crew:
    """Processes at `places`, started for their first run. Where one of several fails all are replaced: nobody knows
    what the others wait for."""

    def __init__(self, places: Sequence[Place], equipment: Equipment) -> None:
        self.places, self.equipment = places, equipment
        self._members: dict[Connection, BaseProcess] = {}
        self._lock = Lock()
        self._closed = False

    @property
    def is_there(self) -> bool:
        return bool(self._members)

    def train(
        self,
        run: Run,
        report: EpochReport,
        elsewhere: Elsewhere,
        meeting: Meeting | None = None,
    ) -> str | None:
        """What went wrong, here or `elsewhere`, if something did. meeting: with processes on other machines, when these
        are new."""
        if not self.is_there:
            self._start(meeting or meeting_at("127.0.0.1"))
        problem, all_idle = self._together(run, report, elsewhere)
        if problem and not (all_idle and self.places[0].world == 1):
            self.dismiss()
        return problem

    def dismiss(self) -> None:
        """End all processes now; others are started for the next run."""
        with self._lock:
            for process in self._members.values():
                process.kill()
            for connection, process in self._members.items():
                process.join()
                connection.close()
            self._members = {}

    def close(self) -> None:
        """End all processes for good, whatever another thread has them do; `dismiss` clears away what is left."""
        with self._lock:
            self._closed = True
            for process in self._members.values():
                process.kill()

    def _start(self, meeting: Meeting) -> None:
        context = get_context("spawn")
        if self.places[0].world > 1:
            # Each would say that in this phase no parameter is unused; that they look for such is meant (train.py).
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        with self._lock:
            for place in () if self._closed else self.places:
                here, there = context.Pipe()
                process = context.Process(target=_serve, args=(there, place, meeting, self.equipment))
                process.start()
                there.close()
                self._members[here] = process

    def _together(self, run: Run, report: EpochReport, elsewhere: Elsewhere) -> tuple[str | None, bool]:
        """What went wrong, and whether all processes are there and wait for the next run."""
        try:
            for connection in self._members:
                connection.send(run)
        except OSError:
            return KILLED, False
        if not self._members:  # closed meanwhile
            return KILLED, False
        busy, problem, deadline = set(self._members), None, inf
        while busy and time.monotonic() < deadline:
            for ready in wait(busy, PATIENCE):
                connection = cast(Connection, ready)
                said = _received(connection)
                if isinstance(said, Epoch):
                    report(said.done, said.total)
                else:
                    busy.discard(connection)
                    problem = problem or said.problem
            problem = problem or elsewhere()
            if problem:
                deadline = min(deadline, time.monotonic() + GRACE)
        return problem, not busy and problem != KILLED


def _received(connection: Connection) -> Epoch | Ended:
    try:
        return connection.recv()
    except (EOFError, OSError):
        return Ended(KILLED)


def attempt(run: Run, output_dir: Path, execution: ExecutionSettings, report: EpochReport) -> str | None:
    """Train; any failure stays this run's own. Returns what went wrong, if something did."""
    folder = folder_of(run, output_dir)
    required = {role: folder_of(each, output_dir).checkpoint for role, each in run.requires.items()}
    for checkpoint in required.values():
        if not checkpoint.exists():
            return f"{checkpoint} has been deleted: delete its whole folder, and the run that it is of is done again"
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


def _serve(connection: Connection, place: Place, meeting: Meeting, equipment: Equipment) -> None:
    """The life of a worker process."""
    for ignored in (SIGINT, SIGTERM, SIGUSR1):  # the parent decides what an interruption means
        signal(ignored, SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    forget_launcher()
    os.environ.update(place.environment(meeting))
    if equipment.devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(equipment.devices)
    torch.set_num_threads(equipment.threads)
    keep_freed_memory()
    use(equipment.execution.ops)

    def report(done: int, total: int) -> None:
        if place.rank == 0:
            connection.send(Epoch(done, total))

    while True:
        run = connection.recv()
        connection.send(Ended(attempt(run, equipment.output_dir, equipment.execution, report)))


def _end_with_parent() -> None:
    """Even if it was killed: its claims on the runs end with it."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
