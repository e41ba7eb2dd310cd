"""What is doubtful about readable recordings: each doubt shows where it was planted, and nowhere else.

Axes: N sequences, T frames, M persons, V joints, C coordinates.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_modules.errors import DataError
from data_modules.examine import dataset_problems, measures, store_problems
from data_modules.examine.divisions import division_problems
from data_modules.examine.measures import measure
from data_modules.examine.places import dataset_at, readers_of
from data_modules.layouts import Layout, layout_of
from data_modules.prepare import prepare
from data_modules.readers.own import own_reader
from data_modules.readers.reader import Fold, Index, Protocol
from data_modules.sequence import SkeletonSequence
from data_modules.store import Problem, Store, write_store
from tests.own_dataset import DESCRIPTION, JOINTS, movement, write_arrays, write_description, write_moves

BODY = layout_of("body", JOINTS, {str(number): [chain] for number, chain in enumerate(DESCRIPTION["bones"])})
FLAT = layout_of(
    "flat", JOINTS, {str(number): [chain] for number, chain in enumerate(DESCRIPTION["bones"])}, dimensions=2
)


def sequence(
    sample_id: str, x_TMVC: np.ndarray, valid: np.ndarray | None = None, layout: Layout = BODY, **known: Any
) -> SkeletonSequence:
    valid = np.ones(x_TMVC.shape[:2], bool) if valid is None else valid
    joints = (x_TMVC * valid[:, :, None, None]).astype(np.float32)
    return SkeletonSequence(joints, valid, sample_id=sample_id, layout=layout, **{"label": 0, "fps": 30.0, **known})


def moving(seed: int = 0, frames: int = 12) -> np.ndarray:
    return movement("wave", frames, seed)[:, None]


def stored(tmp_path: Path, *sequences: SkeletonSequence, layout: Layout = BODY) -> Store:
    return write_store(tmp_path / "store", layout, ("confidence", "pixels"), sequences)


def said(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    return [(problem.sample, problem.problem) for problem in problems]


def frozen() -> SkeletonSequence:
    x_TMVC = np.concatenate([moving(1), moving(2)], axis=1)
    x_TMVC[:, 1] = x_TMVC[0, 1]
    return sequence("odd", x_TMVC)


def lost() -> SkeletonSequence:
    valid = np.ones((12, 2), bool)
    valid[3:5] = False
    valid[8, 0] = False
    return sequence("odd", np.concatenate([moving(1), moving(2)], axis=1), valid)


def stuck_together() -> SkeletonSequence:
    x_TMVC = moving(1)
    x_TMVC[:, :, 4] = x_TMVC[:, :, 3]
    return sequence("odd", x_TMVC)


def stretching() -> SkeletonSequence:
    x_TMVC = moving(1)
    x_TMVC[::2, :, 6] += 2
    return sequence("odd", x_TMVC)


def damaged() -> SkeletonSequence:
    x_TMVC = moving(1)
    x_TMVC[2, 0, 3, 1] = np.nan
    return sequence("odd", x_TMVC)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: sequence("odd", moving(1, 1)), "only 1 frame"),
        (lambda: sequence("odd", moving(1, 3)), "only 3 frames"),
        (lost, "2 of 12 frames show nobody"),
        (frozen, "a person never moves"),
        (stuck_together, "the bone left_elbow–left_hand has no length in most frames"),
        (stretching, "the length of right_elbow–right_hand varies by"),
        (damaged, "numbers that are not finite"),
        (lambda: sequence("odd", 100 * moving(1)), "its longest bone measures"),
        (lambda: sequence("odd", moving(1), fps=0.0), "0.0 frames per second"),
        (
            lambda: sequence("odd", moving(1), confidence=np.full((12, 1, 9), 80, np.float32)),
            "confidences from 80 to 80",
        ),
    ],
)
def test_a_doubtful_recording(tmp_path: Path, make: Callable[[], SkeletonSequence], problem: str) -> None:
    fine = [sequence(f"fine{seed}", moving(seed)) for seed in range(10, 14)]
    (found,) = said(store_problems(stored(tmp_path, fine[0], fine[1], make(), *fine[2:])))
    assert found[0] == "odd"
    assert found[1].startswith(problem)


def test_chunks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stored(tmp_path, *(sequence(f"{seed}", moving(seed, 5 + seed)) for seed in range(9)), frozen(), lost())
    whole = measure(store)
    for chunk in (1, 30):
        monkeypatch.setattr(measures, "CHUNK", chunk)
        for name, array in vars(measure(store)).items():
            np.testing.assert_array_equal(array, getattr(whole, name), err_msg=name)


@pytest.mark.parametrize(
    ("factor", "problem"), [(1, None), (100, "centimetres"), (1000, "millimetres"), (0.001, "a far too small body")]
)
def test_units(tmp_path: Path, factor: float, problem: str | None) -> None:
    found = said(store_problems(stored(tmp_path, *(sequence(f"{seed}", factor * moving(seed)) for seed in range(3)))))
    assert len(found) == (problem is not None)
    assert problem is None or (found[0][0] == "all recordings" and problem in found[0][1])


def test_joints_outside_the_picture(tmp_path: Path) -> None:
    pixels = 200 + 100 * moving()[..., :2]
    size = {"image_width": 640, "image_height": 480, "layout": FLAT}
    unseen = pixels.copy()
    unseen[:, :, 0] = -5000
    confidence = np.ones(unseen.shape[:3], np.float32)
    confidence[:, :, 0] = 0
    sequences = [
        sequence("in", pixels, **size),
        sequence("out", pixels + 500, **size),
        sequence("unseen", unseen, confidence=confidence, **size),
        sequence("no size", pixels + 5000, layout=FLAT),
    ]
    found = said(store_problems(stored(tmp_path, *sequences, layout=FLAT)))
    assert [sample for sample, _ in found] == ["out"]
    assert "outside the picture" in found[0][1]


def test_shares_of_the_picture_are_no_pixels(tmp_path: Path) -> None:
    store = stored(tmp_path, sequence("first", moving()[..., :2] / 2, layout=FLAT), layout=FLAT)
    assert "shares of the picture, not pixels" in store_problems(store)[0].problem


def divided(labels: list[int], subjects: list[int], *folds: tuple[list[int], list[int]], **options: Any) -> list:
    index = Index.of(
        sample_id=np.array([f"r{position}" for position in range(len(labels))]),
        label=np.array(labels),
        subject=np.array(subjects),
        fps=np.full(len(labels), 30.0),
    )
    made = [Fold(np.array(train), np.array(test)) for train, test in folds]
    contents = np.array(options.get("contents", [str(position) for position in range(len(labels))]))
    protocol = Protocol(("a", "b"), lambda _: made, mixes_subjects=options.get("mixed", False))
    return said(division_problems(index, {options.get("name", "mine"): protocol}, contents))


def test_a_good_division_is_not_doubted() -> None:
    assert divided([0, 1, 0, 1], [1, 1, 2, 2], ([0, 1], [2, 3]), ([2, 3], [0, 1]), name="loso") == []
    assert divided([0, 1, 0, 1], [1, 2, 1, 2], ([0, 1], [2, 3]), mixed=True) == []


def test_classes() -> None:
    assert divided([0] * 4, [-1] * 4, ([0, 1], [2, 3])) == [("b", "the class has no recordings")]
    labels = [0] * 20 + [1] * 2
    assert divided(labels, [-1] * 22, ([*range(10), 20], [*range(10, 20), 21])) == [
        ("b", "the class has 2 recordings, the largest 20")
    ]
    assert divided([0, 1, 0, 1], [-1] * 4, ([0, 1, 3], [2])) == [("b", "mine has no test recordings of it")]
    assert divided([0, 1, 0, 1], [-1] * 4, ([0], [1, 2, 3])) == [("b", "mine has no training recordings of it")]


def test_subjects_on_both_sides() -> None:
    labels, subjects = [0, 1] * 4, [1, 1, 2, 2, 3, 3, 4, 4]
    (found,) = divided(labels, subjects, ([0, 1, 4], [2, 3, 5, 6, 7]))
    assert found == ("subject 3", "is in training and in test of mine")
    (found,) = divided(labels, [1, 2] * 4, ([0, 1, 2, 3], [4, 5, 6, 7]), name="xsub")
    assert found == ("subjects 1 and 2", "are in training and in test of xsub")
    (found,) = divided([0, 1] * 12, [*range(12)] * 2, ([*range(12)], [*range(12, 24)]))
    assert found[0] == "subjects 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert divided(labels, [-1] * 8, ([0, 1, 2, 3], [4, 5, 6, 7])) == []


def test_own_splits_that_mix_subjects(tmp_path: Path) -> None:
    splits = {
        "by_take": {"test": {"replication": [1]}},
        "each_take": {"leave_one_out": "replication"},
        "by_name": {"test": ["*/s4_r1"]},
        "loso": {"leave_one_out": "subject"},
    }
    reader = own_reader(write_moves(tmp_path / "own", splits=splits))
    found = said(dataset_problems(reader, prepare(reader, tmp_path, tmp_path / "outputs")))
    assert found == [
        ("subjects 1, 2, 3 and 4", "are in training and in test of by_take"),
        ("subject 4", "is in training and in test of by_name"),
    ]
    alone = own_reader(write_moves(tmp_path / "alone", files="{class}/{name}", splits=None))
    assert dataset_problems(alone, prepare(alone, tmp_path, tmp_path / "outputs")) == []


def test_files_that_look_like_recordings_are_counted(tmp_path: Path) -> None:
    root = write_moves(tmp_path / "own")
    for name in (
        "wave/s1_r8.npy",
        "kick/s1_r9.NPY",
        "wave/deeper/a.json",
        "notes.txt",
        "other/b.mat",
        ".git/wave/c.txt",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    reader = own_reader(root)
    assert said(dataset_problems(reader, prepare(reader, tmp_path, tmp_path / "outputs"))) == [
        ("wave/deeper/a.json", "1 .json file of this kind not read"),
        ("kick/s1_r9.NPY", "2 .npy files of this kind not read"),
    ]


def test_the_same_poses_twice() -> None:
    contents = ["x", "y", "x", "z"]
    (found,) = divided([0, 1, 0, 1], [-1] * 4, ([0, 1], [2, 3]), contents=contents)
    assert found == ("r0", "the same poses as r2; mine trains on one and tests on the other")
    (found,) = divided([0, 0, 0, 1, 1], [-1] * 5, ([0, 2, 3], [1, 4]), contents=[*contents, "w"])
    assert found == ("r0", "the same poses as r2")


def test_an_own_description_is_seen_with_its_recordings(tmp_path: Path) -> None:
    splits = {"mine": {"test": {"subject": [4, 7]}}, "named": {"test": ["*/s4_*", "nothing*"]}}
    root = write_moves(tmp_path / "own", fps=None, video="{class}{subject}.mp4", image_size=[64, 48], splits=splits)
    (root / "wave1.mp4").write_bytes(b"")
    two = np.stack([100 * movement("kick"), 100 * movement("wave") + 100], axis=1)
    write_arrays(root / "kick" / "s1_r0.npz", joints=two)
    reader = own_reader(root)
    found = said(dataset_problems(reader, prepare(reader, tmp_path, tmp_path / "outputs")))
    assert ("dataset.yaml", "no fps: 30 frames per second are assumed") in found
    assert ("dataset.yaml", "recordings show up to 2 persons, clips 1") in found
    assert ("splits.mine.test", "no recording fits subject 7") in found
    assert ("splits.named.test", "no recording fits 'nothing*'") in found
    assert ("kick/s2_r1", f"no film at {root / 'kick2.mp4'}") in found
    assert len([text for _, text in found if text.startswith("no film")]) == 22
    assert len(found) == 26


def test_what_lies_at_a_path(tmp_path: Path) -> None:
    root = write_description(tmp_path / "own")
    assert dataset_at(root) is own_reader(root)
    assert readers_of(root / "wave" / "s1_r1.npz")[0].name == "own"
    assert dataset_at(tmp_path) is None
    (root / "dataset.yaml").rename(root / "dataset.yml")
    with pytest.raises(DataError, match=r"dataset\.yml: call this file dataset\.yaml"):
        dataset_at(root)
    hand = tmp_path / "shrec2017" / "gesture_1" / "finger_1" / "subject_1" / "essai_1" / "skeletons_world.txt"
    assert readers_of(hand)[0].name == "shrec2017"
    (tmp_path / "shrec2017").mkdir()
    official = dataset_at(tmp_path / "shrec2017")
    assert official is not None
    assert official.name == "shrec2017"
