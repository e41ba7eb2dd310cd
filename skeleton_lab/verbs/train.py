"""`skeleton-lab train MODEL`: one run, kept in the run store under the key that tables ask for."""

from collections.abc import Iterator

from rich.console import Console

from data_modules.data_module import DividedDataModule
from skeleton_lab.config import Request, compose, declaration, default_protocol, parse_overrides
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import Planner, Run, folder_of, folds_of
from skeleton_lab.reproduce.train import data_module
from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    request, session = requested_run(arguments), arguments.session()
    compose(request)
    source = session.prepare(request.dataset, request.scale, MODELS[request.model].shows_films)
    planned = Planner({request.dataset: source}).plan(request)
    data = data_module(planned, session.execution)
    outcome = session.execute([planned])
    folder = folder_of(planned, session.output_dir)
    if planned.key in outcome.problems:
        session.console.print(f"{planned.name}: {outcome.problems[planned.key]}", soft_wrap=True, markup=False)
        return 1
    console = Console()
    for name, value in folder.result()["metrics"].items():
        console.print(f"{name:<18} {value:,.6g}", highlight=False)
    for line in (*_what_it_is(planned, data), f"everything about this run is in {folder.path}"):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return 0


def _what_it_is(run: Run, data: DividedDataModule) -> Iterator[str]:
    """What the numbers were measured on, and a word where it was less than the published recipe."""
    settings = run.settings
    division, clips = (
        "".join(folds_of([run])) or settings.data.protocol,
        f"{len(data.train)} training and {len(data.test)} test clips",
    )
    yield f"{settings.name} on {settings.data.dataset}, {division}: {clips}, {run.source.label}, {settings.scale} scale"
    if settings.scale == "demo" and not run.source.is_demo:
        yield "demo scale: a small network, briefly trained on part of the recordings; scale=paper is the whole recipe"


def requested_run(arguments: Arguments) -> Request:
    """The run as asked for; of the demo world and its first protocol unless the arguments name others."""
    model, dataset = arguments.name("model"), arguments.dataset() or "demo"
    declaration("models", model)
    protocol = arguments.take("protocol") or default_protocol(dataset)
    overrides = parse_overrides(arguments.overrides(("dataset", "protocol")), [model])
    return Request(model, dataset, protocol, arguments.scale, {}, overrides)
