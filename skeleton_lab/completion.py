"""What a word of the command line may become (argcomplete): verbs, tables, models, datasets, keys and their values."""

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from skeleton_lab.config import declared, keys
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.sweeps import SWEEPS
from skeleton_lab.verbs import VERBS

OF_ALL = ("scale", "data_root", "output_dir", "jobs", "devices", "nodes", "accelerator", "workers")
OF_RUNS = ("dataset", "protocol", *OF_ALL)
OWN_KEYS = {
    "reproduce": ("seeds", "folds", "keep", *OF_RUNS),
    "report": ("seeds", "folds", "keep", *OF_RUNS),
    "train": ("seeds", "folds", *OF_RUNS),
    "evaluate": ("seeds", "folds", *OF_RUNS),
    "predict": ("dataset", "window", *OF_ALL),
    "export": ("dataset", "format", *OF_ALL),
    "prepare": ("short_side", *OF_ALL),
    "profile": ("dataset", "protocol", "batches", "action_shares"),
    "tables": ("format",),
    **dict.fromkeys(("runs", "doctor", "agent"), OF_ALL),
    "bench": (),
}
OF_MODELS = ("train", "evaluate", "profile", "predict", "export")
# Which take files, too.
OF_FILES = ("predict", "doctor")


def complete(parser: argparse.ArgumentParser, answer: TextIO | None = None) -> None:
    """Answer the shell, and end the program; where the answer is to go elsewhere, write it there and return."""
    import argcomplete

    for action in parser._actions:
        if action.dest == "verb":
            action.completer = lambda **_: list(VERBS)  # type: ignore[attr-defined]
        elif action.dest == "words":
            action.completer = _completer  # type: ignore[attr-defined]
    if answer is None:
        argcomplete.autocomplete(parser)
    else:
        argcomplete.autocomplete(parser, exit_method=lambda code: None, output_stream=answer)


def _completer(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    from argcomplete.completers import FilesCompleter

    files = FilesCompleter()(prefix) if parsed_args.verb in OF_FILES and "=" not in prefix else ()
    return [*candidates(parsed_args.verb, parsed_args.words or (), prefix), *files]


def candidates(verb: str, before: Sequence[str], prefix: str) -> list[str]:
    """What the word that begins with `prefix` may become after the verb and the words `before` it: a name as the verb
    wants one, then keys, each with its '='; after that its values."""
    key, given, _ = prefix.partition("=")
    named = [word for word in before if "=" not in word]
    if given:
        found: Iterable[str] = (f"{key}={value}" for value in _values(verb, key))
    elif not named and verb in NAMES:
        found = NAMES[verb]()
    else:
        found = (f"{each}=" for each in _keys(verb, named))
    return sorted(each for each in found if each.startswith(prefix))


def _datasets() -> list[str]:
    """Those that are declared, and the user's own below DATA_ROOT."""
    root = os.environ.get("DATA_ROOT")
    own = [path.parent.name for path in Path(root).glob("*/dataset.yaml")] if root else []
    return sorted({*declared("datasets"), *own})


def _tables() -> list[str]:
    return declared("tables")


def _keys(verb: str, named: Sequence[str]) -> set[str]:
    """Of the verb and, where a model is named that it trains or profiles, of that model's runs."""
    own = set(OWN_KEYS.get(verb, OF_RUNS))
    if verb in ("train", "evaluate", "profile") and named and named[0] in MODELS:
        own |= keys(named[0]) | {key.rpartition(".")[2] for key in keys(named[0])}
    return own


def _values(verb: str, key: str) -> list[str]:
    formats = ["markdown"] if verb == "tables" else ["both", "pt2"]
    found = {"dataset": _datasets, "scale": lambda: declared("scales"), "format": lambda: formats}
    return found[key]() if key in found else []


NAMES = {
    **dict.fromkeys(("tables", "reproduce", "report"), _tables),
    **dict.fromkeys(OF_MODELS, lambda: list(MODELS)),
    **dict.fromkeys(("prepare", "doctor"), _datasets),
    "sweep": lambda: sorted(path.stem for path in SWEEPS.glob("*.yaml")),
}
