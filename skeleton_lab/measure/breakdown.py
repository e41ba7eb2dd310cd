"""What a network's work and size are made of: multiply–accumulates, parameters and time by kind of part.

A layer of PyTorch's is called by its class ('Conv2d', 'ReLU'). What any other module does outside of its layers has the
name that `parts` gives to its class (such as 'MatMul' for the products of attention), or that of the nearest module
around it that has one; else it is 'other'.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from skeleton_lab.measure.in_turn import threads
from skeleton_lab.measure.macs import Macs, Rule, macs_by_module, rule_of

Parts = Mapping[type[nn.Module], str]

OTHER = "other"
# PyTorch's own too, but no layers.
CONTAINERS = (nn.ParameterList, nn.ParameterDict, nn.Sequential, nn.ModuleList, nn.ModuleDict)
# Tells the names of parts from those of operators in a profile.
MARK = "part: "


def names_of_parts(network: nn.Module, parts: Parts) -> dict[nn.Module, str]:
    """What the work of each module of the network is called."""
    names: dict[nn.Module, str] = {}

    def walk(module: nn.Module, around: str) -> None:
        names[module] = rule_of(module, parts) or _class_of_layer(module) or around
        for child in module.children():
            walk(child, names[module])

    walk(network, OTHER)
    return names


def _class_of_layer(module: nn.Module) -> str | None:
    """PyTorch's name for a layer that is, or derives from, one of PyTorch's own; None where it is none."""
    if isinstance(module, CONTAINERS) or next(module.children(), None) is not None:
        return None
    kinds = (kind for kind in type(module).__mro__ if kind.__module__.startswith("torch.nn.") and kind is not nn.Module)
    return next((kind.__name__ for kind in kinds), None)


def parameters_by_part(network: nn.Module, parts: Parts) -> dict[str, int]:
    """How many parameters belong to each kind of part; those that modules share count once."""
    found: defaultdict[str, int] = defaultdict(int)
    seen: set[nn.Parameter] = set()
    for module, name in names_of_parts(network, parts).items():
        own = set(module.parameters(recurse=False)) - seen
        seen |= own
        found[name] += sum(parameter.numel() for parameter in own)
    return _without_zeros(found)


def macs_by_part(
    network: nn.Module, inputs: tuple[Any, ...], rules: Mapping[type[nn.Module], Rule], parts: Parts
) -> dict[str, Macs]:
    """The multiply–accumulates of each kind of part; their sum is that of measure/macs.py."""
    names = names_of_parts(network, parts)
    found: defaultdict[str, Macs] = defaultdict(lambda: Macs(0, 0))
    for module, macs in macs_by_module(network, inputs, rules).items():
        found[names[module]] += macs
    return {name: macs for name, macs in found.items() if macs != Macs(0, 0)}


@dataclass(frozen=True)
class Profiled:
    """A network, what calls it, and what its parts are called."""

    call: Callable[[], object]
    network: nn.Module
    parts: Parts


def milliseconds_by_part(profiled: Mapping[str, Profiled], rounds: int) -> dict[str, dict[str, float]]:
    """The milliseconds that each kind of part takes in a call: medians of so many rounds, in which all networks follow
    one another, after one that is not counted.

    They are the times of PyTorch's profiler, of the processor or, where there is one, of the GPU: what an operator
    itself takes belongs to the nearest part around it.
    """
    times: dict[str, list[dict[str, float]]] = {name: [] for name in profiled}
    with threads(1):
        for _ in range(rounds + 1):
            for name, each in profiled.items():
                times[name].append(_milliseconds(each))
    return {name: _medians(calls[1:]) for name, calls in times.items()}


def _milliseconds(profiled: Profiled) -> dict[str, float]:
    # PyTorch's profiler reports its beginnings and ends on stderr at any level below this.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    on_gpu = torch.cuda.is_available()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with _marked(profiled.network, profiled.parts), profile(activities=activities) as found:
        profiled.call()
        if on_gpu:
            torch.cuda.synchronize()
    by_part: defaultdict[str, float] = defaultdict(float)
    for event in found.events():
        if event.device_type == DeviceType.CPU:
            taken = event.self_device_time_total if on_gpu else event.self_cpu_time_total
            by_part[_part(event)] += taken / 1e3
    return dict(by_part)


@contextmanager
def _marked(network: nn.Module, parts: Parts) -> Iterator[None]:
    """Within, every call of a module of the network appears under its part's name in a profile."""
    open_marks: list[record_function] = []

    def begin(name: str) -> None:
        open_marks.append(record_function(MARK + name))
        open_marks[-1].__enter__()

    def end(*_: object) -> None:
        open_marks.pop().__exit__(None, None, None)

    handles = []
    for module, name in names_of_parts(network, parts).items():
        handles.append(module.register_forward_pre_hook(lambda *_, name=name: begin(name)))
        handles.append(module.register_forward_hook(end))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _part(event: FunctionEvent) -> str:
    """The part that an operator was called in."""
    around: FunctionEvent | None = event
    while around is not None:
        if around.name.startswith(MARK):
            return around.name.removeprefix(MARK)
        around = around.cpu_parent
    return OTHER


def _medians(calls: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for call in calls for name in call)
    return _without_zeros({name: float(np.median([call.get(name, 0.0) for call in calls])) for name in names})


def _without_zeros(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value}
