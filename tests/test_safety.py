"""Files are data, whoever wrote them: nothing in the packages loads one in a way that could run what is in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAFE_PICKLE = ROOT / "data_modules" / "readers" / "formats" / "safe_pickle.py"

# Modules that make any object out of bytes. `safe_pickle` needs none of them; the demo world writes with the first.
UNPICKLERS = {"pickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
WRITING = {"pickle.dump", "pickle.dumps", "pickle.HIGHEST_PROTOCOL"}
NEVER = {
    *("eval", "exec", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle"),
    *("torch.hub.load", "torch.jit.load", "torch.package.PackageImporter", "torch.serialization.add_safe_globals"),
}
# What a call must say. numpy and torch have these as defaults today; their defaults have been others.
MUST_SAY = {
    "numpy.load": ("allow_pickle", False),
    "numpy.lib.format.read_array": ("allow_pickle", False),
    "torch.load": ("weights_only", True),
}
# Of a Trainer or a LightningModule, whatever it is called.
RESUMING = {"fit", "validate", "test", "predict"}
SAFE_LOADERS = {"yaml.SafeLoader", "yaml.CSafeLoader"}


def imported(node: ast.AST) -> list[tuple[str, str]]:
    """What an import names, and what it is called from there on."""
    if isinstance(node, ast.Import):
        return [(alias.name, alias.asname or alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(f"{node.module}.{alias.name}", alias.asname or alias.name) for alias in node.names]
    return []


class Dangers:
    """Everything in a module that could run what is in a file, each as one line."""

    def __init__(self, source: str) -> None:
        nodes = list(ast.walk(ast.parse(source)))
        self.stands_for = {called: name for node in nodes for name, called in imported(node)}
        classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        self.safe_loaders = SAFE_LOADERS | {
            node.name for node in classes if SAFE_LOADERS & set(map(self.full, node.bases))
        }
        self.found = [f"line {node.lineno}: {danger}" for node in nodes for danger in self.of(node)]

    def full(self, node: ast.AST) -> str:
        """'numpy.load' of np.load and of an imported load alike; '' of what has no name."""
        if isinstance(node, ast.Attribute):
            return f"{self.full(node.value)}.{node.attr}"
        return self.stands_for.get(node.id, node.id) if isinstance(node, ast.Name) else ""

    def of(self, node: ast.AST) -> Iterator[str]:
        for name, _ in imported(node):
            if name.split(".")[0] in UNPICKLERS and name not in {"pickle", *WRITING}:
                yield f"imports {name}"
        # Named is enough: a function can be handed on.
        if isinstance(node, ast.Name | ast.Attribute):
            name = self.full(node)
            if name in NEVER or (name.startswith("pickle.") and name not in WRITING):
                yield name
        if isinstance(node, ast.Call):
            yield from self.of_call(node, self.full(node.func))

    def of_call(self, call: ast.Call, name: str) -> Iterator[str]:
        said = {word.arg: getattr(word.value, "value", None) for word in call.keywords}
        word, value = MUST_SAY.get(name, ("", None))
        if said.get(word) is not value:
            yield f"{name} without {word}={value}"
        last = name.rpartition(".")[2]
        resumes = last == "load_from_checkpoint" or (last in RESUMING and "ckpt_path" in said)
        if resumes and said.get("weights_only") is not True:
            yield f"{name} of a checkpoint without weights_only=True"
        if said.get("weights_only") is False or said.get("allow_pickle") is True:
            yield f"{name} of what may hold anything"
        if name in ("yaml.load", "yaml.load_all"):
            loaders = {self.full(word.value) for word in call.keywords if word.arg == "Loader"}
            if not loaders or not loaders <= self.safe_loaders:
                yield f"{name} without a safe Loader"


def modules() -> list[Path]:
    return [path for package in ("skeleton_lab", "data_modules") for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_loads_code(path: Path) -> None:
    assert Dangers(path.read_text(encoding="utf-8")).found == []


def test_pickles_are_read_by_one_module() -> None:
    """Who takes pickles apart at all, even without running them."""
    users = [path for path in modules() if "pickletools" in Dangers(path.read_text(encoding="utf-8")).stands_for]
    assert users == [SAFE_PICKLE]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(file)",
        "import pickle\nclass Own(pickle.Unpickler): pass",
        "import pickle as p\np.loads(data)",
        "import _pickle",
        "from pickle import Unpickler",
        "import joblib",
        "import numpy as np\nnp.load(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy as np\nnp.load(path, allow_pickle=flag)",
        "from numpy import load\nload(path)",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "from torch import load as restore\nrestore(path)",
        "trainer.fit(module, data, ckpt_path=path)",
        "self.trainer.test(module, ckpt_path='best', weights_only=False)",
        "Module.load_from_checkpoint(path)",
        "eval(text)",
        "run = eval",
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.UnsafeLoader)",
        "from yaml import unsafe_load\nunsafe_load(text)",
        "import torch\ntorch.jit.load(path)",
        "read(path, allow_pickle=True)",
    ],
)
def test_what_counts_as_a_danger(source: str) -> None:
    assert Dangers(source).found


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.load(path, mmap_mode='r', allow_pickle=False)",
        "import torch\ntorch.load(path, map_location='cpu', weights_only=True)",
        "trainer.fit(module, data, ckpt_path=path if resumed else None, weights_only=True)",
        "trainer.fit(module, data)",
        "module.eval()",
        "import json\njson.load(file)",
        "import pickle\npath.write_bytes(pickle.dumps(values))",
        "import yaml\nyaml.safe_load(text)",
        "import yaml\nclass Own(yaml.SafeLoader): pass\nyaml.load(text, Loader=Own)",
    ],
)
def test_what_does_not(source: str) -> None:
    assert Dangers(source).found == []
