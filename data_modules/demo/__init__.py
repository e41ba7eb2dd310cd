"""A small world that writes recordings in the official formats of the datasets, so that the real readers read them."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from filelock import FileLock

from data_modules.demo.berkeley_mhad import write_berkeley_mhad
from data_modules.demo.film_writers import (
    write_finegym99_with_films,
    write_florence3d_with_films,
    write_ntu_with_films,
    write_penn_action_with_films,
)
from data_modules.demo.florence3d import write_florence3d
from data_modules.demo.ntu_rgbd import write_ntu
from data_modules.demo.nw_ucla import write_nw_ucla
from data_modules.demo.penn_action import write_penn_action
from data_modules.demo.pose_pickles import (
    write_finegym99,
    write_kinetics400,
    write_ntu_in_picture,
    write_ntu_in_space,
)
from data_modules.demo.sbu_kinect import write_sbu_kinect
from data_modules.demo.shrec2017 import write_shrec2017
from data_modules.demo.sysu_3d import write_sysu_3d
from data_modules.demo.ut_kinect import write_ut_kinect
from data_modules.errors import DataError
from data_modules.leftovers import remove_abandoned

__all__ = ["WORLD_VERSION", "write_demo"]

# Raise it when the same seed gives other recordings.
WORLD_VERSION = 1
# (folder, number of clips, seed) -> the dataset's files in that folder.
Writer = Callable[[Path, int, int], None]
# Each dataset's folder, and what writes it.
WRITERS: dict[str, tuple[str, Writer]] = {
    "demo": ("demo", partial(write_ntu, "demo")),
    "ntu60": ("ntu_rgbd", partial(write_ntu, "ntu60")),
    "ntu120": ("ntu_rgbd", partial(write_ntu, "ntu120")),
    "ntu60_3d": ("ntu_rgbd", partial(write_ntu_in_space, "ntu60")),
    "ntu60_2d": ("ntu_rgbd", partial(write_ntu_in_picture, "ntu60")),
    "ntu120_3d": ("ntu_rgbd", partial(write_ntu_in_space, "ntu120")),
    "ntu120_2d": ("ntu_rgbd", partial(write_ntu_in_picture, "ntu120")),
    "shrec2017": ("shrec2017", write_shrec2017),
    "ut_kinect": ("ut_kinect", write_ut_kinect),
    "ut_kinect_official": ("ut_kinect", write_ut_kinect),
    "sbu_kinect": ("sbu_kinect", write_sbu_kinect),
    "sysu_3d": ("sysu_3d", write_sysu_3d),
    "berkeley_mhad": ("berkeley_mhad", write_berkeley_mhad),
    "nw_ucla": ("nw_ucla", write_nw_ucla),
    "florence3d": ("florence3d", write_florence3d),
    "penn_action": ("penn_action", write_penn_action),
    "finegym99": ("finegym99", write_finegym99),
    "kinetics400": ("kinetics400", write_kinetics400),
}
# What writes it with films, where there are any.
FILM_WRITERS: dict[str, Writer] = {
    "demo": partial(write_ntu_with_films, "demo"),
    "ntu60": partial(write_ntu_with_films, "ntu60"),
    "ntu120": partial(write_ntu_with_films, "ntu120"),
    "florence3d": write_florence3d_with_films,
    "penn_action": write_penn_action_with_films,
    "finegym99": write_finegym99_with_films,
}
FOLDERS = {dataset: folder for dataset, (folder, _) in WRITERS.items()}
STAMP = "demo.json"


def write_demo(dataset: str, root: Path, clips: int, seed: int, films: bool = False) -> Path:
    """Write about `clips` recordings of a dataset into its folder below `root`, and return `root`.

    About: NTU RGB+D and SHREC'17 have just so many. The others have the same number of every class, rounded; so many at
    least that every protocol has every class in training and in test, and at most what the dataset has room for.
    UT-Kinect always has all of its 199.

    films: whether films of the recordings are written as well; a demo with films is another than one without. They take
    four to ten times as long.

    The same seed gives the same bytes. A complete demo that is there already is left as it is, another or a damaged
    one is replaced. Raises DataError for an unknown dataset, for numbers of clips out of all reason, and where the
    folder holds recordings that are no demo, which are never touched.
    """
    write = _writer(dataset, films)
    folder = root / FOLDERS[dataset]
    stamp = {"world": WORLD_VERSION, "dataset": dataset, "clips": clips, "seed": seed}
    if films:
        stamp["films"] = True
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{folder.name}.lock"):
        if _is_complete(folder, stamp):
            return root
        if folder.exists() and any(folder.iterdir()) and not (folder / STAMP).exists():
            raise DataError(f"{folder} holds recordings that are no demo: choose another folder for the demo data")
        prefix = f".{folder.name}.unfinished-"
        remove_abandoned(root.glob(f"{prefix}*"))
        unfinished = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
        unfinished.chmod(0o755)  # a demo is for everyone who shares the disk
        try:
            write(unfinished, clips, seed)
            _write_stamp(unfinished, {**stamp, "files": _count_files(unfinished)})
            _move_into_place(unfinished, folder, stamp)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return root


def _move_into_place(unfinished: Path, folder: Path, stamp: dict[str, object]) -> None:
    """Let another demo or a damaged one give way. The same one, that another machine was faster with, stays in place:
    it may be in use already."""
    if _is_complete(folder, stamp):
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        unfinished.rename(folder)
    except OSError:
        if not _is_complete(folder, stamp):
            raise


def _writer(dataset: str, films: bool) -> Writer:
    if dataset not in WRITERS:
        raise DataError(f"there is no demo of {dataset!r}; there is one of {', '.join(sorted(WRITERS))}")
    if films and dataset not in FILM_WRITERS:
        raise DataError(f"the demo of {dataset} has no films; there are films of {', '.join(sorted(FILM_WRITERS))}")
    return FILM_WRITERS[dataset] if films else WRITERS[dataset][1]


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
