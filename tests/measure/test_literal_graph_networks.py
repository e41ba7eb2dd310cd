"""The literal ST-GCN, CTR-GCN and DG-STGCN compute what their fast twins compute, forwards and backwards.

Axes: N clips, M person slots, T frames, V joints, C coordinates.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from data_modules.layouts import HAND22, NTU25, Layout
from skeleton_lab.backbones.ctr_gcn import CTRGCN
from skeleton_lab.backbones.dg_stgcn import DGSTGCN
from skeleton_lab.backbones.settings import CTRGCNSettings, DGSTGCNSettings, STGCNSettings
from skeleton_lab.backbones.st_gcn import STGCN
from skeleton_lab.measure.benchmarks import BENCHMARKS
from skeleton_lab.measure.benchmarks.graph_networks import literal_ctr_gcn, literal_dg_stgcn, literal_st_gcn
from skeleton_lab.measure.literal import ctr_gcn, dg_stgcn, st_gcn
from tests.helpers import assert_close, parameters, shaken

CLASSES, FRAMES, TOLERANCE = 7, 9, 1e-9
KINDS = {
    CTRGCNSettings: (CTRGCN, literal_ctr_gcn, ctr_gcn),
    DGSTGCNSettings: (DGSTGCN, literal_dg_stgcn, dg_stgcn),
    STGCNSettings: (STGCN, literal_st_gcn, st_gcn),
}
CASES = {
    "ctr_gcn": CTRGCNSettings(width=1 / 8),
    "ctr_gcn_six_branches": CTRGCNSettings(width=1 / 8, temporal="six_branches"),
    "ctr_gcn_stgcn_spatial": CTRGCNSettings(width=1 / 8, partitions="stgcn_spatial"),
    "st_gcn": STGCNSettings(width=1 / 4, dropout=0.0),
    "dg_stgcn": DGSTGCNSettings(width=1 / 4),
    "dg_stgcn_3_subsets": DGSTGCNSettings(width=1 / 4, subsets=3),
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("layout", [NTU25, HAND22], ids=lambda layout: layout.name)
@pytest.mark.parametrize("case", CASES)
def test_equals_the_literal_one(case: str, layout: Layout, training: bool) -> None:
    settings = CASES[case]
    kind, literal_kind, twin = KINDS[type(settings)]
    network = shaken(kind(settings, layout, CLASSES)).double()
    literal = literal_kind(settings, layout, CLASSES).double()
    twin.take_weights(literal, network)
    generator = torch.Generator().manual_seed(1)
    x_NMTVC = torch.randn(3, 2, FRAMES, layout.num_joints, 3, generator=generator, dtype=torch.float64)
    present_NM = torch.tensor([[True, True], [True, False], [True, True]])
    found = []
    for one in (network.train(training), literal.train(training)):
        x = x_NMTVC.clone().requires_grad_()
        logits_NK = one(x, present_NM)
        F.cross_entropy(logits_NK, torch.arange(3)).backward()
        found.append((logits_NK, x.grad))
    for ours, theirs in zip(*found, strict=True):
        assert ours.abs().max() > 0
        assert_close(ours, theirs, TOLERANCE)
    assert_same_tensors(network, literal, twin)


def assert_same_tensors(network: nn.Module, literal: nn.Module, twin: ModuleType) -> None:
    """Gradients, and running statistics afterwards."""
    for tensors_of in (gradients, nn.Module.state_dict):
        ours, theirs = twin.as_literal(tensors_of(network), literal), tensors_of(literal)
        assert ours.keys() == theirs.keys()
        for name, tensor in ours.items():
            torch.testing.assert_close(
                tensor, theirs[name], rtol=TOLERANCE, atol=TOLERANCE, msg=lambda m, n=name: f"{n}: {m}"
            )


def gradients(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (CTRGCNSettings(), 1_446_672),
        (CTRGCNSettings(temporal="six_branches"), 1_638_984),
        (DGSTGCNSettings(), 1_701_172),
        (STGCNSettings(), 3_098_832),
    ],
)
def test_parameter_count(settings: CTRGCNSettings | DGSTGCNSettings | STGCNSettings, count: int) -> None:
    assert parameters(KINDS[type(settings)][1](settings, NTU25, 60)) == count


@pytest.fixture
def in_float64() -> Iterator[None]:
    """In float32 rounding grows from step to step."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("name", ["ctr_gcn_training", "dg_stgcn_training", "st_gcn_training"])
def test_both_sides_of_a_benchmark_learn_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.graph_networks.CLIPS", 4)
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.graph_networks.FRAMES", 16)
    benchmark = BENCHMARKS[name](tmp_path)
    losses = []
    for _ in range(3):
        losses.append(benchmark.fast())
        assert losses[-1] == pytest.approx(benchmark.plain(), rel=1e-6)
    assert losses[-1] < losses[0]
