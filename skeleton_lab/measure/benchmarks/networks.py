"""Networks beside the same networks as their released codes are built, or beside what they are to be quicker than.

Training: both sides start from the same weights, see the same clips, one person each, and take the same steps
(`Training`). Inference: papers/adasgn/latency.py says what is timed.

Axes: P persons, T frames, V joints, C coordinates, K classes.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from data_modules.layouts import NTU25
from skeleton_lab.backbones.sgn import SGN
from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.measure.literal import adasgn as literal_adasgn
from skeleton_lab.measure.literal import sgn as literal_sgn
from skeleton_lab.papers.adasgn import latency
from skeleton_lab.papers.adasgn.network import AdaSGN
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings
from skeleton_lab.training.losses import smoothed_cross_entropy

CLASSES, FRAMES = 60, 20
SGN_PERSONS, ADASGN_PERSONS = 64, 16


class Training:
    """The steps of the published training of SGN and AdaSGN, on one random batch of skeletons of 25 joints.

    logits: a batch (P, T, V, 3) → (P, K), by `network`. half: under autocast to bfloat16.
    """

    def __init__(self, network: nn.Module, logits: Callable[[Tensor], Tensor], persons: int, half: bool) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x_PTVC = torch.randn(persons, FRAMES, NTU25.num_joints, 3, generator=generator)
        self.label_P = torch.randint(CLASSES, (persons,), generator=generator)
        self.logits, self.half = logits, half
        self.optimizer = torch.optim.Adam(network.train().parameters(), lr=1e-3, weight_decay=1e-4)

    def step(self) -> float:
        """Forward, backward, update; the loss before the update."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            loss = smoothed_cross_entropy(self.logits(self.x_PTVC), self.label_P, smoothing=0.1)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


def sgn_training(folder: Path) -> Benchmark:
    return _sgn(half=False, target=1.2)


def sgn_training_bf16(folder: Path) -> Benchmark:
    return _sgn(half=True, target=2)


def adasgn_training(folder: Path) -> Benchmark:
    return _adasgn(half=False, target=1.2)


def adasgn_training_bf16(folder: Path) -> Benchmark:
    return _adasgn(half=True, target=2.5)


def adasgn_inference_1(folder: Path) -> Benchmark:
    return _inference(clips=1, target=1)


def adasgn_inference_16(folder: Path) -> Benchmark:
    return _inference(clips=16, target=1.6)


def adasgn_inference_256(folder: Path) -> Benchmark:
    return _inference(clips=256, target=1.6)


def adasgn_by_frame(folder: Path) -> Benchmark:
    clips = 16
    ways = latency.frame_by_frame(_adasgn_network(), NTU25, FRAMES, 2 * clips)
    return Benchmark(
        what=f"AdaSGN on {clips} clips of two persons: simplified, gathered by action; or frame by frame, as released",
        fast=ways[latency.SKIPPING],
        plain=ways[latency.BY_FRAME],
        amount=clips,
        unit="clips",
        target=10,
    )


def _inference(clips: int, target: float) -> Benchmark:
    ways = latency.adasgn_ways(_adasgn_network(), NTU25, FRAMES, clips)
    return Benchmark(
        what=f"{clips} clips of two persons: AdaSGN with the actions of α=4, or SGN simplified in the same ways",
        fast=ways[latency.SKIPPING],
        plain=ways[latency.SGN_SIMPLIFIED],
        amount=clips,
        unit="clips",
        target=target,
    )


def _adasgn_network() -> AdaSGN:
    return AdaSGN(AdaSGNSettings(), NTU25, CLASSES, FRAMES)


def _sgn(half: bool, target: float) -> Benchmark:
    network, literal = SGN(NTU25.num_joints, CLASSES, FRAMES), literal_sgn.SGN(NTU25.num_joints, CLASSES, FRAMES)
    literal_sgn.take_weights(literal, network)
    return Benchmark(
        what=f"train SGN for a step on {SGN_PERSONS} clips: in {_precision(half)}, or the literal one in float32",
        fast=Training(network, network, SGN_PERSONS, half).step,
        plain=Training(literal, literal, SGN_PERSONS, half=False).step,
        amount=SGN_PERSONS,
        unit="clips",
        target=target,
    )


def _adasgn(half: bool, target: float) -> Benchmark:
    network, literal = _adasgn_network(), literal_adasgn.AdaSGN(NTU25, CLASSES, FRAMES)
    literal_sgn.take_weights(literal, network)
    return Benchmark(
        what=f"the same for AdaSGN and all its branches on {ADASGN_PERSONS} clips in {_precision(half)}",
        fast=Training(network, lambda x_PTVC: network(x_PTVC).logits, ADASGN_PERSONS, half).step,
        plain=Training(literal, lambda x_PTVC: literal(x_PTVC)[0], ADASGN_PERSONS, half=False).step,
        amount=ADASGN_PERSONS,
        unit="clips",
        target=target,
    )


def _precision(half: bool) -> str:
    return "bfloat16" if half else "float32"
