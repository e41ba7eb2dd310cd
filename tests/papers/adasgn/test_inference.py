"""Skipping is exact: the logits of the complete path, from the modules that are asked alone.

Axes: P persons, T frames, A actions.
"""

import pytest
import torch
from torch.nn import functional as F

from data_modules.layouts import HAND22, NTU25, Layout
from skeleton_lab.papers.adasgn.inference import SkippingAdaSGN
from skeleton_lab.papers.adasgn.network import AdaSGN
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings
from tests.helpers import assert_close, shaken

PRECISIONS = [(torch.float64, 1e-9), (torch.float32, 1e-5)]


def trained(layout: Layout = NTU25, **changes: object) -> AdaSGN:
    return shaken(AdaSGN(AdaSGNSettings(width=1 / 8, **changes), layout, 60, 20)).eval()  # type: ignore[arg-type, return-value]


def every_action(persons: int) -> torch.Tensor:
    return F.one_hot(torch.arange(persons * 20).view(persons, 20) % 6, 6)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=["float64", "float32"])
@pytest.mark.parametrize("layout", [NTU25, HAND22], ids=["25 joints", "22 joints"])
@pytest.mark.parametrize("policy", ["learned", "all"])
@torch.no_grad()
def test_skipping_equals_the_complete_path(policy: str, layout: Layout, dtype: torch.dtype, tolerance: float) -> None:
    network = trained(layout, policy=policy).to(dtype)
    x_PTVC = torch.randn(3, 20, layout.num_joints, 3, dtype=dtype)
    expected, found = network(x_PTVC), SkippingAdaSGN(network)(x_PTVC)
    assert torch.equal(found.actions, expected.actions)
    assert_close(found.logits, expected.logits, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=["float64", "float32"])
@torch.no_grad()
def test_given_actions_are_taken(dtype: torch.dtype, tolerance: float) -> None:
    network = trained().to(dtype)
    x_PTVC, actions_PTA = torch.randn(3, 20, 25, 3, dtype=dtype), every_action(3).to(dtype)
    features_PTC = torch.einsum("pta,ptac->ptc", actions_PTA, network.all_features(x_PTVC))
    found = SkippingAdaSGN(network)(x_PTVC, actions_PTA)
    assert_close(found.logits, network.classifier(network.temporal(features_PTC)), tolerance)


@torch.no_grad()
def test_a_module_computes_the_skeletons_of_its_action_alone() -> None:
    network = SkippingAdaSGN(trained())
    computed: dict[int, int] = {}
    for action, spatial in enumerate(network.spatial):
        spatial.register_forward_hook(lambda _, x, __, action=action: computed.update({action: len(x[0])}))
    drawn_PT = torch.zeros(2, 20, dtype=torch.long)
    drawn_PT[0, :7], drawn_PT[1, 3] = 5, 3
    network(torch.randn(2, 20, 25, 3), F.one_hot(drawn_PT, 6).float())
    assert computed == {0: 40, 5: 7, 3: 1}


@torch.no_grad()
def test_random_actions_are_drawn_as_in_training() -> None:
    network = SkippingAdaSGN(trained(policy="random"))
    assert_close(network(torch.randn(40, 20, 25, 3)).actions.mean(dim=(0, 1)), torch.full((6,), 1 / 6), 0.06)


@torch.no_grad()
def test_what_is_trained_later_does_not_change_it() -> None:
    network = trained()
    quick, x_PTVC = SkippingAdaSGN(network), torch.randn(2, 20, 25, 3)
    before = quick(x_PTVC, every_action(2).float()).logits
    shaken(network, seed=1)
    assert torch.equal(quick(x_PTVC, every_action(2).float()).logits, before)
