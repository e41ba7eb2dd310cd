"""Networks without their dead channels compute what they computed with them.

Axes: N clips, M person slots, T frames, V joints.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from data_modules.layouts import NTU25, layout_of
from skeleton_lab.backbones.aa_gcn import AAGCN
from skeleton_lab.backbones.ctr_gcn import CTRGCN
from skeleton_lab.backbones.dg_stgcn import DGSTGCN
from skeleton_lab.backbones.settings import AAGCNSettings, CTRGCNSettings, DGSTGCNSettings, STGCNSettings
from skeleton_lab.backbones.st_gcn import STGCN
from skeleton_lab.papers.sparse_stgcn.compaction import compact
from skeleton_lab.papers.sparse_stgcn.masks import cut, maskable, random_masks
from skeleton_lab.papers.sparse_stgcn.module import SparseModule
from skeleton_lab.papers.sparse_stgcn.seams import Chosen
from tests.helpers import assert_close, padded_batch, parameters, settings_of, settled, shaken, skeletons

STICK = layout_of("stick", list("abcde"), {"all": [["c", "b", "a"], ["c", "d", "e"]]})
CLASSES, WIDTH = 7, 1 / 8
KINDS: dict[str, Callable[[], nn.Module]] = {
    "st_gcn": lambda: STGCN(STGCNSettings(width=WIDTH, dropout=0.0), STICK, CLASSES),
    "aa_gcn": lambda: AAGCN(AAGCNSettings(width=WIDTH), STICK, CLASSES),
    "aa_gcn_attention": lambda: AAGCN(AAGCNSettings(width=WIDTH, attention=True), STICK, CLASSES),
    "ctr_gcn": lambda: CTRGCN(CTRGCNSettings(width=WIDTH), STICK, CLASSES),
    "ctr_gcn_six": lambda: CTRGCN(CTRGCNSettings(width=WIDTH, temporal="six_branches"), STICK, CLASSES),
    "dg_stgcn": lambda: DGSTGCN(DGSTGCNSettings(width=WIDTH), STICK, CLASSES),
}


def built(kind: str) -> Any:
    """In float64: killing channels leaves normalisations behind that magnify what rounding differs by."""
    network = shaken(KINDS[kind]())
    return settled(network, skeletons(4, 2, 16, layout=STICK, seed=1)).double()


def assert_same(network: nn.Module, kill: Callable[[Any], None], expected: int) -> Any:
    """Kill channels of each block, and compare with the network that has them; expected: how many are left out."""
    with torch.no_grad():
        for block in network.blocks:  # type: ignore[union-attr]
            kill(block)
    before = parameters(network)
    small, left_out = compact(network)
    assert left_out == expected
    assert (parameters(small) < before) == bool(expected)
    for frames in (5, 16):
        x_NMTVC = skeletons(3, 2, frames, layout=STICK, seed=2).double()
        assert_close(small(x_NMTVC), network(x_NMTVC), 1e-9)
    return small


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_died_nothing_is_left_out(kind: str) -> None:
    network = built(kind)
    small = assert_same(network, lambda block: None, expected=0)
    assert small.state_dict().keys() == network.state_dict().keys()
    assert not any(isinstance(layer, Chosen) for layer in small.modules())


@pytest.mark.parametrize("sparsity", [0.9, 0.99])
@pytest.mark.parametrize("kind", KINDS)
def test_of_any_mask(kind: str, sparsity: float) -> None:
    network = built(kind)
    weights = maskable(network)
    with torch.no_grad():
        cut(weights, random_masks(weights, sparsity, "layer", seed=0))
    small, left_out = compact(network)
    x_NMTVC = skeletons(3, 2, 9, layout=STICK, seed=2).double()
    assert left_out > 0 or "aa_gcn" in kind
    assert_close(small(x_NMTVC), network(x_NMTVC), 1e-9)


def test_channels_of_branches_that_stay_silent() -> None:
    """Behind the first convolutions of two branches, of 2 channels in the 8 of a narrow network."""

    def kill(block: Any) -> None:
        conv, norm, _ = block.temporal.branches.first
        conv.weight[[0, conv.out_channels - 1]] = 0  # the last is pooled, and no seam
        norm.bias[0], norm.weight[0] = -3.0, 0.1

    small = assert_same(built("ctr_gcn"), kill, expected=10)
    branches = small.blocks[0].temporal.branches
    assert [conv.in_channels for conv in branches.over_time] == [1, 2]
    assert branches.first[0].out_channels == 5


def test_a_constant_stays_where_zeros_lie_beyond_the_ends() -> None:
    def kill(block: Any) -> None:
        conv, norm, _ = block.temporal.branches.first
        conv.weight[0] = 0
        norm.bias[0], norm.weight[0] = 3.0, 0.1

    assert_same(built("ctr_gcn"), kill, expected=0)


@pytest.mark.parametrize("kind", ["ctr_gcn_six", "dg_stgcn"])
def test_constants_become_biases_of_convolutions_of_single_joints(kind: str) -> None:
    """Channels of all three kinds of branches; not of a global joint's share, which makes them differ by joint."""

    def kill(block: Any) -> None:
        temporal = block.temporal
        if kind == "dg_stgcn":
            temporal.share.zero_()
        temporal.branches.over_time[1].weight[0] = 0
        temporal.branches.plain.weight[0] = 0
        temporal.branches.first[0].weight[-1] = 0
        temporal.transform[0].bias += 2  # constants above 0

    # Branches of a single channel keep it: in the first four blocks all branches but the first have one.
    blocks = built(kind).blocks
    more_than_one = [block.temporal.branches.plain.out_channels > 1 for block in blocks]
    assert_same(built(kind), kill, expected=3 * sum(more_than_one))


