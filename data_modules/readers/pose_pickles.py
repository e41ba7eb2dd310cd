"""The pose pickles of pyskl and mmaction2: FineGYM, Kinetics-400 and NTU RGB+D, as skeletons that are ready to use.

A pickle is a dict: `annotations`, a list with a dict for each recording (see `pose_annotations`), and `split`, from
names such as 'train' and 'val' to lists of recordings. A list of annotations, or a single one, is read as well.

Poses in pictures were found by an estimator, HRNet, and have a confidence. Those of NTU RGB+D in space are the
Kinect's, after pyskl chose at most two persons, left out the frames without anybody, and rounded to float16; for the
recordings as they were made see `ntu_rgbd`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import COCO17, NTU25, Layout
from data_modules.readers.folds import by_lists
from data_modules.readers.formats.safe_pickle import load
from data_modules.readers.formats.text_file import quoted
from data_modules.readers.ntu_rgbd import FILM_ENDING, FILMS, NAME_IN_WORDS, NTU60, NTU120, NtuReader, ids_in
from data_modules.readers.pose_annotations import (
    Annotation,
    AnnotationError,
    described,
    image_size_in,
    label_in,
    name_in,
    poses_in,
    scattered_poses,
)
from data_modules.readers.pose_files import WHERE_IN_WORDS, KeypointFiles, films_in, keypoint_paths
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence

FPS = 30.0  # NTU RGB+D's; for Kinetics and FineGYM it is not stated, and assumed
SPLITS = {"train": "train", "val": "test", "test": "test"}
VIDEOS = ("videos", ".mp4")


def numbered(num_classes: int) -> tuple[str, ...]:
    """Names for classes of which the pickles tell the numbers alone."""
    return tuple(f"class {number}" for number in range(num_classes))


class PosePickleReader(Reader):
    """The recordings of one pose pickle.

    file_names: what the pickle is called; the first one that is there is read. films: folders with films, and what
    follows a recording's name in theirs; only for poses in pictures.
    """

    version = 1
    # Who comes after these is left out, as pyskl does for its networks.
    max_persons = 2

    def __init__(
        self,
        name: str,
        folder: str,
        file_names: tuple[str, ...],
        layout: Layout,
        protocols: Mapping[str, Protocol],
        films: tuple[tuple[str, str], ...] = (VIDEOS,),
    ) -> None:
        self.name = name
        self.folder = folder
        self.looked_for = " or ".join(file_names)
        self.file_names = file_names
        self.layout = layout
        self.protocols = protocols
        self.num_classes = len(next(iter(protocols.values())).classes)
        self.films = films if layout.dimensions == 2 else ()
        self.extras = ("confidence",) if layout.dimensions == 2 else ()

    def files(self, root: Path) -> list[Path]:
        return [root / name for name in self.file_names if (root / name).is_file()][:1]

    def companions(self, root: Path) -> Iterator[Path]:
        """The files with the keypoints, and the folders of films: whether a recording has one depends on it."""
        yield from keypoint_paths(root)
        yield from (root / folder for folder, _ in self.films)

    def recognises(self, path: Path) -> bool:
        return path.name in self.file_names

    def read(self, path: Path) -> Iterator[SkeletonSequence | UnreadableRecordingError]:
        """Read one recording after another: those with keypoints in the order of the list, then the others by file."""
        annotations, lists = contents(path)
        root = path.absolute().parent
        keypoint_files, films = KeypointFiles(root), films_in(root, self.films)
        sources = [_source(keypoint_files, annotation) for annotation in annotations]
        once = _Once()
        for at in sorted(range(len(annotations)), key=lambda at: str(sources[at] or "")):
            annotation, source = annotations[at], sources[at]
            try:
                name = name_in(annotation)
                keypoint = keypoint_files.keypoint(source, name) if source else annotation.get("keypoint")
                once.check(source, keypoint)
                sequence = self._sequence(annotation, name, keypoint, is_scattered=source is not None)
                once.check(None, sequence.sample_id)
                # Poses that leave frames out cannot be laid over a film.
                video = "" if source else films.get(name, "")
                yield replace(sequence, split=_split(lists, name), video=video)
            except (AnnotationError, UnreadableRecordingError) as error:
                problem = f"recording {at + 1} of {len(annotations)}{_called(annotation)}: {error}"
                yield UnreadableRecordingError(path, problem, remedy=error.remedy)

    def _sequence(self, annotation: Annotation, name: str, keypoint: object, is_scattered: bool) -> SkeletonSequence:
        label = label_in(annotation, self.num_classes)
        known = self._known(name, label)
        if is_scattered:
            poses = scattered_poses(annotation, keypoint, self.layout, self.max_persons)
        elif keypoint is not None:
            poses = poses_in(annotation, self.layout, self.max_persons)
        else:
            raise AnnotationError(
                f"has no keypoint, and no file in {WHERE_IN_WORDS} has it",
                remedy=f"left out; put the dataset's files of keypoints into {WHERE_IN_WORDS}",
            )
        is_picture = self.layout.dimensions == 2
        width, height = image_size_in(annotation) if is_picture else (0, 0)
        return SkeletonSequence(
            joints=poses.joints_TMVC,
            valid=poses.valid_TM,
            confidence=poses.confidence_TMV,
            label=label,
            layout=self.layout,
            fps=FPS / poses.step,
            image_width=width,
            image_height=height,
            **known,
        )

    def _known(self, name: str, label: int) -> dict[str, Any]:
        """What a recording's name tells: fields of SkeletonSequence."""
        return {"sample_id": name}


