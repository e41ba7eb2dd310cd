"""`skeleton-lab doctor DATASET_OR_PATH`: what is in a dataset, or in one recording, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from data_modules.errors import UnreadableRecordingError
from data_modules.readers import READERS, reader_for
from data_modules.readers.reader import Reader
from data_modules.sequence import SkeletonSequence
from data_modules.store import Store
from skeleton_lab.errors import RequestError
from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    arguments.refuse_others()
    name = arguments.name("dataset or path of a recording")
    if name not in READERS and (Path(name).exists() or Path(name).suffix):
        found = _of_recording(_read(Path(name)))
    else:
        reader = reader_for(name)
        found = _of_dataset(reader, arguments.session().prepare(name, arguments.scale).store)
    if arguments.as_json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    console = Console()
    for key, value in found.items():
        shown = len(value) if key == "problems" else value
        console.print(f"{key:<10} {shown}", highlight=False, markup=False, soft_wrap=True)
    for problem in found["problems"]:
        console.print(f"  {problem['problem']}: {problem['remedy']}", highlight=False, markup=False, soft_wrap=True)
    return 0


def _read(path: Path) -> SkeletonSequence:
    """One recording, by the first reader that knows such a name. Damage is raised as an error that names the line."""
    readers = [reader for reader in READERS.values() if reader.recognises(path)]
    if not readers:
        raise RequestError(f"{path}: no reader knows such a file; name a dataset ({', '.join(READERS)}) or a recording")
    found = next(iter(readers[0].read(path)))
    if isinstance(found, UnreadableRecordingError):
        raise found
    return found


def _of_recording(sequence: SkeletonSequence) -> dict[str, Any]:
    frames, persons, joints, _ = sequence.joints.shape
    return {
        "dataset": sequence.sample_id,
        "sequences": 1,
        "unusable": 0,
        "classes": 1,
        "subjects": 1,
        "frames": frames,
        "joints": joints,
        "persons": persons,
        "protocols": {},
        "problems": [],
    }


def _of_dataset(reader: Reader, store: Store) -> dict[str, Any]:
    protocols = {name: protocol.folds(store.index) for name, protocol in reader.protocols.items()}
    return {
        "dataset": reader.name,
        "sequences": len(store),
        "unusable": len(store.problems),
        "classes": len(np.unique(store.index.label)),
        "subjects": len(np.unique(store.index.subject)),
        "frames": int(store.frames.sum()),
        "joints": reader.layout.num_joints,
        "persons": int(store.persons.max()),
        "protocols": {
            name: [{"train": len(fold.train), "test": len(fold.test)} for fold in folds]
            for name, folds in protocols.items()
        },
        "problems": [vars(problem) for problem in store.problems],
    }
