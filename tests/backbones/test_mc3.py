"""MC3 up to its third group: shapes, parameters, and what each frame sees of the others.

Axes: N clips, C channels, T frames, H rows, W columns.
"""

import pytest
import torch
from torch import nn

from skeleton_lab.backbones.mc3 import MC3
from tests.helpers import assert_close, parameters


def test_parameter_count() -> None:
    """Weights without biases, and two numbers for each channel that is normalised."""

    def layer(inside: int, outside: int, kernel: int) -> int:
        return inside * outside * kernel + 2 * outside

    groups = [layer(3, 64, 3 * 49), 4 * layer(64, 64, 27)]
    for width in (64, 128):
        groups += [layer(width, 2 * width, 9), 3 * layer(2 * width, 2 * width, 9), layer(width, 2 * width, 1)]
    assert parameters(MC3()) == sum(groups) == 3_096_512


@pytest.mark.parametrize(("frames", "side"), [(12, 224), (5, 30)])
def test_time_is_never_reduced(frames: int, side: int) -> None:
    with torch.device("meta"):
        found = MC3()(torch.zeros(2, 3, frames, side, side))
    half, eighth = -(-side // 2), -(-side // 8)
    assert found.stem.shape == found.fine.shape == (2, 64, frames, half, half)
    assert found.coarse.shape == (2, 256, frames, eighth, eighth)


@pytest.fixture(scope="module")
def network() -> MC3:
    torch.manual_seed(0)
    return MC3(4).double().eval()


def test_a_frame_sees_five_to_either_side(network: MC3) -> None:
    """One by the stem, and one by each of the four convolutions of the first group."""
    x_NCTHW = torch.randn(1, 3, 13, 16, 16, dtype=torch.float64, requires_grad=True)
    features = network(x_NCTHW)
    for found, reach in ((features.stem, 1), (features.fine, 5), (features.coarse, 5)):
        (gradient,) = torch.autograd.grad(found[:, :, 6].sum(), x_NCTHW, retain_graph=True)
        seen = gradient.abs().sum(dim=(0, 1, 3, 4)).nonzero().flatten()
        assert seen.tolist() == list(range(6 - reach, 6 + reach + 1))


def test_frames_as_pictures_are_convolutions_of_one_frame(network: MC3) -> None:
    x_NCTHW = torch.randn(2, 3, 3, 16, 16, dtype=torch.float64)
    features = network(x_NCTHW)
    x = features.fine
    for block in (*network.second, *network.third):
        around = x if isinstance(block.around, nn.Identity) else over_space(block.around, x)
        x = torch.relu(over_space(block.second, torch.relu(over_space(block.first, x))) + around)
    assert_close(features.coarse, x, 1e-10)


def over_space(layer: nn.Sequential, x_NCTHW: torch.Tensor) -> torch.Tensor:
    """A convolution of 1 × k × k, as MC3 writes it, and its normalisation."""
    weights, norm = layer
    stride, padding = (1, *weights.stride), (0, *weights.padding)
    y_NCTHW = nn.functional.conv3d(x_NCTHW, weights.weight[:, :, None], None, stride, padding)
    mean, variance = (value[:, None, None, None] for value in (norm.running_mean, norm.running_var))
    scale, shift = (value[:, None, None, None] for value in (norm.weight, norm.bias))
    return (y_NCTHW - mean) / (variance + norm.eps).sqrt() * scale + shift


def test_clips_do_not_touch_each_other(network: MC3) -> None:
    x_NCTHW = torch.randn(3, 3, 4, 16, 16, dtype=torch.float64)
    assert_close(network(x_NCTHW).coarse[1:2], network(x_NCTHW[1:2]).coarse, 1e-10)
