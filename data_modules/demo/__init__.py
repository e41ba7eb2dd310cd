"""A small world that writes recordings in the official formats of the datasets, so that the real readers read them."""

import json
import os
import shutil
from pathlib import Path

from filelock import FileLock

from data_modules.demo.ntu_rgbd import write_ntu
from data_modules.demo.shrec2017 import write_shrec2017
from data_modules.errors import DataError

__all__ = ["WORLD_VERSION", "write_demo"]

# Raise it when the same seed gives other recordings.
WORLD_VERSION = 1
FOLDERS = {"ntu60": "ntu_rgbd", "ntu120": "ntu_rgbd", "demo": "demo", "shrec2017": "shrec2017"}
STAMP = "demo.json"


def write_demo(dataset: str, root: Path, clips: int, seed: int) -> Path:
    """Write about `clips` recordings of a dataset into its folder below `root`, which is returned.

    The same seed gives the same bytes. A complete demo that is there already is left as it is, another or a damaged
    one is replaced. Raises DataError for an unknown dataset, for more clips than the demo world has, and where the
    folder holds recordings that are no demo, which are never touched.
    """
    if dataset not in FOLDERS:
        raise DataError(f"there is no demo of {dataset!r}; there is one of {', '.join(sorted(FOLDERS))}")
    folder = root / FOLDERS[dataset]
    stamp = {"world": WORLD_VERSION, "dataset": dataset, "clips": clips, "seed": seed}
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{folder.name}.lock"):
        if _is_complete(folder, stamp):
            return root
        if folder.exists() and any(folder.iterdir()) and not (folder / STAMP).exists():
            raise DataError(f"{folder} holds recordings that are no demo: choose another folder for the demo data")
        # A killed writer leaves at most this folder behind, and the next one clears it away.
        unfinished = root / f".{folder.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        if dataset == "shrec2017":
            write_shrec2017(unfinished, clips, seed)
        else:
            write_ntu(dataset, unfinished, clips, seed)
        _write_stamp(unfinished, {**stamp, "files": _count_files(unfinished)})
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    return root


def _is_complete(folder: Path, stamp: dict[str, object]) -> bool:
    """Whether the folder's stamp says the same, and as many files are there as when it was written."""
    try:
        found = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found == {**stamp, "files": _count_files(folder)}


def _count_files(folder: Path) -> int:
    """Files other than the stamp."""
    return sum(name != STAMP for _, _, names in os.walk(folder) for name in names)


def _write_stamp(folder: Path, stamp: dict[str, object]) -> None:
    part = folder / f"{STAMP}.part"
    part.write_text(json.dumps(stamp, indent=1) + "\n")
    part.rename(folder / STAMP)
