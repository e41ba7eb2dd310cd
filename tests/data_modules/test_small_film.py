"""What decord reads of the films that we write is what PyAV reads of them."""

from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import UnreadableRecordingError
from data_modules.films import open_film, write_video
from data_modules.small_film import SmallFilm
from data_modules.transcode import GOP, QUALITY

FRAMES = 30


def write(path: Path, width: int, height: int) -> Path:
    """Coarse noise, another in every frame."""
    coarse = np.random.default_rng(width).integers(0, 255, (FRAMES, 6, 8, 3)).astype(np.uint8)
    pictures = coarse.repeat(height // 6 + 1, axis=1).repeat(width // 8 + 1, axis=2)[:, :height, :width]
    write_video(path, pictures, 30, GOP, "mp4", QUALITY)
    return path


@pytest.mark.parametrize(("width", "height"), [(16, 12), (96, 72), (170, 128), (128, 226), (342, 256)])
def test_the_same_frames_in_any_order(tmp_path: Path, width: int, height: int) -> None:
    path = write(tmp_path / "film.mp4", width, height)
    numbers = np.random.default_rng(0).permutation(FRAMES).tolist()
    small, reference = SmallFilm(path), open_film(path)
    assert small.frames == reference.frames == FRAMES
    for short_side in (None, min(width, height), 64):
        np.testing.assert_array_equal(small.read(numbers, short_side), reference.read(numbers, short_side))
    np.testing.assert_array_equal(small.picture(7), reference.picture(7))


@pytest.mark.parametrize("kept", [0, 40, 2000])
def test_a_damaged_one_is_one_error(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "film.mp4", 128, 96)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnreadableRecordingError, match="film"):
        SmallFilm(path).read([0, FRAMES - 1])
