"""`skeleton-lab agent ID`: run what a registered sweep has left, on this machine."""

import os
import subprocess
import sys
from pathlib import Path

from skeleton_lab.errors import RequestError
from skeleton_lab.verbs.arguments import JOBS, Arguments


def run(arguments: Arguments) -> int:
    arguments.refuse_others()
    sweep = arguments.name("sweep by its id, as entity/project/id")
    if not is_logged_in():
        raise RequestError("no W&B login on this machine: `.venv/bin/wandb login` once, or set WANDB_API_KEY")
    return start_agent(sweep, arguments)


def is_logged_in() -> bool:
    import wandb  # slow to load

    return bool(wandb.login(prompt=False))


def start_agent(sweep: str, arguments: Arguments) -> int:
    """An agent of W&B, which calls `skeleton-lab train` for one combination after another; returns its exit code. The
    runs look for data, and are kept, where this command says or else the environment."""
    session = arguments.session()
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "OUTPUT_DIR": str(session.output_dir.absolute()),
    }
    if session.execution.jobs:
        environment[JOBS] = str(session.execution.jobs)
    if session.data_root is not None:
        environment["DATA_ROOT"] = str(session.data_root.absolute())
    return subprocess.run([sys.executable, "-m", "wandb", "agent", sweep], env=environment, check=False).returncode
