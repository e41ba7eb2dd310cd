"""Two plain networks that read what the data module gives: ragged clips as STAR will, padded ones as a GCN will.

Axes: N clips, M person slots, T frames, V joints, C channels, F frames of all clips and persons, K classes.
"""

import torch
from torch import Tensor, nn

from data_modules.collate import PaddedBatch, RaggedBatch
from data_modules.layouts import Layout
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import ClassificationModule, Output

CHANNELS = 16


class RaggedModule(ClassificationModule):
    """Embeds every frame and takes the mean of each clip's: no padding anywhere."""

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        self.network = nn.ModuleList([nn.Linear(3 * layout.num_joints, CHANNELS), nn.Linear(CHANNELS, classes)])

    def forward(self, batch: RaggedBatch) -> Output:
        embed, classify = self.network
        frames_FC = embed(batch.x.flatten(1)).relu()
        sums_NC = frames_FC.new_zeros(len(batch.label), CHANNELS).index_add(0, batch.clip, frames_FC)
        return Output(classify(sums_NC / batch.offsets.diff()[:, None]))


class PaddedGraphModule(ClassificationModule):
    """One graph convolution over the layout's bones, and the mean over the frames and persons that are there."""

    adjacency_VV: Tensor

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        adjacency = torch.eye(layout.num_joints)
        for child, parent in layout.bones:
            adjacency[child, parent] = adjacency[parent, child] = 1
        self.register_buffer("adjacency_VV", adjacency / adjacency.sum(dim=1, keepdim=True))
        self.network = nn.ModuleList([nn.Linear(3, CHANNELS), nn.Linear(CHANNELS, classes)])

    def forward(self, batch: PaddedBatch) -> Output:
        embed, classify = self.network
        x_NMTC = embed(self.adjacency_VV @ batch.x).relu().mean(dim=3)
        there_NMT1 = batch.mask[..., None].to(x_NMTC.dtype)
        return Output(classify((x_NMTC * there_NMT1).sum(dim=(1, 2)) / there_NMT1.sum(dim=(1, 2))))
