"""Which joints attend to which (STAR, "Sparse MHSA": A + A² + A³).

Axes: V joints, E edges.
"""

import torch
from torch import Tensor

from data_modules.layouts import Layout
from skeleton_lab.layers.graph import hop_distances
from skeleton_lab.papers.star.settings import STARSettings


def joint_edges(layout: Layout, settings: STARSettings) -> Tensor:
    """(2, E): joint i, and joint j that it attends to, in the order of i. 166 pairs of 25 joints within three bones.

    A single joint attends to itself.
    """
    distances_VV = torch.from_numpy(hop_distances(layout))
    if layout.num_joints == 1:
        return torch.zeros(2, 1, dtype=torch.long)
    if settings.edges == "distinct":
        return ((distances_VV > 0) & (distances_VV <= settings.hops)).nonzero().T
    # A step along a bone and back again leads to the same joint: Aⁿ has pairs of n, n − 2, … bones.
    powers = [(distances_VV <= steps) & (distances_VV % 2 == steps % 2) for steps in range(1, settings.hops + 1)]
    edges_E2 = torch.cat([power.nonzero() for power in powers])
    return edges_E2[edges_E2[:, 0].argsort(stable=True)].T
