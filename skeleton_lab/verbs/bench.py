"""`skeleton-lab bench [NAME …]`: what is fast here beside its plain twin, timed in turn in one run."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table as RichTable

from skeleton_lab.errors import unknown
from skeleton_lab.measure.bench import Timing, machine, measure
from skeleton_lab.measure.benchmarks import BENCHMARKS
from skeleton_lab.reproduce.page import page_console
from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    arguments.refuse_others()
    names = arguments.names or tuple(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            raise unknown("benchmark", name, BENCHMARKS)
    timings = {name: _timed(name) for name in names}
    if arguments.as_json:
        found = [{"name": name, **timing.as_json()} for name, timing in timings.items()]
        print(json.dumps({"machine": machine(), "benchmarks": found}, ensure_ascii=False))
    else:
        _show(timings)
    return 0


def _timed(name: str) -> Timing:
    with Console(stderr=True).status(f"timing {name}"), TemporaryDirectory(prefix="skeleton-lab-bench-") as folder:
        return measure(BENCHMARKS[name](Path(folder)))


def _show(timings: dict[str, Timing]) -> None:
    table = RichTable(box=None, padding=(0, 1))
    table.add_column("name", no_wrap=True)
    for heading in ("fast", "plain", "ratio", "quartiles", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, timing in timings.items():
        found = timing.as_json()
        low, high = found["ratio_quartiles"]
        table.add_row(
            name,
            *(f"{found[way]:,.0f} {found['unit']}" for way in ("fast", "plain")),
            f"{found['ratio']:.1f}",
            f"{low:.1f}–{high:.1f}",
            _target(timing),
        )
    console = page_console()
    console.print(table, highlight=False)
    for name, timing in timings.items():
        console.print(f" {name}: {timing.benchmark.what}{_memory(timing)}", highlight=False, soft_wrap=True)
    console.print(
        " " + " · ".join(f"{key} {value}" for key, value in machine().items()), highlight=False, soft_wrap=True
    )


def _memory(timing: Timing) -> str:
    if timing.peak_bytes is None:
        return ""
    fast, plain = (f"{size / 1e6:,.0f} MB" for size in timing.peak_bytes)
    asked = timing.benchmark.least_memory
    return f"; at most {fast} and {plain} at once, {timing.memory_ratio:.1f} times as much (target {asked:g})"


def _target(timing: Timing) -> str:
    """The ratio that is meant, and the rate where there is one; and whether one of them was missed."""
    benchmark = timing.benchmark
    rate = f", {benchmark.at_least:,.0f} {benchmark.unit}/s" if benchmark.at_least else ""
    return f"{benchmark.target:g}{rate}" + ("" if timing.met else ", missed")
