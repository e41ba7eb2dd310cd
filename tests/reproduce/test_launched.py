"""Programs that are launched together, and programs that are told to stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skeleton_lab.reproduce.places import OF_LAUNCHERS
from tests.helpers import only

ROOT = Path(__file__).parents[2]
WORDS = ["train", "sgn", "demo_clips=88", "width=0.0625", "accelerator=cpu"]
PATIENCE = 500  # seconds, on a busy machine


def start(command: list[str], output_dir: Path, **variables: str) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if key != "DATA_ROOT" and not key.startswith(OF_LAUNCHERS)}
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=output_dir.parent,
        env={**kept, "PYTHONPATH": str(ROOT), "OUTPUT_DIR": str(output_dir), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(output_dir: Path) -> dict[str, dict[str, object]]:
    return json.loads(only(output_dir.glob("runs/*/result.json")).read_text())


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("", 0))
        return str(found.getsockname()[1])


@pytest.mark.slow
def test_two_nodes_that_are_started_by_hand(tmp_path: Path) -> None:
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    command = ["skeleton_lab", *WORDS, "epochs=2", "devices=1", "nodes=2"]
    nodes = [start(command, tmp_path / "outputs", **meeting, NODE_RANK=str(number)) for number in (0, 1)]
    said = [node.communicate(timeout=PATIENCE) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    assert "everything about this run" in said[0][0]
    assert said[1] == ("", "")
    assert result(tmp_path / "outputs")["provenance"]["processes"] == 2


@pytest.mark.slow
def test_torchrun(tmp_path: Path) -> None:
    launcher = ["torch.distributed.run", "--nproc-per-node=2", f"--master-port={free_port()}"]
    launched = start([*launcher, "-m", "skeleton_lab", *WORDS, "epochs=2", "devices=2"], tmp_path / "outputs")
    said = launched.communicate(timeout=PATIENCE)
    assert launched.returncode == 0, said
    assert said[0].count("everything about this run") == 1
    assert result(tmp_path / "outputs")["provenance"]["processes"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("number", "devices"), [(signal.SIGUSR1, 2), (signal.SIGTERM, 1)])
def test_what_a_scheduler_stops_goes_on(number: signal.Signals, devices: int, tmp_path: Path) -> None:
    command = ["skeleton_lab", *WORDS, "epochs=40", f"devices={devices}"]
    stopped, deadline = start(command, tmp_path / "outputs"), time.monotonic() + PATIENCE
    while not list(tmp_path.glob("outputs/runs/*/resume/last.ckpt")):
        assert stopped.poll() is None, stopped.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stopped.send_signal(number)
    said = stopped.communicate(timeout=60)
    assert stopped.returncode == 75, said
    assert "stopped; the same command goes on from here" in said[1]
    assert not list(tmp_path.glob("outputs/runs/*/result.json"))
    assert not list(tmp_path.glob("outputs/claims/*"))
    again = start(command, tmp_path / "outputs")
    again.communicate(timeout=PATIENCE)
    assert again.returncode == 0
    assert result(tmp_path / "outputs")["provenance"]["resumed"] is True
