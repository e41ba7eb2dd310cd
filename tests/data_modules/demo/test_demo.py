"""The demo world: repeatable, in the official formats, and with every class where a protocol needs it."""

import hashlib
import json
import re
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from data_modules import demo
from data_modules.demo import write_demo
from data_modules.demo.hands import GESTURES, gesture
from data_modules.demo.mutual import NTU60_ACTIONS, NTU120_ACTIONS
from data_modules.demo.ntu_rgbd import Performance, perform, schedule
from data_modules.demo.sensor import place_camera, record
from data_modules.demo.shrec2017 import TEST_SUBJECTS
from data_modules.demo.shrec2017 import schedule as schedule_hands
from data_modules.errors import DataError
from data_modules.layouts import HAND22, NTU25, Layout
from data_modules.readers import READERS
from tests.helpers import only

DATASETS = ("ntu60", "ntu120", "demo", "shrec2017")
FINGER_CLASSES = {(number + 1, finger) for number in range(len(GESTURES)) for finger in (1, 2)}


def digest(root: Path) -> dict[str, str]:
    """Every recording's and list's path and content; not the stamp, which names the seed, nor the lock."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "demo.json" and path.suffix != ".lock"
    }


def bone_lengths(joints: np.ndarray, layout: Layout) -> np.ndarray:
    """(T, V, 3) -> (T, bones)"""
    child, parent = np.array(layout.bones).T
    return np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_seed_decides_every_byte(dataset: str, tmp_path: Path) -> None:
    first, again, other = (
        digest(write_demo(dataset, tmp_path / name, clips=10, seed=seed))
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    assert first == again
    recordings = [name for name in first if name.endswith((".skeleton", "world.txt"))]
    assert len(recordings) == 10
    assert all(first[name] != other[name] for name in recordings)


def test_a_recording_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    few = digest(write_demo("demo", tmp_path / "few", clips=38, seed=0))
    many = digest(write_demo("demo", tmp_path / "many", clips=60, seed=0))
    assert few.items() <= many.items()


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_reader_reads_everything(dataset: str, tmp_path: Path) -> None:
    reader = READERS[dataset]
    paths = reader.find(write_demo(dataset, tmp_path, clips=60, seed=1))
    assert len(paths) == 60
    for sequence in (only(reader.read(path)) for path in paths):
        assert np.isfinite(sequence.joints).all()
        assert sequence.valid[:, 0].sum() >= 8
        assert sequence.layout is reader.layout


def test_mutual_actions_have_two_people_and_others_one(tmp_path: Path) -> None:
    reader = READERS["ntu60"]
    mutual = {action.number for action in NTU60_ACTIONS if action.persons == 2}
    sequences = [only(reader.read(path)) for path in reader.find(write_demo("ntu60", tmp_path, clips=76, seed=2))]
    as_expected = [(s.valid.any(0).sum() == 2) == (s.label + 1 in mutual) for s in sequences]
    assert np.mean(as_expected) > 0.95  # phantoms may now and then pass for a person, as in the original


def test_the_official_text_of_a_recording(tmp_path: Path) -> None:
    paths = sorted((write_demo("ntu60", tmp_path, clips=38, seed=0) / "ntu_rgbd").rglob("*.skeleton"))
    for path in paths:
        assert re.fullmatch(r"S0(0\d|1[0-7])C00[123]P\d{3}R00[12]A0\d\d", path.stem)
        lines = path.read_text().splitlines()
        at = 1
        for _ in range(int(lines[0])):
            bodies, at = int(lines[at]), at + 1
            for _ in range(bodies):
                assert len(lines[at].split()) == 10
                assert lines[at + 1] == "25"
                assert all(len(line.split()) == 12 for line in lines[at + 2 : at + 27])
                at += 27
        assert at == len(lines)
        assert 32 <= int(lines[0]) <= 300


def test_pixels_agree_with_metres(tmp_path: Path) -> None:
    path = next((write_demo("ntu60", tmp_path, clips=2, seed=0) / "ntu_rgbd").rglob("*.skeleton"))
    rows = np.array([line.split() for line in path.read_text().splitlines() if line.count(" ") == 11], float)
    slopes, centres = np.polyfit(rows[:, 0] / rows[:, 2], rows[:, 5], 1)
    assert slopes == pytest.approx(1052, abs=1)
    assert centres == pytest.approx(976, abs=1)
    lengths = np.linalg.norm(rows[:, 7:11], axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-3) | (lengths == 0))


@pytest.mark.parametrize("actions", [NTU60_ACTIONS, NTU120_ACTIONS], ids=["ntu60", "ntu120"])
@pytest.mark.parametrize("clips", [84, 300, 3000])
def test_all_classes_train_and_test_in_every_protocol(actions: tuple, clips: int) -> None:
    recordings = schedule(actions, clips)
    names = [performance.name(camera) for performance, camera in recordings]
    assert len(set(names)) == clips
    reader = READERS["ntu60" if actions is NTU60_ACTIONS else "ntu120"]
    training_subjects = {1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18} | set(range(45, 59))
    divisions = {
        "xsub": [performance.performer in training_subjects for performance, _ in recordings],
        "xview": [camera != 1 for _, camera in recordings],
        "xset": [performance.setup % 2 == 0 for performance, _ in recordings],
    }
    for training in divisions.values():
        for wanted in (True, False):
            numbers = [p.action.number for (p, _), side in zip(recordings, training, strict=True) if side is wanted]
            assert set(numbers) == {action.number for action in actions}
            assert len(numbers) >= 0.3 * clips
    assert all(
        performance.setup <= reader.max_setup and (performance.setup > 17) == (performance.action.number > 60)
        for performance, _ in recordings
    )


@pytest.mark.parametrize("clips", [84, 300, 2800])
def test_all_gestures_train_and_test(clips: int) -> None:
    trials = schedule_hands(clips)
    assert len(set(trials)) == clips
    for testing in (True, False):
        assert {trial[:2] for trial in trials if (trial[2] in TEST_SUBJECTS) is testing} == FINGER_CLASSES


def test_the_official_lists_of_gestures(tmp_path: Path) -> None:
    folder = write_demo("shrec2017", tmp_path, clips=60, seed=0) / "shrec2017"
    lines = [line for name in ("train", "test") for line in (folder / f"{name}_gestures.txt").read_text().splitlines()]
    assert len(lines) == 60
    for line in lines:
        number, finger, subject, essai, coarse, fine, frames = map(int, line.split())
        assert (coarse, fine) == (number, 2 * (number - 1) + finger)
        path = folder / f"gesture_{number}/finger_{finger}/subject_{subject}/essai_{essai}/skeletons_world.txt"
        assert np.loadtxt(path).shape == (frames, 66)


@pytest.mark.parametrize("action", NTU120_ACTIONS, ids=lambda action: action.name)
def test_bodies_are_rigid_stand_on_the_floor_and_are_as_many_as_act(action) -> None:
    bodies = perform(Performance(action, setup=1, performer=1, replication=1), seed=0)
    assert len(bodies) == action.persons
    for joints in bodies:
        lengths = bone_lengths(joints, NTU25)
        assert np.ptp(lengths, axis=0).max() < 1e-9
        assert lengths.min() > 0.02
        assert joints[..., 1].min() == pytest.approx(0.0, abs=1e-9)
        assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.35  # metres per frame


def test_sitting_down_ends_lower_and_standing_up_higher() -> None:
    actions = {action.number: action for action in NTU60_ACTIONS}
    for number, sign in ((8, -1), (9, 1)):
        (joints,) = perform(Performance(actions[number], setup=1, performer=2, replication=1), seed=0)
        assert sign * (joints[-1, 3, 1] - joints[0, 3, 1]) > 0.2


def test_hands_are_rigid() -> None:
    for number, finger in FINGER_CLASSES:
        clean, noisy = gesture(number, finger, 40, np.random.default_rng(0), np.random.default_rng(1))
        assert np.ptp(bone_lengths(clean, HAND22), axis=0).max() < 1e-9
        assert 0 < np.abs(noisy - clean).max() < 0.05


def test_cameras_see_the_person_in_front_of_them_and_make_mistakes() -> None:
    (joints,) = perform(Performance(NTU60_ACTIONS[0], setup=1, performer=1, replication=1), seed=0)
    tracks = [
        record([joints], place_camera(camera, setup), np.random.default_rng(setup))
        for camera in (1, 2, 3)
        for setup in range(1, 33)
    ]
    assert all(2.0 < track.joints[..., 2].mean() < 6.0 for found in tracks for track in found)
    assert sum(len(found) > 1 for found in tracks) > 5
    assert sum(max(len(track.frames) for track in found) < len(joints) for found in tracks) > 5
    assert any((track.state == 1).any() for found in tracks for track in found)


def test_a_complete_demo_is_left_alone_and_another_is_replaced(tmp_path: Path) -> None:
    write_demo("demo", tmp_path, clips=6, seed=0)
    stamp = tmp_path / "demo" / "demo.json"
    before = stamp.stat().st_mtime_ns
    assert write_demo("demo", tmp_path, clips=6, seed=0) == tmp_path
    assert stamp.stat().st_mtime_ns == before
    write_demo("demo", tmp_path, clips=8, seed=0)
    assert json.loads(stamp.read_text())["clips"] == 8
    assert len(list((tmp_path / "demo").rglob("*.skeleton"))) == 8


def test_an_interrupted_or_damaged_demo_is_redone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(folder: Path, stamp: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("data_modules.demo._write_stamp", killed)
        with pytest.raises(KeyboardInterrupt):
            write_demo("demo", tmp_path, clips=6, seed=0)
    assert not (tmp_path / "demo").exists()
    write_demo("demo", tmp_path, clips=6, seed=0)
    whole = digest(tmp_path / "demo")
    next((tmp_path / "demo").rglob("*.skeleton")).unlink()
    write_demo("demo", tmp_path, clips=6, seed=0)
    assert digest(tmp_path / "demo") == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == [".demo.lock", "demo"]


def test_another_machine_may_write_the_same_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose locks do not hold here: what it finishes first stays."""
    real, inodes = demo._write_stamp, []

    def meanwhile(folder: Path, stamp: dict[str, object]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(demo, "_write_stamp", real)
            patch.setattr(demo, "FileLock", lambda path: nullcontext())
            write_demo("demo", tmp_path, clips=6, seed=0)
        inodes.append((tmp_path / "demo").stat().st_ino)
        real(folder, stamp)

    monkeypatch.setattr(demo, "_write_stamp", meanwhile)
    write_demo("demo", tmp_path, clips=6, seed=0)
    assert [(tmp_path / "demo").stat().st_ino] == inodes
    assert sorted(path.name for path in tmp_path.iterdir()) == [".demo.lock", "demo"]


def test_what_a_killed_writer_left_is_removed_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / ".demo.unfinished-left"
    left.mkdir()
    write_demo("demo", tmp_path, clips=6, seed=0)
    assert left.exists()
    monkeypatch.setattr("data_modules.leftovers.ABANDONED_AFTER", 0)
    write_demo("demo", tmp_path, clips=8, seed=0)
    assert not left.exists()


def test_real_recordings_are_never_replaced(tmp_path: Path) -> None:
    real = tmp_path / "ntu_rgbd" / "nturgb+d_skeletons" / "S001C001P001R001A001.skeleton"
    real.parent.mkdir(parents=True)
    real.write_text("0\n")
    with pytest.raises(DataError, match="no demo"):
        write_demo("ntu60", tmp_path, clips=6, seed=0)
    assert real.read_text() == "0\n"


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ntu61"):
        write_demo("ntu61", tmp_path, clips=6, seed=0)
    for dataset in DATASETS:
        for clips in (0, 10**6):
            with pytest.raises(DataError, match="recordings"):
                write_demo(dataset, tmp_path, clips=clips, seed=0)


def test_it_writes_a_thousand_clips_a_minute(tmp_path: Path) -> None:
    start = time.process_time()
    write_demo("demo", tmp_path, clips=38, seed=0)
    assert time.process_time() - start < 38 * 60 / 1000
