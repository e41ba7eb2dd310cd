"""What a log file says of long work: few lines, no control characters, how far it is and how long it will take."""

import io

import pytest
from rich.console import Console

from skeleton_lab.reproduce import progress
from skeleton_lab.reproduce.progress import LiveProgress, in_words
from skeleton_lab.reproduce.runs import Run
from tests.reproduce.test_runs import plan


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    return found


def log_of(clock: Clock, run: Run, epochs: range, seconds: float) -> list[str]:
    """The lines of a run, from its start to its end, whose epochs take so long."""
    log = io.StringIO()
    with LiveProgress(Console(file=log, width=200)) as live:
        live.planned(1, 0)
        live.started(run)
        for epoch in epochs:
            clock.now += seconds
            live.epoch(run, epoch, 100)
        live.ended(run, None)
    assert "\x1b" not in log.getvalue()
    return log.getvalue().splitlines()


def test_a_log_has_a_line_a_minute(clock: Clock) -> None:
    run = plan(training__epochs=100)
    lines = log_of(clock, run, range(1, 101), 6)
    assert lines[1] == f"{run.name}: epoch 10 of 100, about 9 min left"
    assert lines[9] == f"{run.name}: epoch 90 of 100, about 60 s left"
    assert lines[-1] == f"1/1 {run.name} finished in 10 min"
    assert len(lines) == 11


def test_what_was_done_before_does_not_count_as_quick(clock: Clock) -> None:
    run = plan(training__epochs=100)
    assert log_of(clock, run, range(51, 53), 60)[1:-1] == [
        f"{run.name}: epoch 51 of 100",
        f"{run.name}: epoch 52 of 100, about 48 min left",
    ]


def test_what_is_quick_is_not_told(clock: Clock) -> None:
    log = io.StringIO()
    with LiveProgress(Console(file=log)) as live:
        for done in range(1001):
            live.preparing("ntu60", done, 1000)
    assert log.getvalue() == ""


def test_a_failure_says_why_and_when(clock: Clock) -> None:
    log, run = io.StringIO(), plan()
    with LiveProgress(Console(file=log, width=200)) as live:
        live.planned(3, 1)
        live.started(run)
        clock.now += 42
        live.ended(run, "no [room] left")
    assert log.getvalue().splitlines()[-1] == f"2/3 {run.name} failed after 42 s: no [room] left"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (91, "2 min"), (3600, "60 min"), (12_000, "3 h 20 min")]
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
