"""The blocks of the 3D deformable transformer, with and without matrices of scores in memory.

Axes: N clips, T frames, H × W places, R joints, C channels.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from data_modules.settings import VideoSettings
from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.papers.deform3d.module import with_scores
from skeleton_lab.papers.deform3d.network import Deform3D, Tokens
from skeleton_lab.papers.deform3d.settings import Deform3DSettings

# A clip of Penn Action's at half the published size.
FRAMES, CROP, JOINTS, CLASSES = 12, 112, 13, 15


def deform3d_blocks(folder: Path) -> Benchmark:
    return blocks(Deform3DSettings(dropout=0.0))


def blocks(settings: Deform3DSettings, frames: int = FRAMES, crop: int = CROP) -> Benchmark:
    """A training step of all blocks of a clip: what is above parameters and backbone."""
    settings.fit(VideoSettings(clip_len=frames))
    torch.manual_seed(0)
    network = Deform3D(settings, "both", JOINTS, CLASSES, frames, crop)
    side, channels = -(-crop // 8), settings.token_channels
    tokens = Tokens(
        torch.randn(1, frames, side, side, channels, requires_grad=True),
        torch.randn(1, frames, JOINTS, channels, requires_grad=True),
        torch.ones(1, frames, JOINTS, dtype=torch.bool),
        {role: torch.randn(1, frames, channels, requires_grad=True) for role in settings.roles},
    )
    return Benchmark(
        what=f"training step of the blocks, {frames} frames of {crop} × {crop}: scores never stored, or stored",
        fast=_step(network, tokens),
        plain=_step(with_scores(network), tokens),
        amount=1,
        unit="clips",
        target=1,
        least_memory=3,
    )


def _step(network: Deform3D, tokens: Tokens) -> Callable[[], object]:
    weights = list(network.blocks.parameters())

    def step() -> object:
        found = tokens
        for block in network.blocks:
            found = block(found)
        total = sum((each.square().sum() for each in found.modal.values()), start=torch.zeros(()))
        return torch.autograd.grad(total, weights, allow_unused=True)

    return step
