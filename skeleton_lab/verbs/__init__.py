"""The verbs of the command line, each in a file of its own; a verb's code is imported when it is called."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from skeleton_lab.verbs.arguments import Arguments


@dataclass(frozen=True)
class Verb:
    """summary: one line for the help; the code is `run` in the file of the verb's name."""

    name: str
    summary: str

    def run(self, arguments: Arguments) -> int:
        action: Callable[[Arguments], int] = import_module(f"skeleton_lab.verbs.{self.name}").run
        return action(arguments)


VERBS = {
    verb.name: verb
    for verb in (
        Verb("tables", "list the tables, or show one as declared (--json for programs)"),
        Verb("reproduce", "train what a table misses, and print it beside the paper's numbers"),
        Verb("report", "print a table from the runs that are finished, training nothing"),
        Verb("train", "train one model on one protocol of a dataset"),
        Verb("sweep", "run all combinations of a sweep, through W&B agents where there is a login"),
        Verb("agent", "run what a registered W&B sweep has left, on this machine"),
        Verb("runs", "list the finished runs (--json for programs)"),
        Verb("predict", "what a trained model makes of your recordings (--plot draws what it attended to)"),
        Verb("export", "a trained network as files that run without this program"),
        Verb("prepare", "read a dataset's official files into a store"),
        Verb("doctor", "look for damage in a dataset or in one recording"),
        Verb("profile", "count a model's parameters and multiply–accumulates"),
        Verb("bench", "time what is fast here beside its plain twin"),
    )
}
