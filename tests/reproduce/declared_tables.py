"""Tables that a test declares for itself, beside those in experiments/."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skeleton_lab import config

Declare = Callable[[str, str], None]


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """Declares a table: its name, and its text as in experiments/tables."""
    declarations = shutil.copytree(config.DECLARATIONS, tmp_path / "experiments")
    monkeypatch.setattr(config, "DECLARATIONS", declarations)
    config.declaration.cache_clear()

    def write(name: str, text: str) -> None:
        (declarations / "tables" / f"{name}.yaml").write_text(text, encoding="utf-8")

    yield write
    config.declaration.cache_clear()
