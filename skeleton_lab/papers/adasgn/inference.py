"""AdaSGN once it is trained: every spatial module computes only the skeletons that its action was chosen for.

Axes: P persons, T frames, R = P·T single skeletons, V joints, C channels, A actions, K classes.
"""

from typing import cast

import torch
from torch import Tensor, nn

from skeleton_lab.backbones.sgn import SpatialModule
from skeleton_lab.backbones.sgn_inference import FoldedSpatialModule, FoldedTemporalModule, positions_and_velocities
from skeleton_lab.papers.adasgn.network import AdaSGN, Decision, JointTransform


class SkippingAdaSGN(nn.Module):
    """AdaSGN for inference: the logits of the complete path, without what the policy spares.

    It keeps the weights that `network` has now, but for the policy's, which stay shared.
    """

    @torch.no_grad()
    def __init__(self, network: AdaSGN) -> None:
        super().__init__()
        self.spatial = nn.ModuleList(
            FoldedSpatialModule(cast(SpatialModule, spatial), cast(JointTransform, transform).matrix)
            for spatial, transform in zip(network.spatial, network.joint_transforms, strict=True)
        )
        self.temporal = FoldedTemporalModule(network.temporal, network.classifier)
        self.choose = network.choose

    def forward(self, x_PTVC: Tensor, actions_PTA: Tensor | None = None) -> Decision:
        """(P, T, V, 3) → logits and actions. actions_PTA: take these, one-hot, instead of the policy's."""
        x_R6V = positions_and_velocities(x_PTVC)
        cheapest_RC = self.spatial[0](x_R6V)
        chosen_PTA = self.choose(cheapest_RC.unflatten(0, x_PTVC.shape[:2]))
        actions_PTA = chosen_PTA if actions_PTA is None else actions_PTA
        features_RC = self.features(x_R6V, cheapest_RC, actions_PTA.flatten(0, 1))
        return Decision(self.temporal(features_RC.unflatten(0, x_PTVC.shape[:2])), actions_PTA)

    def features(self, x_R6V: Tensor, cheapest_RC: Tensor, actions_RA: Tensor) -> Tensor:
        """Σ over the actions that are taken of their features: (R, C). Those of action 0 are there already."""
        features_RC = cheapest_RC * actions_RA[:, :1]
        rows, actions = actions_RA[:, 1:].T.nonzero()[:, 1], actions_RA[:, 1:].count_nonzero(dim=0).tolist()
        for spatial, own_rows in zip(list(self.spatial)[1:], rows.split(actions), strict=True):
            if len(own_rows):
                features_RC.index_add_(0, own_rows, spatial(x_R6V[own_rows]))
        return features_RC
