"""STAR beside itself as released, and beside ST-GCN on the same clips.

Axes: F frames of all clips, N clips, M persons, T frames, V joints, C channels, H heads, D channels of a head.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from data_modules.layouts import NTU25
from skeleton_lab.backbones.settings import STGCNSettings
from skeleton_lab.backbones.st_gcn import STGCN
from skeleton_lab.measure.bench import Benchmark
from skeleton_lab.measure.literal import star as literal
from skeleton_lab.measure.random_batch import FULL_LENGTH, FULL_PERSONS
from skeleton_lab.ops.sparse_attention import edge_bias, masked_attention, sparse_attention
from skeleton_lab.papers.star.edges import joint_edges
from skeleton_lab.papers.star.network import STAR
from skeleton_lab.papers.star.settings import STARSettings

CLASSES, IN_CHANNELS = 60, 9
# Of the lengths of NTU RGB+D, 180 on average.
LENGTHS = [300, 120, 60, 240]
FRAMES, HEADS, HEAD_CHANNELS = 128, 8, 8


def star_training(folder: Path) -> Benchmark:
    return _training(half=False)


def star_training_bf16(folder: Path) -> Benchmark:
    return _training(half=True)


def star_inference(folder: Path) -> Benchmark:
    st_gcn = STGCN(STGCNSettings(), NTU25, CLASSES, 3, FULL_PERSONS).eval()
    x_NMTVC = torch.randn(len(LENGTHS), FULL_PERSONS, FULL_LENGTH, NTU25.num_joints, 3)
    return _inference(
        what=f"{len(LENGTHS)} clips of one person, {sum(LENGTHS)} frames: STAR-64, or ST-GCN on 300 frames × 2 persons",
        lengths=LENGTHS,
        plain=lambda: st_gcn(x_NMTVC),
        target=4,
    )


def star_inference_equal(folder: Path) -> Benchmark:
    st_gcn = STGCN(STGCNSettings(), NTU25, CLASSES, 3, FULL_PERSONS).eval()
    x_NMTVC = torch.randn(1, FULL_PERSONS, FULL_LENGTH, NTU25.num_joints, 3)
    return _inference(
        what="the same at equal input: a clip of 300 frames and two persons who are there",
        lengths=[FULL_LENGTH * FULL_PERSONS],
        plain=lambda: st_gcn(x_NMTVC),
        target=1,
    )


def star_attention(folder: Path) -> Benchmark:
    edges_2E = joint_edges(NTU25, STARSettings())
    bias_VV = edge_bias(edges_2E, NTU25.num_joints).float()
    shape = (3, FRAMES, NTU25.num_joints, HEADS, HEAD_CHANNELS)
    qkv = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()

    query, key, value = qkv

    def both_ways(attended_FVHD: Tensor) -> Tensor:
        return torch.autograd.grad(attended_FVHD.sum(), qkv)[0]

    return Benchmark(
        what="attention of 25 joints along 166 edges, with its gradient: by a masked matrix, or by a list of edges",
        fast=lambda: both_ways(masked_attention(query, key, value, bias_VV)),
        plain=lambda: both_ways(sparse_attention(query, key, value, edges_2E)),
        amount=FRAMES,
        unit="frames",
        target=1,
    )


def _training(half: bool) -> Benchmark:
    network = STAR(STARSettings(), NTU25, CLASSES)
    plain = literal.STAR(network.edges, NTU25.num_joints, CLASSES)
    literal.take_weights(plain, network)
    x_FVC, label_N = _batch(), torch.arange(len(LENGTHS))
    offsets = torch.tensor([0, *LENGTHS]).cumsum(0)
    return Benchmark(
        what=f"train STAR-64 for a step on {sum(LENGTHS)} frames: in {'bfloat16' if half else 'float32'} and piece by "
        "piece, or as released in float32",
        fast=_step(network, lambda: network(x_FVC, offsets), label_N, half),
        plain=_step(plain, lambda: plain(x_FVC, LENGTHS), label_N, half=False),
        amount=sum(LENGTHS),
        unit="frames",
        target=10,
    )


def _step(network: nn.Module, logits: Callable[[], Tensor], label_N: Tensor, half: bool) -> Callable[[], float]:
    optimizer = torch.optim.Adam(network.train().parameters(), betas=(0.9, 0.98))

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = nn.functional.cross_entropy(logits().float(), label_N, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def _inference(what: str, lengths: list[int], plain: Callable[[], Tensor], target: float) -> Benchmark:
    network, offsets = STAR(STARSettings(), NTU25, CLASSES).eval(), torch.tensor([0, *lengths]).cumsum(0)
    x_FVC = torch.randn(sum(lengths), NTU25.num_joints, IN_CHANNELS)
    run = torch.inference_mode()
    return Benchmark(
        what=what,
        fast=run(lambda: network(x_FVC, offsets)),
        plain=run(plain),
        amount=len(lengths),
        unit="clips",
        target=target,
    )


def _batch() -> Tensor:
    return torch.randn(sum(LENGTHS), NTU25.num_joints, IN_CHANNELS, generator=torch.Generator().manual_seed(0))
