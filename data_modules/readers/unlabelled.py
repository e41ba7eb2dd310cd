"""Recordings of which nobody has said what they show, whatever they are called and wherever they lie: for prediction.

A file's ending tells what it is: `.skeleton` as NTU RGB+D has it, a user's own `.npz` or `.csv`, a `.pkl` of poses. Any
other one must be called as in an official dataset whose skeletons are those that are asked for. Films lie beside them.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import NTU25, Layout
from data_modules.prepare import read_file
from data_modules.readers import READERS
from data_modules.readers.ntu_actors import choose_actors
from data_modules.readers.ntu_rgbd import FILM_HEIGHT, FILM_WIDTH
from data_modules.readers.ntu_rgbd import FPS as NTU_FPS
from data_modules.readers.own import OwnReader
from data_modules.readers.own.csv_file import read_csv
from data_modules.readers.own.description import DEFAULT_FPS
from data_modules.readers.own.npz_file import read_npz
from data_modules.readers.own.poses import poses_of
from data_modules.readers.pose_annotations import AnnotationError, image_size_in, name_in, poses_in
from data_modules.readers.pose_pickles import FPS, PosePickleReader, contents
from data_modules.readers.reader import Reader
from data_modules.readers.skeleton_file import parse
from data_modules.sequence import SkeletonSequence
from data_modules.store import Problem

# The class of a recording that nobody has named.
NO_LABEL = -1

FILM_KINDS = (".avi", ".mp4", ".mkv", ".mov", ".webm")

Found = Iterator[SkeletonSequence | Problem]


def recordings_below(folder: Path, reader: Reader) -> list[Path]:
    """Every file below a folder that `read_unlabelled` would try to read."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return [path for path in files if path.suffix.lower() in BY_ENDING or _official(path, reader.layout)]


def film_of(path: Path) -> Path | None:
    """The film of a file of poses: of the same name, after which `_rgb` may follow, as NTU's do; in the same folder or
    in one that lies beside it."""
    folder = path.absolute().parent
    beside = (each for each in sorted(folder.parent.iterdir()) if each.is_dir())
    names = [f"{path.stem}{mark}{kind}" for mark in ("", "_rgb") for kind in FILM_KINDS]
    return next((each / name for each in (folder, *beside) for name in names if (each / name).is_file()), None)


def read_unlabelled(path: Path, reader: Reader) -> Found:
    """The recordings of one file as skeletons of the reader's layout, and what is wrong with those that cannot be used.

    reader: of the dataset that a network was trained on.
    """
    read = BY_ENDING.get(path.suffix.lower())
    if read is None:
        yield from _by_official(path, reader.layout)
        return
    try:
        yield from read(path, reader)
    except UnreadableRecordingError as error:
        yield Problem(path.name, str(error), error.remedy)


def _skeleton_file(path: Path, reader: Reader) -> Found:
    if not _alike(NTU25, reader.layout):
        raise UnreadableRecordingError(
            path,
            f"its skeletons have the 25 joints of NTU RGB+D, the network's those of {reader.name}",
            remedy="left out; take a network that was trained on NTU RGB+D",
        )
    bodies, num_frames = parse(path, with_pixels=True)
    if not bodies:
        raise UnreadableRecordingError(path, f"nobody in any of the {num_frames} frames", remedy="left out")
    acted = choose_actors(bodies, num_frames)
    yield SkeletonSequence(
        joints=acted.joints,
        valid=acted.valid,
        label=NO_LABEL,
        sample_id=path.stem,
        layout=reader.layout,
        fps=NTU_FPS,
        pixels=acted.pixels,
        first_frame=acted.first_frame,
        recorded_frames=num_frames,
        image_width=FILM_WIDTH,
        image_height=FILM_HEIGHT,
    )


def _own_file(path: Path, reader: Reader) -> Found:
    """In the unit of the network's own dataset where it is a user's, else in metres."""
    layout, described = reader.layout, reader.description if isinstance(reader, OwnReader) else None
    raw = (read_npz if path.suffix.lower() == ".npz" else read_csv)(path, layout)
    poses = poses_of(path, raw, layout, described.metres if described else 1.0)
    width, height = described.image_size if described else (0, 0)
    first_frame, recorded_frames = 0, 0
    if isinstance(reader, OwnReader) and reader.description.video and film_of(path):
        first_frame, recorded_frames = reader.place_in_film(path, raw.first_frame)
    yield SkeletonSequence(
        joints=poses.joints_TMVC,
        valid=poses.valid_TM,
        label=NO_LABEL,
        sample_id=path.stem,
        layout=layout,
        fps=(described and described.fps) or DEFAULT_FPS,
        confidence=poses.confidence_TMV,
        pixels=poses.pixels_TMVC,
        image_width=width,
        image_height=height,
        first_frame=first_frame,
        recorded_frames=recorded_frames,
    )


def _pose_pickle(path: Path, reader: Reader) -> Found:
    for number, annotation in enumerate(contents(path)[0], 1):
        try:
            name = name_in(annotation)
            poses = poses_in(annotation, reader.layout, PosePickleReader.max_persons)
            width, height = image_size_in(annotation) if reader.layout.dimensions == 2 else (0, 0)
            yield SkeletonSequence(
                joints=poses.joints_TMVC,
                valid=poses.valid_TM,
                label=NO_LABEL,
                sample_id=name,
                layout=reader.layout,
                fps=FPS,
                confidence=poses.confidence_TMV,
                image_width=width,
                image_height=height,
            )
        except AnnotationError as error:
            yield Problem(path.name, f"{path}, recording {number}: {error}", error.remedy)


BY_ENDING: dict[str, Callable[[Path, Reader], Found]] = {
    ".skeleton": _skeleton_file,
    ".npz": _own_file,
    ".csv": _own_file,
    ".pkl": _pose_pickle,
}


def _by_official(path: Path, layout: Layout) -> Found:
    """By the first reader that can use it; if none can, what the likeliest says."""
    problems: list[Problem] = []
    for reader in _official(path, layout):
        found = list(read_file(reader, path))
        usable = [replace(each, label=NO_LABEL) for each in found if isinstance(each, SkeletonSequence)]
        if usable:
            yield from usable
            return
        problems = problems or [each for each in found if isinstance(each, Problem)]
    yield from problems or [
        Problem(
            path.name,
            f"{path}: no reader of {layout.name} skeletons knows such a file",
            f"left out; give a {', '.join(BY_ENDING)}, or a file that is called as in the official dataset",
        )
    ]


def _official(path: Path, layout: Layout) -> list[Reader]:
    """Who can read a file, those first in whose folder it lies."""
    found = [each for each in READERS.values() if _alike(each.layout, layout) and each.recognises(path)]
    return sorted(found, key=lambda reader: reader.folder not in path.absolute().parts)


def _alike(layout: Layout, other: Layout) -> bool:
    return (layout.joints, layout.dimensions) == (other.joints, other.dimensions)
