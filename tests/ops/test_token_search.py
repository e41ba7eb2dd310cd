"""Tokens at learned places: against the sum over all tokens, and their gradients.

Axes: N clips, C channels, T × H × W tokens, R × S × U places, D coordinates (x, y, t).
"""

import pytest
import torch
from torch import Tensor

from skeleton_lab.measure.literal.deform3d import token_at
from skeleton_lab.ops.token_search import reference_points, tokens_at
from tests.helpers import assert_close


@pytest.fixture
def film() -> Tensor:
    return torch.randn(2, 3, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_a_whole_grid_without_offsets_is_the_tokens_themselves(film: Tensor) -> None:
    places = reference_points(film.shape[2:], film).expand(2, -1, -1, -1, -1)  # type: ignore[arg-type]
    assert_close(tokens_at(film, places), film, 1e-12)


def test_coordinates_are_columns_rows_and_frames(film: Tensor) -> None:
    """Each step of one token along an axis finds the next token along it."""
    step = torch.tensor([2 / 5, 2 / 4, 2 / 3], dtype=torch.float64)
    for axis, moved in enumerate((film[:, :, 0, 0, 1], film[:, :, 0, 1, 0], film[:, :, 1, 0, 0])):
        place = torch.full((3,), -1.0, dtype=torch.float64)
        place[axis] += step[axis]
        assert_close(tokens_at(film, place.expand(2, 1, 1, 1, 3)).flatten(1), moved, 1e-12)


def test_a_single_place_along_an_axis_is_its_middle(film: Tensor) -> None:
    assert reference_points((1, 1, 3), film).tolist() == [[[[-1, 0, 0], [0, 0, 0], [1, 0, 0]]]]


def test_values_and_gradients_are_those_of_the_sum_over_all_tokens(film: Tensor) -> None:
    generator = torch.Generator().manual_seed(1)
    z, places = film[:1].clone(), (2.4 * torch.rand(1, 1, 2, 3, 3, generator=generator, dtype=torch.float64) - 1.2)
    z.requires_grad_(), places.requires_grad_()
    found = tokens_at(z, places)
    expected = [token_at(z[0], *place) for place in places.detach().flatten(0, 3).tolist()]
    assert_close(found.flatten(2)[0].T, torch.stack(expected), 1e-12)
    (gradient,) = torch.autograd.grad(found.square().sum(), z, retain_graph=True)
    (same,) = torch.autograd.grad(torch.stack(expected).square().sum(), z)
    assert_close(gradient, same, 1e-12)
    assert torch.autograd.gradcheck(tokens_at, (z, places))


def test_beyond_the_edges_the_outermost_tokens_go_on(film: Tensor) -> None:
    far = torch.tensor([3.0, -7.0, 1.5], dtype=torch.float64).expand(2, 1, 1, 1, 3)
    assert_close(tokens_at(film, far).flatten(1), film[:, :, -1, 0, -1], 1e-12)


def test_half_precision_finds_places_between_tokens() -> None:
    """In bfloat16 a place has three digits at most."""
    z = torch.arange(1000, dtype=torch.bfloat16).reshape(1, 1, 1, 1, 1000)
    place = torch.tensor([2 * 500.25 / 999 - 1, 0, 0]).expand(1, 1, 1, 1, 3)
    assert tokens_at(z, place).dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert tokens_at(z.float() / 1000, place).item() == pytest.approx(0.50025, abs=2e-3)
