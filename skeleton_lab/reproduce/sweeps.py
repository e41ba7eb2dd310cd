"""Sweeps as declared in sweeps/: files of Weights & Biases, whose command is one of this program's."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from omegaconf import OmegaConf

from skeleton_lab.errors import RequestError, unknown

SWEEPS = Path(__file__).resolve().parents[2] / "sweeps"
# Where W&B puts the values of a run.
GIVEN = "${args_no_hyphens}"


@dataclass(frozen=True)
class Sweep:
    """declared: the file's content."""

    name: str
    declared: dict[str, Any]

    def with_words(self, words: Sequence[str]) -> "Sweep":
        """The command with further `key=value` words, which win over those that it has. Raises RequestError for a key
        through whose values the sweep goes."""
        own = {_last(parameter) for parameter in self.declared["parameters"]}
        for key in (word.partition("=")[0] for word in words):
            if _last(key) in own:
                raise RequestError(f"{key}: {self.name} goes through values of its own of it; train one by `train`")
        *before, given = self.declared["command"]
        return Sweep(self.name, {**self.declared, "command": [*before, *words, given]})

    def commands(self) -> list[list[str]]:
        """What the program is called with for every combination: all of a grid; of a random sweep, `run_cap` of them
        drawn without repetition. Raises RequestError where only W&B can say what the combinations are."""
        method, parameters = self.declared["method"], self.declared["parameters"]
        if method not in ("grid", "random"):
            raise RequestError(
                f"{self.name}: method: {method} needs a W&B login (`wandb login`); grid and random do not"
            )
        fixed = self.declared["command"][1:-1]
        values = [_values(self.name, key, parameter) for key, parameter in parameters.items()]
        found = [
            [*fixed, *(f"{key}={value}" for key, value in zip(parameters, chosen, strict=True))]
            for chosen in product(*values)
        ]
        if method == "random":
            return Random(0).sample(found, min(self.declared.get("run_cap", len(found)), len(found)))
        return found


def _last(key: str) -> str:
    """Of model.alpha and adasgn.model.alpha, alpha."""
    return key.rpartition(".")[2]


def _values(sweep: str, key: str, parameter: dict[str, Any]) -> list[Any]:
    if "value" in parameter:
        return [parameter["value"]]
    if "values" not in parameter:
        raise RequestError(f"{sweep}: {key} has no list of values; to draw it from a distribution needs a W&B login")
    return list(parameter["values"])


def sweep_names() -> list[str]:
    return sorted(path.stem for path in SWEEPS.glob("*.yaml"))


def load_sweep(name: str) -> Sweep:
    """Raises RequestError, naming the nearest, when there is none of that name."""
    if name not in sweep_names():
        raise unknown("sweep", name, sweep_names())
    declared = OmegaConf.to_container(OmegaConf.load(SWEEPS / f"{name}.yaml"))
    assert isinstance(declared, dict)
    return Sweep(name, {str(key): value for key, value in declared.items()})
