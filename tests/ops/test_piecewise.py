"""Work on pieces: whatever the threads and whatever is kept, the plain loop's results and gradients."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from skeleton_lab.measure.in_turn import threads
from skeleton_lab.ops.dropout import dropout
from skeleton_lab.ops.piecewise import piecewise, set_recompute

SIZES = [5, 0, 3, 8, 1, 6]


@pytest.fixture(params=[True, False], ids=["computed again", "kept"])
def recompute(request: pytest.FixtureRequest) -> Iterator[None]:
    set_recompute(request.param)
    yield
    set_recompute(True)


def problem() -> tuple[nn.Linear, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(4, 3, dtype=torch.float64)
    x = torch.randn(sum(SIZES), 4, generator=generator, dtype=torch.float64).requires_grad_()
    scale = torch.randn(len(SIZES), 3, generator=generator, dtype=torch.float64).requires_grad_()
    return layer, x, scale


def with_gradients(layer: nn.Linear, x: Tensor, scale: Tensor, results: list[Tensor]) -> tuple[Tensor, ...]:
    y = torch.cat(results)
    leaves = [layer.weight, layer.bias, x, scale]
    return y, *torch.autograd.grad(y.pow(3).sum(), leaves)


@pytest.mark.parametrize("count", [1, 2])
def test_it_equals_the_plain_loop(count: int, recompute: None) -> None:
    layer, x, scale = problem()

    def function(part: Tensor, factor: Tensor, power: int) -> Tensor:
        return layer(part).pow(power) * factor

    pieces = [(part, scale[i], 2) for i, part in enumerate(x.split(SIZES))]
    with threads(count):
        found = with_gradients(layer, x, scale, piecewise(function, tuple(layer.parameters()), pieces))
    wanted = with_gradients(layer, x, scale, [function(*piece) for piece in pieces])
    for each, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(each, other, rtol=1e-12, atol=1e-12)


def test_dropout_is_the_same_with_any_number_of_threads(recompute: None) -> None:
    layer, x, _ = problem()

    def once(count: int) -> tuple[Tensor, ...]:
        torch.manual_seed(7)
        pieces = [(part,) for part in x.split(SIZES)]
        with threads(count):
            results = piecewise(lambda part: dropout(layer(part), 0.5), tuple(layer.parameters()), pieces)
            return torch.cat(results), *torch.autograd.grad(torch.cat(results).sum(), [layer.weight, x])

    alone, together = once(1), once(2)
    assert (alone[0] == 0).any()
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))
    assert not torch.equal(alone[0][:3], alone[0][5:8])


def test_parameters_that_do_not_learn_are_left_alone(recompute: None) -> None:
    layer, x, _ = problem()
    layer.bias.requires_grad_(False)
    torch.cat(piecewise(layer, tuple(layer.parameters()), [(part,) for part in x.split(SIZES)])).sum().backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is None


def test_half_precision_is_that_of_the_caller(recompute: None) -> None:
    layer = nn.Linear(4, 3)
    x = torch.randn(6, 4, requires_grad=True)
    with threads(2), torch.autocast("cpu", torch.bfloat16):
        results = piecewise(layer, tuple(layer.parameters()), [(part,) for part in x.split(3)])
    assert {result.dtype for result in results} == {torch.bfloat16}
    torch.cat(results).float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


def test_a_mistake_in_a_thread_is_the_callers() -> None:
    layer, x, _ = problem()

    def wrong(part: Tensor) -> Tensor:
        raise ValueError("no such piece")

    with threads(2), pytest.raises(ValueError, match="no such piece"):
        piecewise(wrong, tuple(layer.parameters()), [(part,) for part in x.split(SIZES)])
