"""Penn Action (Zhang, Zhu and Derpanis, ICCV 2013): sports in films of the web, 13 joints marked by hand.

Axes: T frames, M persons, V joints, C coordinates.

`labels/NNNN.mat` describes the film of which `frames/NNNN/` holds the pictures: the action, x, y and visibility of 13
joints per frame (T, 13), the picture's height and width with the number of frames, and whether it trains (1) or tests
(-1). Pixels count from 1 in the files and from 0 here. The frame rate is not stated; 30 is assumed.

Joints that are not visible have coordinates too: guesses inside or outside of the picture, or the filler (1, 1). They
are kept as they are, with a confidence of 0. A frame in which no joint is visible shows nobody. One recording (1516)
has no visible joint at all; so that the official division stays whole, such a person counts as there throughout, still
with a confidence of 0. A film that has not as many pictures as the recording has frames shows other moments than its
poses; such a recording counts as one without a film. The boxes (`bbox`) are not read: two recordings have more or fewer
of them than frames.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import PENN13
from data_modules.pictures import picture_files
from data_modules.readers.folds import by_lists
from data_modules.readers.formats.mat_file import MatFile, open_mat
from data_modules.readers.formats.text_file import to_float32
from data_modules.readers.reader import Protocol, Reader
from data_modules.sequence import SkeletonSequence

FPS = 30.0
MAX_FRAMES = 100_000  # the longest official recording has 663
MAX_PIXELS = 100_000  # of a picture's side, and of a joint's distance from its corner
UNPACK_AGAIN = "only its poses are used; unpack its pictures again from the dataset's archive"
VARIABLES = ("action", "x", "y", "visibility", "train", "dimensions")

# As the files write them.
CLASSES = (
    *("baseball_pitch", "baseball_swing", "bench_press", "bowl", "clean_and_jerk", "golf_swing", "jump_rope"),
    *("jumping_jacks", "pullup", "pushup", "situp", "squat", "strum_guitar", "tennis_forehand", "tennis_serve"),
)


class PennActionReader(Reader):
    """The poses of Penn Action: one person, 15 actions, pixels."""

    name = "penn_action"
    folder = "penn_action"
    version = 1
    recordings = 2_326
    layout = PENN13
    looked_for = "labels/NNNN.mat"
    extras = ("confidence",)

    def __init__(self) -> None:
        self.protocols = {"official": Protocol(CLASSES, by_lists)}

    def files(self, root: Path) -> list[Path]:
        return sorted(path for path in (root / "labels").glob("*.mat") if path.stem.isdecimal())

    def companions(self, root: Path) -> Iterator[Path]:
        """The folders of pictures: whether a recording has a film depends on them."""
        frames = root / "frames"
        yield frames
        if frames.is_dir():
            yield from sorted(frames.iterdir())

    def recognises(self, path: Path) -> bool:
        return path.suffix == ".mat" and path.stem.isdecimal()

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        file = open_mat(path, VARIABLES)
        action = file.text("action")
        if action not in CLASSES:
            raise UnreadableRecordingError(path, f"expected one of the {len(CLASSES)} actions, found {action[:40]!r}")
        height, width, num_frames = _dimensions(file)
        visible = file.numbers("visibility", num_frames, PENN13.num_joints) > 0
        pixels = [file.numbers(name, num_frames, PENN13.num_joints) - 1 for name in ("x", "y")]
        if np.abs(pixels).max() > MAX_PIXELS:
            raise UnreadableRecordingError(path, f"a joint lies more than {MAX_PIXELS} pixels from the picture")
        valid = np.any(visible, axis=1) | ~visible.any()
        film, problem = _film(path, num_frames)
        sequence = SkeletonSequence(
            joints=to_float32(np.stack(pixels, axis=-1) * valid[:, None, None])[:, None],
            valid=valid[:, None],
            label=CLASSES.index(action),
            sample_id=path.stem,
            layout=self.layout,
            fps=FPS,
            split="train" if file.numbers("train", 1, 1).item() > 0 else "test",
            confidence=visible[:, None].astype(np.float32),
            video=film,
            image_width=width,
            image_height=height,
        )
        return [sequence, *([problem] if problem else [])]


def _film(path: Path, num_frames: int) -> tuple[str, UnreadableRecordingError | None]:
    """Where the film of a recording lies below the dataset's folder, '' if it has none, and what is wrong with it."""
    film = Path("frames", path.stem)
    folder = path.absolute().parent.parent / film
    if not folder.is_dir():
        return "", None
    found = len(picture_files(folder))
    if found == num_frames:
        return film.as_posix(), None
    problem = f"the film has {found} of {num_frames} pictures"
    return "", UnreadableRecordingError(folder, problem, remedy=UNPACK_AGAIN, of_film=True)


def _dimensions(file: MatFile) -> tuple[int, int, int]:
    """Height and width of the picture, and the number of frames."""
    height, width, num_frames = found = file.numbers("dimensions", 1, 3)[0]
    highest = (MAX_PIXELS, MAX_PIXELS, MAX_FRAMES)
    if (found < 1).any() or (found > highest).any() or (found % 1 != 0).any():
        raise UnreadableRecordingError(
            file.path, f"expected 'dimensions' to be height, width and number of frames, found {found.tolist()}"
        )
    return int(height), int(width), int(num_frames)


PENN_ACTION = PennActionReader()
