"""The films of the demo world: limbs are where the joints are, and the real readers find films and poses together.

Axes: T frames, M persons, V the 25 joints of the demo bodies, H rows, W columns.
"""

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from data_modules.demo import write_demo
from data_modules.demo.bodies import JOINT, grow_body, place_joints, rest
from data_modules.demo.film import BONES, Prop, background, busier_hand, draw, dress, shown, write_film, write_pictures
from data_modules.demo.film_writers import PROPS
from data_modules.demo.penn_action import ACTIONS, TWINS
from data_modules.demo.sensor import project
from data_modules.errors import DataError
from data_modules.films import open_film
from data_modules.prepare import prepare
from data_modules.readers import READERS
from data_modules.settings import VideoSettings
from data_modules.transcode import small_films
from data_modules.video_pose import VideoPoseDataModule

SIZE = (160, 120)
LENS = (131.0, 131.0, 80.0, 60.0)
RED_DISC, RED_BOX = Prop("disc", (255, 0, 0)), Prop("box", (255, 0, 0))
FILMED = {
    "demo": "*_rgb.avi",
    "florence3d": "GestureRecording_*.avi",
    "penn_action": "000001.jpg",
    "finegym99": "*.mp4",
}


def standing(frames: int = 20) -> np.ndarray:
    """(T, 1, V, 2): somebody with arms held away from the body, who lifts the right one."""
    posture = rest(frames)
    posture.wrists[:] = (0.30, -0.10, 0.0)
    posture.wrists[:, 1, 1] += np.linspace(0, 0.3, frames)
    posture.legs[..., 1] = 0.3
    joints = place_joints(grow_body(np.random.default_rng(0)), posture)
    seen = (joints - (0.0, 0.85, 0.0)) * (1, 1, -1) + (0.0, 0.0, 2.6)
    return project(seen, LENS)[:, None]


def filmed(pixels: np.ndarray, seed: int = 0, prop: Prop | None = None, person: int = 0) -> np.ndarray:
    look = dress(np.random.default_rng(person), prop)
    return draw(pixels, [look] * pixels.shape[1], SIZE, np.random.default_rng(seed))


def test_the_pixel_of_a_joint_has_the_colour_of_its_limb() -> None:
    pixels, look = standing(), dress(np.random.default_rng(0))
    frames = filmed(pixels)
    checked = 0
    for wear, start, end, _ in BONES:
        for joint in (start, end):
            # Where limbs meet, the one that is painted last is seen.
            last = [bone[0] for bone in BONES if joint in bone[1:3]][-1]
            if last != wear or joint in ("left_shoulder", "right_shoulder", "left_hip", "right_hip"):
                continue
            for frame, (x, y) in zip(frames, pixels[:, 0, JOINT[joint]], strict=True):
                assert tuple(frame[round(y), round(x)]) == getattr(look, wear), joint
                checked += 1
    assert checked > 300


def test_a_limb_is_everything_near_its_bone() -> None:
    """A forearm, pixel by pixel."""
    pixels, look = standing(1), dress(np.random.default_rng(0))
    start, end = (pixels[0, 0, JOINT[f"left_{joint}"]] for joint in ("elbow", "wrist"))
    (frame,) = filmed(pixels)
    height = np.linalg.norm(pixels[0, 0, JOINT["spine_shoulder"]] - pixels[0, 0, JOINT["spine_base"]]) / 0.285
    for y in range(SIZE[1]):
        for x in range(SIZE[0]):
            along = np.clip(np.dot((x, y) - start, end - start) / np.dot(end - start, end - start), 0, 1)
            distance = np.linalg.norm((x, y) - start - along * (end - start))
            if distance < 0.022 * height - 0.01 and 0 < along < 1:
                assert tuple(frame[y, x]) == look.skin


def test_the_background_is_noise_that_stands_still() -> None:
    frames = filmed(standing())
    corner = frames[:, :20, :40]
    assert (corner == corner[0]).all()
    assert corner[0].std() > 5
    assert (corner[0] != filmed(standing(), seed=1)[0, :20, :40]).mean() > 0.5
    assert background((33, 21), np.random.default_rng(0)).shape == (21, 33, 3)


def test_a_seed_decides_every_pixel() -> None:
    assert (filmed(standing(), seed=4) == filmed(standing(), seed=4)).all()
    assert (filmed(standing(), person=1) != filmed(standing(), person=2)).any()


def test_what_is_held_is_in_the_busier_hand_and_has_a_shape() -> None:
    pixels = standing()
    assert busier_hand(pixels[:, 0]) == "right_hand"
    areas = {}
    for prop in (RED_DISC, RED_BOX):
        is_red = (filmed(pixels, prop=prop) == prop.colour).all(axis=-1)
        areas[prop.shape] = is_red.sum() / len(is_red)
        for frame, hand in zip(is_red, pixels[:, 0, JOINT["right_hand"]], strict=True):
            middle = np.argwhere(frame).mean(axis=0)[::-1]
            np.testing.assert_allclose(middle, hand, atol=0.6)
    assert areas["disc"] / areas["box"] == pytest.approx(np.pi / 4, abs=0.08)


