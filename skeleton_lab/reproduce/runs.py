"""Runs: what identifies one, what it builds on, and the folder that holds everything about it."""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from data_modules.settings import VideoSettings
from skeleton_lab.config import Request, compose, defaults
from skeleton_lab.files import write_json, write_text, write_whole
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.settings import RunSettings

# What nothing reads while a network is built and trained: a run that differs from another in these alone takes over
# that one's weights and evaluates them in another way. A new key that is read in evaluation alone is added here.
CROPS = "data.test_crops"
EVALUATION_KEYS = (CROPS, "data.test_clip_len", "model.evaluation_actions")
# These are such keys where the test clips alone have noise.
TEST_NOISE_KEYS = ("data.noise_metres", "data.noise_on")
# The role of the run whose weights such a run evaluates.
TRAINED = "trained"


@dataclass(frozen=True)
class Run:
    """One resolved configuration on one prepared dataset, with the runs it starts from, by role.

    key: a digest of the settings that differ from their defaults, so that a new setting leaves older runs valid; of the
        data (and of its division, where users divide it); of the version of the model's code; and of the required
        runs' keys.
    """

    settings: RunSettings
    source: Source
    requires: Mapping[str, "Run"]
    key: str

    @property
    def name(self) -> str:
        data = self.settings.data
        return f"{self.settings.name}-{data.dataset}-{data.protocol}-{self.key}"

    @property
    def trains(self) -> bool:
        """Whether it trains a network; otherwise it evaluates that of the run that it requires, in another way."""
        return TRAINED not in self.requires

    @property
    def lacks_films(self) -> bool:
        """Whether it shows films, of which its dataset has none."""
        return shown_side(self.settings) is not None and not self.source.films_named

    @property
    def folds(self) -> int:
        """How many its protocol has."""
        data = self.settings.data
        return len(self.source.reader.protocols[data.protocol].folds(self.source.store.index))


def differing(settings: RunSettings) -> dict[str, Any]:
    """What identifies a run: its settings that differ from their defaults, nested. The scale only sets others."""
    found, default = asdict(settings), asdict(defaults(settings.name))
    kept: dict[str, Any] = {"name": settings.name, "seed": settings.seed}
    for section in ("model", "data", "training"):
        kept[section] = {key: value for key, value in found[section].items() if value != default[section][key]}
    return kept


def evaluated_otherwise(settings: RunSettings) -> dict[str, Any]:
    """The defaults of those settings that differ from them and do nothing in training, by their full keys."""
    different, default = differing(settings), asdict(defaults(settings.name))
    noise = TEST_NOISE_KEYS if getattr(settings.data, "noise_on", "") == "test" else ()
    sections = (key.split(".") for key in (*EVALUATION_KEYS, *noise))
    return {f"{section}.{key}": default[section][key] for section, key in sections if key in different[section]}


def required(request: Request, settings: RunSettings) -> dict[str, Request]:
    """The runs that one builds on, by their roles: those that it starts from, or the trained one that it evaluates.

    Where an epoch is selected, the way of evaluating has a say in which, and the run is trained for itself; but an
    epoch is selected by one clip of each recording, and clips that are held out have no noise of test clips.
    """
    usual, selection = evaluated_otherwise(settings), settings.training.selection
    as_trained = request.with_changes(usual)
    in_the_test_alone = {CROPS, *(TEST_NOISE_KEYS if selection == "validation" else ())}
    if usual and (selection == "last" or usual.keys() <= in_the_test_alone):
        return {TRAINED: as_trained}
    return MODELS[request.model].module_class().requires(as_trained, settings)


def shown_side(settings: RunSettings) -> int | None:
    """The shorter side, in pixels, of the films that a run shows; None where it shows none."""
    data = settings.data
    return data.short_side if isinstance(data, VideoSettings) and data.modality != "pose" else None


