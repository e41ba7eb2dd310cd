"""Training the 3D deformable transformer, and what it costs.

Axes: N clips, M person slots, T frames, V joints, H rows, W columns, C = 3 colours, D = 2 coordinates.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from data_modules.settings import VideoSettings
from data_modules.video_pose import VideoPoseBatch
from skeleton_lab.measure.literal.deform3d import scored_attention
from skeleton_lab.measure.macs import Macs, count_macs
from skeleton_lab.measure.random_batch import random_film_batch
from skeleton_lab.papers.deform3d.attention import (
    Attention,
    DeformableAttention,
    JointStrideAttention,
    TemporalStrideAttention,
)
from skeleton_lab.papers.deform3d.network import Deform3D
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule, Counted, Output


class Deform3DModule(ClassificationModule):
    """Of films and poses, or of either alone, as `data.modality` says."""

    counts_all_persons: ClassVar[bool] = True
    # What they do outside of PyTorch's layers is their products of queries, keys and values.
    parts: ClassVar[Mapping[type[nn.Module], str]] = {
        DeformableAttention: "3D deformable attention",
        JointStrideAttention: "joint stride attention",
        TemporalStrideAttention: "temporal stride attention",
    }

    network: Deform3D

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        data: VideoSettings = settings.data
        joints = data.persons * layout.num_joints
        self.network = Deform3D(settings.model, data.modality, joints, classes, data.clip_len, data.crop)

    def forward(self, batch: VideoPoseBatch) -> Output:
        return Output(self.network(batch.frames, batch.pixels, batch.visible))

    def counted(self, batch: VideoPoseBatch) -> Counted:
        inputs = (batch.frames, batch.pixels, batch.visible)
        return Counted(deepcopy(self.network).to("meta"), tuple(each.to("meta") for each in inputs), {})

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        """Of a clip of the test with all its person slots. The paper prints no costs: as it counts is every product."""
        data = self.settings.data
        shown = replace(data, clip_len=data.test_clip_len or data.clip_len)
        every = count_macs(*self.counted(random_film_batch(shown, self.layout, clips=1))).all
        return Macs(every, every)

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """What is spent on a clip."""
        return {"gmacs_per_clip": self.count_macs({}).all / 1e9 * self.settings.data.test_crops}

    def timed_ways(self, clips: int, measured: Mapping[str, float]) -> Mapping[str, Callable[[], Any]]:
        """`clips` random clips through the network, and with every matrix of attention's scores stored."""
        network, device = self.network.eval(), next(self.network.parameters()).device
        batch = random_film_batch(self.settings.data, self.layout, clips)
        inputs = [each.to(device) for each in (batch.frames, batch.pixels, batch.visible)]
        scored, run = with_scores(network), torch.inference_mode()
        return {"scores never stored": run(lambda: network(*inputs)), "scores stored": run(lambda: scored(*inputs))}


def with_scores(network: Deform3D) -> Deform3D:
    """The same network, whose attention stores the matrices of its scores."""
    plain = deepcopy(network)
    for layer in plain.modules():
        if isinstance(layer, Attention):
            layer.attend = scored_attention
    return plain
