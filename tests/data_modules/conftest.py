"""Recordings to test with: random ones, and a few of the demo world."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_modules.demo import write_demo
from data_modules.layouts import NTU25
from data_modules.prepare import prepare
from data_modules.readers import READERS
from data_modules.sequence import SkeletonSequence
from data_modules.store import Store

MakeSequence = Callable[..., SkeletonSequence]


def random_sequence(
    sample_id: str = "first", frames: int = 5, persons: int = 1, gaps: float = 0.0, seed: int = 0, **known: Any
) -> SkeletonSequence:
    """Noise. Every person is there in the first frame, and missing in about `gaps` of the others."""
    rng = np.random.default_rng(seed)
    valid = rng.random((frames, persons)) >= gaps
    valid[0] = True
    joints = rng.normal(size=(frames, persons, NTU25.num_joints, 3)).astype(np.float32) * valid[:, :, None, None]
    return SkeletonSequence(
        joints=joints, valid=valid, sample_id=sample_id, **{"label": 0, "layout": NTU25, "fps": 30.0, **known}
    )


@pytest.fixture(scope="session")
def make_sequence() -> MakeSequence:
    return random_sequence


@pytest.fixture(scope="session")
def demo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo("demo", tmp_path_factory.mktemp("demo"), clips=40, seed=0)


@pytest.fixture(scope="session")
def demo_store(demo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return prepare(READERS["demo"], demo_root, tmp_path_factory.mktemp("outputs"))
