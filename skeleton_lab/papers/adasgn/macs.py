"""What AdaSGN's "GFLOPs" count: multiply–accumulates of one person's clip (README.md, "Counting").

Axes: P persons, T frames, V joints, C channels.
"""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from data_modules.layouts import Layout
from skeleton_lab.backbones.sgn import SGN, TemporalModule
from skeleton_lab.layers.pointwise import PointwiseConv
from skeleton_lab.measure.macs import Macs, Rule, count_macs
from skeleton_lab.papers.adasgn.network import AdaSGN
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings


def _convolution(layer: nn.Conv1d | PointwiseConv, x: Tensor, y: Tensor) -> int:
    return y.numel() * (layer.weight[0].numel() + (layer.bias is not None))


def _temporal_module(layer: TemporalModule, x: Tensor, y: Tensor) -> int:
    # The released module pools the single joint it is given over joints once more, and that is counted.
    return x.numel()


RULES: dict[type[nn.Module], Rule] = {
    nn.Conv1d: _convolution,
    PointwiseConv: _convolution,
    nn.Linear: lambda layer, x, y: y.numel() * layer.in_features,
    nn.BatchNorm1d: lambda layer, x, y: 2 * y.numel(),
    nn.ReLU: lambda layer, x, y: y.numel(),
    nn.AdaptiveMaxPool1d: lambda layer, x, y: x.numel(),
    nn.AdaptiveMaxPool2d: lambda layer, x, y: x.numel(),
    TemporalModule: _temporal_module,
}

# The shares of the actions S-1 B-1 S-9 B-9 S-25 B-25 at alpha = 4, cross-subject (Table 3), in percent.
PUBLISHED_SHARES = (48.36, 0.01, 0.01, 16.47, 0.01, 35.14)


def sgn_macs(network: SGN, layout: Layout, frames: int) -> Macs:
    """One person's clip through SGN. The map to fewer joints is not counted by the paper."""
    device = next(network.parameters()).device
    return count_macs(network, (torch.zeros(1, frames, layout.num_joints, 3, device=device),), RULES)


def spatial_macs(network: AdaSGN, layout: Layout, frames: int) -> list[Macs]:
    """One person's clip through the spatial module (and joint transform) of each action."""
    counts = []
    for spatial, transform in zip(network.spatial, network.joint_transforms, strict=True):
        x_TVC = torch.zeros(frames, layout.num_joints, 3, device=network.temperature.device)
        reduced_TVC = transform(x_TVC).detach()
        counts.append(count_macs(transform, (x_TVC,), RULES) + count_macs(spatial, (reduced_TVC, reduced_TVC), RULES))
    return counts


def adasgn_macs(network: AdaSGN, layout: Layout, frames: int, shares: Sequence[float]) -> Macs:
    """One person's clip through AdaSGN whose actions are taken with `shares` (fractions of the skeletons).

    Fixed is what every clip pays: action 0, the policy and the temporal module; the paper leaves the classifier out.
    """
    per_action = spatial_macs(network, layout, frames)
    features = torch.zeros(1, frames, network.classifier.in_features // 2, device=network.classifier.weight.device)
    total = per_action[0] + count_macs(network.temporal, (features,), {**RULES, nn.AdaptiveMaxPool1d: lambda *_: 0})
    total += Macs(0, network.classifier.weight.numel())
    if network.policy_kind == "learned":
        total += count_macs(network.policy, (features,), RULES)
    for share, macs in zip(shares[1:], per_action[1:], strict=True):
        total += macs.scaled(share)
    return total


@cache
def nominal_gmacs(layout: Layout, frames: int) -> tuple[float, ...]:
    """The table of costs that the efficiency loss looks up (Eq. 12): GMACs of each action at the published width.

    It is the same for narrower networks, so that alpha keeps its meaning.
    """
    network = AdaSGN(AdaSGNSettings(), layout, classes=2, frames=frames)
    return tuple(macs.as_paper / 1e9 for macs in spatial_macs(network, layout, frames))