def test_shares_of_a_global_joint_keep_a_constant() -> None:
    def kill(block: Any) -> None:
        block.temporal.branches.plain.weight[0] = 0
        block.temporal.transform[0].bias += 5

    assert_same(built("dg_stgcn"), kill, expected=0)


def test_between_graph_and_time() -> None:
    """A channel whose weights are 0 in every partition, and one that no frame of the kernel takes."""

    def kill(block: Any) -> None:
        conv, norm, over_time = block.graph_conv.conv, block.temporal[0], block.temporal[2]
        conv.weight.unflatten(0, (3, -1))[:, 1] = 0
        norm.bias[1], norm.weight[1] = -5.0, 0.01
        over_time.weight[:, 2] = 0
        conv.weight.unflatten(0, (3, -1))[:2, 3] = 0  # of two partitions: alive

    small = assert_same(built("st_gcn"), kill, expected=20)
    assert small.blocks[0].graph_conv.conv.out_channels == 3 * 6


@pytest.mark.parametrize(("kind", "chosen"), [("aa_gcn", 7), ("ctr_gcn", 7), ("dg_stgcn", 7)])
def test_what_no_convolution_over_time_takes_is_not_computed(kind: str, chosen: int) -> None:
    """Also where a unit adds its input, of which it then takes the channels that are left."""

    def kill(block: Any) -> None:
        if kind == "aa_gcn":
            block.temporal[0].weight[:, 1] = 0
        else:
            block.temporal.branches.first[0].weight[:, 1] = 0
            block.temporal.branches.plain.weight[:, 1] = 0

    small = assert_same(built(kind), kill, expected=10)
    assert sum(isinstance(layer, Chosen) for layer in small.modules()) == chosen


def test_what_a_seam_loses_frees_another() -> None:
    """The only taker of a channel is a channel that dies itself."""

    def kill(block: Any) -> None:
        first, plain = block.temporal.branches.first[0], block.temporal.branches.plain
        first.weight[1:, 2], plain.weight[:, 2] = 0, 0
        block.temporal.branches.over_time[0].weight[:, 0] = 0

    assert_same(built("ctr_gcn"), kill, expected=20)


def test_one_channel_is_kept_where_all_died() -> None:
    def kill(block: Any) -> None:
        block.temporal.branches.over_time[0].weight.zero_()

    small = assert_same(built("ctr_gcn"), kill, expected=4 * 1 + 3 * 3 + 3 * 7)
    assert all(block.temporal.branches.over_time[0].in_channels == 1 for block in small.blocks)


def test_modules_say_what_an_export_leaves_out() -> None:
    for sparsity, remark in ((0.99, "channels that died"), (0.0, "nothing could be left out")):
        settings = settings_of("sparse_ctr_gcn", {"model.width": 0.0625, "model.sparsity": sparsity})
        module = SparseModule(settings, NTU25, CLASSES).eval()
        cut(maskable(module.network), module.masks)
        batch = padded_batch(3)
        with torch.no_grad():
            portable = module.portable(batch)
            assert remark in portable.remark
            assert_close(portable.network(**portable.inputs), module(batch).logits)
