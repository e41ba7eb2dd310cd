"""Writing files whole or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then put it in its place in one step, once it is on the disk: otherwise a
    loss of power may leave an empty file under the name of a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Other programs, on other machines too, may be at the same file.
    scratch = path.with_name(f".{path.name}.{uuid4().hex}{path.suffix}")
    try:
        write(scratch)
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    write_whole(path, lambda scratch: scratch.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
