"""Films and folders of pictures: the frames that were asked for, and damaged ones as one clear error.

Axes: T frames, H rows, W columns.
"""

import os
import random
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.films import open_film, resize, write_video

FRAMES, WIDTH, HEIGHT = 40, 64, 48


def numbered(frames: int = FRAMES, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(T, H, W, 3) of one grey each, which says the frame's number."""
    return np.broadcast_to(
        (40 + 4 * np.arange(frames, dtype=np.uint8))[:, None, None, None], (frames, height, width, 3)
    )


def number_in(picture: np.ndarray) -> int:
    return round((picture.mean() - 40) / 4)


def write_folder(folder: Path, pictures: np.ndarray, name: str = "{:06}.jpg") -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures, 1):
        Image.fromarray(picture).save(folder / name.format(number))
    return folder


@pytest.fixture
def film(tmp_path: Path) -> Path:
    write_video(tmp_path / "film.mp4", numbered(), 20, 8, "mp4", 20)
    return tmp_path / "film.mp4"


@pytest.fixture
def real_clips() -> Path:
    folder = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (folder / "rgb_clips").is_dir():
        pytest.skip("needs DATA_ROOT with the folder rgb_clips")
    return folder


@pytest.mark.parametrize("container", ["mp4", "avi"])
@pytest.mark.parametrize("gop", [1, 12, 250])
def test_a_video_gives_the_frames_asked_for(tmp_path: Path, container: str, gop: int) -> None:
    path = tmp_path / f"film.{container}"
    write_video(path, numbered(), 20, gop, container, 20)
    film = open_film(path)
    assert film.frames == FRAMES
    asked = [30, 3, 3, 39, 0, 17]
    read = film.read(asked)
    assert (read.dtype, read.shape) == (np.uint8, (6, HEIGHT, WIDTH, 3))
    assert [number_in(picture) for picture in read] == asked


@pytest.mark.parametrize("name", ["{:06}.jpg", "frame {}.png", "{:05}.JPEG"])
def test_a_folder_is_a_film_in_the_order_of_its_names(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path / "frames", numbered(), name)
    (folder / "joints.txt").write_text("no picture")
    film = open_film(folder)
    assert film.frames == FRAMES
    assert [number_in(picture) for picture in film.read([30, 3, 39, 0])] == [30, 3, 39, 0]


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[..., 0], picture[..., 1] = 200, 100
    write_video(tmp_path / "film.avi", [picture] * 3, 20, 8, "avi", 10)
    folder = write_folder(tmp_path / "frames", np.stack([picture] * 3), "{}.png")
    for path in (tmp_path / "film.avi", folder):
        assert np.abs(open_film(path).read([1]).reshape(-1, 3).mean(axis=0) - (200, 100, 0)).max() < 6


def test_grey_pictures_and_those_with_transparency_are_read_as_colours(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    Image.new("L", (8, 6), 77).save(folder / "1.png")
    Image.new("RGBA", (8, 6), (77, 77, 77, 10)).save(folder / "2.png")
    assert (open_film(folder).read([0, 1]) == 77).all()


def test_frames_are_resized_while_they_are_read(film: Path) -> None:
    assert open_film(film).read([0, 1], short_side=24).shape == (2, 24, 32, 3)
    assert open_film(film).read([0, 1], short_side=96).shape == (2, 96, 128, 3)


def test_resizing_keeps_the_centre_of_mass_by_the_half_pixel_rule() -> None:
    picture = np.zeros((90, 120, 3), np.uint8)
    picture[40:50, 60:66] = 250
    small = resize(picture, (80, 60))[..., 0].astype(float)
    x = (small.sum(axis=0) * np.arange(80)).sum() / small.sum()
    y = (small.sum(axis=1) * np.arange(60)).sum() / small.sum()
    assert x == pytest.approx((62.5 + 0.5) * 80 / 120 - 0.5, abs=0.02)
    assert y == pytest.approx((44.5 + 0.5) * 60 / 90 - 0.5, abs=0.02)


@pytest.mark.parametrize("name", ["film.mp4", "film.avi"])
@pytest.mark.parametrize("content", [b"", b"\n", b"this is no film " * 1000, os.urandom(5000)], ids=lambda c: len(c))
def test_files_that_are_no_film(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableRecordingError, match=f"{name}: the film (is damaged|has no frames)"):
        open_film(tmp_path / name)


def test_a_film_that_ends_early(tmp_path: Path, film: Path) -> None:
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    with pytest.raises(UnreadableRecordingError, match=r"film\.mp4: the film is damaged") as error:
        open_film(film)
    assert error.value.path == film
    write_video(tmp_path / "film.avi", numbered(), 20, 8, "avi", 20)
    data = (tmp_path / "film.avi").read_bytes()
    (tmp_path / "film.avi").write_bytes(data[: data.index(b"idx1") - 900])
    with pytest.raises(UnreadableRecordingError, match=r"film\.avi: the film ends after \d+ of 40 frames"):
        open_film(tmp_path / "film.avi")


def test_a_playlist_is_no_film(tmp_path: Path) -> None:
    write_video(tmp_path / "secret.mp4", numbered(3), 20, 8, "mp4", 20)
    playlists = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.mp4\n",
    )
    for text in playlists:
        (tmp_path / "film.avi").write_text(text)
        with pytest.raises(UnreadableRecordingError, match="the film is damaged, or of an unknown kind"):
            open_film(tmp_path / "film.avi")


