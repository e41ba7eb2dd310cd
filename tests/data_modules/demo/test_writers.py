"""The demo worlds of all datasets: repeatable, in the official files, and read back by the real readers as they were.

Axes: T frames, M persons, V joints, C coordinates.
"""

import hashlib
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_modules.demo import (
    FOLDERS,
    berkeley_mhad,
    florence3d,
    nw_ucla,
    penn_action,
    pose_pickles,
    sbu_kinect,
    sysu_3d,
    ut_kinect,
    write_demo,
)
from data_modules.demo.retarget import retarget
from data_modules.demo.sensor import project
from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.layouts import FLORENCE15, KINECT20, MHAD20, PENN13, SBU15
from data_modules.readers import READERS
from data_modules.readers.reader import Index
from data_modules.sequence import SkeletonSequence
from tests.data_modules.demo.conftest import NTU_CLIPS, NTU_PICKLES, least

# How many recordings there are when one and when 130 are asked for, and how many classes.
SIZES = {
    "ut_kinect": (199, 199, 10),
    "ut_kinect_official": (199, 199, 10),
    "sbu_kinect": (40, 128, 8),
    "sysu_3d": (108, 126, 9),
    "berkeley_mhad": (22, 132, 11),
    "nw_ucla": (40, 130, 10),
    "florence3d": (36, 126, 9),
    "penn_action": (18, 126, 9),
    "finegym99": (16, 128, 8),
    "kinetics400": (20, 130, 10),
}
PICKLES = ("finegym99", "kinetics400", *NTU_PICKLES)
DATASETS = (*SIZES, *NTU_PICKLES)


def read(dataset: str, root: Path) -> tuple[list[SkeletonSequence], list[UnreadableRecordingError]]:
    found = [sequence for path in READERS[dataset].find(root) for sequence in READERS[dataset].read(path)]
    errors = [sequence for sequence in found if isinstance(sequence, UnreadableRecordingError)]
    return [sequence for sequence in found if isinstance(sequence, SkeletonSequence)], errors


def digests(root: Path) -> dict[str, str]:
    """Every file's path and content, except the stamp and the lock."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "demo.json" and path.suffix != ".lock"
    }


def test_every_dataset_has_a_demo() -> None:
    assert set(FOLDERS) == set(READERS)
    assert all(FOLDERS[name] == reader.folder for name, reader in READERS.items())


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "ut_kinect_official"])
def test_a_seed_decides_every_byte(dataset: str, tmp_path: Path, small: Callable[[str], Path]) -> None:
    again, other = (
        digests(write_demo(dataset, tmp_path / str(seed), clips=least(dataset), seed=seed)) for seed in (0, 1)
    )
    assert again == digests(small(dataset))
    assert again.keys() == other.keys()
    assert all(again[name] != other[name] for name in again)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_reader_reads_everything(dataset: str, small: Callable[[str], Path]) -> None:
    sequences, errors = read(dataset, small(dataset))
    expected = SIZES[dataset][0] if dataset in SIZES else NTU_CLIPS
    assert len(sequences) == len({sequence.sample_id for sequence in sequences}) == expected
    # As in the original, one label of UT-Kinect is missing.
    assert len(errors) == dataset.startswith("ut_kinect")
    for sequence in sequences:
        assert np.isfinite(sequence.joints).all()
        assert sequence.valid.mean() > 0.9
        assert sequence.layout is READERS[dataset].layout
        assert 10 <= len(sequence.joints) <= 300


@pytest.mark.parametrize("dataset", [name for name in SIZES if not name.startswith("ut_kinect")])
def test_more_are_the_same_and_further_ones(dataset: str, tmp_path: Path, small: Callable[[str], Path]) -> None:
    few = {sequence.sample_id: sequence for sequence in read(dataset, small(dataset))[0]}
    many = {s.sample_id: s for s in read(dataset, write_demo(dataset, tmp_path, clips=130, seed=0))[0]}
    assert len(many) == SIZES[dataset][1]
    assert len({sequence.label for sequence in many.values()}) == SIZES[dataset][2]
    for name, sequence in few.items():
        np.testing.assert_array_equal(sequence.joints, many[name].joints)
        assert sequence.label == many[name].label


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_protocol_trains_and_tests_every_class(dataset: str, small: Callable[[str], Path]) -> None:
    sequences, _ = read(dataset, small(dataset))
    columns = ("label", "fps", "subject", "camera", "setup", "replication", "split")
    known = {name: np.array([getattr(sequence, name) for sequence in sequences]) for name in columns}
    index = Index.of(np.array([sequence.sample_id for sequence in sequences]), **known)
    classes = set(index.label.tolist())
    assert len(classes) == SIZES[dataset][2] if dataset in SIZES else len(classes) >= 22
    for name, protocol in READERS[dataset].protocols.items():
        folds = protocol.folds(index)
        assert folds
        for fold in folds:
            assert set(index.label[fold.train].tolist()) == classes
            # One sequence is left out at a time in `loo`.
            assert name == "loo" or set(index.label[fold.test].tolist()) == classes


def assert_same_joints(dataset: str, root: Path, expected: list[np.ndarray], tolerance: float) -> None:
    """The reader's joints are the expected ones, recording by recording, in whatever order."""
    sequences, _ = read(dataset, root)
    assert len(sequences) == len(expected)
    left = list(expected)
    for sequence in sequences:
        distances = [
            np.abs(sequence.joints - joints).max() if joints.shape == sequence.joints.shape else np.inf
            for joints in left
        ]
        assert min(distances) < tolerance
        left.pop(int(np.argmin(distances)))


