"""SGN for inference against SGN as its authors' code is built.

Axes: P persons, T frames, V joints, C channels.
"""

import pytest
import torch

from data_modules.layouts import NTU25
from skeleton_lab.backbones import sgn_inference
from skeleton_lab.backbones.sgn import SGN
from skeleton_lab.backbones.sgn_inference import FoldedSGN, windows
from skeleton_lab.measure.literal import sgn as literal_sgn
from skeleton_lab.papers.adasgn.network import build_sgn
from skeleton_lab.papers.adasgn.settings import SGNSettings
from tests.helpers import assert_close, shaken

PRECISIONS = [(torch.float64, 1e-9), (torch.float32, 1e-5)]


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=["float64", "float32"])
@pytest.mark.parametrize("size", ["small", "big"])
@pytest.mark.parametrize("joints", [1, 9, 25])
@torch.no_grad()
def test_equals_the_literal_network(joints: int, size: str, dtype: torch.dtype, tolerance: float) -> None:
    network = shaken(SGN(joints, 60, size=size, width=1 / 8)).to(dtype).eval()
    literal = literal_sgn.SGN(joints, 60, size=size, width=1 / 8).to(dtype).eval()
    literal_sgn.take_weights(literal, network)
    x_PTVC = torch.randn(3, 20, joints, 3, dtype=dtype)
    assert_close(FoldedSGN(network)(x_PTVC), literal(x_PTVC), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=["float64", "float32"])
@pytest.mark.parametrize("joints", [1, 9, 25])
@torch.no_grad()
def test_equals_a_single_model_with_its_matrix(joints: int, dtype: torch.dtype, tolerance: float) -> None:
    settings = SGNSettings(joints=joints, joint_transform="learned", width=1 / 8)
    network = shaken(build_sgn(settings, NTU25, 60, 20)).to(dtype).eval()
    x_PTVC = torch.randn(3, 20, 25, 3, dtype=dtype)
    assert_close(FoldedSGN(network)(x_PTVC), network(x_PTVC), tolerance)


@torch.no_grad()
def test_how_many_skeletons_are_computed_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = FoldedSGN(shaken(SGN(25, 60, width=1 / 8)).eval())
    x_PTVC = torch.randn(3, 20, 25, 3)
    at_once = network(x_PTVC)
    monkeypatch.setattr(sgn_inference, "JOINTS_AT_ONCE", 7 * 25)
    assert_close(network(x_PTVC), at_once)


def test_windows_are_zero_beyond_the_ends() -> None:
    x_PTC = torch.arange(1.0, 7).view(1, 3, 2)
    assert windows(x_PTC).tolist() == [[[0, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 0, 0]]]
