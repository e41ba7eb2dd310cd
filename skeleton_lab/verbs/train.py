"""`skeleton-lab train MODEL`: a run, kept in the run store under the key that tables ask for.

`seeds=` and `folds=` ask for several of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from rich.console import Console

from data_modules.divisions import choose_fold
from skeleton_lab.config import Request, compose, declaration, default_protocol
from skeleton_lab.errors import RequestError
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import Planner, Run, folder_of, folds_of, with_required
from skeleton_lab.reproduce.tracking import ask_for, is_of_agent, tell_finished
from skeleton_lab.verbs.arguments import Arguments

OWN_KEYS = ("dataset", "protocol", "seeds", "folds")


def run(arguments: Arguments) -> int:
    return run_requested(arguments, may_train=True)


def run_requested(arguments: Arguments, may_train: bool) -> int:
    """Run what is asked for and print it. Raises RequestError where something had to be trained and may not."""
    requests, folds, session = requested_runs(arguments), arguments.folds(), arguments.session()
    for request in requests:
        compose(request)
    first = requests[0]
    source = session.prepare(first.dataset, first.scale, MODELS[first.model].shows_films)
    planner = Planner({first.dataset: source})
    by_seed = [plan_folds(planner, request, folds) for request in requests]
    runs = [each for of_seed in by_seed for each in of_seed]
    if not may_train:
        _refuse_untrained(runs, session.output_dir)
    asked, tells = folder_of(runs[0], session.output_dir), session.execution.wandb and is_of_agent()
    was_finished = asked.is_finished
    if tells:
        ask_for(asked.path.name)
    problems = session.execute(runs).problems
    if tells and was_finished:
        tell_finished(runs[0].settings, asked, asked.result()["metrics"])
    for each in runs:
        if each.key in problems:
            session.console.print(f"{each.name}: {problems[each.key]}", soft_wrap=True, markup=False)
    if problems:
        return 1
    console = Console()
    for line in _shown(by_seed, session.output_dir):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return 0


def requested_runs(arguments: Arguments) -> list[Request]:
    """The run as asked for, once for each seed; of the demo world and its first protocol unless the arguments name
    others."""
    model, dataset = arguments.name("model"), arguments.dataset() or "demo"
    declaration("models", model)
    protocol = arguments.take("protocol") or default_protocol(dataset)
    overrides, seeds = arguments.overrides([model], OWN_KEYS), arguments.seeds()
    request = Request(model, dataset, protocol, arguments.scale, {}, overrides)
    if seeds is None:
        return [request]
    if {"seed", f"{model}.seed"} & overrides.keys():
        raise RequestError("give seed= or seeds=, not both")
    return [request.with_changes({"seed": seed}) for seed in seeds]


def plan_folds(planner: Planner, request: Request, folds: int | None) -> list[Run]:
    """The run of each of the first `folds` folds, 0 for all; None for the one that its settings say. Raises DataError
    for a fold that the protocol does not have."""
    runs = [planner.plan(each) for (each,) in planner.folds([request], 1 if folds is None else folds)]
    for run in runs:
        data, source = run.settings.data, run.source
        folds_there = source.reader.protocols[data.protocol].folds(source.store.index)
        choose_fold(folds_there, data.fold, f"{data.dataset}/{data.protocol}")
    return runs


def _refuse_untrained(runs: Sequence[Run], output_dir: Path) -> None:
    for each in with_required(runs):
        if each.trains and not folder_of(each, output_dir).is_finished:
            raise RequestError(f"{each.name} is not trained: train it first, with the settings of its training")


def _shown(by_seed: Sequence[Sequence[Run]], output_dir: Path) -> Iterator[str]:
    """What was measured, on what, and a word where it was less than the published recipe."""
    runs = [run for folds in by_seed for run in folds]
    results = {run.key: folder_of(run, output_dir).result() for run in runs}
    several, settings, source = len(runs) > 1, runs[0].settings, runs[0].source
    if several:
        yield from (_in_a_line(run, results[run.key]) for run in runs)
    yield from means([[results[run.key]["metrics"] for run in folds] for folds in by_seed])
    division = "".join(folds_of(runs)) or settings.data.protocol
    what = f"{len(runs)} runs" if several else _clips(results[runs[0].key])
    yield f"{settings.name} on {settings.data.dataset}, {division}: {what}, {source.label}, {settings.scale} scale"
    if settings.scale == "demo" and not source.is_demo:
        yield "demo scale: a small network, briefly trained on part of the recordings; scale=paper is the whole recipe"
    folder = folder_of(runs[0], output_dir).path
    yield (
        f"everything about these runs is in {folder.parent}" if several else f"everything about this run is in {folder}"
    )


def means(by_seed: Sequence[Sequence[Mapping[str, float]]]) -> Iterator[str]:
    """Every number: the mean over folds and then over seeds, with the seeds' standard deviation where they differ."""
    names = [name for name in by_seed[0][0] if all(name in metrics for folds in by_seed for metrics in folds)]
    width = max(map(len, names))
    for name in names:
        values = [mean(metrics[name] for metrics in folds) for folds in by_seed]
        spread = f" ± {stdev(values):,.2g}" if len(set(values)) > 1 else ""
        yield f"{name:<{width}} {mean(values):,.6g}{spread}"


def _in_a_line(run: Run, result: dict[str, Any]) -> str:
    settings, fold = run.settings, f", fold {run.settings.data.fold}" if run.folds > 1 else ""
    return f"{run.name}  seed {settings.seed}{fold}, {_clips(result)}: top1 {result['metrics']['top1']:.2f}"


def _clips(result: dict[str, Any]) -> str:
    origin = result["provenance"]
    return f"{origin['train_clips']} training and {origin['test_clips']} test clips"
