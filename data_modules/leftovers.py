"""What killed writers left behind. Others may be at work beside it: locks may hold on each machine for itself."""

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

# Seconds without a change after which nobody is at work on a file any more. Clocks of machines may differ a little.
ABANDONED_AFTER = 15 * 60.0


def remove_abandoned(paths: Iterable[Path]) -> None:
    """Remove those of the files and folders in which nothing has changed for a while."""
    for path in list(paths):
        if time.time() - _last_change(path) < ABANDONED_AFTER:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _last_change(path: Path) -> float:
    """In seconds, by the clock of the file system: of the file, or of anything in the folder."""
    inside = (Path(folder, name) for folder, folders, files in os.walk(path) for name in (*folders, *files))
    return max(_changed(each) for each in (path, *inside))


def _changed(path: Path) -> float:
    try:
        found = path.stat()
    except FileNotFoundError:  # finished or removed meanwhile
        return 0.0
    # Writers may give a file an older time of writing; that is a change of its own.
    return max(found.st_mtime, found.st_ctime)
