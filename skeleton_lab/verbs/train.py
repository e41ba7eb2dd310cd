"""`skeleton-lab train MODEL`: one run, kept in the run store under the key that tables ask for."""

from rich.console import Console

from skeleton_lab.config import Request, compose, declaration, parse_overrides
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import Planner, folder_of
from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    model = arguments.name("model")
    declaration("models", model)
    dataset = arguments.take("dataset") or "demo"
    protocols = list(declaration("datasets", dataset).default_protocols.values())
    protocol = arguments.take("protocol") or protocols[0]
    overrides = parse_overrides(arguments.overrides(("dataset", "protocol")), MODELS)
    request = Request(model, dataset, protocol, arguments.scale, {}, overrides)
    compose(request)
    session = arguments.session()
    planned = Planner({dataset: session.prepare(dataset, arguments.scale)}).plan(request)
    outcome = session.execute([planned])
    folder = folder_of(planned, session.output_dir)
    if planned.key in outcome.problems:
        session.console.print(f"{planned.name}: {outcome.problems[planned.key]}", soft_wrap=True)
        return 1
    console = Console()
    for name, value in folder.result()["metrics"].items():
        console.print(f"{name:<18} {value:,.6g}", highlight=False)
    console.print(f"{planned.source.label}; everything about this run is in {folder.path}", soft_wrap=True)
    return 0
