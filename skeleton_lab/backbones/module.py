"""Training the networks that papers compare with: those that classify padded clips and nothing more.

Axes: N clips, M person slots, T frames, V joints, C channels, K classes.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from data_modules.settings import channels_of
from data_modules.skeletons import Batch
from skeleton_lab.backbones.aa_gcn import AAGCN
from skeleton_lab.backbones.ctr_gcn import CTRGCN
from skeleton_lab.backbones.dg_stgcn import DGSTGCN
from skeleton_lab.backbones.macs import PARTS, PRODUCT_RULES, ST_GCN_RULES, ST_TR_RULES
from skeleton_lab.backbones.settings import AAGCNSettings, CTRGCNSettings, DGSTGCNSettings, STGCNSettings, STTRSettings
from skeleton_lab.backbones.st_gcn import STGCN
from skeleton_lab.backbones.st_tr import STTR
from skeleton_lab.measure.macs import Macs, Rule, count_macs
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule, Counted, Output, Portable

Rules = Mapping[type[nn.Module], Rule]

# The network of each type of settings, and of those that add to it, and what papers count of it.
NETWORKS: dict[type, tuple[type[nn.Module], Rules]] = {
    STGCNSettings: (STGCN, ST_GCN_RULES),
    STTRSettings: (STTR, ST_TR_RULES),
    AAGCNSettings: (AAGCN, PRODUCT_RULES),
    CTRGCNSettings: (CTRGCN, PRODUCT_RULES),
    DGSTGCNSettings: (DGSTGCN, PRODUCT_RULES),
}


class BackboneModule(ClassificationModule):
    """A network (N, M, T, V, C), and which of its slots somebody is in (N, M) → logits (N, K)."""

    parts: ClassVar[Mapping[type[nn.Module], str]] = PARTS
    crop_scores = "probabilities"  # pyskl's way

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.network_type, self.rules = next(NETWORKS[each] for each in type(settings.model).mro() if each in NETWORKS)
        self.network = self._built(settings.data.persons)

    def _built(self, persons: int) -> nn.Module:
        channels = channels_of(self.settings.data.stream)
        return self.network_type(self.settings.model, self.layout, self.classes, channels, persons)

    def forward(self, batch: Batch) -> Output:
        padded = self.padded(batch)
        present_NM = padded.mask.any(dim=-1) if self.settings.model.absent_persons == "masked" else None
        computed_NM = torch.ones_like(padded.mask[..., 0]) if present_NM is None else present_NM
        return Output(self.logits(padded.x, present_NM), {"persons": computed_NM.sum(dim=1)})

    def logits(self, x_NMTVC: Tensor, present_NM: Tensor | None) -> Tensor:
        """(N, K); present_NM: the slots that are computed, None for all."""
        return self.network(x_NMTVC, present_NM)

    def portable(self, batch: Batch) -> Portable:
        """Clips of any number and length; 'present', which slots somebody is in, where the others do not count."""
        padded = self.padded(batch)
        inputs, varying = {"x_NMTVC": padded.x}, {"x_NMTVC": {0: "clips", 2: "frames"}}
        if self.settings.model.absent_persons == "masked":
            inputs, varying = {**inputs, "present_NM": padded.mask.any(dim=-1)}, {**varying, "present_NM": {0: "clips"}}
        return Portable(self.network, inputs, varying)

    def counted(self, batch: Batch) -> Counted:
        """All slots are computed, as released."""
        return self._counted(self.padded(batch).x.shape)

    def _counted(self, shape_NMTVC: torch.Size) -> Counted:
        with torch.device("meta"):
            network = self._built(persons=shape_NMTVC[1])
            return Counted(network, (torch.zeros(shape_NMTVC),), self.rules)

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        return count_macs(*self._counted(self._shape(clips=1, persons=1)))

    def _shape(self, clips: int, persons: int) -> torch.Size:
        data = self.settings.data
        return torch.Size((clips, persons, data.clip_len, self.layout.num_joints, channels_of(data.stream)))

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """What is spent on a clip with all persons that are computed, and on one person who is there."""
        gmacs = self.count_macs({}).all / 1e9 * self.settings.data.test_crops
        persons = per_clip["persons"].double().mean().item()
        return {"gmacs_per_clip": gmacs * persons, "gmacs_per_present_person": gmacs}

    def timed_ways(self, clips: int, measured: Mapping[str, float]) -> Mapping[str, Callable[[], Any]]:
        """`clips` clips with all their slots through the network."""
        network, device = self.network.eval(), next(self.network.parameters()).device
        shape = self._shape(clips, self.settings.data.persons)
        x_NMTVC = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
        return {"all slots, as trained": torch.inference_mode()(lambda: network(x_NMTVC))}
