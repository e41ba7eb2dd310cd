"""`skeleton-lab sweep NAME`: the runs of a sweep, by an agent of Weights & Biases where the user has logged in, else
here and offline."""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rich.console import Console

from skeleton_lab.config import compose
from skeleton_lab.errors import RequestError
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import Planner, folder_of
from skeleton_lab.reproduce.sweeps import Sweep, load_sweep
from skeleton_lab.verbs.agent import is_logged_in, start_agent
from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.train import plan_folds, requested_runs

# Of each machine alone: agents elsewhere have their own.
OF_THIS_MACHINE = ("data_root", "output_dir", "jobs")


def run(arguments: Arguments) -> int:
    declared = load_sweep(arguments.name("sweep"))
    words = [f"{key}={value}" for key, value in arguments.settings.items() if key not in OF_THIS_MACHINE]
    sweep, console = declared.with_words(words), Console(stderr=True)
    if is_logged_in():
        return start_agent(_registered(declared.with_words(["wandb=true", *words])), arguments)
    console.print(
        f"no W&B login, so the {len(sweep.commands())} runs of {sweep.name} are run here, offline "
        "(`wandb login` once, and agents on any number of machines share them)",
        highlight=False,
        soft_wrap=True,
    )
    return _run_here(sweep, arguments, console)


def _registered(sweep: Sweep) -> str:
    """The id under which W&B knows it from now on. Raises RequestError where W&B refuses it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{sweep.name}.yaml"
        path.write_text(yaml.safe_dump(sweep.declared), encoding="utf-8")
        called = subprocess.run(
            [sys.executable, "-m", "wandb", "sweep", str(path)], capture_output=True, text=True, check=False
        )
    said = called.stdout + called.stderr
    found = re.search(r"wandb agent (\S+)", said)
    if called.returncode or found is None:
        raise RequestError(
            f"W&B did not register {sweep.name}: {said.strip().splitlines()[-1] if said.strip() else ''}"
        )
    print(f"registered; further machines: make agent SWEEP_ID={found[1]}", flush=True)
    return found[1]


def _run_here(sweep: Sweep, arguments: Arguments, console: Console) -> int:
    session = arguments.session()
    commands = [Arguments.parse([*words[1:], *_of_this_machine(arguments)]) for words in sweep.commands()]
    asked = [(request, command.folds()) for command in commands for request in requested_runs(command)]
    for request, _ in asked:
        compose(request)
    films = any(MODELS[request.model].shows_films for request, _ in asked)
    datasets = {request.dataset for request, _ in asked}
    planner = Planner({dataset: session.prepare(dataset, arguments.scale, films) for dataset in datasets})
    runs = list({run.key: run for each in asked for run in plan_folds(planner, *each)}.values())
    problems = session.execute(runs).problems
    for problem in problems.values():
        console.print(problem, soft_wrap=True, markup=False, highlight=False)
    for each in runs:
        folder = folder_of(each, session.output_dir)
        if folder.is_finished:
            print(f"{each.name} top1 {folder.result()['metrics']['top1']:.2f}")
    return 1 if problems else 0


def _of_this_machine(arguments: Arguments) -> list[str]:
    return [f"{key}={arguments.settings[key]}" for key in OF_THIS_MACHINE if key in arguments.settings]
