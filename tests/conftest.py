"""Fixtures of all tests, and how those that run beside one another share the machine."""

import os
from pathlib import Path

import pytest
import torch

from skeleton_lab.reproduce.sources import Source, prepared


def pytest_configure() -> None:
    """Each of several test processes has its share of the cores: with all of them, they wait for one another."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0))
    if processes:
        threads = max(1, (os.cpu_count() or 1) // processes)
        torch.set_num_threads(threads)
        os.environ["OMP_NUM_THREADS"] = str(threads)  # of what tests start


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_run() -> None:
    """Of a test that draws some without a word about their seed."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def demo_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder that keeps its small demo world for the whole session."""
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="session")
def demo_source(demo_outputs: Path) -> Source:
    return prepared("ntu60", None, demo_outputs, "demo", demo_clips=88)