def test_people_who_leave_the_picture_are_cut_off() -> None:
    empty = filmed(standing() + 1000)
    for shift, is_seen in (((1000.0, 0.0), False), ((0.0, -1000.0), False), ((60.0, 50.0), True)):
        frames = filmed(standing() + np.array(shift))
        assert frames.shape == (20, 120, 160, 3)
        assert (frames != empty).any() == is_seen


def test_a_film_may_have_fewer_frames_and_be_smaller() -> None:
    pixels = np.arange(9.0)[:, None, None, None] + np.zeros((9, 1, 25, 2))
    small = shown(pixels, (320, 240), (160, 120), 3)
    np.testing.assert_allclose(small[:, 0, 0, 0], (np.array([1, 4, 7]) + 0.5) / 2 - 0.5)


def test_written_films_show_what_was_drawn(tmp_path: Path) -> None:
    frames = filmed(standing())
    write_film(tmp_path / "film.avi", frames, 10)
    write_pictures(tmp_path / "pictures", frames)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir())[::19] == ["000001.jpg", "000020.jpg"]
    for path in (tmp_path / "film.avi", tmp_path / "pictures"):
        film = open_film(path)
        assert film.frames == 20
        read = film.read(range(20)).astype(float)
        assert np.abs(read - frames).mean() < 6
        moved = (frames[0] != frames[-1]).any(axis=-1)
        assert np.abs(read[0] - frames[0])[moved].mean() < np.abs(read[0] - frames[-1])[moved].mean() / 3


def test_hundreds_of_frames_a_second() -> None:
    pixels = standing(100)
    start = time.process_time()
    filmed(pixels)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("dataset", FILMED)
def test_a_demo_with_films_has_one_for_every_recording(dataset: str, tmp_path: Path) -> None:
    root = write_demo(dataset, tmp_path, clips=40, seed=0, films=True)
    reader = READERS[dataset]
    store = prepare(reader, root, tmp_path / "outputs")
    assert store.problems == ()
    assert len(list(root.rglob(FILMED[dataset]))) == len(store)
    for position, video in enumerate(store.index.video.tolist()):
        film = open_film(root / reader.folder / video)
        recorded = store.index.recorded_frames[position] or store.frames[position]
        assert film.frames == (-(-recorded // 3) if dataset == "demo" else recorded)
    protocol = next(iter(reader.protocols))
    settings = VideoSettings(dataset, protocol, clip_len=6, short_side=90, crop=88, persons=2)
    films = small_films(root / reader.folder, tmp_path, 90)
    data = VideoPoseDataModule(store, films, reader.protocols[protocol], settings, 8, 0)
    contrast = [_contrast(batch.frames, batch.pixels, batch.visible) for batch in data.test_dataloader()]
    assert np.mean(contrast) > 1.5


def _contrast(frames: torch.Tensor, pixels: torch.Tensor, visible: torch.Tensor) -> float:
    """How much more colour there is at the joints than anywhere: bodies are coloured, and what is behind them grey."""
    colour = frames.float().std(dim=2)
    x, y = pixels.round().long().clamp(0, colour.shape[-1] - 1).unbind(dim=-1)
    clip, time_ = torch.meshgrid(torch.arange(len(x)), torch.arange(x.shape[2]), indexing="ij")
    at_joints = colour[clip[:, None, :, None], time_[:, None, :, None], y, x]
    return float(at_joints[visible].mean() / colour.mean())


@pytest.mark.parametrize("dataset", FILMED)
def test_films_do_not_change_the_recordings(dataset: str, tmp_path: Path) -> None:
    def recordings(root: Path) -> dict[str, str]:
        kinds = (".skeleton", ".txt", ".mat", ".pkl")
        found = [path for path in root.rglob("*") if path.suffix in kinds]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    bare = recordings(write_demo(dataset, tmp_path / "bare", clips=6, seed=0))
    with_films = recordings(write_demo(dataset, tmp_path / "films", clips=6, seed=0, films=True))
    assert bare.items() <= with_films.items()
    assert len(with_films) == len(bare) or dataset == "penn_action"


def test_two_classes_of_penn_action_differ_only_in_what_is_held() -> None:
    by_motion = {action.perform: action.name for action in ACTIONS}
    pairs = {(by_motion[twin.perform], twin.name) for twin in TWINS}
    assert pairs == {("tennis_forehand", "baseball_swing"), ("baseball_pitch", "tennis_serve")}
    assert all(PROPS[first] != PROPS[second] for first, second in pairs)


def test_a_demo_with_films_is_another_demo(tmp_path: Path) -> None:
    write_demo("demo", tmp_path, clips=4, seed=0)
    assert not list(tmp_path.rglob("*.avi"))
    write_demo("demo", tmp_path, clips=4, seed=0, films=True)
    (film, *others) = sorted(tmp_path.rglob("*.avi"))
    assert len(others) == 3
    made = film.stat().st_ctime_ns
    write_demo("demo", tmp_path, clips=4, seed=0, films=True)
    assert film.stat().st_ctime_ns == made
    write_demo("demo", tmp_path, clips=4, seed=0)
    assert not film.exists()


def test_there_are_not_films_of_everything(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="the demo of shrec2017 has no films; there are films of demo, finegym99, florence3d"
    ):
        write_demo("shrec2017", tmp_path, clips=4, seed=0, films=True)
