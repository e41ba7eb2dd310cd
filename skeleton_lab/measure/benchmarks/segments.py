"""Segment reductions of ops/segments.py beside a loop over the segments: values and gradients.

Axes: F frames of all clips, V joints, C channels, N clips.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.measure.literal import segments as literal
from skeleton_lab.ops import segments

CLIPS, SHORTEST, LONGEST, JOINTS, CHANNELS = 128, 32, 160, 25, 16

Reduction = Callable[[Tensor, Tensor], Tensor]


def segment_mean(folder: Path) -> Benchmark:
    return _benchmark("mean", segments.segment_mean, literal.segment_mean, target=1.2)


def segment_max(folder: Path) -> Benchmark:
    return _benchmark("maximum", segments.segment_max, literal.segment_max, target=1.5)


def _benchmark(name: str, fast: Reduction, plain: Reduction, target: float) -> Benchmark:
    generator = torch.Generator().manual_seed(0)
    frames_N = torch.randint(SHORTEST, LONGEST, (CLIPS,), generator=generator)
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), frames_N.cumsum(0)])
    x_FVC = torch.randn(int(offsets[-1]), JOINTS, CHANNELS, generator=generator).requires_grad_()
    gradient_NVC = torch.randn(CLIPS, JOINTS, CHANNELS, generator=generator)

    def both_ways(reduction: Reduction) -> tuple[Tensor, Tensor]:
        y_NVC = reduction(x_FVC, offsets)
        return y_NVC.detach(), torch.autograd.grad(y_NVC, x_FVC, gradient_NVC)[0]

    return Benchmark(
        what=f"{name} of each of {CLIPS} clips of {SHORTEST} to {LONGEST} frames, with its gradient: or clip by clip",
        fast=lambda: both_ways(fast),
        plain=lambda: both_ways(plain),
        amount=CLIPS,
        unit="clips",
        target=target,
    )
