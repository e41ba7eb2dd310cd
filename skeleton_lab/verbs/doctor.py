"""`skeleton-lab doctor DATASET_OR_PATH`: what is in a dataset, or in one recording, and what is wrong with it.

The exit code is 1 where nothing of it can be used.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console

from data_modules.errors import DataError, DatasetMissingError
from data_modules.examine import dataset_problems, store_problems
from data_modules.examine.places import dataset_at, readers_of
from data_modules.prepare import read_all, read_file
from data_modules.readers import READERS, known_as, reader_for
from data_modules.readers.reader import Reader
from data_modules.sequence import SkeletonSequence
from data_modules.store import Problem, Store, open_store, write_store
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.session import Session
from skeleton_lab.reproduce.sources import REAL
from skeleton_lab.verbs.arguments import Arguments

# Of each kind of problem, on a terminal; --json has them all.
SHOWN = 3


def run(arguments: Arguments) -> int:
    arguments.refuse_others()
    found = _look_at(arguments, arguments.name("dataset or path of a recording"))
    if arguments.as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _show(found, Console())
    return 0 if found["sequences"] else 1


def _look_at(arguments: Arguments, name: str) -> dict[str, Any]:
    """A name means a dataset before it means a folder of DATA_ROOT, and that before a path.

    Raises RequestError where there is nothing to look at.
    """
    session, path = arguments.session(), Path(name)
    if name in READERS:
        return _of_dataset(reader_for(arguments.known_dataset(name)), session, arguments.scale)
    for folder in [*([arguments.data_root / name] if arguments.data_root else []), path]:
        reader = dataset_at(folder) if folder.is_dir() else None
        if reader is not None:
            return _of_dataset(reader, replace(session, data_root=folder.absolute().parent), arguments.scale)
    readers = readers_of(path) if path.exists() else []
    if readers:
        return _of_recording(readers, path)
    if path.exists():
        raise RequestError(
            f"{path}: no reader knows such a {'folder' if path.is_dir() else 'file'}; give a dataset's folder "
            "(named as in DATA_ROOT, or with a dataset.yaml), or one of its recordings"
        )
    if path.suffix or len(path.parts) > 1:
        raise RequestError(f"{path}: there is no such file or folder; name a dataset ({', '.join(READERS)})")
    return _of_dataset(reader_for(arguments.known_dataset(name)), session, arguments.scale)


def _of_dataset(reader: Reader, session: Session, scale: str) -> dict[str, Any]:
    try:
        source = session.prepare(known_as(reader), scale)
    except DatasetMissingError:
        raise
    except DataError as error:
        problems = _reasons(reader, session)
        if not problems:
            raise error
        return _report(reader.name, REAL, reader, None, problems)
    problems = [*source.store.problems, *_damage(source.store), *dataset_problems(reader, source.store)]
    return _report(reader.name, source.label, reader, source.store, problems)


def _reasons(reader: Reader, session: Session) -> list[Problem]:
    """Why not one recording of a dataset can be used."""
    paths = reader.find(session.data_root or Path())
    return [found for found in read_all(reader, paths, lambda done, total: None) if isinstance(found, Problem)]


def _damage(store: Store) -> Iterator[Problem]:
    """Whether the prepared store is still what was written."""
    try:
        open_store(store.path, verify=True)
    except DataError as error:
        yield Problem(store.path.name, str(error), "remove the folder and prepare it again")


def _of_recording(readers: Sequence[Reader], path: Path) -> dict[str, Any]:
    """By the first reader that can use it; if none can, what the likeliest says."""
    with TemporaryDirectory() as scratch:
        reports = (_read_by(reader, path, Path(scratch) / str(number)) for number, reader in enumerate(readers))
        first = next(reports)
        return first if first["sequences"] else next((report for report in reports if report["sequences"]), first)


def _read_by(reader: Reader, path: Path, scratch: Path) -> dict[str, Any]:
    problems: list[Problem] = []

    def usable() -> Iterator[SkeletonSequence]:
        for found in read_file(reader, path):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                yield found

    try:
        store = write_store(scratch, reader.layout, ("confidence", "pixels"), usable())
    except DataError:
        return _report(path.name, REAL, reader, None, problems)
    name = str(store.index.sample_id[0]) if len(store) == 1 else path.name
    report = _report(name, REAL, reader, store, [*problems, *store_problems(store)])
    return {**report, "protocols": {}}


def _report(
    name: str, data: str, reader: Reader, store: Store | None, problems: Sequence[Problem]
) -> dict[str, Any]:  # fmt: skip
    """What programs read. Without a store, nothing was usable."""
    subjects = store.index.subject if store else np.empty(0)
    folds = {name: protocol.folds(store.index) for name, protocol in reader.protocols.items()} if store else {}
    return {
        "dataset": name,
        "data": data,
        "sequences": len(store) if store else 0,
        "unusable": store.unusable if store else len(problems),
        "classes": len(np.unique(store.index.label)) if store else 0,
        "subjects": len(np.unique(subjects[subjects >= 0])),
        "frames": int(store.frames.sum()) if store else 0,
        "joints": reader.layout.num_joints,
        "persons": int(store.persons.max()) if store else 0,
        "protocols": {
            protocol: [{"train": len(fold.train), "test": len(fold.test)} for fold in folds[protocol]]
            for protocol in folds
        },
        "problems": [asdict(problem) for problem in problems],
    }


def _show(found: dict[str, Any], console: Console) -> None:
    def line(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    for key in ("dataset", "data", "sequences", "unusable", "classes", "subjects", "frames", "joints", "persons"):
        line(f"{key:<10} {found[key]:,}" if isinstance(found[key], int) else f"{key:<10} {found[key]}")
    for name, folds in found["protocols"].items():
        sides = ", ".join(f"{side} {_spread([fold[side] for fold in folds])}" for side in ("train", "test"))
        line(f"protocol   {name}: {sides}" + (f", {len(folds)} folds" if len(folds) > 1 else ""))
    # What has the same remedy is of one kind.
    kinds: dict[str, list[dict[str, str]]] = {}
    for problem in found["problems"]:
        kinds.setdefault(problem["remedy"], []).append(problem)
    line(f"problems   {len(found['problems'])}")
    for remedy, problems in kinds.items():
        line(f"\n{len(problems)} × {remedy}")
        for problem in problems[:SHOWN]:
            line(f"  {problem['sample']}: {problem['problem']}")
        if len(problems) > SHOWN:
            line(f"  … and {len(problems) - SHOWN} more (--json lists all)")


def _spread(counts: Sequence[int]) -> str:
    lowest, highest = min(counts, default=0), max(counts, default=0)
    return f"{lowest:,}" if lowest == highest else f"{lowest:,} to {highest:,}"
