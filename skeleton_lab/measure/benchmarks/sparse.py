"""What it costs to train a network sparse: steps of the generator beside steps of the same network, dense.

Axes: N clips, M person slots, T frames, V joints.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from data_modules.collate import PaddedBatch
from data_modules.layouts import NTU25
from skeleton_lab.backbones.module import BackboneModule
from skeleton_lab.config import Request, compose
from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.papers.sparse_stgcn.module import SparseModule

CLASSES, CLIPS = 60, 16
# Training may cost 3 % more than that of the dense network.
NO_SLOWER = 0.97


def sparse_warm_up(folder: Path) -> Benchmark:
    """With the penalty, at its full weight."""
    return _beside_dense("a step of the warm-up", {"model.penalty_ramp": "constant"})


def sparse_fine_tuning(folder: Path) -> Benchmark:
    return _beside_dense("a step of fine-tuning", {"model.warmup": 0.0})


def _beside_dense(what: str, changes: dict[str, object]) -> Benchmark:
    def module_of(of_model: dict[str, object]) -> BackboneModule:
        settings = compose(Request("sparse_st_gcn", "ntu60", "xsub", "paper", of_model))
        kind = SparseModule if settings.model.sparsity else BackboneModule
        return kind(settings, NTU25, CLASSES)

    return Benchmark(
        what=f"train ST-GCN for {what} on {CLIPS} clips of 60 frames: 95 % sparse, or dense",
        fast=_step(module_of({"model.sparsity": 0.95, **changes})),
        plain=_step(module_of({"model.sparsity": 0.0})),
        amount=CLIPS,
        unit="clips",
        target=NO_SLOWER,
    )


def _step(module: BackboneModule) -> Callable[[], float]:
    """Forward, backward, update on one random batch; the loss before the update."""
    batch = _batch(module.settings.data.clip_len)
    optimizer = torch.optim.SGD(module.train().parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def step() -> float:
        loss = module.loss(module(batch), batch)
        loss.backward()
        module.on_before_optimizer_step(optimizer)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def _batch(frames: int) -> PaddedBatch:
    """One person in each clip."""
    generator = torch.Generator().manual_seed(0)
    x_NMTVC = torch.randn(CLIPS, 2, frames, NTU25.num_joints, 3, generator=generator)
    mask_NMT = torch.ones(CLIPS, 2, frames, dtype=torch.bool)
    mask_NMT[:, 1] = False
    label_N: Tensor = torch.randint(CLASSES, (CLIPS,), generator=generator)
    return PaddedBatch(x_NMTVC, mask_NMT, label_N, torch.arange(CLIPS))
