"""Who trains together, as launchers say it in the environment."""

import threading

import pytest

from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.places import OF_LAUNCHERS, Meeting, Place, Team, meeting_at, team
from skeleton_lab.reproduce.together import Channel
from skeleton_lab.reproduce.workers import visible_devices
from skeleton_lab.settings import ExecutionSettings

VARIABLES = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name in VARIABLES or name.startswith(OF_LAUNCHERS):
            monkeypatch.delenv(name)


def said(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def of(devices: int, nodes: int) -> Team:
    return team(ExecutionSettings(devices=devices, nodes=nodes))


def test_one_machine_starts_all_its_processes() -> None:
    found = of(devices=3, nodes=1)
    assert (found.number, found.of, found.leads) == (0, 1, True)
    assert [(place.rank, place.local_rank, place.world) for place in found.places] == [(0, 0, 3), (1, 1, 3), (2, 2, 3)]


def test_by_hand_each_node_starts_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    said(monkeypatch, MASTER_ADDR="first", MASTER_PORT="2345", NODE_RANK="1")
    found = of(devices=2, nodes=2)
    assert (found.number, found.of, found.leads, found.meeting) == (1, 2, False, Meeting("first", 2345))
    assert found.places == (Place(2, 0, 1, 4), Place(3, 1, 1, 4))


def test_nodes_that_nobody_launched_are_refused() -> None:
    with pytest.raises(RequestError, match="start this command on each of them"):
        of(devices=1, nodes=2)


def slurm(monkeypatch: pytest.MonkeyPatch, tasks: int, per_node: int, number: int) -> None:
    said(
        monkeypatch,
        SLURM_NTASKS=str(tasks),
        SLURM_NTASKS_PER_NODE=str(per_node),
        SLURM_PROCID=str(number),
        SLURM_LOCALID=str(number % per_node),
        SLURM_NODEID=str(number // per_node),
        SLURM_NODELIST="gpu[07-08]",
        SLURM_JOB_ID="123456",
    )


def test_srun_with_a_task_for_each_device(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm(monkeypatch, tasks=4, per_node=2, number=3)
    found = of(devices=2, nodes=2)
    assert (found.number, found.of, found.meeting.address) == (3, 4, "gpu07")
    assert found.places == (Place(3, 1, 1, 4),)


def test_srun_with_a_task_for_each_node(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm(monkeypatch, tasks=2, per_node=1, number=1)
    assert of(devices=2, nodes=2).places == (Place(2, 0, 1, 4), Place(3, 1, 1, 4))


def test_tasks_that_fit_neither_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm(monkeypatch, tasks=3, per_node=3, number=0)
    with pytest.raises(RequestError, match="3 programs were launched; launch one for each of the 2 nodes"):
        of(devices=4, nodes=2)


def test_many_tasks_of_one_device_work_each_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm(monkeypatch, tasks=100, per_node=4, number=37)
    assert of(devices=1, nodes=1).of == 1


def test_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    said(monkeypatch, TORCHELASTIC_RUN_ID="none", WORLD_SIZE="4", RANK="2", LOCAL_RANK="0", GROUP_RANK="1")
    said(monkeypatch, MASTER_ADDR="first", MASTER_PORT="29500")
    found = of(devices=2, nodes=2)
    assert (found.number, found.of, found.places) == (2, 4, (Place(2, 0, 1, 4),))


@pytest.mark.parametrize(
    ("job", "devices", "expected"),
    [(0, 2, ("4", "5")), (1, 2, ("6", "7")), (2, 2, ("4", "5")), (5, 1, ("5",))],
)
def test_jobs_have_devices_of_their_own_as_far_as_they_go(
    job: int, devices: int, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    assert visible_devices(job, ExecutionSettings(devices=devices)) == expected


def test_what_the_leader_tells_is_heard() -> None:
    meeting = meeting_at("127.0.0.1")
    teams = [Team(number, 2, (), meeting) for number in (0, 1)]
    leader, follower = Channel(teams[0]), Channel(teams[1])
    leader.tell(0, "abc", Meeting("there", 5))
    assert follower.told(0) == ("abc", Meeting("there", 5))
    assert leader.problem(0) is None
    follower.fail(0, "no luck")
    assert leader.problem(0) == "no luck"
    ended = threading.Thread(target=follower.end, args=(0,))
    ended.start()
    leader.end(0)
    ended.join(20)
    assert not ended.is_alive()
    leader.tell(1, "", None)
    assert follower.told(1) == ("", None)
