"""Every command of the README is one that works: targets exist, and the program accepts the words."""

import re
import shlex
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

from data_modules.readers import READERS
from skeleton_lab.config import compose
from skeleton_lab.measure.benchmarks import BENCHMARKS
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.listing import listing
from skeleton_lab.reproduce.sweeps import load_sweep
from skeleton_lab.reproduce.tables import table_names
from skeleton_lab.verbs import VERBS, export, predict, profile
from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.reproduce import requested_table
from skeleton_lab.verbs.train import requested_runs
from tests.own_dataset import write_moves

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHERS = [
    ROOT / "data_modules" / "README.md",
    ROOT / "sweeps" / "README.md",
    *sorted((ROOT / "skeleton_lab" / "papers").glob("*/README.md")),
]
TEXTS = [README, *(path.read_text(encoding="utf-8") for path in OTHERS)]
# Alone, or after what starts it on several machines.
CALL = re.compile(r"^    (?:[^#]* )?(make [a-z].*|(?:\.venv/bin/|-m )skeleton[-_]lab .*)")
COMMANDS = [
    re.split(r" #| \|\|", found[1])[0].strip()
    for text in TEXTS
    for line in text.splitlines()
    if (found := CALL.match(line))
]


def program_words(command: str) -> list[str]:
    """The words that `skeleton-lab` receives; for a make command, those of its recipe."""
    if command.startswith("make"):
        recipe = subprocess.run(
            [*shlex.split(command), "--dry-run", "--no-print-directory"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        command = next((line for line in recipe.splitlines() if "bin/skeleton-lab" in line), "")
    return shlex.split(command.removeprefix("-m "))[1:]


EXAMPLES = [f"skeleton-lab {example}" for verb in VERBS.values() for example in verb.examples]


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) > 40
    assert {command.split()[0] for command in COMMANDS} == {"make", ".venv/bin/skeleton-lab", "-m"}


@pytest.mark.parametrize("command", dict.fromkeys([*COMMANDS, *EXAMPLES]))
def test_command(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATA_ROOT", raising=False)
    write_moves(tmp_path / "my_moves")
    words = program_words(command.replace("=/data", f"={tmp_path}"))
    if not words:
        return
    verb, *rest = words
    asked = {word.removeprefix("--") for word in rest if word.startswith("--")}
    assert asked <= set(VERBS[verb].options)
    arguments = Arguments.parse([word for word in rest if not word.startswith("--")])
    if arguments.execution().nodes == 1:  # others need the programs that are started together with this one
        arguments.session()
    LOOKS.get(verb, lambda arguments: None)(arguments)


def look_at_table(arguments: Arguments) -> None:
    if arguments.names:
        requests = requested_table(arguments).requests
        for request in {repr(request): request for request in requests}.values():
            compose(request)


def look_at_model(arguments: Arguments) -> None:
    arguments.overrides([arguments.name("model")], profile.OWN_KEYS)


def look_at_trained(arguments: Arguments) -> None:
    assert arguments.names[0] in MODELS
    arguments.refuse_others({*predict.OWN_KEYS, *export.OWN_KEYS})


def look_at_names(known: Collection[str]) -> Callable[[Arguments], None]:
    def look(arguments: Arguments) -> None:
        assert set(arguments.names) <= set(known)

    return look


def look_at_dataset(arguments: Arguments) -> None:
    arguments.known_dataset(arguments.name("dataset"))


LOOKS: Mapping[str, Callable[[Arguments], object]] = {
    **dict.fromkeys(("reproduce", "report"), look_at_table),
    **dict.fromkeys(("doctor", "prepare"), look_at_dataset),
    **dict.fromkeys(("predict", "export"), look_at_trained),
    "train": lambda arguments: [compose(request) for request in requested_runs(arguments)],
    "evaluate": lambda arguments: [compose(request) for request in requested_runs(arguments)],
    "profile": look_at_model,
    "sweep": lambda arguments: load_sweep(arguments.name("sweep")),
    "tables": look_at_names(table_names()),
    "bench": look_at_names(BENCHMARKS),
}


def test_the_tables_are_listed_with_their_state() -> None:
    listed = README.partition("format=markdown` -->\n")[2].partition("\n<!-- end -->")[0]
    assert listed == listing(), "put what `skeleton-lab tables format=markdown` prints into README.md"
    assert set(re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", listed, re.MULTILINE)) >= set(table_names())


def test_the_models_are_named() -> None:
    assert {name for name in MODELS if f"`{name}`" not in README} == set()


def test_every_dataset_is_listed_with_its_folder_and_protocols() -> None:
    section = README.partition("## Datasets")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (.+?) \| .+ \| (.+?) \|$", section, re.MULTILINE)
    listed = {}
    for names, folder, protocols in rows:
        parts = protocols.split("; ")
        for name, own in zip(re.findall(r"`(\w+)`", names), parts if len(parts) > 1 else parts * 2, strict=False):
            listed[name] = (folder.strip("`"), re.findall(r"`(\w+)`", own))
    expected = {name: (reader.folder, list(reader.protocols)) for name, reader in READERS.items()}
    expected["demo"] = ("none", expected["demo"][1])
    assert listed == expected


@pytest.mark.parametrize("path", re.findall(r"`((?:skeleton_lab|data_modules|experiments)/[\w/.]+)`", README))
def test_files_that_the_readme_names_exist(path: str) -> None:
    assert (ROOT / path).exists()
