"""Northwestern-UCLA (Wang et al., CVPR 2014): 10 subjects do 10 actions, seen by three Kinects from different sides.

Axes: T frames, M persons, V joints, C coordinates.

The recordings as CTR-GCN (Chen et al., ICCV 2021) and most others use them: one JSON file each, with `file_name`,
`skeletons` (frames × 20 joints × x, y, z, metres) and `label` from 1. They are 1,484; the original release is quoted as
1,494.

In these files two actions, `pick up with two hands` and `drop trash`, have the very same poses in view 2 as in view 3:
of the 464 recordings that the usual protocol tests, 95 are also trained on. `xview` is that protocol; `xview_apart`
leaves the 95 out of training.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.layouts import KINECT20
from data_modules.readers.folds import fold_by, leave_one_subject_out
from data_modules.readers.formats.raw_file import read_bytes
from data_modules.readers.formats.text_file import decoded, to_float32
from data_modules.readers.reader import Fold, Index, Protocol, Reader
from data_modules.sequence import SkeletonSequence

# Not published. Who walks around moves 7 cm from frame to frame: a walk at 15 frames in a second, a run at 30.
FPS = 15.0
FOLDER = "all_sqe"
NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_v(\d\d)\.json")
NAME_IN_WORDS = "a01_s01_e00_v01.json"
TEST_VIEW = 3
# Eighty times the longest recording. What a file of this size becomes in memory is still bounded.
MAX_BYTES = 10_000_000

# By the number in a file's name; 7 and 10 are not used.
ACTIONS = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
LABELS = {action: label for label, action in enumerate(ACTIONS)}
CLASSES = tuple(ACTIONS.values())

# The view and the actions whose poses are those of the test view.
TWIN_VIEW, TWIN_ACTIONS = 2, (2, 3)


def cross_view_apart(index: Index) -> list[Fold]:
    """Views 1 and 2 against view 3, without the training recordings whose poses are tested."""
    twin = (index.camera == TWIN_VIEW) & np.isin(index.label, [LABELS[action] for action in TWIN_ACTIONS])
    return [Fold.where((index.camera != TEST_VIEW) & ~twin, index.camera == TEST_VIEW)]


class NwUclaReader(Reader):
    """The recordings of N-UCLA: one person, 10 actions; `camera` is the view."""

    name = "nw_ucla"
    folder = "nw_ucla"
    version = 1
    recordings = 1_484
    layout = KINECT20
    looked_for = f"{FOLDER}/{NAME_IN_WORDS} and the like"

    def __init__(self) -> None:
        self.protocols = {
            "xview": Protocol(CLASSES, fold_by(lambda index: index.camera != TEST_VIEW), mixes_subjects=True),
            "xview_apart": Protocol(CLASSES, cross_view_apart, mixes_subjects=True),
            "loso": Protocol(CLASSES, leave_one_subject_out),
        }

    def files(self, root: Path) -> Iterator[Path]:
        return (path for path in sorted((root / FOLDER).glob("*.json")) if self.recognises(path))

    def recognises(self, path: Path) -> bool:
        return NAME.fullmatch(path.name) is not None

    def read(self, path: Path) -> list[SkeletonSequence | UnreadableRecordingError]:
        """One recording. Frames in which all coordinates are zero are without the person."""
        action, subject, replication, view = _ids(path)
        content = _parsed(path)
        for key, expected in (("file_name", path.stem), ("label", float(LABELS[action] + 1))):
            if type(content.get(key)) is not type(expected) or content[key] != expected:
                raise UnreadableRecordingError(path, f"expected {key} {_shown(expected)}, as the file is called")
        joints = _joints(path, content.get("skeletons"))
        valid = (joints != 0).any(axis=(1, 2))
        if not valid.any():
            raise UnreadableRecordingError(path, f"nobody in any of the {len(joints)} frames")
        sequence = SkeletonSequence(
            joints=joints[:, None],
            valid=valid[:, None],
            label=LABELS[action],
            sample_id=path.stem,
            layout=self.layout,
            fps=FPS,
            subject=subject,
            camera=view,
            replication=replication,
        )
        return [sequence]


def _ids(path: Path) -> tuple[int, int, int, int]:
    """Action, subject, replication and view."""
    name = NAME.fullmatch(path.name)
    action, subject, replication, view = map(int, name.groups()) if name else (0, 0, 0, 0)
    if action not in LABELS:
        numbers = ", ".join(map(str, LABELS))
        raise UnreadableRecordingError(path, f"expected a file with a name like {NAME_IN_WORDS}, of action {numbers}")
    return action, subject, replication, view


def _shown(value: str | float) -> str:
    return repr(value) if isinstance(value, str) else f"{value:.0f}"


def _parsed(path: Path) -> dict[str, Any]:
    """The JSON object in a file, with every number a float. Raises UnreadableRecordingError where there is none."""
    text = decoded(path, read_bytes(path, MAX_BYTES))
    try:
        # A whole number may have any number of digits; as a float it has a bounded size.
        content = json.loads(text, parse_int=float)
    except json.JSONDecodeError as error:
        raise UnreadableRecordingError(path, f"is no JSON ({error.msg})", error.lineno) from error
    except RecursionError as error:
        raise UnreadableRecordingError(path, "is nested too deeply") from error
    if not isinstance(content, dict):
        raise UnreadableRecordingError(path, "expected a JSON object with file_name, skeletons and label")
    return content


def _joints(path: Path, skeletons: Any) -> NDArray[np.float32]:
    """(T, V, C), metres. Raises UnreadableRecordingError for the first frame that does not fit."""
    if not isinstance(skeletons, list) or not skeletons:
        raise UnreadableRecordingError(path, "expected a list of skeletons, one for each frame")
    for number, skeleton in enumerate(skeletons, 1):
        if not _is_skeleton(skeleton):
            problem = f"expected {KINECT20.num_joints} joints of 3 numbers in frame {number} of {len(skeletons)}"
            raise UnreadableRecordingError(path, problem)
    joints = to_float32(np.array(skeletons, np.float64))
    finite = np.isfinite(joints).all(axis=(1, 2))
    if not finite.all():
        problem = f"expected finite coordinates in frame {finite.argmin() + 1} of {len(skeletons)}"
        raise UnreadableRecordingError(path, problem)
    return joints


def _is_skeleton(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) == KINECT20.num_joints
        and all(isinstance(joint, list) and len(joint) == 3 for joint in found)
        and all(type(value) is float for joint in found for value in joint)
    )


NW_UCLA = NwUclaReader()