def test_sbu_comes_back(small: Callable[[str], Path]) -> None:
    pairs = [sbu_kinect.left_to_right(footage.seen) for _, _, footage in sbu_kinect.recordings(1, 0)]
    expected = [retarget(pair, SBU15) for pair in pairs]
    assert_same_joints("sbu_kinect", small("sbu_kinect"), expected, 1e-3)
    for sequence in read("sbu_kinect", small("sbu_kinect"))[0]:
        assert sequence.valid.all()
        assert (sequence.joints[:, 0, 2, 0].mean() > sequence.joints[:, 1, 2, 0].mean()).all()


def test_sysu_comes_back(small: Callable[[str], Path]) -> None:
    expected = [retarget(footage.seen, KINECT20) for _, _, footage in sysu_3d.recordings(1, 0)]
    assert_same_joints("sysu_3d", small("sysu_3d"), expected, 1e-6)


def test_nw_ucla_comes_back(small: Callable[[str], Path]) -> None:
    expected = [retarget(footage.seen, KINECT20) for _, _, footage in nw_ucla.recordings(1, 0)]
    assert_same_joints("nw_ucla", small("nw_ucla"), expected, 1e-5)


def test_berkeley_mhad_comes_back(small: Callable[[str], Path]) -> None:
    expected = [retarget(joints, MHAD20)[:, None] for _, _, joints in berkeley_mhad.recordings(1, 0)]
    assert_same_joints("berkeley_mhad", small("berkeley_mhad"), expected, 1e-4)


def test_florence_comes_back_without_the_first_frame(small: Callable[[str], Path]) -> None:
    footages = [recording.footage for recording in florence3d.recordings(1, 0)]
    expected = [retarget(footage.seen, FLORENCE15)[1:] for footage in footages]
    assert_same_joints("florence3d", small("florence3d"), expected, 1e-6)
    sequences, _ = read("florence3d", small("florence3d"))
    assert {sequence.first_frame for sequence in sequences} == {1}
    assert sorted(s.recorded_frames for s in sequences) == sorted(len(footage.seen) for footage in footages)
    shown = sorted(project(retarget(f.seen, FLORENCE15)[1:], florence3d.LENS).mean() for f in footages)
    assert sorted(float(s.pixels.mean()) for s in sequences if s.pixels is not None) == pytest.approx(shown, abs=0.01)


