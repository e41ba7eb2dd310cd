"""SYSU 3D HOI: a tree of .mat files as loaders describe it. (No official recording was at hand.)"""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from data_modules.errors import DatasetMissingError, UnreadableRecordingError
from data_modules.layouts import KINECT20
from data_modules.readers.reader import Index
from data_modules.readers.sysu_3d import CLASSES, SYSU_3D, random_halves, train_subjects
from tests.helpers import only

# What the generator of seed 0 draws; written down so that no change of it goes unseen.
FIRST_HALF = [3, 4, 5, 6, 8, 9, 10, 12, 13, 16, 21, 25, 26, 27, 28, 31, 33, 35, 36, 38]


def body(num_frames: int = 6, seed: int = 0) -> np.ndarray:
    """Joints (20, 3, T), as the files have them."""
    return np.random.default_rng(seed).normal(0, 0.5, (20, 3, num_frames)) + np.array([0, 0, 2.5])[:, None]


def write_body(root: Path, person: str, video: int, joints: object) -> Path:
    path = root / person / f"video{video}" / "sklWorld.mat"
    path.parent.mkdir(parents=True)
    savemat(path, {"SW": joints, "other": "not read"})
    return path


@pytest.mark.parametrize("outer", ["3DvideoNorm", "."])
def test_recordings(tmp_path: Path, outer: str) -> None:
    root = tmp_path / "sysu_3d" / outer
    for seed, (person, video) in enumerate([("10", 1), ("2", 12), ("2", 3)]):
        write_body(root, person, video, body(seed=seed))
    (root / "2" / "videos").mkdir()
    sequences = [only(SYSU_3D.read(path)) for path in SYSU_3D.find(tmp_path)]
    assert [s.sample_id for s in sequences] == ["2_video03", "2_video12", "10_video01"]
    assert [(s.label, s.subject) for s in sequences] == [(2, 1), (11, 1), (0, 2)]
    for seed, sequence in zip((2, 1, 0), sequences, strict=True):
        assert (sequence.layout, sequence.fps, sequence.split) == (KINECT20, 30.0, "")
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints[:, 0], body(seed=seed).transpose(2, 0, 1), rtol=1e-6)


def test_persons_may_have_names(tmp_path: Path) -> None:
    paths = [write_body(tmp_path, person, 1, body()) for person in ("zhao", "chen", "li")]
    (tmp_path / "a folder of no person").mkdir()
    assert [only(SYSU_3D.read(path)).subject for path in paths] == [3, 1, 2]


def test_frames_of_zeros_show_nobody(tmp_path: Path) -> None:
    joints = body()
    joints[..., [0, 4]] = 0
    sequence = only(SYSU_3D.read(write_body(tmp_path, "1", 1, joints)))
    assert sequence.valid[:, 0].tolist() == [False, True, True, True, False, True]


@pytest.mark.parametrize(
    ("joints", "problem"),
    [
        (np.zeros((20, 3, 5)), "nobody in any of the 5 frames"),
        (np.ones((20, 3)), "expected 'SW' to be numbers of 20 x 3 x any, found double of 20 x 3"),
        (np.ones((25, 3, 4)), "found double of 25 x 3 x 4"),
        (np.ones((20, 3, 0)), "found double of 20 x 3 x 0"),
        (np.full((20, 3, 4), np.nan), "expected finite numbers in 'SW'"),
        (np.full((20, 3, 4), 1e300), "a joint is more than 1000 m away"),
        ("text", "expected 'SW' to be numbers"),
        ({"joints": 1}, "found struct"),
    ],
)
def test_damaged_recordings(tmp_path: Path, joints: object, problem: str) -> None:
    path = write_body(tmp_path, "1", 1, joints)
    with pytest.raises(UnreadableRecordingError, match=problem):
        SYSU_3D.read(path)


@pytest.mark.parametrize("video", [0, 13, 99999999999])
def test_videos_of_no_action(tmp_path: Path, video: int) -> None:
    path = write_body(tmp_path, "1", video, body())
    with pytest.raises(UnreadableRecordingError, match=f"folder video1 to video12, not 'video{video}'"):
        SYSU_3D.read(path)


def test_the_dataset_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "sysu_3d" / "3DvideoNorm").mkdir(parents=True)
    with pytest.raises(DatasetMissingError, match=r"looked for 3DvideoNorm/PERSON/videoK/sklWorld\.mat"):
        SYSU_3D.find(tmp_path)


def whole_index(subjects: range) -> Index:
    """Every action of each subject."""
    subject = np.repeat(np.array(subjects), 12)
    ids = np.array([f"{person}_{number}" for number, person in enumerate(subject)])
    label = np.tile(np.arange(12), len(subjects))
    return Index.of(ids, label=label, subject=subject, fps=np.full(len(ids), 30.0))


def test_random_halves() -> None:
    index = whole_index(range(1, 41))
    folds = random_halves(index)
    assert len(folds) == 30
    assert len({tuple(fold.train) for fold in folds}) == 30
    for fold in folds:
        assert (len(fold.train), len(fold.test)) == (240, 240)
        assert not set(index.subject[fold.train]) & set(index.subject[fold.test])
    # Over 30 halves each subject trains in about 15.
    times = np.bincount(np.concatenate([index.subject[fold.train][::12] for fold in folds]), minlength=41)[1:]
    assert times.min() >= 5
    assert times.max() <= 25


def test_a_half_depends_on_its_number_alone() -> None:
    assert train_subjects(0) == FIRST_HALF
    fewer = whole_index(range(1, 11))
    assert set(fewer.subject[random_halves(fewer)[0].train]) == {3, 4, 5, 6, 8, 9, 10}


def test_classes() -> None:
    assert len(set(CLASSES)) == 12
    assert SYSU_3D.protocols["random_halves"].classes == CLASSES
