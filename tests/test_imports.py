"""The direction of imports: each room may use those that come before it, never one that comes after."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# In order; what stands in one line may not import each other.
ROOMS = (
    {"errors", "files", "memory", "settings"},
    {"backbones.settings"},
    {"papers.settings"},
    {"registry"},
    {"config"},
    {"ops"},
    {"layers", "measure", "figures"},
    {"backbones"},
    {"training"},
    {"backbones.module"},
    {"papers"},
    {"measure.benchmarks"},
    {"reproduce"},
    {"verbs"},
    {"completion"},
    {"cli"},
    {"__main__"},
)
PACKAGES = {"skeleton_lab", "skeleton_lab.papers"}
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: an import that says from where it is, please"
            assert node.module
            # `from skeleton_lab import settings` names a module, `from skeleton_lab.settings import X` has one.
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from named if node.module in PACKAGES else [node.module]


def room(module: str) -> str:
    """The room of 'skeleton_lab.…'.

    Settings are a room of their own, since the registry lists them; so are the benchmarks, which time papers. What
    trains the backbones stands after the networks themselves: papers may add to it.
    """
    parts = module.split(".")[1:]
    if parts[0] == "backbones" and parts[-1] in ("settings", "module"):
        return f"backbones.{parts[-1]}"
    if parts[:2] == ["measure", "benchmarks"]:
        return "measure.benchmarks"
    if parts[0] == "papers":
        return "papers.settings" if parts[-1] == "settings" else "papers"
    return parts[0]


def lab_files() -> list[Path]:
    return [
        path for path in (ROOT / "skeleton_lab").rglob("*.py") if path.name != "__init__.py" or "verbs" in path.parts
    ]


def test_data_modules_know_nothing_of_the_lab() -> None:
    files = list((ROOT / "data_modules").rglob("*.py"))
    assert files
    for path in files:
        assert not [name for name in imports(path) if name.split(".")[0] in ("skeleton_lab", "tests")], path


@pytest.mark.parametrize("path", lab_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    here = room(module)
    for name in imports(path):
        if name.startswith("skeleton_lab."):
            assert room(name) == here or LEVEL[room(name)] < LEVEL[here], f"{module} imports {name}"


def test_papers_do_not_import_each_other() -> None:
    files = list((ROOT / "skeleton_lab" / "papers").rglob("*.py"))
    assert files
    for path in files:
        paper = path.parent.name
        others = [name for name in imports(path) if name.startswith("skeleton_lab.papers.") and paper not in name]
        assert not others, path


def test_declarations_hold_no_code() -> None:
    for folder in ("experiments", "sweeps"):
        assert (ROOT / folder).is_dir()
        assert not list((ROOT / folder).rglob("*.py"))
