"""The recurrence of GCA-LSTM's attention layer: by diagonals of its lattice, or cell by cell, as equations are written.

Axes: S cells, N clips, D channels, A = 5·D columns of the gates.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.ops.lattice import Lattice, Recurrence, by_cells, by_diagonals

# NTU RGB+D's, at the published width.
LATTICE, CHANNELS = Lattice(joints=25, frames=20), 128


def gca_lstm_lattice_4(folder: Path) -> Benchmark:
    return _benchmark(clips=4, target=4)


def gca_lstm_lattice_64(folder: Path) -> Benchmark:
    return _benchmark(clips=64, target=1)


def _benchmark(clips: int, target: float) -> Benchmark:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int, spread: float = 1.0) -> Tensor:
        return (spread * torch.randn(*shape, generator=generator)).requires_grad_()

    x_SNA = normal(LATTICE.cells, clips, 5 * CHANNELS)
    joint_DA, frame_DA = (normal(CHANNELS, 5 * CHANNELS, spread=0.05) for _ in range(2))
    gate_SN = torch.rand(LATTICE.cells, clips, generator=generator).requires_grad_()
    grad_SND = normal(LATTICE.cells, clips, CHANNELS)

    def both_ways(recurrence: Recurrence) -> Callable[[], tuple[Tensor, ...]]:
        def call() -> tuple[Tensor, ...]:
            h_SND = recurrence(x_SNA, joint_DA, frame_DA, LATTICE, gate_SN)
            return (h_SND.detach(), *torch.autograd.grad(h_SND, (x_SNA, joint_DA, frame_DA, gate_SN), grad_SND))

        return call

    return Benchmark(
        what=f"25 joints × 20 frames of {clips} clips, with the gradient: by diagonals of the lattice, or cell by cell",
        fast=both_ways(by_diagonals),
        plain=both_ways(by_cells),
        amount=clips,
        unit="clips",
        target=target,
    )
