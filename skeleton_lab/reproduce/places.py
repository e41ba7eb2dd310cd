"""Where the processes stand that train a run together: one for each device, of one machine or of several.

On several machines the same command is started on each, once for the machine or once for each of its devices: by
torchrun, by srun, or by hand. The first of these programs leads, and decides which runs are trained (together.py).
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lightning.pytorch.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from skeleton_lab.errors import RequestError
from skeleton_lab.settings import ExecutionSettings

# What launchers tell a program of its rank. The processes that it starts have ranks of their own.
OF_LAUNCHERS = ("TORCHELASTIC_", "SLURM_")
BY_HAND = (
    "nodes={nodes}: start this command on each of them through srun or torchrun, or with MASTER_ADDR, MASTER_PORT and "
    "NODE_RANK (0, 1, …) in its environment"
)


class Meeting(NamedTuple):
    """Where the processes of one run find each other: an address and a port of the machine of the first one."""

    address: str
    port: int


def meeting_at(address: str) -> Meeting:
    """At a port of this machine that is free."""
    with socket.socket() as found:
        found.bind(("", 0))
        return Meeting(address, int(found.getsockname()[1]))


@dataclass(frozen=True)
class Place:
    """Of one process: its rank among all `world`, its number on its machine, and the machine's number."""

    rank: int
    local_rank: int
    node: int
    world: int

    def environment(self, meeting: Meeting) -> Mapping[str, str]:
        """What Lightning reads."""
        return {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "NODE_RANK": str(self.node),
            "WORLD_SIZE": str(self.world),
            "MASTER_ADDR": meeting.address,
            "MASTER_PORT": str(meeting.port),
        }


def forget_launcher() -> None:
    """Of the environment of a process with a place of its own."""
    for name in [name for name in os.environ if name.startswith(OF_LAUNCHERS)]:
        del os.environ[name]


@dataclass(frozen=True)
class Team:
    """The programs that were launched to train the same runs together: this one is `number` of `of`, and starts a
    process at each of `places`. meeting: where the programs find each other."""

    number: int
    of: int
    places: tuple[Place, ...]
    meeting: Meeting

    @property
    def leads(self) -> bool:
        return self.number == 0


def team(execution: ExecutionSettings) -> Team:
    """As the environment says. Raises RequestError where it does not fit the devices and nodes that are asked for."""
    devices, nodes = execution.devices, execution.nodes
    if devices * nodes == 1:  # each of many programs that a launcher started works for itself
        return Team(0, 1, _places(1, 0, 1), Meeting("127.0.0.1", 0))
    environment, programs = _launched_by(nodes)
    number, node, world = environment.global_rank(), environment.node_rank(), devices * nodes
    meeting = Meeting(environment.main_address, environment.main_port if programs > 1 else 0)
    if programs == nodes:
        number = node
        return Team(number, programs, _places(devices, node, world), meeting)
    if programs == world:
        return Team(number, programs, (Place(number, environment.local_rank(), node, world),), meeting)
    raise RequestError(
        f"devices={devices} nodes={nodes}: {programs} programs were launched; launch one for each of the {nodes} nodes "
        f"or for each of the {world} devices"
    )


def _places(devices: int, node: int, world: int) -> tuple[Place, ...]:
    return tuple(Place(node * devices + device, device, node, world) for device in range(devices))


def _launched_by(nodes: int) -> tuple[ClusterEnvironment, int]:
    """What launched this program, and how many such programs there are."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment(), int(os.environ["WORLD_SIZE"])
    if "SLURM_PROCID" in os.environ and int(os.environ.get("SLURM_NTASKS", "1")) > 1:
        return SLURMEnvironment(), int(os.environ["SLURM_NTASKS"])
    if nodes > 1 and not {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"} <= os.environ.keys():
        raise RequestError(BY_HAND.format(nodes=nodes))
    return LightningEnvironment(), nodes
