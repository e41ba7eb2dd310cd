"""Where a dataset's recordings come from: the user's DATA_ROOT, or the demo world where there is none."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data_modules.demo import write_demo
from data_modules.prepare import Progress, prepare
from data_modules.readers import known_as, reader_for
from data_modules.readers.own import OwnReader
from data_modules.readers.reader import Reader
from data_modules.store import Store
from data_modules.transcode import FilmFolder, small_films
from skeleton_lab.config import declaration

DEMO, REAL = "demo data", "real recordings"

# With this share of a dataset it still is the one that papers have: a file may be damaged here and there.
LEAST_SHARE = 0.99


@dataclass(frozen=True, eq=False)
class Source:
    """A prepared dataset, the folder that its files lie in, and whether it is of the demo world."""

    reader: Reader
    store: Store
    folder: Path
    is_demo: bool

    def __reduce__(self) -> tuple[Callable[..., "Source"], tuple[object, ...]]:
        """Another process reads the reader's declaration for itself."""
        return _opened, (known_as(self.reader), self.store, self.folder, self.is_demo)

    @property
    def label(self) -> str:
        return DEMO if self.is_demo else REAL

    @cached_property
    def films_named(self) -> int:
        """How many films its recordings name."""
        return len(set(self.store.index.video.tolist()) - {""})

    def films(self, short_side: int) -> FilmFolder:
        """Its films; their small versions lie beside the folder of prepared datasets."""
        return small_films(self.folder, self.store.path.parents[1], short_side)

    def shortage(self, short_side: int | None) -> str:
        """What to say where so much of the dataset is not there that a paper's number is of another one: of its
        recordings or, where a run shows films of this size, of its films. '' otherwise, and where nobody knows."""
        published, videos = self.reader.recordings, self.store.index.video.tolist()
        if published is None or self.is_demo:
            return ""
        what, there = "recordings", len(videos)
        if short_side is not None:
            films = self.films(short_side)
            what, there = "films", sum(bool(video) and not films.is_refused(video) for video in videos)
        if there >= LEAST_SHARE * published:
            return ""
        return f"{self.reader.name}: {there:,} of its {published:,} {what} are there, not all that the paper has."

    def identity(self, protocol: str) -> dict[str, str]:
        """What a run's key says of its data: the content, and how it is divided where users say so themselves; the
        published divisions follow from the content and the protocol's name."""
        found = {"data": self.store.digest}
        if isinstance(self.reader, OwnReader):
            divided = self.reader.protocols[protocol]
            digest = hashlib.sha256("\n".join(divided.classes).encode())
            for fold in divided.folds(self.store.index):
                for side in (fold.train, fold.test):
                    digest.update(f"{len(side)}:".encode() + side.astype("<i8").tobytes())
            found["division"] = digest.hexdigest()
        return found


def _opened(dataset: str, store: Store, folder: Path, is_demo: bool) -> Source:
    return Source(reader_for(dataset), store, folder, is_demo)


def prepared(
    dataset: str,
    data_root: Path | None,
    output_dir: Path,
    scale: str,
    demo_clips: int | None = None,
    films: bool = False,
    progress: Progress = lambda done, total: None,
) -> Source:
    """The dataset below `data_root`, prepared; without a data root (and for `demo` itself), the demo world's version.

    A user's own dataset, given by the path of its folder, lies where it lies, and has no demo version.
    demo_clips: how large a demo world to make; None leaves it to the scale. films: whether the demo world has them; it
    is then another one. Raises DatasetMissingError when `data_root` is given but does not hold the dataset.
    """
    reader = reader_for(dataset)
    if isinstance(reader, OwnReader) or (data_root is not None and dataset != "demo"):
        # An own reader's folder is an absolute path, which no data root changes.
        return _read(reader, data_root or Path(), output_dir, progress, is_demo=False)
    world = declaration("scales", scale).demo_world
    clips = demo_clips or (world.filmed_clips if films else world.clips)
    place = output_dir / "demo_world" / f"{dataset}-{clips}-{world.seed}{'-films' if films else ''}"
    root = write_demo(dataset, place, clips, world.seed, films)
    return _read(reader, root, output_dir, progress, is_demo=True)


def _read(reader: Reader, data_root: Path, output_dir: Path, progress: Progress, is_demo: bool) -> Source:
    return Source(reader, prepare(reader, data_root, output_dir, progress), data_root / reader.folder, is_demo)
