"""Many executors on one store, killed at random; and a store of many runs."""

import json
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from skeleton_lab.config import Request
from skeleton_lab.reproduce import crew
from skeleton_lab.reproduce.assemble import assemble, plan_table
from skeleton_lab.reproduce.executor import execute
from skeleton_lab.reproduce.runs import Planner, Run, RunFolder, finished_runs, folder_of
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.tables import load_table
from skeleton_lab.settings import ExecutionSettings

EXECUTORS, RUNS, KILLS = 8, 500, 40


class Silent:
    def planned(self, total: int, finished: int) -> None: ...
    def started(self, run: Run) -> None: ...
    def epoch(self, run: Run, done: int, total: int) -> None: ...
    def ended(self, run: Run, problem: str | None) -> None: ...


def tiny_train(run: Run, folder: RunFolder, required: Mapping[str, Path], *_: object) -> None:
    """What a training leaves in the store, without a network. A diary says who was at it, and when."""
    diary = os.open(folder.path.parents[1] / "diary", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(diary, f"begun {run.key} {os.getpid()}\n".encode())
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_settings(run.settings)
    time.sleep(random.uniform(0, 0.1))
    assert all(path.parent.joinpath("result.json").exists() for path in required.values())
    folder.write_result({"top1": 50.0}, {"process": os.getpid()})
    os.write(diary, f"ended {run.key} {os.getpid()}\n".encode())
    os.close(diary)


def executor(runs: list[Run], output_dir: Path) -> None:
    crew.train = tiny_train  # type: ignore[assignment]
    random.seed(os.getpid())
    assert not execute(runs, output_dir, ExecutionSettings(accelerator="cpu", jobs=1), Silent()).problems


def plan_many(source: Source) -> list[Run]:
    planner = Planner({"ntu60": source})
    seeds = (Request("sgn", "ntu60", "xsub", "demo", {"seed": seed}) for seed in range(RUNS - 70))
    # These need six others each.
    demanding = (Request("adasgn", "ntu60", "xsub", "demo", {"seed": seed}) for seed in range(10))
    return [planner.plan(request) for request in (*seeds, *demanding)]


@pytest.mark.slow
def test_every_run_ends_once_whoever_is_killed(demo_source: Source, tmp_path: Path) -> None:
    runs, context = plan_many(demo_source), multiprocessing.get_context("fork")
    working = [context.Process(target=executor, args=(runs, tmp_path)) for _ in range(EXECUTORS)]
    for process in working:
        process.start()
    killed = set()
    for _ in range(KILLS):
        time.sleep(random.uniform(0, 0.3))
        victim = working.pop(random.randrange(len(working)))
        victim.kill()
        victim.join()
        if victim.exitcode:
            killed.add(victim.pid)
        working.append(context.Process(target=executor, args=(runs, tmp_path)))
        working[-1].start()
    for process in working:
        process.join(300)
        assert process.exitcode == 0
    assert len(killed) > KILLS / 2  # the others had nothing left to do
    assert len(finished_runs(tmp_path)) == RUNS
    check_diary((tmp_path / "diary").read_text().splitlines(), killed)


def check_diary(lines: list[str], killed: set[int | None]) -> None:
    """No run was finished twice, and none was begun while another process, which was not killed, was at it."""
    busy: dict[str, int] = {}
    for line in lines:
        word, key, process = line.split()
        if word == "begun":
            assert key not in busy or busy[key] in killed, line
            busy[key] = int(process)
        else:
            assert busy.pop(key) == int(process), line
    assert max(Counter(line.split()[1] for line in lines if line.startswith("ended")).values()) == 1


def test_a_store_of_ten_thousand_runs(demo_source: Source, tmp_path: Path) -> None:
    """Listed, and a table assembled from it, in less than 2 seconds."""
    table = load_table("sparse_stgcn_fig4", "demo", protocol="xsub")
    planned = plan_table(table, {"ntu60": demo_source})
    metrics = {"top1": 50.0, "parameters": 1000.0, "gmacs_as_paper": 1.0}
    result = json.dumps({"metrics": metrics, "provenance": {"commit": "abc", "started": "2026-01-01"}})
    names = [folder_of(run, tmp_path).path.name for each in planned for run in each.runs]
    for name in {*names, *(f"sgn-ntu60-xsub-{number:012}" for number in range(10_000 - len(set(names))))}:
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "result.json").write_text(result)
    begin = time.process_time()
    assert len([folder.result() for folder in finished_runs(tmp_path)]) == 10_000
    measured = list(assemble(table, planned, tmp_path, {}))
    assert time.process_time() - begin < 2
    assert {each.value for each in measured if each.cell.metric == "top1" and each.verdict != "quoted"} == {50.0}
