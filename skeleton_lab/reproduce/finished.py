"""Finished runs as users name them: by model, by name or key, or by the folder that one lies in."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from data_modules.readers.reader import Protocol, Reader
from skeleton_lab.config import defaults
from skeleton_lab.errors import RequestError, unknown
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import RunFolder
from skeleton_lab.reproduce.trained import is_there
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule

# Letters of a key, from its first, that are enough to name a run.
SHORTEST_KEY = 4


@dataclass(frozen=True)
class Finished:
    """A finished run whose weights are there, and its settings."""

    folder: RunFolder
    settings: RunSettings

    @property
    def name(self) -> str:
        return self.folder.path.name

    def protocol(self, reader: Reader) -> Protocol:
        """What the run was trained for. Raises RequestError where the dataset does not have it any more."""
        name = self.settings.data.protocol
        if name not in reader.protocols:
            raise RequestError(f"{self.name}: {reader.name} has no protocol {name!r} any more; train the model anew")
        return reader.protocols[name]

    def module(self, reader: Reader) -> ClassificationModule:
        """With its weights, in evaluation. reader: of the dataset that it was trained on."""
        classes = len(self.protocol(reader).classes)
        module: ClassificationModule = MODELS[self.settings.name].module_class()(self.settings, reader.layout, classes)
        try:
            module.take_over(self.folder.checkpoint)
        except (RuntimeError, KeyError) as error:
            raise RequestError(
                f"{self.folder.path}: its weights do not fit the network of today ({str(error).splitlines()[0]}); "
                "train the model anew"
            ) from error
        return module.eval()


def find_finished(name: str, output_dir: Path, dataset: str | None = None) -> Finished:
    """The run that a user means: a model's newest one (of a dataset, where one is named), or a run by its name, its key
    or its folder.

    Raises RequestError where there is none, or where several begin with the letters of a key.
    """
    store = output_dir / "runs"
    if (Path(name) / "settings.yaml").is_file():
        return _finished(RunFolder(Path(name)))
    if name in MODELS:
        return _newest(name, store, dataset)
    found = [path for path in _folders(store) if path.name == name or _key(path).startswith(name)]
    if len(name) >= SHORTEST_KEY and len(found) == 1:
        return _finished(RunFolder(found[0]))
    if len(found) > 1:
        raise RequestError(f"{name}: {len(found)} runs of {store} begin with it; give more letters of one's key")
    raise unknown("model or run", name, [*MODELS, *(path.name for path in _folders(store))])


def _newest(model: str, store: Path, dataset: str | None) -> Finished:
    # A user's own dataset, given by its path, is called as its folder.
    called = Path(dataset).absolute().name if dataset else None
    begins = f"{model}-{called}-" if called else f"{model}-"
    found = [RunFolder(path) for path in _folders(store) if path.name.startswith(begins)]
    there = [folder for folder in found if is_there(folder)]
    for folder in sorted(there, key=lambda folder: (folder.path / "result.json").stat().st_mtime, reverse=True):
        finished = _finished(folder)
        if called in (None, finished.settings.data.dataset):  # the names of other datasets may begin with this one's
            return finished
    asked = f" of {dataset}" if dataset else ""
    raise RequestError(
        f"no finished run of {model}{asked} in {store}: train one with `skeleton-lab train {model} "
        f"dataset={dataset or '…'}`, or set output_dir="
    )


def _finished(folder: RunFolder) -> Finished:
    if not folder.is_finished:
        raise RequestError(f"{folder.path}: this run is not finished; the command that began it goes on with it")
    if not folder.checkpoint.exists():
        raise RequestError(f"{folder.path}: its weights (checkpoint.ckpt) have been deleted")
    return Finished(folder, read_settings(folder))


def read_settings(folder: RunFolder) -> RunSettings:
    """Raises RequestError for settings that another version of this program wrote, and for garbled ones."""
    path = folder.path / "settings.yaml"
    try:
        written = OmegaConf.load(path)
    except (yaml.YAMLError, OSError, ValueError) as error:  # in this order: no YAML, no mapping, no text
        why = str(error).splitlines()[0]
        raise RequestError(f"{path}: cannot be read as settings ({why}); train the model anew") from error
    try:
        merged = OmegaConf.merge(OmegaConf.structured(defaults(written.name)), written)
        settings = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise RequestError(f"{path}: {str(error).splitlines()[0]}; another version wrote it: train anew") from error
    assert isinstance(settings, RunSettings)
    return settings


def _folders(store: Path) -> list[Path]:
    return sorted(path for path in store.glob("*-*") if (path / "settings.yaml").is_file())


def _key(path: Path) -> str:
    return path.name.rpartition("-")[2]
