"""Masks: exactly as sparse as asked, the same everywhere, and what they leave out of."""

import pytest
import torch
from torch import nn

from data_modules.layouts import NTU25
from skeleton_lab.backbones.aa_gcn import AAGCN
from skeleton_lab.backbones.settings import AAGCNSettings
from skeleton_lab.papers.sparse_stgcn.masks import as_released, fan_ins, grouped, maskable, random_masks, sparsity_of


def network() -> nn.Module:
    def block(c_in: int, c_out: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(c_in, 3 * c_out, 1), nn.BatchNorm2d(c_out), nn.Conv2d(c_out, c_out, (9, 1)))

    built = nn.Module()
    built.blocks = nn.Sequential(block(3, 8), block(8, 16))
    built.classifier = nn.Linear(16, 5)
    return built


@pytest.mark.parametrize("sparsity", [0.0, 0.6, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("scope", ["layer", "block", "global"])
def test_the_sparsity_is_exact_in_its_scope(sparsity: float, scope: str) -> None:
    masks = random_masks(maskable(network()), sparsity, scope, seed=3)  # type: ignore[arg-type]
    groups = {"layer": [[name] for name in masks], "block": list(grouped(masks, "block").values())}
    for members in groups.get(scope, [list(masks)]):
        count = sum(masks[name].numel() for name in members)
        assert sum(int(masks[name].sum()) for name in members) == round((1 - sparsity) * count)


def test_only_convolutions_are_masked() -> None:
    built = network()
    weights = maskable(built)
    assert list(weights) == ["blocks.0.0.weight", "blocks.0.2.weight", "blocks.1.0.weight", "blocks.1.2.weight"]
    assert weights["blocks.1.0.weight"] is built.blocks[1][0].weight  # type: ignore[index]


def test_masks_follow_from_seed_and_name_alone() -> None:
    weights = maskable(network())
    first = random_masks(weights, 0.8, "layer", seed=1)
    torch.rand(5)  # whatever else is drawn
    again = random_masks(dict(reversed(weights.items())), 0.8, "layer", seed=1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = random_masks(weights, 0.8, "layer", seed=2)
    assert not torch.equal(first["blocks.1.0.weight"], other["blocks.1.0.weight"])


def test_places_are_kept_independently() -> None:
    weights = {f"blocks.0.{layer}.weight": torch.zeros(100, 10, 1, 1) for layer in range(50)}
    masks = random_masks(weights, 0.5, "layer", seed=0)
    kept = torch.stack([mask.flatten() for mask in masks.values()]).double()
    assert abs(kept.mean(dim=0) - 0.5).max() < 0.3
    assert (torch.corrcoef(kept[:8]) - torch.eye(8)).abs().max() < 0.2


def test_the_released_scores_take_whole_layers_away() -> None:
    """Of two layers alike in size, the one with the larger fan-in has the smaller scores."""
    weights = {"blocks.0.a.weight": torch.zeros(64, 16, 1, 1), "blocks.0.b.weight": torch.zeros(1, 256, 4, 1)}
    fan_in = {name: weight[0].numel() for name, weight in weights.items()}
    masks = as_released(weights, fan_in, 0.9, "global", seed=0)
    assert sparsity_of(masks) == pytest.approx(0.9, abs=0.01)
    assert not masks["blocks.0.b.weight"].any()
    assert random_masks(weights, 0.9, "layer", seed=0)["blocks.0.b.weight"].any()


def test_partitions_that_are_put_together_have_the_fan_in_of_one() -> None:
    """As in the released code; and no layer of AA-GCN's graph convolutions dies of its masks."""
    built = AAGCN(AAGCNSettings(), NTU25, classes=60)
    fan_in, weights = fan_ins(built), maskable(built)
    assert fan_in.keys() == weights.keys()
    value = "blocks.9.graph_conv.value.weight"
    assert (fan_in[value], weights[value].shape[1]) == (256, 3 * 256)
    assert fan_in["blocks.9.graph_conv.theta_phi.weight"] == 256
    masks = as_released(weights, fan_in, 0.99, "block", seed=0)
    assert all(mask.any() for name, mask in masks.items() if "value" in name)
