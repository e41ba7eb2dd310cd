"""Training STAR, and what it costs.

Axes: F frames of all clips and their persons, one clip after another; N clips; M person slots; T frames; V joints;
C channels; K classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from data_modules.collate import Clip, PaddedBatch, RaggedBatch
from data_modules.layouts import Layout
from data_modules.settings import channels_of
from data_modules.skeletons import Batch
from skeleton_lab.backbones.settings import STGCNSettings
from skeleton_lab.backbones.st_gcn import STGCN
from skeleton_lab.errors import RequestError
from skeleton_lab.figures.skeletons import ShownSkeleton
from skeleton_lab.measure.literal import star as literal
from skeleton_lab.measure.macs import Macs, count_macs
from skeleton_lab.measure.random_batch import FULL_LENGTH, FULL_PERSONS, LONGEST, SHORTEST, random_batch, random_lengths
from skeleton_lab.papers.star.attention import attention_between_joints, drawn
from skeleton_lab.papers.star.macs import RULES, as_released
from skeleton_lab.papers.star.network import STAR, ClipMemory, JointAttention, TimeAttention
from skeleton_lab.papers.star.portable import SingleClip
from skeleton_lab.papers.star.settings import STARSettings
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule, Counted, Output, Portable


class STARModule(ClassificationModule):
    """STAR-64 and STAR-128."""

    parts: ClassVar[Mapping[type[nn.Module], str]] = {
        JointAttention: "Mul",
        ClipMemory: "MatMul",
        TimeAttention: "MatMul",
        literal.JointAttention: "Mul",
        literal.TimeAttention: "MatMul",
    }

    network: STAR

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.model: STARSettings = settings.model
        self.channels_in = channels_of(settings.data.stream)
        self.network = STAR(self.model, layout, classes, self.channels_in)

    def forward(self, batch: Batch) -> Output:
        ragged = _ragged(batch)
        return Output(self.network(ragged.x, ragged.offsets), {"frames": ragged.offsets.diff()})

    def shown(self, batch: Batch, clip: Clip) -> list[ShownSkeleton]:
        """Which joints attended to which."""
        ragged = _ragged(batch)
        return drawn(clip, attention_between_joints(self.network, ragged.x, ragged.offsets), self.layout)

    def portable(self, batch: Batch) -> Portable:
        """One clip of any length: the frames of all its persons, one after another."""
        return Portable(SingleClip(self.network), {"x_FVC": _ragged(batch).x}, {"x_FVC": {0: "frames"}})

    def counted(self, batch: Batch) -> Counted:
        return self._counted(_ragged(batch).offsets.diff().tolist())

    def _counted(self, lengths: list[int]) -> Counted:
        x_FVC = torch.zeros(sum(lengths), self.layout.num_joints, self.channels_in, device="meta")
        return Counted(as_released(self.network), (x_FVC, lengths), RULES)

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        """Of a clip of as many frames as the test set's have on average, all persons together."""
        return count_macs(*self._counted([round(measured.get("frames_per_clip", self.settings.data.clip_len))]))

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """The frames of a clip, those of all its persons, and what is spent on them."""
        frames = per_clip["frames"].double().mean().item()
        gmacs = self.count_macs({"frames_per_clip": frames}).all / 1e9 * self.settings.data.test_crops
        return {"frames_per_clip": frames, "gmacs_per_clip": gmacs}

    def timed_ways(self, clips: int, measured: Mapping[str, float]) -> Mapping[str, Callable[[], Any]]:
        """`clips` clips of one person and 100 to 299 frames through STAR; the same, padded as released to 300 frames of
        all person slots, through ST-GCN; and clips that fill these through STAR."""
        device, persons = next(self.network.parameters()).device, min(FULL_PERSONS, self.settings.data.persons)
        width, run = self.model.width, torch.inference_mode()
        st_gcn = STGCN(STGCNSettings(width=width), self.layout, self.classes, 3, persons).to(device).eval()
        x_NMTVC = torch.randn(clips, persons, FULL_LENGTH, self.layout.num_joints, 3, device=device)
        slots = f"{FULL_LENGTH} frames × {persons} person{'s' if persons > 1 else ''}"
        return {
            f"STAR, {SHORTEST} to {LONGEST} frames": self._predicting(random_lengths(clips), persons=1),
            f"ST-GCN, {slots}": run(lambda: st_gcn(x_NMTVC)),
            f"STAR, {slots}": self._predicting([FULL_LENGTH] * clips, persons),
        }

    def _predicting(self, lengths: Sequence[int], persons: int) -> Callable[[], Any]:
        network, device = self.network.eval(), next(self.network.parameters()).device
        data = replace(self.settings.data, frame_step=1)
        batch = _ragged(random_batch(data, self.layout, lengths, persons))
        x_FVC, offsets = batch.x.to(device), batch.offsets.to(device)
        return torch.inference_mode()(lambda: network(x_FVC, offsets))


def _ragged(batch: Batch) -> RaggedBatch:
    if isinstance(batch, PaddedBatch):
        raise RequestError("data.collation=padded: STAR works on data.collation=ragged")
    return batch
