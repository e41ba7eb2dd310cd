"""How convolutions start."""

import pytest
import torch
from torch import nn

from data_modules.layouts import NTU25
from skeleton_lab.backbones.aa_gcn import AAGCN
from skeleton_lab.backbones.ctr_gcn import CTRGCN
from skeleton_lab.backbones.settings import AAGCNSettings, CTRGCNSettings
from skeleton_lab.layers.kaiming import kaiming_by_outputs


def test_convolutions_side_by_side_start_as_each_would_by_itself() -> None:
    torch.manual_seed(0)
    one, four = nn.Conv2d(64, 64, (3, 1)), nn.Conv2d(64, 4 * 64, (3, 1))
    nn.init.kaiming_normal_(one.weight, mode="fan_out")
    kaiming_by_outputs(four, 4)
    assert four.weight.std().item() == pytest.approx(one.weight.std().item(), rel=0.03)
    assert not four.get_parameter("bias").any()


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("blocks.2.refinement.compare", 8),
        ("blocks.2.refinement.values", 64),
        ("blocks.2.refinement.refine", 64),
        ("blocks.4.down.0", 128),
        ("blocks.2.temporal.branches.first.0", 16),
        ("blocks.2.temporal.branches.over_time.0", 16 * 5),
        ("blocks.2.temporal.branches.plain", 16),
    ],
)
def test_ctr_gcn_starts_as_its_separate_convolutions(name: str, outputs: int) -> None:
    """Source: pyskl, `conv_init` of each of its convolutions."""
    torch.manual_seed(0)
    conv = CTRGCN(CTRGCNSettings(), NTU25, classes=60).get_submodule(name)
    assert conv.get_parameter("weight").std().item() == pytest.approx((2 / outputs) ** 0.5, rel=0.06)


def test_aa_gcn_compares_with_the_start_of_one_partition() -> None:
    torch.manual_seed(0)
    conv = AAGCN(AAGCNSettings(), NTU25, classes=60).get_submodule("blocks.2.graph_conv.theta_phi")
    assert conv.get_parameter("weight").std().item() == pytest.approx((2 / 16) ** 0.5, rel=0.03)
