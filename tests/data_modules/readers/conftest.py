"""The real recordings, where DATA_ROOT holds them."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def ntu_root() -> Path:
    root = Path(os.environ.get("DATA_ROOT", "unset")) / "ntu_rgbd"
    if not root.is_dir():
        pytest.skip("needs DATA_ROOT with the folder ntu_rgbd")
    return root