def test_a_film_of_enormous_frames(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_modules.films.MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(UnreadableRecordingError, match=r"film\.mp4: (64x48 pixels are more|frame 0 of 40 is damaged)"):
        open_film(film).read([0])


def test_films_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecordingError, match="the film is not there"):
        open_film(tmp_path / "film.avi")
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "notes.txt").write_text("-")
    with pytest.raises(UnreadableRecordingError, match="frames: the film has no frames"):
        open_film(tmp_path / "frames")


def test_a_damaged_film_ends_in_frames_or_in_one_error(tmp_path: Path) -> None:
    rng = random.Random(0)
    noise = np.random.default_rng(0).integers(0, 255, (FRAMES, HEIGHT, WIDTH, 3)).astype(np.uint8)
    refused = 0
    for attempt in range(24):
        path = tmp_path / f"film.{('mp4', 'avi')[attempt % 2]}"
        write_video(path, noise, 20, 8, path.suffix[1:], 30)
        data = bytearray(path.read_bytes())
        if attempt % 3:
            # The beginning, where the counts and sizes stand, and anywhere else.
            for _ in range(60):
                data[rng.randrange(600 if attempt % 3 == 1 else len(data))] = rng.randrange(256)
        else:
            del data[rng.randrange(len(data)) :]
        path.write_bytes(data)
        start = time.monotonic()
        try:
            film = open_film(path)
            assert film.read([0, film.frames // 2, film.frames - 1]).dtype == np.uint8
        except UnreadableRecordingError as error:
            assert "\n" not in str(error)
            refused += 1
        assert time.monotonic() - start < 10
    assert 4 < refused < 24


def test_damaged_pictures(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "frames", numbered(4))
    (folder / "000002.jpg").write_bytes((folder / "000002.jpg").read_bytes()[:300])
    (folder / "000003.jpg").write_text("no picture")
    film = open_film(folder)
    assert number_in(film.picture(0)) == 0
    for number in (1, 2):
        with pytest.raises(UnreadableRecordingError, match=rf"00000{number + 1}\.jpg: the picture is damaged"):
            film.read([0, number])


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_says_it_is_enormous(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    folder = tmp_path / "frames"
    folder.mkdir()
    header = struct.pack(">IIBBBBB", 13_000, 13_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    (folder / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data))
    with pytest.raises(UnreadableRecordingError, match=r"1\.png: 13000x13000 pixels are more than any film"):
        open_film(folder).read([0])


def test_pictures_of_different_size(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "frames", numbered(3))
    Image.new("RGB", (WIDTH, HEIGHT + 2)).save(folder / "000002.jpg")
    with pytest.raises(UnreadableRecordingError, match="frame 1 is 64x50 pixels and others are 64x48"):
        open_film(folder).read([0, 1])


def test_a_film_of_a_phone_that_was_held_upright(tmp_path: Path) -> None:
    frames = np.zeros((4, HEIGHT, WIDTH, 3), np.uint8)
    frames[:, :8, :16] = 200  # in the upper left corner, which a quarter turn clockwise makes the upper right one
    film = tmp_path / "film.mp4"
    write_video(film, frames, 20, 8, "mp4", 20)
    head, track, rest = film.read_bytes().partition(b"tkhd")
    header = bytearray(rest)
    for at, value in ((40, 0), (44, 1), (52, -1), (56, 0)):  # the matrix of the track's header, in 16.16 fixed numbers
        struct.pack_into(">i", header, at, 2**16 * value)
    film.write_bytes(head + track + bytes(header))
    picture = open_film(film).picture(2)
    assert picture.shape == (WIDTH, HEIGHT, 3)
    assert picture[:12, -6:].mean() > 150
    assert picture[20:].mean() < 20


def test_the_missing_library_is_named(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DataError, match="pip install av"):
        open_film(film)


def test_the_real_clips(real_clips: Path) -> None:
    folder = real_clips / "rgb_clips" / "jhmdb_goalkeeping_sample"
    (video,), (pictures,) = folder.rglob("*.avi"), {path.parent for path in folder.rglob("00001.png")}
    from_video, from_pictures = open_film(video), open_film(pictures)
    assert from_video.frames == from_pictures.frames == 40
    asked = [0, 13, 39]
    difference = from_video.read(asked).astype(float) - from_pictures.read(asked)
    assert np.abs(difference).mean() < 4


def test_the_real_film_of_ntu(real_clips: Path) -> None:
    path = real_clips / "ntu_rgbd" / "nturgb+d_rgb" / "S001C001P001R001A001_rgb.avi"
    if not path.is_file():
        pytest.skip("needs the film in DATA_ROOT/ntu_rgbd/nturgb+d_rgb")
    film = open_film(path)
    assert film.frames == 103
    assert film.read([0, 50, 102], short_side=128).shape == (3, 128, 228, 3)
