"""Small films: made once, whole or not at all, from any kind of film; the same frames, at another size."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from data_modules import transcode
from data_modules.errors import UnreadableRecordingError
from data_modules.films import open_film
from data_modules.layouts import PENN13
from data_modules.prepare import prepare
from data_modules.readers import READERS
from data_modules.settings import VideoSettings
from data_modules.store import Store, open_store, write_store
from data_modules.transcode import GOP, prepare_films, small_films
from data_modules.video_pose import VideoPoseDataModule
from tests.films import BLUE, FRAMES, RED, XSUB, dots, draw_dots, find_dot, path_of, write_dots, write_film

VIDEOS = ("a.avi", "deep/b.mp4", "pictures/c", "a.avi", "", "e.avi")
MADE = ("a.avi.mp4", "deep/b.mp4.mp4", "e.avi.mp4", "pictures/c.mp4")
SIDE = 60


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return write_dots(tmp_path, VIDEOS)


def made_in(root: Path) -> dict[str, int]:
    """Everything in the folder of small films, and when it was made."""
    folder = small_films(root / "data", root / "outputs", SIDE).small
    found = {path.relative_to(folder).as_posix(): path.stat().st_ctime_ns for path in folder.rglob("*")}
    return {name: made for name, made in found.items() if (folder / name).is_file()}


def make(store: Store, root: Path, workers: int = 0) -> list[str]:
    return [problem.problem for problem in prepare_films(store, root / "data", root / "outputs", SIDE, workers)]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_film_is_made_small(store: Store, tmp_path: Path, workers: int) -> None:
    assert make(store, tmp_path, workers) == []
    assert tuple(sorted(made_in(tmp_path))) == MADE
    films = small_films(tmp_path / "data", tmp_path / "outputs", SIDE)
    for video in set(VIDEOS) - {""}:
        assert films.path(video).name == f"{Path(video).name}.mp4"
        original, small = open_film(films.originals / video), open_film(films.path(video))
        assert small.frames == original.frames == FRAMES
        for number in (0, 11, 12, FRAMES - 1):
            picture, pattern = small.picture(number), original.picture(number)
            assert picture.shape == (60, 80, 3)
            expected = (find_dot(pattern, 0) + 0.5) / 2 - 0.5
            np.testing.assert_allclose(find_dot(picture, 0), expected, atol=0.5)


def test_key_frames_are_near(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path)
    with av.open(str(small_films(tmp_path / "data", tmp_path / "outputs", SIDE).path("a.avi"))) as film:
        keys = [number for number, packet in enumerate(film.demux(video=0)) if packet.size and packet.is_keyframe]
    assert keys[0] == 0
    assert max(np.diff([*keys, FRAMES])) <= GOP


def test_finished_films_are_kept_and_changed_ones_made_anew(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path)
    before = made_in(tmp_path)
    make(store, tmp_path)
    assert made_in(tmp_path) == before
    film = tmp_path / "data" / "e.avi"
    write_film(film, draw_dots(path_of(9)))
    os.utime(film, ns=(1, 1))
    films = small_films(tmp_path / "data", tmp_path / "outputs", SIDE)
    assert films.path("e.avi") == film
    make(store, tmp_path)
    after = made_in(tmp_path)
    assert {name for name in MADE if after[name] != before[name]} == {"e.avi.mp4"}
    expected = (path_of(9)[3] + 0.5) / 2 - 0.5
    np.testing.assert_allclose(find_dot(open_film(films.path("e.avi")).picture(3), 0), expected, atol=0.5)


def test_small_films_serve_where_the_originals_are_gone(store: Store, tmp_path: Path) -> None:
    make(store, tmp_path)
    (tmp_path / "data" / "a.avi").unlink()
    assert small_films(tmp_path / "data", tmp_path / "outputs", SIDE).path("a.avi").name == "a.avi.mp4"
    assert make(store, tmp_path) == []


def test_an_interrupted_call_leaves_whole_films_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(done: int, total: int) -> None:
        assert total == len(MADE)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_films(store, tmp_path / "data", tmp_path / "outputs", SIDE, progress=killed)
    before = made_in(tmp_path)
    assert tuple(sorted(before)) == MADE[:2]

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("data_modules.transcode._date", full)
        with pytest.raises(OSError, match="No space left"):
            make(store, tmp_path)
    assert made_in(tmp_path) == before
    folder = small_films(tmp_path / "data", tmp_path / "outputs", SIDE).small
    (folder / "pictures").mkdir(exist_ok=True)
    left = folder / "pictures" / ".c.mp4.part"
    left.write_bytes(b"half a film")
    os.utime(left, (1, 1))  # as a film that is about to be finished
    assert make(store, tmp_path) == []
    assert left.exists()  # another machine may be at it
    monkeypatch.setattr("data_modules.leftovers.ABANDONED_AFTER", 0)
    assert make(store, tmp_path) == []
    after = made_in(tmp_path)
    assert tuple(sorted(after)) == MADE
    assert before.items() <= after.items()


def test_another_machine_may_make_the_same_film(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose locks do not hold here: it finishes a film while this one is at it."""
    real = transcode.write_video

    def meanwhile(part: Path, *how: Any) -> None:
        real(part, *how)
        with monkeypatch.context() as patch:
            patch.setattr(transcode, "write_video", real)
            patch.setattr(transcode, "FileLock", lambda path: nullcontext())
            assert make(store, tmp_path) == []

    monkeypatch.setattr(transcode, "write_video", meanwhile)
    assert make(store, tmp_path) == []
    assert tuple(sorted(made_in(tmp_path))) == MADE


