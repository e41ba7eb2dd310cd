"""The penalty: its value, its gradient, and when it counts."""

import pytest
import torch
from torch import Tensor

from skeleton_lab.papers.sparse_stgcn.masks import random_masks
from skeleton_lab.papers.sparse_stgcn.penalty import compression_penalty, penalty_weight


def weights() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"blocks.0.a.weight": (4, 3, 1, 1), "blocks.0.b.weight": (5, 4, 3, 1), "blocks.1.a.weight": (6, 5, 1, 1)}
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for name, shape in shapes.items()
    }


def test_it_is_the_sum_of_the_blocks_norms() -> None:
    found = weights()
    masks = random_masks(found, 0.5, "layer", seed=0)
    expected = 0.0
    for names in (["blocks.0.a.weight", "blocks.0.b.weight"], ["blocks.1.a.weight"]):
        expected += sum((found[name] * ~masks[name]).square().sum() for name in names) ** 0.5
    torch.testing.assert_close(compression_penalty(found, masks), torch.as_tensor(expected))


def test_it_pulls_masked_weights_to_zero_and_leaves_the_others_alone() -> None:
    found = weights()
    masks = random_masks(found, 0.5, "layer", seed=0)
    compression_penalty(found, masks).backward()
    for name, weight in found.items():
        assert weight.grad is not None
        assert not weight.grad[masks[name]].any()
        assert (weight.grad * weight)[~masks[name]].min() > 0
    alone = found["blocks.1.a.weight"]
    assert alone.grad is not None
    assert alone.grad.norm() == pytest.approx(1.0)  # of a norm that is not squared, whatever is left of the weights


def test_its_gradient_is_right() -> None:
    found = weights()
    masks = random_masks(found, 0.5, "layer", seed=0)
    names = list(found)

    def penalty(*values: Tensor) -> Tensor:
        return compression_penalty(dict(zip(names, values, strict=True)), masks)

    assert torch.autograd.gradcheck(penalty, tuple(found.values()))


def test_nothing_pulls_where_nothing_is_left() -> None:
    found = {name: torch.zeros_like(weight).requires_grad_() for name, weight in weights().items()}
    compression_penalty(found, random_masks(found, 0.5, "layer", seed=0)).backward()
    assert all(weight.grad is not None and not weight.grad.any() for weight in found.values())
    whole = weights()
    assert compression_penalty(whole, random_masks(whole, 0.0, "layer", seed=0)) == 0


def test_its_weight_over_the_epochs() -> None:
    assert [penalty_weight(epoch, 4, 2.0, "constant") for epoch in range(6)] == [2, 2, 2, 2, 0, 0]
    assert [penalty_weight(epoch, 4, 2.0, "linear") for epoch in range(6)] == [0, 0.5, 1, 1.5, 0, 0]
    assert penalty_weight(0, 0, 1.0, "linear") == 0
