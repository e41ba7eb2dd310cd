"""Graph networks beside the same networks as their released codes are built: steps of their training.

Both sides start from the same weights, see the same clips, one person each, and take the same steps.

Axes: N clips, M person slots, T frames, V joints, C coordinates, K classes.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from data_modules.layouts import NTU25, Layout
from skeleton_lab.backbones.aa_gcn import AAGCN
from skeleton_lab.backbones.ctr_gcn import CTRGCN
from skeleton_lab.backbones.dg_stgcn import DGSTGCN
from skeleton_lab.backbones.settings import AAGCNSettings, CTRGCNSettings, DGSTGCNSettings, STGCNSettings
from skeleton_lab.backbones.st_gcn import STGCN
from skeleton_lab.backbones.stack import GraphNetwork
from skeleton_lab.layers.graph import partitions
from skeleton_lab.layers.learned_graph import start
from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.measure.literal import aa_gcn, ctr_gcn, dg_stgcn, st_gcn

# PyTorch convolves batches of fewer than 16 in another way.
CLASSES, FRAMES, CLIPS = 60, 60, 16


def aa_gcn_training(folder: Path) -> Benchmark:
    return _aa_gcn(half=False, target=1.4)


def aa_gcn_training_bf16(folder: Path) -> Benchmark:
    return _aa_gcn(half=True, target=1.8)


def _aa_gcn(half: bool, target: float) -> Benchmark:
    network = AAGCN(AAGCNSettings(attention=True), NTU25, CLASSES, persons=1)
    literal = aa_gcn.AAGCN(torch.tensor(partitions(NTU25, "spatial")), CLASSES, persons=1, attends=True)
    aa_gcn.take_weights(literal, network)
    return _training("AA-GCN", network, literal, target, half)


def ctr_gcn_training(folder: Path) -> Benchmark:
    network = CTRGCN(CTRGCNSettings(), NTU25, CLASSES, persons=1)
    literal = literal_ctr_gcn(CTRGCNSettings(), NTU25, CLASSES, persons=1)
    ctr_gcn.take_weights(literal, network)
    return _training("CTR-GCN", network, literal, target=2)


def dg_stgcn_training(folder: Path) -> Benchmark:
    network = DGSTGCN(DGSTGCNSettings(), NTU25, CLASSES, persons=1)
    literal = literal_dg_stgcn(DGSTGCNSettings(), NTU25, CLASSES, persons=1)
    dg_stgcn.take_weights(literal, network)
    return _training("DG-STGCN", network, literal, target=1.3)


def st_gcn_training(folder: Path) -> Benchmark:
    settings = STGCNSettings(dropout=0.0)
    network = STGCN(settings, NTU25, CLASSES, persons=1)
    literal = literal_st_gcn(settings, NTU25, CLASSES, persons=1)
    st_gcn.take_weights(literal, network)
    return _training("ST-GCN", network, literal, target=1.1)


def literal_st_gcn(settings: STGCNSettings, layout: Layout, classes: int, persons: int = 2) -> GraphNetwork:
    """With the skeleton's partitions, whose importance is learned, and without dropout."""
    graph_KVV = start(layout, settings.partitions, settings.random_partitions)

    def block(number: int, c_in: int, c_out: int, stride: int) -> nn.Module:
        return st_gcn.Block(c_in, c_out, stride, graph_KVV, number == 0)

    return GraphNetwork(block, settings, layout, classes, persons=persons)


def literal_ctr_gcn(settings: CTRGCNSettings, layout: Layout, classes: int, persons: int = 2) -> GraphNetwork:
    """In the frame of the fast one; in pyskl's direction of the graph and without dropout, in any case."""
    graph_KUV = torch.tensor(partitions(layout, settings.partitions))
    branches = 4 if settings.temporal == "four_branches" else 6

    def block(number: int, c_in: int, c_out: int, stride: int) -> nn.Module:
        return ctr_gcn.Block(c_in, c_out, stride, 8 if c_in <= 16 else c_in // 8, graph_KUV, branches, number == 0)

    return GraphNetwork(block, settings, layout, classes, persons=persons, norm="per_slot")


def literal_dg_stgcn(settings: DGSTGCNSettings, layout: Layout, classes: int, persons: int = 2) -> GraphNetwork:
    """Without dropout, and with graphs of zeros, which take_weights fills."""

    def block(number: int, c_in: int, c_out: int, stride: int) -> nn.Module:
        return dg_stgcn.Block(c_in, c_out, stride, settings.subsets, layout.num_joints, number == 0)

    return GraphNetwork(block, settings, layout, classes, persons=persons, norm="shared")


def _training(name: str, network: nn.Module, literal: nn.Module, target: float, half: bool = False) -> Benchmark:
    return Benchmark(
        what=f"train {name} for a step on {CLIPS} clips of {FRAMES} frames: in {'bfloat16' if half else 'float32'} and "
        "fused, or as released in float32",
        fast=_step(network, half),
        plain=_step(literal),
        amount=CLIPS,
        unit="clips",
        target=target,
    )


def _step(network: nn.Module, half: bool = False) -> Callable[[], float]:
    """Forward, backward, update on one random batch, slowly enough to learn it; the loss before the update."""
    generator = torch.Generator().manual_seed(0)
    x_NMTVC = torch.randn(CLIPS, 1, FRAMES, NTU25.num_joints, 3, generator=generator)
    label_N = torch.randint(CLASSES, (CLIPS,), generator=generator)
    parameters = network.train().parameters()
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits_NK = network(x_NMTVC)
        loss = nn.functional.cross_entropy(logits_NK.float(), label_N)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step
