"""Sparse weights in files: bit by bit what they were, and small."""

from pathlib import Path

import pytest
import torch

from skeleton_lab.papers.sparse_stgcn.masks import random_masks
from skeleton_lab.papers.sparse_stgcn.storage import compress_state, compressed, expand_state, expanded, stored_bytes


@pytest.mark.parametrize("sparsity", [0.0, 0.6, 0.95, 0.99])
def test_a_weight_comes_back_bit_by_bit(sparsity: float, tmp_path: Path) -> None:
    weight = torch.randn(37, 11, 3, 1)
    mask = random_masks({"w": weight}, sparsity, "layer", seed=0)["w"]
    weight = weight * mask
    weight.view(-1)[mask.view(-1).nonzero()[0]] = -0.0  # a kept weight that happens to be zero, sign and all
    torch.save(compressed(weight, mask), tmp_path / "weight.ckpt")
    found, found_mask = expanded(torch.load(tmp_path / "weight.ckpt", weights_only=True))
    assert torch.equal(found_mask, mask)
    assert torch.equal(found.view(torch.int32), torch.where(mask, weight, 0.0).view(torch.int32))


def test_at_95_percent_an_eighth_and_less(tmp_path: Path) -> None:
    weight = torch.randn(256, 256, 9, 1)
    masks = random_masks({"blocks.0.w": weight}, 0.95, "layer", seed=0)
    state = {"network.blocks.0.w": weight * masks["blocks.0.w"], "network.bias": torch.randn(256)}
    stored = compress_state(state, masks, "network.")
    assert stored_bytes({"w": stored["network.blocks.0.w"]}) < weight.numel() * 4 / 8
    torch.save(stored, tmp_path / "sparse.ckpt")
    torch.save(state, tmp_path / "dense.ckpt")
    assert (tmp_path / "sparse.ckpt").stat().st_size < (tmp_path / "dense.ckpt").stat().st_size / 8
    found = expand_state(torch.load(tmp_path / "sparse.ckpt", weights_only=True))
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_what_would_be_lost_is_refused() -> None:
    weight = torch.ones(4, 4, 1, 1)
    with pytest.raises(ValueError, match="not 0"):
        compressed(weight, random_masks({"w": weight}, 0.5, "layer", seed=0)["w"])
