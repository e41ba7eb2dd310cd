"""Several programs, on one machine or on many, that train every run together. The first one leads: it walks the graph
of runs, and tells the others which one comes next. A run that fails anywhere fails everywhere, and the next one begins
with new processes.
"""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from math import inf

from lightning.pytorch.plugins.environments import TorchElasticEnvironment
from torch.distributed import DistNetworkError, PrefixStore, TCPStore

from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.crew import Crew, Elsewhere, Equipment
from skeleton_lab.reproduce.places import Meeting, Team, meeting_at
from skeleton_lab.reproduce.runs import Run
from skeleton_lab.reproduce.train import EpochReport

# Seconds between two looks, and for the others to hear the last word; and how long they may take to appear.
PATIENCE, FAREWELL = 0.2, 10.0
APPEARANCE = timedelta(minutes=10)


class Channel:
    """What the programs of a team tell each other, through a small server of the leader's (or of torchrun's)."""

    def __init__(self, team: Team) -> None:
        self.team = team
        serves = team.leads and not TorchElasticEnvironment.detect()
        server = TCPStore(*team.meeting, is_master=serves, timeout=APPEARANCE, wait_for_workers=False)
        self._store = PrefixStore("skeleton_lab", server)

    def tell(self, number: int, key: str, meeting: Meeting | None) -> None:
        """The key of the run of this number, '' for none any more; and where its processes meet if they are new."""
        self._store.set(f"run/{number}", json.dumps([key, meeting]))

    def told(self, number: int) -> tuple[str, Meeting | None]:
        """What the leader tells, once it does."""
        while (found := self._heard(f"run/{number}")) is None:
            time.sleep(PATIENCE)
        key, meeting = json.loads(found)
        return key, meeting and Meeting(*meeting)

    def fail(self, number: int, problem: str) -> None:
        self._store.set(f"problem/{number}", problem)

    def problem(self, number: int) -> str | None:
        """What went wrong with a run anywhere, if something did."""
        return self._heard(f"problem/{number}")

    def end(self, number: int, patience: float = inf) -> None:
        """Return once all programs have come to the end of the run, or after so many seconds."""
        self._store.add(f"ended/{number}", 1)
        deadline = time.monotonic() + patience
        while self._store.add(f"ended/{number}", 0) < self.team.of and time.monotonic() < deadline:
            time.sleep(PATIENCE)

    def _heard(self, name: str) -> str | None:
        return self._store.get(name).decode() if self._store.check([name]) else None


class Member:
    """One program's part: its processes, and the number of runs so far."""

    def __init__(self, team: Team, channel: Channel, equipment: Equipment) -> None:
        self.channel = channel
        self.crew = Crew(team.places, equipment)
        self.number = 0

    def train(
        self, run: Run, report: EpochReport, meeting: Meeting | None, elsewhere: Elsewhere = lambda: None
    ) -> str | None:
        number, self.number = self.number, self.number + 1
        problem = self.crew.train(run, report, lambda: self.channel.problem(number) or elsewhere(), meeting)
        if problem:
            self.channel.fail(number, problem)
        self.channel.end(number)
        problem = self.channel.problem(number)
        if problem:
            self.crew.dismiss()
        return problem


class Leading:
    """The leader's Workers (workers.py)."""

    jobs = 1

    def __init__(self, team: Team, equipment: Equipment, report: Callable[[Run, int, int], None]) -> None:
        self.team, self.channel, self.report = team, Channel(team), report
        self.member = Member(team, self.channel, equipment)

    def begin(self, run: Run, elsewhere: Elsewhere) -> Future[str | None]:
        meeting = None if self.member.crew.is_there else meeting_at(self.team.meeting.address)
        self.channel.tell(self.member.number, run.key, meeting)
        future: Future[str | None] = Future()
        future.set_result(self.member.train(run, partial(self.report, run), meeting, elsewhere))
        return future

    def close(self) -> None:
        self.member.crew.dismiss()
        self.channel.tell(self.member.number, "", None)
        self.channel.end(self.member.number, FAREWELL)


def follow(runs: Mapping[str, Run], team: Team, equipment: Equipment) -> None:
    """Train what the leader says, until it says that there is no more. Raises RequestError where it says what this
    program does not know: another command was launched here, or other data are here."""
    channel = Channel(team)
    member = Member(team, channel, equipment)
    try:
        while True:
            key, meeting = channel.told(member.number)
            if not key:
                channel.end(member.number, patience=0)
                return
            if key not in runs:
                raise RequestError(f"run {key} of the first program is not among those of this one: start them alike")
            member.train(runs[key], lambda done, total: None, meeting)
    except DistNetworkError as error:
        raise RequestError("the first program has ended; start all of them again, and they go on from there") from error
    finally:
        member.crew.dismiss()