class NtuPosePickleReader(PosePickleReader):
    """The recordings of a pose pickle of NTU RGB+D, whose names tell who did what, and so divide them.

    official: the reader of the same recordings as they were made, for its setups and protocols.
    """

    def __init__(self, name: str, file_names: tuple[str, ...], layout: Layout, official: NtuReader) -> None:
        super().__init__(name, official.folder, file_names, layout, official.protocols, (VIDEOS, (FILMS, FILM_ENDING)))
        self.official = official
        self.recordings = official.recordings

    def _known(self, name: str, label: int) -> dict[str, Any]:
        ids = ids_in(name)
        if ids is None:
            raise AnnotationError(f"the name must hold {NAME_IN_WORDS}")
        if ids.setup > self.official.max_setup:
            highest = self.official.max_setup
            raise AnnotationError(f"{self.official.name} has the setups 1 to {highest}, not {ids.setup}")
        if ids.action != label + 1:
            raise AnnotationError(
                f"label is {label}, but the name says action {ids.action}, which is {ids.action - 1} from 0"
            )
        return {
            "sample_id": ids.name,
            "subject": ids.subject,
            "camera": ids.camera,
            "setup": ids.setup,
            "replication": ids.replication,
        }


class _Once:
    """Sees to it that nothing comes twice: otherwise a small file could hold the same recording a million times."""

    def __init__(self) -> None:
        self._seen: set[tuple[Path | None, object]] = set()

    def check(self, source: Path | None, found: object) -> None:
        """Raises AnnotationError where the same array was found in the file `source` before, or the same name."""
        key = (source, found if isinstance(found, str) else id(found))
        if found is not None and key in self._seen:
            raise AnnotationError(
                "has the name or the keypoints of an earlier one", remedy="left out; keep one of them"
            )
        self._seen.add(key)


def contents(path: Path) -> tuple[list[Any], dict[str, frozenset[str]]]:
    """The annotations of a pose pickle, whatever they are, and the names of those that train and that test.

    Raises UnreadableRecordingError where the file is no such pickle, or damaged.
    """
    content = load(path)
    if isinstance(content, dict) and "keypoint" in content:
        content = [content]
    annotations = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(annotations, list) or not annotations:
        raise UnreadableRecordingError(path, "expected a dict with the list 'annotations', or such a list alone")
    if len({id(annotation) for annotation in annotations}) < len(annotations):
        raise UnreadableRecordingError(path, "one annotation is in the list more than once")
    lists: dict[str, frozenset[str]] = {}
    split = content.get("split") if isinstance(content, dict) else None
    if not isinstance(split, dict | None):
        raise UnreadableRecordingError(path, "expected 'split' to be a dict from names to lists of recordings")
    for listed, names in (split or {}).items():
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise UnreadableRecordingError(path, f"expected the split {described(listed)} to be a list of names")
        if listed in SPLITS:
            lists[SPLITS[listed]] = lists.get(SPLITS[listed], frozenset()) | frozenset(names)
    return annotations, lists


def _split(lists: Mapping[str, frozenset[str]], name: str) -> str:
    found = [split for split, names in lists.items() if name in names]
    if len(found) > 1:
        raise AnnotationError("is listed both to train and to test")
    return found[0] if found else ""


def _source(files: KeypointFiles, annotation: object) -> Path | None:
    """The file that has the keypoints of a recording that has none itself; None where there is no such file."""
    if not isinstance(annotation, dict) or annotation.get("keypoint") is not None:
        return None
    try:
        return files.path_for(annotation, name_in(annotation))
    except AnnotationError:
        return None


def _called(annotation: object) -> str:
    """The recording's name for a message, where it has one."""
    try:
        return f" ({quoted(name_in(annotation))})"
    except AnnotationError:
        return ""


FINEGYM99 = PosePickleReader(
    name="finegym99",
    folder="finegym99",
    file_names=("gym_hrnet.pkl", "gym_2d.pkl"),
    layout=COCO17,
    protocols={"official": Protocol(numbered(99), by_lists)},
)
KINETICS400 = PosePickleReader(
    name="kinetics400",
    folder="kinetics400",
    file_names=("k400_hrnet.pkl", "k400_2d.pkl"),
    layout=COCO17,
    protocols={"official": Protocol(numbered(400), by_lists)},
)
NTU60_3D = NtuPosePickleReader("ntu60_3d", ("ntu60_3danno.pkl", "ntu60_3d.pkl"), NTU25, NTU60)
NTU60_2D = NtuPosePickleReader("ntu60_2d", ("ntu60_hrnet.pkl", "ntu60_2d.pkl"), COCO17, NTU60)
NTU120_3D = NtuPosePickleReader("ntu120_3d", ("ntu120_3danno.pkl", "ntu120_3d.pkl"), NTU25, NTU120)
NTU120_2D = NtuPosePickleReader("ntu120_2d", ("ntu120_hrnet.pkl", "ntu120_2d.pkl"), COCO17, NTU120)
POSE_PICKLES = (FINEGYM99, KINETICS400, NTU60_3D, NTU60_2D, NTU120_3D, NTU120_2D)
