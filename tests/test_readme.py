"""Every command of the README is one that works: targets exist, and the program accepts the words."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from data_modules.readers import READERS
from skeleton_lab.config import compose
from skeleton_lab.reproduce.tables import table_names
from skeleton_lab.verbs import VERBS, profile
from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.reproduce import requested_table
from skeleton_lab.verbs.train import requested_runs
from tests.own_dataset import write_moves

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHERS = [ROOT / "data_modules" / "README.md", *sorted((ROOT / "skeleton_lab" / "papers").glob("*/README.md"))]
TEXTS = [README, *(path.read_text(encoding="utf-8") for path in OTHERS)]
COMMANDS = [
    line.split(" #")[0].strip()
    for text in TEXTS
    for line in text.splitlines()
    if re.match(r"    (make|\.venv/bin/)", line)
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
    return shlex.split(command)[1:]


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) > 12


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_command(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATA_ROOT", raising=False)
    write_moves(tmp_path / "my_moves")
    words = program_words(command.replace("=/data", f"={tmp_path}"))
    if not words:
        return
    verb, *rest = words
    assert verb in VERBS
    arguments = Arguments.parse([word for word in rest if not word.startswith("--")])
    arguments.session()
    if verb in ("reproduce", "report"):
        table = requested_table(arguments)
        for request in {repr(r): r for cell in table.cells for members in cell.seeds for r in members}.values():
            compose(request)
    elif verb == "train":
        for request in requested_runs(arguments):
            compose(request)
    elif verb in ("doctor", "prepare"):
        arguments.known_dataset(arguments.name("dataset"))
    elif verb == "profile":
        arguments.overrides([arguments.name("model")], profile.OWN_KEYS)


def test_every_table_is_listed() -> None:
    assert set(re.findall(r"^\| `(\w+_(?:tab|fig)\w+)`", README, re.MULTILINE)) == set(table_names())


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