class Planner:
    """From requests to runs on the prepared datasets `sources`, each request resolved once."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self._planned: dict[str, Run] = {}

    def plan(self, request: Request) -> Run:
        """The run that a request asks for, with those it requires."""
        known = repr(request)
        if known not in self._planned:
            self._planned[known] = self._resolve(request)
        return self._planned[known]

    def folds(self, members: Sequence[Request], wanted: int) -> list[tuple[Request, ...]]:
        """The members in each of the first `wanted` folds of their protocol, 0 for all; in the one that their settings
        say where a single one is wanted."""
        if wanted == 1:
            return [tuple(members)]
        protocol = self.sources[members[0].dataset].reader.protocols[members[0].protocol]
        count = len(protocol.folds(self.sources[members[0].dataset].store.index))
        return [tuple(each.with_changes({"data.fold": fold}) for each in members) for fold in range(count)][
            : wanted or None
        ]

    def _resolve(self, request: Request) -> Run:
        settings = compose(request)
        requires = {role: self.plan(each) for role, each in required(request, settings).items()}
        source = self.sources[request.dataset]
        identity = {
            "settings": differing(settings),
            **source.identity(request.protocol),
            "version": MODELS[request.model].version,
            "requires": {role: run.key for role, run in requires.items()},
        }
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        return Run(settings, source, requires, digest[:12])


def with_required(runs: Iterable[Run]) -> list[Run]:
    """The runs and all that they require, each once, after those it requires."""

    def walk(run: Run) -> Iterator[Run]:
        for each in run.requires.values():
            yield from walk(each)
        yield run

    return list({run.key: run for root in runs for run in walk(root)}.values())


def folds_of(runs: Iterable[Run]) -> list[str]:
    """In words, which folds the runs are of, for every protocol that has several."""
    found: dict[tuple[str, int], set[int]] = {}
    for run in runs:
        data = run.settings.data
        if run.folds > 1:
            found.setdefault((data.protocol, run.folds), set()).add(data.fold)
    return [_in_words(protocol, count, sorted(folds)) for (protocol, count), folds in sorted(found.items())]


def _in_words(protocol: str, count: int, folds: list[int]) -> str:
    if len(folds) == count:
        return f"{protocol}, all {count} folds"
    return f"{protocol}, fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))} of 0 to {count - 1}"


@dataclass(frozen=True, eq=False)
class Predictions:
    """The logits (N, K) and labels (N,) of the test set, joined by sample id (N,)."""

    sample_id: NDArray[np.str_]
    label: NDArray[np.int64]
    logits: NDArray[np.float32]


@dataclass(frozen=True)
class RunFolder:
    """Where a run lives. It is finished when its result is there, which is written last."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.ckpt"

    @property
    def resume(self) -> Path:
        """Checkpoints with the optimiser's state, which are there only while the run is under way."""
        return self.path / "resume"

    @property
    def failure(self) -> Path:
        """One line, there from a failure until the run is finished."""
        return self.path / "failure.txt"

    @property
    def is_finished(self) -> bool:
        try:
            return (self.path / "result.json").stat().st_size > 0  # a loss of power may leave an empty one
        except (FileNotFoundError, NotADirectoryError):
            return False

    def write_settings(self, settings: RunSettings) -> None:
        write_text(self.path / "settings.yaml", OmegaConf.to_yaml(OmegaConf.structured(settings)))

    def write_result(self, metrics: Mapping[str, float], provenance: Mapping[str, Any]) -> None:
        write_json(self.path / "result.json", {"metrics": dict(metrics), "provenance": dict(provenance)})

    def result(self) -> dict[str, Any]:
        return json.loads((self.path / "result.json").read_text(encoding="utf-8"))

    def note_failure(self, problem: str) -> None:
        """Let other executors know, as far as the disk allows."""
        with suppress(OSError):
            write_text(self.failure, problem)

    def failure_since(self, began: float) -> str | None:
        """Why it failed, where it did after this time (of time.time): what began before gave no new reason to try."""
        try:
            return self.failure.read_text(encoding="utf-8") if self.failure.stat().st_mtime >= began else None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def epochs(self, metric: str) -> dict[int, float]:
        """A metric that is logged in every epoch ('train/top1'), by the epochs so far, counted from 1.

        A run that was interrupted has a file for each start; the last one to train an epoch counts.
        """
        found = {}
        starts = self.path.glob("epochs/version_*/metrics.csv")
        for path in sorted(starts, key=lambda path: int(path.parent.name.partition("_")[2])):
            with path.open(encoding="utf-8", newline="") as file:
                found.update(
                    {int(row["epoch"]) + 1: float(row[metric]) for row in csv.DictReader(file) if row.get(metric)}
                )
        return dict(sorted(found.items()))

    def write_predictions(self, predictions: Predictions) -> None:
        write_whole(
            self.path / "predictions.npz", lambda scratch: np.savez(scratch, allow_pickle=False, **vars(predictions))
        )

    def predictions(self) -> Predictions:
        with np.load(self.path / "predictions.npz", allow_pickle=False) as arrays:
            return Predictions(arrays["sample_id"], arrays["label"], arrays["logits"])


def folder_of(run: Run, output_dir: Path) -> RunFolder:
    return RunFolder(output_dir / "runs" / run.name)


def finished_runs(output_dir: Path) -> list[RunFolder]:
    """All of a store, by their names."""
    folders = [RunFolder(path) for path in sorted((output_dir / "runs").glob("*"))]
    return [folder for folder in folders if folder.is_finished]
