"""`skeleton-lab profile MODEL`: parameters and multiply–accumulates of one clip of one person."""

import json

from rich.console import Console

from data_modules.readers import reader_for
from skeleton_lab.config import Request, compose, declaration, default_protocol, parse_overrides
from skeleton_lab.errors import RequestError
from skeleton_lab.registry import MODELS
from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    model, dataset = arguments.name("model"), arguments.dataset() or "ntu60"
    declaration("models", model)
    protocol = arguments.take("protocol") or default_protocol(dataset)
    overrides = parse_overrides(arguments.overrides(("dataset", "protocol", "action_shares")), [model])
    # The published widths: the paper's scale, unless asked otherwise.
    scale = arguments.take("scale") or "paper"
    settings = compose(Request(model, dataset, protocol, scale, {}, overrides))
    reader = reader_for(dataset)
    classes = len(reader.protocols[protocol].classes)
    module = MODELS[model].module_class()(settings, reader.layout, classes)
    shares = _shares(arguments.take("action_shares") or "")
    macs = module.count_macs({f"share_{action}": share for action, share in enumerate(shares)})
    found = {
        "model": model,
        "parameters": sum(parameter.numel() for parameter in module.network.parameters()),
        "macs_as_paper": macs.as_paper,
        "macs_all": macs.all,
        "input": f"1 person, {settings.data.clip_len} frames, {reader.layout.num_joints} joints, {classes} classes",
    }
    if arguments.as_json:
        print(json.dumps(found))
        return 0
    for name, value in {**found, "scale": scale}.items():
        Console().print(f"{name:<14} {value:,}" if isinstance(value, int) else f"{name:<14} {value}", highlight=False)
    return 0


def _shares(text: str) -> list[float]:
    try:
        return [float(share) for share in text.strip("[]").split(",") if share]
    except ValueError as error:
        raise RequestError(f"action_shares={text}: give percentages, such as 50,0,0,20,0,30") from error
