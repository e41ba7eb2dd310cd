"""Random changes of skeletons. Axes: T frames, M persons, V joints, C coordinates."""

import numpy as np
import pytest

from data_modules.augmentation import Joints, augmented, rotation, with_noise


def skeletons(channels: int = 3) -> Joints:
    x = np.random.default_rng(0).normal(size=(6, 2, 25, channels)).astype(np.float32)
    x[2:, 1] = 0  # the second person leaves
    return x


def change_of(degrees: float, spread: float, dimensions: int, seed: int) -> np.ndarray:
    """The matrix by which column vectors are changed, read off the axes."""
    axes = np.eye(3, dtype=np.float32).reshape(3, 1, 1, 3)
    return augmented(axes, np.random.default_rng(seed), degrees, spread, dimensions)[:, 0, 0].T


def expected_rotation(degrees: np.ndarray) -> np.ndarray:
    """R_z R_y R_x on column vectors."""
    a, b, c = np.deg2rad(degrees)
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return np.linalg.multi_dot([about_z, about_y, about_x])


@pytest.mark.parametrize("degrees", [(0, 0, 0), (17, 0, 0), (0, -17, 0), (0, 0, 90), (10, -5, 160)], ids=str)
def test_rotation(degrees: tuple[float, ...]) -> None:
    np.testing.assert_allclose(rotation(np.array(degrees, float)), expected_rotation(np.array(degrees)), atol=1e-12)


@pytest.mark.parametrize(
    ("degrees", "point", "turned"),
    [
        ((90, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 90, 0), (0, 0, 1), (1, 0, 0)),
        ((0, 0, 90), (1, 0, 0), (0, 1, 0)),
        ((90, 90, 0), (0, 1, 0), (1, 0, 0)),
    ],
)
def test_which_way_it_turns(degrees: tuple[float, ...], point: tuple[float, ...], turned: tuple[float, ...]) -> None:
    np.testing.assert_allclose(rotation(np.array(degrees, float)) @ point, turned, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_clips_are_turned_as_a_whole_by_what_is_drawn(seed: int) -> None:
    x = skeletons()
    turned = augmented(x, np.random.default_rng(seed), 17.0, 0.0, 3)
    drawn = expected_rotation(np.random.default_rng(seed).uniform(-17, 17, 3))
    for place in np.ndindex(x.shape[:3]):
        np.testing.assert_allclose(turned[place], drawn @ x[place], atol=1e-5)
    assert turned.dtype == np.float32
    assert not turned[2:, 1].any()


def test_every_three_channels_are_changed_alike() -> None:
    x = skeletons(9)
    changed = augmented(x, np.random.default_rng(3), 17.0, 0.1, 3)
    for start in (0, 3, 6):
        part = augmented(x[..., start : start + 3], np.random.default_rng(3), 17.0, 0.1, 3)
        np.testing.assert_allclose(changed[..., start : start + 3], part, atol=1e-6)


def test_axes_are_stretched_by_factors_of_their_own() -> None:
    changes = np.array([change_of(0.0, 0.2, 3, seed) for seed in range(300)])
    factors = np.diagonal(changes, axis1=1, axis2=2)
    assert not (changes * (1 - np.eye(3))).any()
    assert 0.8 <= factors.min() < 0.81
    assert 1.19 < factors.max() <= 1.2
    assert (factors.std(axis=1) > 0).all()


def test_clips_are_stretched_after_they_are_turned() -> None:
    rng = np.random.default_rng(8)
    turn = expected_rotation(rng.uniform(-30, 30, 3))
    stretch = np.diag(1 + rng.uniform(-0.3, 0.3, 3))
    np.testing.assert_allclose(change_of(30.0, 0.3, 3, 8), stretch @ turn, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_pictures_are_changed_in_their_plane_and_confidence_is_not(seed: int) -> None:
    turn = change_of(17.0, 0.0, 2, seed)
    angle = np.rad2deg(np.arctan2(turn[1, 0], turn[0, 0]))
    assert 0 < abs(angle) <= 17
    np.testing.assert_allclose(turn, expected_rotation(np.array([0, 0, angle])), atol=1e-6)
    stretch = change_of(0.0, 0.3, 2, seed)
    assert stretch[2].tolist() == [0, 0, 1]
    assert stretch[0, 0] != 1


def test_what_is_off_draws_nothing() -> None:
    x, rng = skeletons(), np.random.default_rng(0)
    np.testing.assert_array_equal(augmented(x, rng, 0.0, 0.0, 3), x)
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("deviation", [0.001, 0.12])
def test_noise_has_the_spread_that_is_asked_for(deviation: float) -> None:
    x = np.zeros((60, 2, 25, 3), np.float32)
    noise = with_noise(x, np.random.default_rng(0), deviation)
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(deviation, rel=0.03)
    assert abs(noise.mean()) < 0.05 * deviation
    assert not x.any()
