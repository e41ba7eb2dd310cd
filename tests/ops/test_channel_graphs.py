"""Graph convolutions from person to person against the same at once, as it is done elsewhere than on a CPU.

Axes: P persons, C channels in and D channels out, K subsets, R relations, T frames, V joints.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from skeleton_lab.ops.channel_graphs import _refined_at_once, mixed, refined
from tests.helpers import assert_close

P, C, D, K, R, T, V = 3, 4, 6, 2, 5, 7, 5


def leaves(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


def assert_same(fast: Callable[..., Tensor], plain: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    """Values, and gradients of everything."""
    found = []
    for way in (fast, plain):
        y = way(*inputs)
        found.append((y, *torch.autograd.grad((y * y.detach().cos()).sum(), inputs)))
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, 1e-10)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_refined(memory: torch.memory_format) -> None:
    x_PCTV, *others = leaves((P, C, T, V), (K, D, C), (K, D), (P, K, R, V, V), (K, D, R))
    inputs = [x_PCTV.detach().to(memory_format=memory).requires_grad_(), *others]
    assert_same(refined, _refined_at_once, inputs)


def test_refined_takes_relations_in_the_other_direction() -> None:
    inputs = leaves((P, C, T, V), (K, D, C), (K, D), (P, K, R, V, V), (K, D, R))

    def turned(way: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda x, weight, bias, relations, shares: way(x, weight, bias, relations.transpose(3, 4), shares)

    assert_same(turned(refined), turned(_refined_at_once), inputs)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_mixed(memory: torch.memory_format) -> None:
    x_PCTV, graph_PCVV = leaves((P, C, T, V), (P, C, V, V))
    inputs = [x_PCTV.detach().to(memory_format=memory).requires_grad_(), graph_PCVV]
    assert_same(mixed, lambda x, graph: torch.einsum("pctu,pcuv->pctv", x, graph), inputs)


def test_nobody() -> None:
    assert mixed(torch.zeros(0, C, T, V), torch.zeros(0, C, V, V)).shape == (0, C, T, V)
    nobody = (torch.zeros(0, C, T, V), *leaves((K, D, C), (K, D)), torch.zeros(0, K, R, V, V), *leaves((K, D, R)))
    assert refined(*(each.float() for each in nobody)).shape == (0, D, T, V)
