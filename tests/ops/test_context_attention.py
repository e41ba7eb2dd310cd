"""Context-aware attention against a loop over clips, written as the paper has it.

Axes: F frames of all clips; N clips; V joints; C channels.
"""

from itertools import product

import pytest
import torch
from torch import Tensor

from skeleton_lab.ops.context_attention import Pooling, Weights, context_attention
from tests.helpers import assert_close

# The second clip has no frames.
OFFSETS = torch.tensor([0, 3, 3, 4, 9])
every_form = pytest.mark.parametrize(("weights", "pooling"), list(product(("per_joint", "per_frame"), ("mean", "sum"))))


def drawn() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x_FVC = torch.randn(9, 4, 5, dtype=torch.float64, generator=generator)
    matrix_CC = torch.randn(5, 5, dtype=torch.float64, generator=generator)
    return x_FVC.requires_grad_(), matrix_CC.requires_grad_()


def looped(x_FVC: Tensor, matrix_CC: Tensor, weights: Weights, pooling: Pooling) -> Tensor:
    """Eq. 7, clip by clip, frame by frame and joint by joint."""
    clips = []
    for first, end in zip(OFFSETS[:-1].tolist(), OFFSETS[1:].tolist(), strict=True):
        frames = x_FVC[first:end]
        found = torch.zeros(4, 5, dtype=torch.float64)
        for frame_VC in frames:
            agreement = [frame_VC[v] @ torch.tanh(frames[:, v].sum(dim=0) / len(frames) @ matrix_CC) for v in range(4)]
            if weights == "per_frame":
                agreement = [torch.stack(agreement).sum()] * 4
            found = found + torch.stack([frame_VC[v] / (1 + torch.exp(-agreement[v])) for v in range(4)])
        clips.append(found / max(len(frames), 1) if pooling == "mean" else found)
    return torch.stack(clips)


@every_form
def test_it_is_the_loop_in_value_and_gradient(weights: Weights, pooling: Pooling) -> None:
    leaves = drawn()
    found = context_attention(leaves[0], OFFSETS, leaves[1], weights, pooling)
    wanted = looped(*leaves, weights, pooling)
    assert_close(found, wanted, 1e-12)
    towards = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for ours, theirs in zip(
        torch.autograd.grad(found, leaves, towards), torch.autograd.grad(wanted, leaves, towards), strict=True
    ):
        assert_close(ours, theirs, 1e-12)


@every_form
def test_gradients_are_those_of_differences(weights: Weights, pooling: Pooling) -> None:
    assert torch.autograd.gradcheck(
        lambda x_FVC, matrix_CC: context_attention(x_FVC, OFFSETS, matrix_CC, weights, pooling), drawn()
    )


def test_a_clip_without_frames_is_zero() -> None:
    x_FVC, matrix_CC = drawn()
    assert not context_attention(x_FVC, OFFSETS, matrix_CC)[1].any()