def prepare_in_another_process(root: Path) -> list[str]:
    return make(open_store(root / "store"), root)


def test_two_processes_at_once(store: Store, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(prepare_in_another_process, [tmp_path, tmp_path])) == [[], []]
    assert tuple(sorted(made_in(tmp_path))) == MADE


def test_damaged_films_are_reported_remembered_and_left_out(tmp_path: Path) -> None:
    store = write_dots(tmp_path, ["0.mp4", "1.mp4", "pictures/2", "3.mp4", "4.mp4", "5.mp4"])
    (tmp_path / "data" / "1.mp4").write_bytes(b"no film")
    picture = tmp_path / "data" / "pictures" / "2" / "015.png"
    whole = picture.read_bytes()
    picture.write_bytes(whole[:100])
    (tmp_path / "data" / "5.mp4").unlink()
    for _ in range(2):
        problems = make(store, tmp_path)
        assert len(problems) == 3
        assert "1.mp4: the film is damaged, or of an unknown kind" in problems[0]
        assert "5.mp4: the film is not there" in problems[1]
        assert "the picture is damaged" in problems[2]
    assert set(made_in(tmp_path)) == {
        "0.mp4.mp4",
        "3.mp4.mp4",
        "4.mp4.mp4",
        "1.mp4.unreadable",
        "pictures/2.unreadable",
    }
    films = small_films(tmp_path / "data", tmp_path / "outputs", SIDE)
    settings = VideoSettings("dots", "xsub", clip_len=4, short_side=SIDE, crop=48)
    data = VideoPoseDataModule(store, films, XSUB, settings, 2, 0)
    assert data.train.tolist() == [0, 3]
    # A folder bears another time of writing when a file in it is replaced by a whole one.
    picture.unlink()
    picture.write_bytes(whole)
    os.utime(picture.parent, ns=(1, 1))
    assert len(make(store, tmp_path)) == 2
    assert "pictures/2.mp4" in made_in(tmp_path)
    assert VideoPoseDataModule(store, films, XSUB, settings, 2, 0).train.tolist() == [0, 2, 3]


@pytest.mark.parametrize("video", ["../outside.mp4", "/etc/film.mp4", "a/../../outside.mp4"])
def test_films_outside_of_the_dataset_are_refused(tmp_path: Path, video: str) -> None:
    write_film(tmp_path / "outside.mp4", draw_dots(path_of(0)))
    (tmp_path / "data").mkdir()
    store = write_store(tmp_path / "store", PENN13, ("confidence",), [dots(video, 0)])
    (problem,) = make(store, tmp_path)
    assert "the film lies outside of the dataset's folder" in problem
    assert not made_in(tmp_path)
    with pytest.raises(UnreadableRecordingError, match="outside of the dataset's folder"):
        small_films(tmp_path / "data", tmp_path / "outputs", SIDE).path(video)


def test_the_data_module_reads_small_films_and_joints_stay_on_their_dots(tmp_path: Path) -> None:
    store = write_dots(tmp_path, ["0.mp4", "1.avi", "pictures/2", "3.mp4", "4.mp4", "5.mp4"])
    make(store, tmp_path)
    for original in ("4.mp4", "5.mp4"):
        (tmp_path / "data" / original).unlink()
    films = small_films(tmp_path / "data", tmp_path / "outputs", SIDE)
    settings = VideoSettings("dots", "xsub", clip_len=6, short_side=SIDE, crop=48)
    (batch,) = VideoPoseDataModule(store, films, XSUB, settings, 2, 0).test_dataloader()
    for clip in range(2):
        for time_, picture in enumerate(batch.frames[clip].permute(0, 2, 3, 1).numpy()):
            for joint, channel in ((RED, 0), (BLUE, 2)):
                where = batch.pixels[clip, 0, time_, joint].numpy()
                np.testing.assert_allclose(find_dot(picture, channel), where, atol=0.5)


def test_the_real_films_of_florence(tmp_path: Path) -> None:
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / "florence3d" / "rgb").is_dir():
        pytest.skip("needs DATA_ROOT with the folder florence3d and its films in rgb")
    store = prepare(READERS["florence3d"], data_root, tmp_path)
    assert len(store) == 215
    films = [open_film(data_root / "florence3d" / video) for video in store.index.video.tolist()]
    assert [film.frames for film in films] == store.index.recorded_frames.tolist()
    assert sum(film.frames for film in films) == 4016
    few = write_store(tmp_path / "few", PENN13, (), [dots(video, 0) for video in store.index.video[:5].tolist()])
    start = time.monotonic()
    assert prepare_films(few, data_root / "florence3d", tmp_path, 128) == []
    assert time.monotonic() - start < 20
    made = small_films(data_root / "florence3d", tmp_path, 128)
    assert [open_film(made.path(v)).frames for v in few.index.video.tolist()] == [film.frames for film in films[:5]]
