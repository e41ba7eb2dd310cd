"""What is doubtful about a user's own dataset.yaml, seen with its recordings."""

from collections.abc import Iterator

from data_modules.readers.own import OwnReader
from data_modules.readers.own.description import DEFAULT_FPS, FILE
from data_modules.readers.own.reader import SUFFIXES, visible_files
from data_modules.store import Problem, Store

LIKE_RECORDINGS = (".npy", ".txt", ".mat", ".json")


def own_problems(reader: OwnReader, store: Store) -> Iterator[Problem]:
    """Rules that fit nothing, persons that no clip has room for, films that are not there, and what was assumed."""
    description = reader.description
    if description.fps is None:
        yield Problem(FILE, f"no fps: {DEFAULT_FPS:g} frames per second are assumed", f"add fps to {FILE}")
    for split in description.splits:
        for side, choice in split.choices.items():
            for text in choice.idle(store.index):
                yield Problem(f"splits.{split.name}.{side}", f"no recording fits {text}", f"mend the rule in {FILE}")
    room, most = int(description.settings.get("persons", 1)), int(store.persons.max())
    if most > room:
        yield Problem(
            FILE, f"recordings show up to {most} persons, clips {room}", f"add settings: {{persons: {most}}} to {FILE}"
        )
    if description.video is not None:
        for position in (store.index.video == "").nonzero()[0].tolist():
            sample = str(store.index.sample_id[position])
            film = reader.film_of(sample)
            yield Problem(sample, f"no film at {film}", f"add it, or mend `video` in {FILE}")
    yield from _not_read(reader)


def _not_read(reader: OwnReader) -> Iterator[Problem]:
    """Files that look like recordings, but are of a kind that is not read: one line for each kind."""
    found: dict[str, list[str]] = {}
    root = reader.description.root
    for path in visible_files(root):
        if path.suffix.lower() in LIKE_RECORDINGS and reader.seems_recording(path):
            found.setdefault(path.suffix.lower(), []).append(path.relative_to(root).as_posix())
    for suffix, places in sorted(found.items()):
        count = f"{len(places)} {suffix} file{'s' if len(places) > 1 else ''}"
        yield Problem(places[0], f"{count} of this kind not read", f"only {' and '.join(SUFFIXES)} are: convert them")
