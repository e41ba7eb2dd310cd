"""Composing the settings of a run from the declarations in experiments/, and checking every key and value.

Later wins: the model's published values, the dataset's, the protocol's, the model's own for that dataset, the scale's,
the table cell's, the user's.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from data_modules.layouts import Layout
from data_modules.readers import reader_for
from data_modules.readers.own import OwnReader, is_own
from data_modules.settings import VideoSettings, settings_problems, video_problems
from skeleton_lab.errors import RequestError, unknown
from skeleton_lab.registry import MODELS
from skeleton_lab.settings import RunSettings, TrainingSettings, training_problems

DECLARATIONS = Path(__file__).resolve().parents[1] / "experiments"
Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """A run as it is asked for, of `model` on a dataset's protocol at a scale.

    dataset: its name, or the path of the folder of a user's own one.
    changes: full keys that a table sets ('model.alpha'); overrides: full keys that the user sets, which apply to every
    run that knows them or, where a model's name stands before them ('adasgn.model.alpha'), to runs of that model.
    """

    model: str
    dataset: str
    protocol: str
    scale: str
    changes: Changes = field(default_factory=dict)
    overrides: Changes = field(default_factory=dict)

    def for_model(self, model: str, changes: Changes) -> "Request":
        """The same data, seed, scale and overrides for another model: a run that this one builds on."""
        shared = {key: value for key, value in self.changes.items() if key == "seed" or key.startswith("data.")}
        return replace(self, model=model, changes=shared).with_changes(changes)

    def with_changes(self, changes: Changes) -> "Request":
        """With these changes too, whatever the user sets."""
        own = f"{self.model}."
        overrides = {key: value for key, value in self.overrides.items() if key.removeprefix(own) not in changes}
        return replace(self, changes={**self.changes, **changes}, overrides=overrides)

    def applicable(self, known: frozenset[str]) -> Changes:
        """The overrides that bear on this model, whose keys are `known`; those that name it win."""
        own = f"{self.model}."
        for_all = {key: value for key, value in self.overrides.items() if key in known}
        named = {key.removeprefix(own): value for key, value in self.overrides.items() if key.startswith(own)}
        return {**for_all, **named}


def declared(kind: str) -> list[str]:
    """The names of the declarations in experiments/`kind`."""
    return sorted(path.stem for path in (DECLARATIONS / kind).glob("*.yaml"))


@cache
def declaration(kind: str, name: str) -> DictConfig:
    """One declaration, read-only. Raises RequestError, naming the nearest, when there is none of that name."""
    if name not in declared(kind):
        raise unknown(kind.removesuffix("s"), name, declared(kind))
    loaded = OmegaConf.load(DECLARATIONS / kind / f"{name}.yaml")
    assert isinstance(loaded, DictConfig)
    OmegaConf.set_readonly(loaded, True)
    return loaded


def dataset_declaration(dataset: str) -> DictConfig:
    """Title, default protocols and settings of a dataset, or of a user's own in the folder of that path.

    Raises RequestError for an unknown name, DataError for a mistake in the folder's dataset.yaml.
    """
    if dataset in declared("datasets") or not is_own(Path(dataset)):
        return declaration("datasets", dataset)
    reader = reader_for(dataset)
    assert isinstance(reader, OwnReader)
    return OmegaConf.create(reader.declaration())


def default_protocol(dataset: str) -> str:
    """The protocol of a dataset that is meant where none is named."""
    return next(iter(dataset_declaration(dataset).default_protocols.values()))


def compose(request: Request) -> RunSettings:
    """The settings of one run. Raises RequestError for an unknown name, key or value."""
    settings = _checked(OmegaConf.merge, OmegaConf.structured(defaults(request.model)), *_sections(request))
    OmegaConf.set_struct(settings, True)
    reader = reader_for(request.dataset)
    settings.data.dataset, settings.data.protocol, settings.scale = reader.name, request.protocol, request.scale
    known = keys(request.model)
    for key, value in {**request.changes, **request.applicable(known)}.items():
        if key not in known:
            raise unknown(f"key of model {request.model}", key, known)
        _checked(OmegaConf.update, settings, key, value)
    run = _checked(OmegaConf.to_object, settings)
    assert isinstance(run, RunSettings)
    if hasattr(run.model, "fit"):
        run.model.fit(run.data)
    _check_values(run, reader.layout)
    return run


def _check_values(run: RunSettings, layout: Layout) -> None:
    """Refuse numbers that no run can have."""
    joints = layout.joint_levels
    if not 0 < getattr(run.model, "width", 1) < math.inf:
        raise RequestError(f"model.width={run.model.width}: give a number above 0")
    if run.seed < 0:
        raise RequestError(f"seed={run.seed}: give a number from 0")
    if getattr(run.model, "joints", None) not in (None, *joints):
        raise RequestError(f"model.joints={run.model.joints}: skeletons of {run.data.dataset} can have {joints} joints")
    of_model = run.model.problems(run.data) if hasattr(run.model, "problems") else ()
    shows_films = isinstance(run.data, VideoSettings)
    of_data = video_problems(run.data) if shows_films else settings_problems(run.data, layout)
    for problem in (*training_problems(run.training), *of_data, *of_model):
        raise RequestError(problem)


def defaults(model: str) -> RunSettings:
    """Every key of a model's runs at its default; '???' where a declaration must say. Raises RequestError."""
    if model not in MODELS:
        raise unknown("model", model, MODELS)
    return RunSettings(model, MODELS[model].settings(), MODELS[model].data(), TrainingSettings())


