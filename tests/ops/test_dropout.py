"""Dropout by single random bytes."""

import pytest
import torch

from skeleton_lab.ops.dropout import Dropout, drawing_from, dropout


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5])
def test_as_many_are_dropped_as_asked(probability: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(1001, 997)
    y = dropout(x, probability)
    assert abs((y == 0).double().mean() - probability) < 1 / 512 + 0.002
    assert abs(y.double().mean() - 1) < 0.003
    assert len(y.unique()) == 2


def test_the_gradient_goes_where_something_is_left() -> None:
    x = torch.randn(100, 3, dtype=torch.float64, requires_grad=True)
    y = dropout(x, 0.5)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient * x, y)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(0)
    dropped = (dropout(torch.ones(8, 100_000), 0.5) == 0).double()
    assert (torch.corrcoef(dropped.T.reshape(8, -1)) - torch.eye(8)).abs().max() < 0.02


def test_it_repeats_with_the_seed_and_differs_without() -> None:
    x = torch.ones(1000)
    torch.manual_seed(3)
    first, second = dropout(x, 0.5), dropout(x, 0.5)
    torch.manual_seed(3)
    assert torch.equal(first, dropout(x, 0.5))
    assert not torch.equal(first, second)


def test_nothing_and_everything_can_be_dropped() -> None:
    x = torch.ones(10)
    assert dropout(x, 0.0) is x
    assert dropout(x, 1.0).abs().max() == 0
    assert Dropout(0.5).eval()(x) is x


def test_adding_what_is_left_equals_dropping_and_adding() -> None:
    x, y = torch.randn(2, 50, 7, dtype=torch.float64)
    layer = Dropout(0.3)
    torch.manual_seed(5)
    added = layer.added(x, y)
    torch.manual_seed(5)
    torch.testing.assert_close(added, x + layer(y))
    assert torch.equal(layer.eval().added(x, y), x + y)


def test_numbers_come_from_a_generator_where_one_is_given() -> None:
    x = torch.ones(1000)
    with drawing_from(torch.Generator().manual_seed(1)):
        first = dropout(x, 0.5)
    state = torch.get_rng_state()
    with drawing_from(torch.Generator().manual_seed(1)):
        assert torch.equal(first, dropout(x, 0.5))
    assert torch.equal(state, torch.get_rng_state())