def test_penn_comes_back_to_half_a_step_of_its_grid(small: Callable[[str], Path]) -> None:
    for recording in penn_action.recordings(1, 0):
        (sequence,) = READERS["penn_action"].read(
            small("penn_action") / "penn_action" / "labels" / f"{recording.number:04}.mat"
        )
        assert isinstance(sequence, SkeletonSequence)
        assert sequence.confidence is not None
        pixels = project(retarget(recording.footage.seen, PENN13), penn_action.LENS)
        visible = sequence.confidence > 0
        assert 0.5 < visible.mean() < 1.0 or visible.all()
        assert np.abs(sequence.joints - pixels)[visible].max() <= penn_action.GRID / 2 + 1e-4
        assert (sequence.joints[visible] >= -0.5).all()
        assert (sequence.joints[visible] <= (480, 270)).all()
        assert (sequence.image_width, sequence.image_height) == (480, 270)
        assert (sequence.split == "train") is recording.trains


def test_ut_kinect_comes_back_but_for_lost_skeletons(small: Callable[[str], Path]) -> None:
    sequences = {sequence.sample_id: sequence for sequence in read("ut_kinect", small("ut_kinect"))[0]}
    for take, footage in ut_kinect.recordings(subject=3, episode=2, seed=0):
        read_joints = sequences[f"s03_e02_{take.action.name}"].joints
        joints = retarget(footage.seen, KINECT20)
        frame = np.abs(read_joints[:, None] - joints[None]).max((2, 3, 4)).argmin(1)
        assert (np.diff(frame) >= 1).all()
        assert np.abs(read_joints - joints[frame]).max() < 1e-5
        assert 0.7 * len(joints) < len(frame) < len(joints)


@pytest.mark.parametrize("dataset", PICKLES)
def test_pickles_come_back_to_half_precision(dataset: str, small: Callable[[str], Path]) -> None:
    (path,) = (path for path in small(dataset).rglob("*.pkl"))
    content = pickle.loads(path.read_bytes())
    sequences = {sequence.sample_id: sequence for sequence in read(dataset, small(dataset))[0]}
    assert len(content["annotations"]) == len(sequences)
    for annotation in content["annotations"]:
        sequence = sequences[annotation["frame_dir"]]
        assert annotation["keypoint"].dtype == np.float16
        np.testing.assert_array_equal(sequence.joints, annotation["keypoint"].transpose(1, 0, 2, 3))
        assert sequence.label == annotation["label"]
        if dataset not in ("ntu60_3d", "ntu120_3d"):
            np.testing.assert_array_equal(sequence.confidence, annotation["keypoint_score"].transpose(1, 0, 2))
            assert (sequence.image_height, sequence.image_width) == annotation["img_shape"]


def test_keypoints_are_where_the_bodies_are(small: Callable[[str], Path]) -> None:
    """The same performances in space and in the picture: joints of the same name agree, to half precision."""
    in_space, in_picture = ({s.sample_id: s for s in read(name, small(name))[0]} for name in ("ntu60_3d", "ntu60_2d"))
    assert in_space.keys() == in_picture.keys()
    for name, sequence in in_picture.items():
        wrist, ankle = (in_space[name].joints[:, :, joint].astype(float) for joint in (6, 18))
        expected = np.stack([project(joint, pose_pickles.COLOUR_LENS) for joint in (wrist, ankle)], 2)
        assert np.abs(sequence.joints[:, :, [9, 16]] - expected).max() < 3.0


@pytest.mark.parametrize("dataset", DATASETS)
def test_what_cannot_be_written_is_refused(dataset: str, tmp_path: Path) -> None:
    for clips in (0, -1, 10**6):
        with pytest.raises(DataError, match="recordings"):
            write_demo(dataset, tmp_path, clips=clips, seed=0)


@pytest.mark.parametrize("dataset", DATASETS)
def test_it_writes_a_thousand_clips_a_minute(dataset: str, tmp_path: Path) -> None:
    start = time.process_time()
    write_demo(dataset, tmp_path, clips=least(dataset), seed=2)
    clips = SIZES[dataset][0] if dataset in SIZES else NTU_CLIPS
    assert time.process_time() - start < clips * 60 / 1000
