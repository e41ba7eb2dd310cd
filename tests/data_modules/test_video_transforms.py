"""Sampling, sizes, crops and mirrors of films, and the joints that follow them.

Axes: T frames, M persons, V joints, H rows, W columns.
"""

import numpy as np
import pytest

from data_modules.video_transforms import (
    crop_corner,
    crop_frames,
    film_frames,
    fit,
    hide_dots,
    inside,
    mirror,
    sample_times,
    scale_pixels,
    square_around,
)


def test_centres_of_equal_segments() -> None:
    assert sample_times(24, 12, None).tolist() == list(range(1, 24, 2))
    assert sample_times(12, 12, None).tolist() == list(range(12))
    assert sample_times(100, 4, None).tolist() == [12, 37, 62, 87]


@pytest.mark.parametrize("length", [1, 5, 12, 13, 100, 663])
def test_every_segment_gives_one_frame(length: int) -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([sample_times(length, 12, rng) for _ in range(2000)])
    edges = np.arange(13) * length / 12
    assert (drawn >= np.floor(edges[:-1])).all()
    assert (drawn < np.ceil(edges[1:])).all()
    assert (np.diff(drawn, axis=1) >= 0).all()
    assert set(drawn.ravel().tolist()) == set(range(length))


def test_a_generator_that_draws_its_highest_number() -> None:
    class Highest(np.random.Generator):
        def random(self, size: int) -> np.ndarray:  # type: ignore[override]
            return np.full(size, np.nextafter(1.0, 0.0))

    assert sample_times(663, 12, Highest(np.random.PCG64(0))).max() == 662


def test_equal_numbers_of_frames_are_the_same_frames() -> None:
    times = np.arange(103)
    assert film_frames(times, 103, 103).tolist() == times.tolist()


def test_a_film_of_another_rate_shows_the_same_time() -> None:
    assert film_frames(np.arange(9), 9, 3).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert film_frames(np.arange(3), 3, 9).tolist() == [1, 4, 7]
    assert film_frames(np.arange(102, 104), 103, 103).tolist() == [102, 102]


@pytest.mark.parametrize(
    ("size", "short_side", "fitted"),
    [
        ((320, 240), 256, (342, 256)),
        ((240, 320), 256, (256, 342)),
        ((1920, 1080), 128, (228, 128)),
        ((480, 270), 270, (480, 270)),
        ((10, 10), 64, (64, 64)),
        ((1001, 1000), 64, (64, 64)),
    ],
)
def test_the_short_side_fits(size: tuple[int, int], short_side: int, fitted: tuple[int, int]) -> None:
    assert fit(*size, short_side) == fitted


def test_pixels_are_scaled_by_the_half_pixel_rule() -> None:
    corners = np.array([[-0.5, -0.5], [319.5, 239.5], [159.5, 119.5]], np.float32)
    scaled = scale_pixels(corners, (320, 240), (96, 64))
    assert scaled.tolist() == [[-0.5, -0.5], [95.5, 63.5], [47.5, 31.5]]
    assert scaled.dtype == np.float32


def test_crops_are_in_the_middle_or_anywhere() -> None:
    assert crop_corner((342, 256), 224, None) == (59, 16)
    rng = np.random.default_rng(0)
    corners = {crop_corner((6, 5), 4, rng) for _ in range(200)}
    assert corners == {(x, y) for x in range(3) for y in range(2)}
    frames = np.arange(5 * 6).reshape(1, 5, 6, 1).repeat(3, axis=3).astype(np.uint8)
    assert crop_frames(frames, (2, 1), 4)[0, :, :, 0].tolist() == [
        [row * 6 + 2 + c for c in range(4)] for row in range(1, 5)
    ]


def test_inside_is_on_a_pixel_of_the_picture() -> None:
    pixels = np.array([[-0.5, 0], [-0.51, 0], [7.49, 5.49], [7.5, 5], [3, 5.5], [np.inf, 0]], np.float32)
    assert inside(pixels, (8, 6)).tolist() == [True, False, True, False, False, False]


def test_a_mirror_turns_pictures_and_joints_alike_and_back() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (2, 5, 7, 3)).astype(np.uint8)
    pixels = rng.uniform(0, 5, (2, 1, 3, 2)).astype(np.float32)
    visible = rng.random((2, 1, 3)) > 0.5
    turned = mirror(frames, frames.shape[2], pixels, visible, [(0, 2)])
    assert (turned[0] == frames[:, :, ::-1]).all()
    np.testing.assert_allclose(turned[1][:, :, 0, 0], 6 - pixels[:, :, 2, 0])
    np.testing.assert_allclose(turned[1][..., 1], pixels[:, :, ::-1, 1])
    assert (turned[2] == visible[:, :, ::-1]).all()
    for again, before in zip(
        mirror(turned[0], frames.shape[2], *turned[1:], [(0, 2)]), (frames, pixels, visible), strict=True
    ):
        np.testing.assert_allclose(again, before, atol=1e-6)


def test_a_square_holds_all_that_is_seen_and_lies_in_the_picture() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.uniform((30, 10), (70, 90), (6, 1, 5, 2)).astype(np.float32)
    visible = np.ones((6, 1, 5), np.bool_)
    pixels[0, 0, 0], visible[0, 0, 0] = (150, 0), False
    (x, y), side = square_around(pixels, visible, (160, 120), None)
    seen = pixels[visible] - np.array([x, y])
    assert (seen > -0.5).all()
    assert (seen < side - 0.5).all()
    assert 1.2 * np.ptp(seen[:, 1]) < side < 1.3 * np.ptp(seen[:, 1])
    drawn = {square_around(pixels, visible, (160, 120), rng) for _ in range(20)}
    assert len(drawn) > 10
    assert all(x >= 0 and y >= 0 and x + side <= 160 and y + side <= 120 for (x, y), side in drawn)


def test_a_square_around_nobody_is_the_middle_of_the_picture() -> None:
    nobody = np.zeros((2, 1, 3, 2), np.float32), np.zeros((2, 1, 3), np.bool_)
    assert square_around(*nobody, (160, 120), None) == ((20, 0), 120)


def test_dots_of_pure_colours_are_hidden_and_the_rest_is_left() -> None:
    frames = np.random.default_rng(0).integers(90, 110, (2, 40, 50, 3)).astype(np.uint8)
    dotted = frames.copy()
    dotted[1, 18:22, 30:34] = (255, 250, 10)
    hidden = hide_dots(dotted)
    assert abs(hidden[1, 18:22, 30:34].astype(int) - 100).max() < 6
    changed = (hidden != frames).any(axis=(0, 3))
    assert not changed[:14].any()
    assert not changed[:, :26].any()
    assert (hide_dots(frames) == frames).all()
