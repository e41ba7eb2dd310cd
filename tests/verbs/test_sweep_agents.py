"""A sweep through the real `wandb sweep` and the real `wandb agent`, which talk to a server on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import only
from tests.verbs.loopback import ENTITY, PROJECT, SWEEP, Loopback

ROOT = Path(__file__).parents[2]
# One for every combination of the sweep; the table below has both.
WORDS = ["demo_clips=88", "epochs=1", "milestones=[]", "batch_size=16", "width=0.0625", "accelerator=cpu"]


def lab(words: list[str], home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    # `skeleton-lab` for agents to find beside the Python that runs these tests, whatever is installed there.
    program = home / "bin" / "skeleton-lab"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m skeleton_lab "$@"\n')
    program.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if key != "DATA_ROOT" and not key.startswith("WANDB_")}
    environment = {
        **{**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "OUTPUT_DIR": str(home / "outputs")},
        **{"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", **variables},
    }
    return subprocess.run(
        [sys.executable, "-m", "skeleton_lab", *words],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )


def assembled(home: Path) -> list[dict[str, object]]:
    """The cells of the sweep's table, for which nothing may be left to train."""
    reported = lab(["report", "gca_lstm_tab11", "protocol=xsub", *WORDS], home)
    assert reported.returncode == 0, reported.stderr
    cells = json.loads(only(home.glob("outputs/tables/gca_lstm_tab11*/table.json")).read_text())["cells"]
    found = [cell for cell in cells if cell["row"] in ("Averaging", "Feed-forward network")]
    assert len(found) == 2
    return found


@pytest.mark.slow
def test_agents_fill_the_store(tmp_path: Path) -> None:
    with Loopback() as server:
        done = lab(
            # The runs' own logs would need more of a server.
            ["sweep", "gca_lstm_start", *WORDS, "wandb=false"],
            tmp_path,
            WANDB_BASE_URL=server.url,
            WANDB_API_KEY="0" * 40,
            WANDB_ENTITY=ENTITY,
        )
    assert done.returncode == 0, done.stderr
    assert f"make agent SWEEP_ID={ENTITY}/{PROJECT}/{SWEEP}" in done.stdout
    assert [run["model.start"] for run in server.handed_out] == ["mean", "feed_forward"]
    cells = assembled(tmp_path)
    assert [cell["verdict"] for cell in cells] == ["not comparable"] * len(cells)
    assert all(cell["measured"] is not None for cell in cells)


@pytest.mark.slow
def test_without_a_login_the_same_runs_are_run_here(tmp_path: Path) -> None:
    done = lab(["sweep", "gca_lstm_start", *WORDS], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no W&B login, so the 2 runs of gca_lstm_start are run here" in done.stderr
    assert all(cell["measured"] is not None for cell in assembled(tmp_path))
