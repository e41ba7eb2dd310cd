"""`skeleton-lab profile MODEL`: parameters and multiply–accumulates of one clip of one person, and measured times."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from rich.console import Console
from rich.table import Table as RichTable

from data_modules.readers import reader_for
from skeleton_lab.config import Request, compose, declaration, default_protocol
from skeleton_lab.errors import RequestError
from skeleton_lab.measure.bench import device_name
from skeleton_lab.measure.in_turn import in_turn
from skeleton_lab.registry import MODELS
from skeleton_lab.training.module import ClassificationModule
from skeleton_lab.verbs.arguments import Arguments

Number = TypeVar("Number", int, float)

OWN_KEYS = ("dataset", "protocol", "action_shares", "batches")
ACTIONS = 6
DEFAULT_BATCHES = [1, 16]
SECONDS = 4.0
# By how much percentages that were rounded may miss 100.
OF_ROUNDING = 0.5


def run(arguments: Arguments) -> int:
    model, dataset = arguments.name("model"), arguments.dataset() or "ntu60"
    declaration("models", model)
    protocol = arguments.take("protocol") or default_protocol(dataset)
    overrides = arguments.overrides([model], OWN_KEYS)
    # The published widths: the paper's scale, unless asked otherwise.
    scale = arguments.take("scale") or "paper"
    settings = compose(Request(model, dataset, protocol, scale, {}, overrides))
    reader = reader_for(dataset)
    classes = len(reader.protocols[protocol].classes)
    module = MODELS[model].module_class()(settings, reader.layout, classes)
    shares = _numbers(arguments, "action_shares", float, "six percentages, such as 50,0,0,20,0,30")
    if shares and not (len(shares) == ACTIONS and min(shares) >= 0 and abs(sum(shares) - 100) < OF_ROUNDING):
        raise RequestError(f"action_shares={arguments.take('action_shares')}: give six percentages that make up 100")
    batches = _numbers(arguments, "batches", _whole_number, "numbers of clips, such as 1,16,256") or DEFAULT_BATCHES
    measured = {f"share_{action}": share for action, share in enumerate(shares)}
    macs = module.count_macs(measured)
    persons = settings.data.persons if module.counts_all_persons else 1
    people = f"{persons} person{'s' * (persons > 1)}"
    found = {
        "model": model,
        "parameters": sum(parameter.numel() for parameter in module.network.parameters()),
        "macs_as_paper": macs.as_paper,
        "macs_all": macs.all,
        "input": f"{people}, {settings.data.clip_len} frames, {reader.layout.num_joints} joints, {classes} classes",
        "latency": _latency(module, measured, batches),
    }
    if arguments.as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _show({**found, "scale": scale})
    return 0


def _latency(module: ClassificationModule, measured: Mapping[str, float], batches: list[int]) -> dict[str, Any]:
    """Milliseconds for a clip, by batch size and way: the medians of rounds in which all ways follow one another."""
    if torch.cuda.is_available():
        module.cuda()
    by_batch, rounds = {}, {}
    for clips in batches:
        times = in_turn(module.timed_ways(clips, measured), SECONDS)
        by_batch[str(clips)] = {way: 1e3 * float(np.median(seconds)) / clips for way, seconds in times.items()}
        rounds[str(clips)] = len(next(iter(times.values())))
    slots = module.settings.data.persons
    stated = {"device": device_name(), "dtype": "float32", "threads": 1, "person_slots": slots, "warm_up": 1}
    return {**stated, "rounds": rounds, "ms_per_clip": by_batch}


def _show(found: Mapping[str, Any]) -> None:
    console, latency = Console(), found["latency"]
    for name, value in found.items():
        if name != "latency":
            console.print(f"{name:<14} {value:,}" if isinstance(value, int) else f"{name:<14} {value}", highlight=False)
    table = RichTable(box=None, padding=(0, 1))
    table.add_column("ms per clip", no_wrap=True)
    for clips in latency["ms_per_clip"]:
        table.add_column(f"batch {clips}", justify="right", no_wrap=True)
    for way in next(iter(latency["ms_per_clip"].values()), {}):
        table.add_row(way, *(f"{times[way]:.3f}" for times in latency["ms_per_clip"].values()))
    console.print(table, highlight=False)
    rounds = ", ".join(str(count) for count in latency["rounds"].values())
    console.print(
        f"of {latency['person_slots']} person slots, on {latency['device']}, {latency['dtype']}, 1 thread, medians of "
        f"{rounds} rounds after one to warm up",
        highlight=False,
        soft_wrap=True,
    )


def _numbers(arguments: Arguments, key: str, number: Callable[[str], Number], what: str) -> list[Number]:
    text = arguments.take(key) or ""
    try:
        return [number(each) for each in text.strip("[]").split(",") if each]
    except ValueError as error:
        raise RequestError(f"{key}={text}: give {what}") from error


def _whole_number(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)
