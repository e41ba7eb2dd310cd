"""Who is at work on a run: claims, as files in a folder that all machines share.

Locks of the file system would do on one machine; on shared ones they often work on each machine for itself, or not at
all. What every file system does is to create a file for one process alone. A claim is the file NAME.1. Its owner
touches it every few seconds. Who has seen it untouched for a minute by a clock of their own, or knows that its owner on
the same machine has ended, takes the run over by creating NAME.2, and so on: the highest number counts. An owner that
was only asleep finds that number, and gives up.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event, Lock, Thread
from uuid import uuid4

# Seconds between two signs of life, and without one until an owner counts as dead.
HEARTBEAT, DEAD_AFTER = 5.0, 60.0


@dataclass(frozen=True)
class Seen:
    """What a claim was like when it was looked at, and since when on a clock of our own."""

    content: str
    touched: int
    since: float


@dataclass(frozen=True)
class Held:
    """A claim of this process, as it wrote it: somebody else's later one may bear the same name."""

    path: Path
    content: str

    @property
    def is_ours(self) -> bool:
        return _content(self.path) == self.content


class Claims:
    """The claims of this process in `folder`. dead_after: seconds; clock: counts seconds."""

    def __init__(
        self,
        folder: Path,
        heartbeat: float = HEARTBEAT,
        dead_after: float = DEAD_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.dead_after, self.clock = folder, dead_after, clock
        self._held: dict[str, Held] = {}
        self._lost: set[str] = set()
        self._seen: dict[Path, Seen] = {}
        self._lock = Lock()
        self._closing = Event()
        self._thread = Thread(target=self._beat, args=(heartbeat,), daemon=True)
        self._thread.start()

    def take(self, name: str) -> bool:
        """Whether the run is this process's now."""
        before = self._newest(name)
        if before is not None and not self._is_dead(before):
            return False
        seen = self._seen.get(before) if before is not None else None
        own = self.folder / f"{name}.{_number(before) + 1}"
        content = json.dumps([machine(), os.getpid(), uuid4().hex])
        try:
            with own.open("x", encoding="utf-8") as file:
                file.write(content)
        except FileExistsError:
            return False
        # Between the look and the claim, the dead one's may have been cleared away and the run claimed afresh.
        afresh = before is not None and seen is not None and _content(before) not in (None, seen.content)
        if afresh or self._newest(name) != own:
            own.unlink(missing_ok=True)
            return False
        for number in range(1, _number(own)):
            (self.folder / f"{name}.{number}").unlink(missing_ok=True)
        with self._lock:
            self._held[name] = Held(own, content)
            self._lost.discard(name)
        return True

    def release(self, name: str) -> None:
        with self._lock:
            held = self._held.pop(name)
            if held.is_ours:
                held.path.unlink(missing_ok=True)

    def is_lost(self, name: str) -> bool:
        """Whether somebody took this process for dead, and has the run now."""
        return name in self._lost

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        for name in list(self._held):
            self.release(name)

    def _newest(self, name: str) -> Path | None:
        numbers = [_number(path) for path in self.folder.iterdir() if path.stem == name]
        return self.folder / f"{name}.{max(numbers)}" if numbers else None

    def _is_dead(self, path: Path) -> bool:
        try:
            content, touched = path.read_text(encoding="utf-8"), path.stat().st_mtime_ns
        except FileNotFoundError:  # released meanwhile: for the next look
            return False
        seen = self._seen.get(path)
        if seen is None or (seen.content, seen.touched) != (content, touched):
            seen = self._seen[path] = Seen(content, touched, self.clock())
        return _has_ended_here(content) or self.clock() - seen.since > self.dead_after

    def _beat(self, seconds: float) -> None:
        while not self._closing.wait(seconds):
            with self._lock:
                for name, held in self._held.items():
                    try:
                        lost = not held.is_ours or self._newest(name) != held.path
                        if not lost:
                            os.utime(held.path)
                    except FileNotFoundError:
                        lost = True
                    except OSError:  # of a file system that is away for a while
                        continue
                    if lost:
                        self._lost.add(name)


def _number(path: Path | None) -> int:
    return int(path.suffix[1:]) if path is not None else 0


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _has_ended_here(content: str) -> bool:
    """Whether the owner was a process of this machine, and is no more."""
    try:
        where, process, _ = json.loads(content)
    except ValueError:  # it is just being written, or never was
        return False
    if where != machine():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@cache
def machine() -> str:
    """This machine since it was started; in a container of its own processes, that container."""
    here = [platform.node()]
    for source in (lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(), _process_space):
        try:
            here.append(source())
        except OSError:  # elsewhere than on Linux
            continue
    return " ".join(here)


def _process_space() -> str:
    return str(Path("/proc/self/ns/pid").readlink())
