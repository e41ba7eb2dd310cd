"""Films made ready for training once: small, and quick to take single frames from.

To show one frame, a video must be decoded from the last key frame before it, and originals have few of those. Here
every film gets the size that training asks for and a key frame every GOP frames.

What it buys when 12 random frames of a clip are taken, by one core of an AMD EPYC, in clips per second (medians of one
run, before and after in turn): a film of NTU RGB+D (1920 × 1080, 103 frames) 2.2 before and 60 after with a short side
of 128, 2.2 and 48 with 256; those of Florence 3D (h264 of 320 × 240, 19 frames on average) 39 and 236, 32 and 105.
Kilobytes per film: 987 before, 33 and 94 after; 68 before, 18 and 49 after. Most of it is the size: key frames every 4
to 12 frames are about equally quick with films this short, and twelve takes half of the bytes of four.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.films import Film, open_film, write_video
from data_modules.leftovers import remove_abandoned
from data_modules.prepare import Progress
from data_modules.small_film import SmallFilm
from data_modules.store import Problem, Store

GOP = 12
QUALITY = 20
SAME_TIME = 2_000_000_000  # nanoseconds: FAT has steps of two seconds
FPS = 30  # nobody asks: frames are found by their numbers
FILM, REFUSED = ".mp4", ".unreadable"


@dataclass(frozen=True)
class FilmFolder:
    """The films of a dataset: the originals, and the small ones that are made from them, as far as they are."""

    originals: Path
    small: Path

    def path(self, video: str) -> Path:
        """The film to read: the small one if it was made from the original that is there now (or from one that is no
        longer there), else the original.

        Raises UnreadableRecordingError where `prepare_films` found the original damaged, and for a name outside of the
        dataset's folder.
        """
        original = self.original(video)
        small, refused = self.made(video, FILM), self.made(video, REFUSED)
        if is_made_from(refused, original):
            raise UnreadableRecordingError(original, refused.read_text())
        return small if is_made_from(small, original) else original

    def open(self, video: str) -> Film:
        """The film to read, opened. Raises UnreadableRecordingError where it cannot be read."""
        path = self.path(video)
        return open_film(path) if path == self.original(video) else SmallFilm(path)

    def original(self, video: str) -> Path:
        """Raises UnreadableRecordingError for a name outside of the dataset's folder."""
        if Path(video).is_absolute() or ".." in Path(video).parts:
            raise UnreadableRecordingError(self.originals / video, "the film lies outside of the dataset's folder")
        return self.originals / video

    def made(self, video: str, ending: str) -> Path:
        """Where the small film, or the note that there can be none, lies."""
        return self.small / f"{video}{ending}"

    def is_refused(self, video: str) -> bool:
        """Whether the film cannot be used, as far as that is known without opening it."""
        try:
            self.path(video)
        except UnreadableRecordingError:
            return True
        return False


def small_films(dataset_folder: Path, output_dir: Path, short_side: int) -> FilmFolder:
    """The films of a dataset, with the place of those of one size, made or not yet."""
    place = hashlib.sha256(str(dataset_folder.absolute()).encode()).hexdigest()[:8]
    return FilmFolder(dataset_folder, output_dir / "films" / f"{dataset_folder.name}-{short_side}-{place}")


def is_made_from(made: Path, original: Path) -> bool:
    """What is made from a film bears the time of writing that the film then had, as far as the file system keeps it."""
    try:
        written = made.stat().st_mtime_ns
    except OSError:
        return False
    return not original.exists() or abs(written - original.stat().st_mtime_ns) < SAME_TIME


def prepare_films(
    store: Store,
    dataset_folder: Path,
    output_dir: Path,
    short_side: int,
    workers: int = 0,
    progress: Progress = lambda done, total: None,
) -> list[Problem]:
    """Make a small film of every film that the store's recordings have, if it is not there yet.

    Folders of pictures become films too. Each is written whole or not at all, so an interrupted call goes on where it
    stopped. workers: so many processes share the work; 0 is this one alone. progress is called with (films ready, films
    in all). Returns the films that cannot be read; they are remembered until their originals change.
    """
    films = small_films(dataset_folder, output_dir, short_side)
    films.small.mkdir(parents=True, exist_ok=True)
    videos = sorted(set(store.index.video.tolist()) - {""})
    problems = []
    with FileLock(f"{films.small}.lock"):
        remove_abandoned(films.small.rglob(".*.part"))
        for done, problem in enumerate(_each(films, videos, short_side, workers), 1):
            if problem is not None:
                problems.append(problem)
            progress(done, len(videos))
    return problems


def _each(films: FilmFolder, videos: list[str], short_side: int, workers: int) -> Iterator[Problem | None]:
    if not workers:
        for video in videos:
            yield make_small(films, video, short_side)
        return
    # Spawned, not forked: the parent may hold threads (torch, decord) that do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        count = len(videos)
        try:
            yield from pool.map(make_small, [films] * count, videos, [short_side] * count, chunksize=4)
        except BrokenProcessPool as error:
            raise DataError(
                "a process that makes films was killed, perhaps for want of memory: "
                "start again with fewer workers; finished films are kept"
            ) from error


def make_small(films: FilmFolder, video: str, short_side: int) -> Problem | None:
    """One film, made or found ready; one that cannot be read leaves a note of why."""
    try:
        original = films.original(video)
    except UnreadableRecordingError as error:
        return Problem(video, str(error), error.remedy)
    try:
        if films.path(video) == original:
            _transcode(open_film(original), films.made(video, FILM), short_side)
    except UnreadableRecordingError as error:
        if original.exists():
            _remember(error, films.made(video, REFUSED), original)
        return Problem(video, str(error), error.remedy)
    return None


def _remember(error: UnreadableRecordingError, note: Path, original: Path) -> None:
    part = "" if error.path == original else f"{error.path.name}: "  # a picture in a folder
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(f"{part}{error.problem}")
    _date(note, original)


def _transcode(film: Film, path: Path, short_side: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")  # another machine may be at the same film
    try:
        write_video(part, film.pictures(range(film.frames), short_side), FPS, GOP, "mp4", QUALITY)
        _date(part, film.path)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _date(made: Path, original: Path) -> None:
    written = original.stat().st_mtime_ns
    os.utime(made, ns=(written, written))