def _sections(request: Request) -> list[DictConfig]:
    """The declared values that bear on a run, later ones winning."""
    models, dataset = _model_declarations(request.model), dataset_declaration(request.dataset)
    reader = reader_for(request.dataset)
    if request.protocol not in reader.protocols:
        raise unknown(f"protocol of {reader.name}", request.protocol, reader.protocols)
    scale = declaration("scales", request.scale)
    found = [
        *(model.published for model in models),
        _known(dataset.settings, request.model),
        _known(OmegaConf.select(dataset, f"protocols.{request.protocol}"), request.model),
        *(OmegaConf.select(model, f"datasets.{reader.name}") for model in models),
        OmegaConf.select(scale, "all"),
        OmegaConf.select(scale, f"models.{request.model}"),
    ]
    return [section for section in found if section is not None]


def _known(section: DictConfig | None, model: str) -> DictConfig | None:
    """What a dataset says of its clips, as far as it bears on those of the model: how coordinates are turned says
    nothing of films."""
    if section is None:
        return None
    known = {field.name for field in fields(MODELS[model].data)}
    return OmegaConf.create({"data": {key: value for key, value in section.data.items() if key in known}})


def _model_declarations(model: str) -> list[DictConfig]:
    """What is declared of a model, after what is declared of the one that it is `like`."""
    own = declaration("models", model)
    return [*(_model_declarations(own.like) if "like" in own else []), own]


def _checked(action: Callable[..., Any], *arguments: Any) -> Any:
    """Run an OmegaConf action; what it refuses is the user's (or a declaration's) mistake."""
    try:
        return action(*arguments)
    except (OmegaConfBaseException, YAMLError, IndexError) as error:
        place = getattr(error, "full_key", None) or " ".join(map(str, arguments[-2:]))
        raise RequestError(f"{place}: {(str(error) or 'not understood').splitlines()[0]}") from error


@cache
def keys(model: str) -> frozenset[str]:
    """Every full key of a model's runs that can be set; dataset, protocol and scale are part of the request itself."""
    settings = asdict(defaults(model))
    full = {f"{section}.{key}" for section in ("model", "data", "training") for key in settings[section]}
    return frozenset(full | {"seed"}) - {"data.dataset", "data.protocol"}


def parse_overrides(arguments: Iterable[str], models: Iterable[str], others: Iterable[str] = ()) -> dict[str, Any]:
    """`key=value` arguments as full keys, for runs of any of `models`; a key may leave out its section ('alpha=4'), and
    may begin with the name of the one model that it is meant for ('adasgn.epochs=40').

    others: keys of the command line that are none of a run's, which an unknown one may have been meant for.
    Raises RequestError for an argument without '=', or a key that none of the models has.
    """
    asked = set(models)
    known = frozenset().union(*(keys(model) for model in asked))
    named = asked.union(*(MODELS[model].starts_from for model in asked))
    overrides = {}
    for argument in arguments:
        key, separator, _ = argument.partition("=")
        if not separator:
            raise RequestError(f"'{argument}' is not of the form key=value")
        value = _checked(_value, argument, key)
        full = _full_key_of(key, known, named, frozenset(others))
        overrides[full] = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    return overrides


def _value(argument: str, key: str) -> Any:
    return OmegaConf.select(OmegaConf.from_dotlist([argument]), key)


def _full_key_of(key: str, known: frozenset[str], named: Collection[str], others: frozenset[str]) -> str:
    model, _, rest = key.partition(".")
    return f"{model}.{_full_key(rest, keys(model))}" if rest and model in named else _full_key(key, known, others)


def _full_key(key: str, known: frozenset[str], others: frozenset[str] = frozenset()) -> str:
    if key in known:
        return key
    matches = [full for full in known if full.split(".")[-1] == key]
    if len(matches) == 1:
        return matches[0]
    short = {full.split(".")[-1] for full in known}
    raise unknown("key", key, known if "." in key else short | known | others)
