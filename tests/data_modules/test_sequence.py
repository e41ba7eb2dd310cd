"""A sequence refuses arrays that do not belong together."""

from typing import Any

import numpy as np
import pytest

from data_modules.layouts import NTU25
from data_modules.sequence import SkeletonSequence

JOINTS = np.zeros((4, 2, 25, 3), np.float32)
VALID = np.ones((4, 2), np.bool_)


def sequence(joints: np.ndarray, valid: np.ndarray, **known: Any) -> SkeletonSequence:
    return SkeletonSequence(joints=joints, valid=valid, label=3, sample_id="waving", layout=NTU25, fps=30.0, **known)


def test_what_is_not_known_says_so() -> None:
    made = sequence(JOINTS, VALID)
    assert (made.fine_label, made.subject, made.camera, made.setup, made.replication) == (-1,) * 5
    assert (made.split, made.video) == ("", "")
    assert made.confidence is None
    assert made.pixels is None
    assert made.joints is JOINTS


@pytest.mark.parametrize(
    ("joints", "valid"),
    [
        (JOINTS[:, 0], VALID),
        (JOINTS[:, :, :24], VALID),
        (JOINTS[..., :2], VALID),
        (JOINTS[None], VALID),
        (JOINTS, VALID[:3]),
        (JOINTS, VALID[:, :1]),
        (JOINTS, VALID.T),
        (JOINTS, VALID[..., None]),
        (JOINTS, VALID[:, 0]),
    ],
    ids=[
        "no persons",
        "a joint less",
        "in a picture",
        "too many axes",
        "fewer frames",
        "fewer persons",
        "turned",
        "per joint",
        "per frame",
    ],
)
def test_shapes_that_do_not_agree_are_refused(joints: np.ndarray, valid: np.ndarray) -> None:
    with pytest.raises(ValueError, match="waving"):
        sequence(joints, valid)


@pytest.mark.parametrize(
    ("joints", "valid"),
    [
        (JOINTS.astype(np.float64), VALID),
        (JOINTS.astype(np.float16), VALID),
        (JOINTS.astype(np.int64), VALID),
        (JOINTS, VALID.astype(np.uint8)),
        (JOINTS, VALID.astype(np.float32)),
    ],
    ids=["float64", "float16", "int64", "uint8", "float32"],
)
def test_other_numbers_are_refused(joints: np.ndarray, valid: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"waving.*float32.*bool"):
        sequence(joints, valid)


@pytest.mark.parametrize("name", ["confidence", "pixels"])
def test_further_arrays_must_agree_too(name: str) -> None:
    right = np.zeros((4, 2, 25) if name == "confidence" else (4, 2, 25, 2), np.float32)
    assert getattr(sequence(JOINTS, VALID, **{name: right}), name) is right
    for wrong in (right[:3], right.astype(np.float64), right[:, :, :20]):
        with pytest.raises(ValueError, match=f"waving: {name} must be float32"):
            sequence(JOINTS, VALID, **{name: wrong})


def test_it_cannot_be_given_other_arrays_later() -> None:
    made = sequence(JOINTS, VALID)
    with pytest.raises(AttributeError):
        made.joints = JOINTS  # type: ignore[misc]
