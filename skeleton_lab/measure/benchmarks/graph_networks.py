"""Graph networks beside the same networks as their released codes are built: steps of their training.

Both sides start from the same weights, see the same clips of two persons, and take the same steps. Most of a step is
convolutions over time, which are the same in both.

Axes: N clips, M person slots, T frames, V joints, C coordinates, K classes.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from data_modules.layouts import NTU25
from skeleton_lab.backbones.aa_gcn import AAGCN
from skeleton_lab.backbones.settings import AAGCNSettings
from skeleton_lab.layers.graph import partitions
from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.measure.literal import aa_gcn as literal_aa_gcn

# 16 persons: with fewer, PyTorch has slower convolutions on one thread.
CLASSES, CLIPS, PERSONS, FRAMES = 60, 8, 2, 32


def aa_gcn_training(folder: Path) -> Benchmark:
    return _aa_gcn(half=False, target=1.4)


def aa_gcn_training_bf16(folder: Path) -> Benchmark:
    return _aa_gcn(half=True, target=1.8)


def _aa_gcn(half: bool, target: float) -> Benchmark:
    network = AAGCN(AAGCNSettings(attention=True), NTU25, CLASSES)
    literal = literal_aa_gcn.AAGCN(torch.tensor(partitions(NTU25, "spatial")), CLASSES, attends=True)
    literal_aa_gcn.take_weights(literal, network)
    x_NMTVC, label_N = _batch()
    return Benchmark(
        what=f"train AA-GCN for a step on {CLIPS} clips: in {'bfloat16' if half else 'float32'} with its convolutions "
        "side by side, or one after another in float32",
        fast=_step(network, x_NMTVC, label_N, half),
        plain=_step(literal, x_NMTVC, label_N, half=False),
        amount=CLIPS,
        unit="clips",
        target=target,
    )


def _step(network: nn.Module, x_NMTVC: Tensor, label_N: Tensor, half: bool) -> Callable[[], float]:
    """Forward, backward, update, at a rate at which random clips can be learned; the loss before the update."""
    optimizer = torch.optim.SGD(network.train().parameters(), 0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits_NK = network(x_NMTVC)
        loss = nn.functional.cross_entropy(logits_NK.float(), label_N)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def _batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x_NMTVC = torch.randn(CLIPS, PERSONS, FRAMES, NTU25.num_joints, 3, generator=generator)
    return x_NMTVC, torch.randint(CLASSES, (CLIPS,), generator=generator)
