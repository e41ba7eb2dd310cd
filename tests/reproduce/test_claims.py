"""Claims: a run is one process's, until that process ends or is not heard of any more."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skeleton_lab.reproduce.claims import Claims, machine


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ours(tmp_path: Path, clock: Clock) -> Iterator[Claims]:
    claims = Claims(tmp_path, heartbeat=1000, dead_after=60, clock=clock)
    yield claims
    claims.close()


def left_behind(folder: Path, process: int, where: str = "another machine", number: int = 1) -> Path:
    path = folder / f"run.{number}"
    path.write_text(json.dumps([where, process, "token"]))
    return path


def ended_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_run_is_claimed_once(ours: Claims, tmp_path: Path) -> None:
    others = Claims(tmp_path)
    assert ours.take("run")
    assert not others.take("run")
    assert others.take("another")
    ours.release("run")
    assert others.take("run")
    others.close()
    assert not list(tmp_path.iterdir())


def test_names_may_have_dots(ours: Claims, tmp_path: Path) -> None:
    assert ours.take("sgn-v1.2-abc")
    assert ours.take("sgn-v1")
    assert not Claims(tmp_path).take("sgn-v1.2-abc")


def test_many_at_once_leave_one_owner(tmp_path: Path) -> None:
    owners, claims = [], [Claims(tmp_path) for _ in range(8)]
    start = threading.Barrier(8)

    def compete(own: Claims) -> None:
        for name in map(str, range(25)):
            start.wait()
            if own.take(name):
                owners.append(name)

    threads = [threading.Thread(target=compete, args=(each,)) for each in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(owners) == sorted(map(str, range(25)))


def test_what_an_ended_process_of_this_machine_left_is_taken_at_once(ours: Claims, tmp_path: Path) -> None:
    left = left_behind(tmp_path, ended_process(), machine())
    assert ours.take("run")
    assert not left.exists()


def test_another_machine_s_is_taken_once_nothing_is_heard_of_it(ours: Claims, tmp_path: Path, clock: Clock) -> None:
    left = left_behind(tmp_path, ended_process())
    for now in (0, 30, 60):
        clock.now = now
        assert not ours.take("run")
    os.utime(left, (1, 1))  # a sign of life, whatever its clock says
    for now in (61, 121):
        clock.now = now
        assert not ours.take("run")
    clock.now = 122
    assert ours.take("run")


def test_of_several_that_find_a_dead_one_one_takes_over(tmp_path: Path, clock: Clock) -> None:
    left_behind(tmp_path, ended_process())
    claims = [Claims(tmp_path, heartbeat=1000, clock=clock) for _ in range(4)]
    assert not any(each.take("run") for each in claims)
    clock.now = 100
    assert sum(each.take("run") for each in claims) == 1


def test_a_claim_that_changed_hands_meanwhile_is_left_alone(
    ours: Claims, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at a dead claim and the new one, somebody cleared it away and another one began."""
    left = left_behind(tmp_path, ended_process())
    assert not ours.take("run")
    clock.now = 100
    real = Path.open

    def meanwhile(path: Path, *arguments: str, **more: str) -> object:
        if path.name == "run.2":
            left.write_text(json.dumps(["another machine", 1, "another token"]))
        return real(path, *arguments, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", meanwhile)
    assert not ours.take("run")
    assert [path.name for path in tmp_path.iterdir()] == ["run.1"]


def test_an_owner_finds_out_that_it_was_taken_for_dead(tmp_path: Path) -> None:
    asleep = Claims(tmp_path, heartbeat=0.01)
    assert asleep.take("run")
    assert not asleep.is_lost("run")
    left_behind(tmp_path, os.getpid(), number=2)
    deadline = time.monotonic() + 20
    while not asleep.is_lost("run"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asleep.close()
    assert [path.name for path in tmp_path.iterdir()] == ["run.2"]


def test_another_s_claim_of_the_same_name_is_not_taken_for_one_s_own(tmp_path: Path) -> None:
    """Taken for dead while it was asleep, and the run was released and claimed afresh: by a file of the same name."""
    asleep = Claims(tmp_path, heartbeat=0.01)
    assert asleep.take("run")
    left = left_behind(tmp_path, os.getpid())
    deadline = time.monotonic() + 20
    while not asleep.is_lost("run"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asleep.close()
    assert left.exists()


def test_a_claim_that_was_lost_unnoticed_is_not_released(ours: Claims, tmp_path: Path) -> None:
    assert ours.take("run")
    left = left_behind(tmp_path, os.getpid())
    ours.release("run")
    assert left.exists()


def test_a_living_owner_is_heard_of(tmp_path: Path) -> None:
    owner = Claims(tmp_path, heartbeat=0.01)
    assert owner.take("run")
    before = (tmp_path / "run.1").stat().st_mtime_ns
    deadline = time.monotonic() + 20
    while (tmp_path / "run.1").stat().st_mtime_ns == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    owner.close()


def test_an_unreadable_claim_counts_until_it_is_old(ours: Claims, tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "run.1").write_text("")
    assert not ours.take("run")
    clock.now = 61
    assert ours.take("run")
