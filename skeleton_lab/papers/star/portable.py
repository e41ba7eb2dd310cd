"""STAR in a form that can be exported: one clip, whose number of frames may vary.

Axes: F frames of all persons of a clip, one after another; V joints; C channels; K classes.
"""

import torch
from torch import Tensor, nn

from skeleton_lab.ops.context_attention import context_of, weights_of
from skeleton_lab.ops.positions import positional_encoding
from skeleton_lab.papers.star.network import STAR, Block


class SingleClip(nn.Module):
    """x (F, V, C_in) → logits (1, K)."""

    def __init__(self, network: STAR) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_FVC: Tensor) -> Tensor:
        network, settings, frames = self.network, self.network.settings, x_FVC.shape[0]
        x_FVC = network.embedding(network.norm(x_FVC.flatten(1)).view_as(x_FVC))
        position_F = torch.arange(frames, device=x_FVC.device)
        x_FVC = x_FVC + positional_encoding(position_F, x_FVC.shape[-1], settings.positions).unsqueeze(1)
        for block in network.blocks:
            assert isinstance(block, Block)
            x_FVC = block.encode(x_FVC, block.memory(x_FVC, [frames]), [frames])
        context_1VC = context_of(x_FVC.mean(dim=0, keepdim=True), network.context)
        weighted_FVC = weights_of(x_FVC, context_1VC, settings.context_weights) * x_FVC
        pooled_VC = weighted_FVC.mean(dim=0) if settings.pooling == "mean" else weighted_FVC.sum(dim=0)
        return network.head(pooled_VC.unsqueeze(0))
