"""Attention over joints and over time beside its plain formulations, in value and gradient."""

import pytest
import torch
from torch import Tensor

from skeleton_lab.measure.literal.star import linear_attention
from skeleton_lab.ops.linear_attention import recall, remember, segmented_linear_attention
from skeleton_lab.ops.sparse_attention import edge_bias, masked_attention, sparse_attention

LENGTHS = [4, 1, 0, 6]
EDGES = torch.tensor([[0, 0, 1, 2, 2, 2], [1, 2, 0, 0, 1, 1]])  # one of them twice


def heads(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(3, *shape, dtype=torch.float64, generator=generator).requires_grad_()


def plain(qkv: Tensor) -> Tensor:
    per_joint = [linear_attention(*qkv[:, :, joint], LENGTHS) for joint in range(qkv.shape[2])]
    return torch.stack(per_joint, dim=1)


def test_linear_attention_equals_a_loop_over_queries() -> None:
    qkv = heads(sum(LENGTHS), 3, 2, 4)
    found, wanted = segmented_linear_attention(*qkv, LENGTHS), plain(qkv)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    (of_found,) = torch.autograd.grad(found.square().sum(), qkv)
    (of_wanted,) = torch.autograd.grad(wanted.square().sum(), qkv)
    torch.testing.assert_close(of_found, of_wanted, rtol=0, atol=1e-11)


def test_linear_attention_has_the_gradient_that_it_should() -> None:
    assert torch.autograd.gradcheck(lambda qkv: segmented_linear_attention(*qkv, [2, 3]), heads(5, 2, 2, 3))


def test_a_memory_is_the_sum_over_the_pieces_of_a_clip() -> None:
    query, key, value = heads(9, 3, 2, 4)
    pieces = remember(key, value, [4, 5]).sum(dim=0, keepdim=True)
    torch.testing.assert_close(recall(query, pieces, [9]), segmented_linear_attention(query, key, value, [9]))


def test_a_clip_does_not_depend_on_its_neighbours() -> None:
    qkv = heads(9, 3, 2, 4)
    together, alone = segmented_linear_attention(*qkv, [4, 5])[4:], segmented_linear_attention(*qkv[:, 4:], [5])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


def test_linear_attention_does_not_mind_the_order_of_frames() -> None:
    qkv, order = heads(6, 2, 2, 4), torch.tensor([3, 0, 5, 1, 4, 2])
    shuffled = segmented_linear_attention(*qkv[:, order], [6])
    torch.testing.assert_close(shuffled, segmented_linear_attention(*qkv, [6])[order], rtol=0, atol=1e-12)


def test_bfloat16_is_summed_in_full_precision() -> None:
    query, key, value = heads(300, 1, 1, 8).detach()
    wanted = segmented_linear_attention(query, key, value, [300])
    with torch.autocast("cpu", torch.bfloat16):
        found = segmented_linear_attention(*(x.bfloat16() for x in (query, key, value)), [300])
    assert found.dtype == torch.bfloat16
    assert (found.double() - wanted).abs().max() < 0.02


def test_attention_along_edges_equals_the_masked_matrix() -> None:
    qkv = heads(5, 3, 2, 4)
    sparse, masked = sparse_attention(*qkv, EDGES), masked_attention(*qkv, edge_bias(EDGES, 3))
    torch.testing.assert_close(sparse, masked, rtol=0, atol=1e-12)
    (of_sparse,) = torch.autograd.grad(sparse.square().sum(), qkv)
    (of_masked,) = torch.autograd.grad(masked.square().sum(), qkv)
    torch.testing.assert_close(of_sparse, of_masked, rtol=0, atol=1e-11)


def test_attention_along_edges_by_hand() -> None:
    """Joint 0 sees joint 1 alone; joint 1 sees both others; joint 2 nobody."""
    query, key, value = heads(2, 3, 1, 4).detach()
    edges = torch.tensor([[0, 1, 1], [1, 0, 2]])
    found = sparse_attention(query, key, value, edges)
    torch.testing.assert_close(found[:, 0], value[:, 1])
    weights = torch.stack([(query[:, 1] * key[:, other]).sum(-1) / 2 for other in (0, 2)]).softmax(dim=0)
    torch.testing.assert_close(found[:, 1], weights[0, ..., None] * value[:, 0] + weights[1, ..., None] * value[:, 2])
    assert found[:, 2].abs().max() == 0


def test_attention_has_the_gradients_that_it_should() -> None:
    assert torch.autograd.gradcheck(lambda qkv: sparse_attention(*qkv, EDGES), heads(2, 3, 2, 2))
    assert torch.autograd.gradcheck(lambda qkv: masked_attention(*qkv, edge_bias(EDGES, 3)), heads(2, 3, 2, 2))


@pytest.mark.parametrize("size", [1.0, 40.0])
def test_large_scores_do_not_overflow(size: float) -> None:
    """In float32, where exp(100) does."""
    qkv = size * heads(4, 3, 2, 4)
    edges = torch.tensor([[0, 0, 1, 2], [1, 2, 0, 1]])
    found = masked_attention(*qkv.float(), edge_bias(edges, 3).float())
    torch.testing.assert_close(found.double(), sparse_attention(*qkv, edges), rtol=1e-3, atol=1e-3 * size)


def test_bfloat16_attends_in_full_precision() -> None:
    qkv, bias = heads(4, 3, 2, 4), edge_bias(EDGES, 3).float()
    wanted = masked_attention(*qkv.bfloat16().double(), bias.double())
    with torch.autocast("cpu", torch.bfloat16):
        found = masked_attention(*qkv.bfloat16(), bias)
    assert found.dtype == torch.bfloat16
    assert (found.double() - wanted).abs().max() < 0.02


def test_full_attention_is_pytorchs() -> None:
    qkv = heads(4, 5, 2, 3)
    wanted = torch.nn.functional.scaled_dot_product_attention(*(x.transpose(1, 2) for x in qkv)).transpose(1, 2)
    torch.testing.assert_close(masked_attention(*qkv, None), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("attend", [sparse_attention, masked_attention])
def test_dropout_drops_weights_and_keeps_their_mean(attend: object) -> None:
    torch.manual_seed(0)
    edges = torch.cartesian_prod(torch.arange(3), torch.arange(3)).T
    query, key = torch.zeros(2, 4000, 3, 1, 2)
    to = edges if attend is sparse_attention else edge_bias(edges, 3).float()
    found = attend(query, key, torch.ones(4000, 3, 1, 2), to, 0.5)  # type: ignore[operator]
    assert {round(value, 4) for value in found.unique().tolist()} == {0.0, 0.6667, 1.3333, 2.0}
    assert abs(found.mean() - 1) < 0.02
