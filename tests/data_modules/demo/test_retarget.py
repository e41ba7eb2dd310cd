"""Other layouts' joints of the demo bodies: left stays left, and every bone is one.

Axes: T frames, V joints, C coordinates.
"""

import numpy as np
import pytest

from data_modules.demo.bodies import grow_body, place_joints, rest
from data_modules.demo.retarget import retarget, retarget_trust, weights
from data_modules.layouts import COCO17, HAND22, LAYOUTS, NTU25, PENN13, Layout

BODIES = [layout for layout in LAYOUTS.values() if layout is not HAND22]


@pytest.fixture
def standing() -> np.ndarray:
    """One person, (1, 25, 3), who faces z."""
    return place_joints(grow_body(np.random.default_rng(0)), rest(1))


@pytest.mark.parametrize("layout", BODIES, ids=lambda layout: layout.name)
def test_the_joints_are_where_a_body_has_them(layout: Layout, standing: np.ndarray) -> None:
    joints = retarget(standing, layout)[0]
    assert joints.shape == (layout.num_joints, 3)
    np.testing.assert_allclose(weights(layout).sum(1), 1.0)
    for left, right in layout.mirrored:
        assert joints[left, 0] > 0.02 > -0.02 > joints[right, 0]
    child, parent = np.array(layout.bones).T
    assert np.linalg.norm(joints[child] - joints[parent], axis=-1).min() > 0.02
    height = np.ptp(standing[..., 1])
    assert 0.8 * height < np.ptp(joints[:, 1]) <= height


@pytest.mark.parametrize("layout", BODIES, ids=lambda layout: layout.name)
def test_a_mirrored_body_has_mirrored_joints(layout: Layout) -> None:
    body = np.random.default_rng(1).normal(size=(4, NTU25.num_joints, 3))
    np.testing.assert_allclose(
        retarget(_mirror(body, NTU25), layout), _mirror(retarget(body, layout), layout), atol=1e-12
    )


def _mirror(joints: np.ndarray, layout: Layout) -> np.ndarray:
    left, right = np.array(layout.mirrored).T
    mirrored = joints * (-1.0, 1.0, 1.0)
    mirrored[:, [*left, *right]] = mirrored[:, [*right, *left]]
    return mirrored


def test_joints_of_the_same_name_stay_as_they_are(standing: np.ndarray) -> None:
    for joint, place in zip(PENN13.joints, retarget(standing, PENN13)[0], strict=True):
        np.testing.assert_array_equal(place, standing[0, NTU25.joints.index(joint)])


def test_a_hidden_arm_is_trusted_less() -> None:
    tracked = np.ones((1, NTU25.num_joints), bool)
    np.testing.assert_allclose(retarget_trust(tracked, COCO17), 1.0)
    tracked[0, list(NTU25.parts["left_arm"])] = False
    trust = dict(zip(COCO17.joints, retarget_trust(tracked, COCO17)[0], strict=True))
    assert trust["left_wrist"] == 0.0
    assert trust["right_wrist"] == pytest.approx(1.0)
    assert 0.5 < trust["left_ear"] < 1.0  # made of the head, the neck and both shoulders


def test_a_body_has_no_hand_of_22_joints() -> None:
    with pytest.raises(ValueError, match="not in"):
        weights(HAND22)
