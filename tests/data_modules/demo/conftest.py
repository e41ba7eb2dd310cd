"""The smallest useful demo world of every dataset, written once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data_modules.demo import write_demo

NTU_PICKLES = ("ntu60_3d", "ntu60_2d", "ntu120_3d", "ntu120_2d")
NTU_CLIPS = 112  # enough for all classes in all protocols


def least(dataset: str) -> int:
    """How many clips to ask for; of the other datasets there are never too few."""
    return NTU_CLIPS if dataset in NTU_PICKLES else 1


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """From a dataset to the root of its demo world."""
    written: dict[str, Path] = {}

    def write(dataset: str) -> Path:
        if dataset not in written:
            root = tmp_path_factory.mktemp(dataset)
            written[dataset] = write_demo(dataset, root, clips=least(dataset), seed=0)
        return written[dataset]

    return write
