"""MATLAB files as scipy writes them, but the same bytes every time."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from scipy.io import savemat

# The first 116 bytes say who wrote the file and when.
DESCRIPTION = b"MATLAB 5.0 MAT-file, written by the demo world".ljust(116)


def write_mat(path: Path, variables: Mapping[str, Any]) -> None:
    """Write a MATLAB 5 file."""
    buffer = BytesIO()
    savemat(buffer, dict(variables))
    path.write_bytes(DESCRIPTION + buffer.getvalue()[len(DESCRIPTION) :])
