"""`skeleton-lab train MODEL`: one run, kept in the run store under the key that tables ask for."""

from rich.console import Console

from skeleton_lab.config import Request, compose, declaration, default_protocol, parse_overrides
from skeleton_lab.reproduce.runs import Planner, folder_of
from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    request, session = requested_run(arguments), arguments.session()
    compose(request)
    planned = Planner({request.dataset: session.prepare(request.dataset, request.scale)}).plan(request)
    outcome = session.execute([planned])
    folder = folder_of(planned, session.output_dir)
    if planned.key in outcome.problems:
        session.console.print(f"{planned.name}: {outcome.problems[planned.key]}", soft_wrap=True, markup=False)
        return 1
    console = Console()
    for name, value in folder.result()["metrics"].items():
        console.print(f"{name:<18} {value:,.6g}", highlight=False)
    data = ", ".join(filter(None, (planned.source.label, planned.fold)))
    console.print(f"{data}; everything about this run is in {folder.path}", soft_wrap=True, markup=False)
    return 0


def requested_run(arguments: Arguments) -> Request:
    """The run as asked for; of the demo world and its first protocol unless the arguments name others."""
    model, dataset = arguments.name("model"), arguments.dataset() or "demo"
    declaration("models", model)
    protocol = arguments.take("protocol") or default_protocol(dataset)
    overrides = parse_overrides(arguments.overrides(("dataset", "protocol")), [model])
    return Request(model, dataset, protocol, arguments.scale, {}, overrides)
