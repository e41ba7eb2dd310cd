"""The words after a verb: a name, the settings of the request itself, and overrides for its runs."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from data_modules.readers.own import is_own, misnamed
from skeleton_lab.config import declared, parse_overrides
from skeleton_lab.errors import RequestError, unknown
from skeleton_lab.reproduce.places import team
from skeleton_lab.reproduce.session import Session
from skeleton_lab.settings import ExecutionSettings, OpsSettings

EXECUTION_KEYS = (
    *(field.name for field in fields(ExecutionSettings) if field.name != "ops"),
    *(f"ops.{field.name}" for field in fields(OpsSettings)),
)
REQUEST_KEYS = ("scale", "data_root", "output_dir", "demo_clips", *EXECUTION_KEYS)

# How many jobs an agent of W&B was told that the programs it calls may have.
JOBS = "SKELETON_LAB_JOBS"


@dataclass(frozen=True)
class Arguments:
    """names: words without '='; settings: the last value of every key; as_json: whether JSON was asked for, and
    plot: pictures."""

    names: tuple[str, ...]
    settings: dict[str, str]
    as_json: bool
    plot: bool = False

    @classmethod
    def parse(cls, words: Sequence[str], as_json: bool = False, plot: bool = False) -> "Arguments":
        # No key has a slash; the name of a file may have a '=' behind one.
        is_pair = {word: "=" in word and "/" not in word.partition("=")[0] for word in words}
        pairs = [word.partition("=") for word in words if is_pair[word]]
        names = tuple(word for word in words if not is_pair[word])
        # An empty value, as make passes for a variable that is not set, says nothing.
        return cls(names, {key: value for key, _, value in pairs if value}, as_json, plot)

    def name(self, what: str) -> str:
        """The one name that the verb needs."""
        if len(self.names) != 1:
            got = f"got {len(self.names)}: {' '.join(self.names)}" if self.names else "got none"
            raise RequestError(f"give one {what} ({got})")
        return self.names[0]

    def take(self, key: str, default: str | None = None) -> str | None:
        """The value of a key of the request itself."""
        return self.settings.get(key, default)

    def overrides(self, models: Iterable[str], taken: Sequence[str] = ()) -> dict[str, Any]:
        """What is left for runs of these models, by full keys. Raises RequestError for a key that none of them has."""
        own = (*REQUEST_KEYS, *taken)
        left = [f"{key}={value}" for key, value in self.settings.items() if key not in own]
        return parse_overrides(left, models, own)

    def refuse_others(self, taken: Sequence[str] = ()) -> None:
        """For verbs that make no runs: a key that is left over is a mistake."""
        own = (*REQUEST_KEYS, *taken)
        for key in self.settings:
            if key not in own:
                raise unknown("key", key, own)

    @property
    def scale(self) -> str:
        return self.settings.get("scale", "demo")

    @property
    def data_root(self) -> Path | None:
        data_root = self.settings.get("data_root") or os.environ.get("DATA_ROOT")
        return Path(data_root).expanduser() if data_root else None

    def dataset(self) -> str | None:
        """What `dataset=` asks for: the name of an official dataset, or the path of the folder of a user's own."""
        name = self.take("dataset")
        return name and self.known_dataset(name)

    def known_dataset(self, name: str) -> str:
        """A dataset as requests name it: of a name that no official one has, the folder with dataset.yaml below
        DATA_ROOT or at that path. Raises RequestError where there is neither."""
        official = declared("datasets")
        below = [self.data_root / name] if self.data_root else []
        for folder in (*below, Path(name)):
            if is_own(folder) and name in official:
                raise RequestError(f"{folder}: {name} is the name of an official dataset; rename the folder")
            if is_own(folder):
                return str(folder.absolute())
        if name in official:
            return name
        for folder in (*below, Path(name)):
            if path := misnamed(folder):
                raise RequestError(f"{path}: call this file dataset.yaml")
            if folder.is_dir():
                raise RequestError(
                    f"{folder}: no dataset.yaml in this folder; data_modules/README.md says how to write one"
                )
        own = [path.parent.name for path in self.data_root.glob("*/dataset.yaml")] if self.data_root else []
        hint = "" if self.data_root else "; a dataset of your own needs DATA_ROOT=, or the path of its folder"
        raise RequestError(f"{unknown('dataset', name, [*official, *own])}{hint}")

    def session(self) -> Session:
        """Where things lie, from `data_root=` and `output_dir=` or the environment's DATA_ROOT and OUTPUT_DIR."""
        output_dir = Path(self.settings.get("output_dir") or os.environ.get("OUTPUT_DIR") or "outputs").expanduser()
        execution = self.execution()
        console = Console(stderr=True, quiet=not team(execution).leads)
        return Session(self.data_root, output_dir, self.whole_number("demo_clips"), execution, console)

    def whole_number(self, key: str) -> int | None:
        """The value of a key of the request itself that must be a whole number above 0."""
        value = self.settings.get(key)
        if value is not None and not (value.isdecimal() and int(value) > 0):
            raise RequestError(f"{key}={value}: give a whole number above 0")
        return int(value) if value else None

    def is_true(self, key: str) -> bool:
        """The value of a key of the request itself that is true or false; false where nothing is said."""
        value = self.settings.get(key, "false").lower()
        if value not in ("true", "false"):
            raise RequestError(f"{key}={self.settings[key]}: give true or false")
        return value == "true"

    def seeds(self) -> list[int] | None:
        """Those of `seeds=1,2,3`, each once."""
        asked = self.take("seeds")
        if asked is None:
            return None
        try:
            return list(dict.fromkeys(int(seed) for seed in asked.strip("[]").split(",")))
        except ValueError as error:
            raise RequestError(f"seeds={asked}: give whole numbers, such as seeds=1,2,3") from error

    def folds(self) -> int | None:
        """How many folds of a protocol: 0 for all; a fold that is named by its number is one."""
        if "data.fold" in self.settings or "fold" in self.settings:
            if "folds" in self.settings:
                raise RequestError("give fold= or folds=, not both")
            return 1
        return 0 if self.take("folds") == "all" else self.whole_number("folds")

    def execution(self) -> ExecutionSettings:
        """Where and how runs are executed. Raises RequestError for a value that cannot be."""
        asked = OmegaConf.create({"jobs": os.environ[JOBS]} if JOBS in os.environ else {})
        for key in EXECUTION_KEYS:
            if key in self.settings:
                OmegaConf.update(asked, key, self.settings[key])
        try:
            execution = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ExecutionSettings), asked))
        except OmegaConfBaseException as error:
            raise RequestError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
        assert isinstance(execution, ExecutionSettings)
        if execution.jobs < 0:
            raise RequestError(f"jobs={execution.jobs}: give how many runs are trained at once, or 0 for what fits")
        if execution.workers < 0:
            raise RequestError(f"workers={execution.workers}: give a whole number from 0")
        _refuse_absent(execution.accelerator)
        for key in ("devices", "nodes"):
            if getattr(execution, key) < 1:
                raise RequestError(f"{key}={getattr(execution, key)}: give a whole number above 0")
        return execution


def _refuse_absent(accelerator: str) -> None:
    """Raises RequestError for an accelerator that nobody knows, or that this machine has not."""
    if accelerator in ("auto", "cpu"):
        return
    import torch  # slow to load

    there = {"gpu": torch.cuda.is_available() or torch.backends.mps.is_available()}
    there |= {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if accelerator not in there:
        raise unknown("value of accelerator", accelerator, ("auto", "cpu", *there))
    if not there[accelerator]:
        raise RequestError(f"accelerator={accelerator}: this machine has none; auto takes what there is")
