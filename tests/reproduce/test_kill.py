"""Killed at any moment and started again, a table ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

WORDS = ["reproduce", "adasgn_tab1", "width=0.0625", "epochs=4", "milestones=[3]", "demo_clips=88"]
MINUTES = 4


def start(output_dir: Path) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "DATA_ROOT"}
    return subprocess.Popen(
        [sys.executable, "-m", "skeleton_lab", *WORDS, f"output_dir={output_dir}", "accelerator=cpu"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when(output_dir: Path, pattern: str, count: int) -> None:
    """Start the table, and kill it with SIGKILL once `count` files match; it must still be at work then."""
    process = start(output_dir)
    deadline = time.monotonic() + 60 * MINUTES
    while len(list(output_dir.glob(pattern))) < count:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def finish(output_dir: Path) -> list[dict[str, Any]]:
    process = start(output_dir)
    _, errors = process.communicate(timeout=60 * MINUTES)
    assert process.returncode == 0, errors
    return json.loads((output_dir / "tables" / "adasgn_tab1" / "table.json").read_text())["cells"]


def test_killed_at_several_moments(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    expected = finish(whole)
    assert all(cell["measured"] is not None for cell in expected)
    kill_when(torn, "demo_world/*/.ntu_rgbd.unfinished-*/*/*.skeleton", 20)  # while the demo world is written
    kill_when(torn, "prepared/.*/joints.f32", 1)  # while the store is written
    kill_when(torn, "runs/*/resume/last.ckpt", 1)  # in the middle of a training
    kill_when(torn, "runs/*/predictions.npz", 5)  # between the predictions of a run and its result
    assert finish(torn) == expected
