"""Fixtures of all tests."""

from pathlib import Path

import pytest

from skeleton_lab.reproduce.sources import Source, prepared


@pytest.fixture(scope="session")
def demo_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder that keeps its small demo world for the whole session."""
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="session")
def demo_source(demo_outputs: Path) -> Source:
    return prepared("ntu60", None, demo_outputs, "demo", demo_clips=88)
