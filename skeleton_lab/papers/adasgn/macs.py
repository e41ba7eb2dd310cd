"""What AdaSGN's "GFLOPs" count: multiply–accumulates of one person's clip (README.md, "Counting").

They are counted on the networks as they were released (measure/literal), not on the faster ones that are run here.

Axes: P persons, C coordinates or channels, V joints, T frames.
"""

from collections.abc import Sequence
from functools import cache

import torch

from data_modules.layouts import Layout
from skeleton_lab.backbones.macs import RULES
from skeleton_lab.measure.literal.adasgn import JointTransform, PolicyNetwork, SpatialModule
from skeleton_lab.measure.literal.sgn import Size, TemporalModule, scaled
from skeleton_lab.measure.macs import Macs, count_macs
from skeleton_lab.papers.adasgn.network import SIZES
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings, SGNSettings

# The shares of the actions S-1 B-1 S-9 B-9 S-25 B-25 at alpha = 4, cross-subject (Table 3), in percent.
PUBLISHED_SHARES = (48.36, 0.01, 0.01, 16.47, 0.01, 35.14)


def sgn_macs(settings: SGNSettings, layout: Layout, classes: int, frames: int) -> Macs:
    """One person's clip through SGN or a single model. The map to fewer joints is not counted by the paper."""
    joints = settings.joints or layout.num_joints
    is_mapped = settings.joint_transform == "learned" or joints != layout.num_joints
    spatial = spatial_macs(layout, joints if is_mapped else None, settings.size, settings.width, frames)
    return spatial + _temporal_macs(settings.width, frames) + _classifier_macs(settings.width, classes)


@cache
def spatial_macs(layout: Layout, joints: int | None, size: Size, width: float, frames: int) -> Macs:
    """One person's clip through a spatial module; joints: those that a matrix maps to, None without a matrix."""
    with torch.device("meta"):
        x_PCVT = torch.zeros(1, 3, layout.num_joints, frames)
        counted = Macs(0, 0)
        if joints is not None:
            transform = JointTransform(layout, joints)
            counted += count_macs(transform, (x_PCVT,), RULES)
            x_PCVT = transform(x_PCVT).detach()
        return counted + count_macs(SpatialModule(x_PCVT.shape[2], size, width), (x_PCVT, x_PCVT), RULES)


@cache
def _temporal_macs(width: float, frames: int) -> Macs:
    with torch.device("meta"):
        features_PC1T = torch.zeros(1, scaled(256, width), 1, frames)
        return count_macs(TemporalModule(frames, width), (features_PC1T,), RULES)


def _classifier_macs(width: float, classes: int) -> Macs:
    weights = 2 * scaled(256, width) * classes
    return Macs(weights, weights)


def _policy_macs(width: float, actions: int, frames: int) -> Macs:
    with torch.device("meta"):
        channels = scaled(256, width)
        return count_macs(PolicyNetwork(channels, actions), (torch.zeros(1, channels, 1, frames),), RULES)


def action_macs(layout: Layout, width: float, frames: int) -> list[Macs]:
    """One person's clip through the matrix and the spatial module of each action."""
    return [spatial_macs(layout, joints, size, width, frames) for joints in layout.joint_levels for size in SIZES]


def adasgn_macs(settings: AdaSGNSettings, layout: Layout, classes: int, frames: int, shares: Sequence[float]) -> Macs:
    """One person's clip through AdaSGN whose actions are taken with `shares` (fractions of the skeletons).

    Fixed is what every clip pays: action 0, the policy and the temporal module; the paper leaves the pooling over time
    and the classifier out.
    """
    cheapest, *others = action_macs(layout, settings.width, frames)
    pooled_over_time = 2 * scaled(256, settings.width) * frames
    total = cheapest + _temporal_macs(settings.width, frames) + Macs(-pooled_over_time, 0)
    total += Macs(0, _classifier_macs(settings.width, classes).all)
    if settings.policy == "learned":
        total += _policy_macs(settings.width, 1 + len(others), frames)
    for share, macs in zip(shares[1:], others, strict=True):
        total += macs.scaled(share)
    return total


def nominal_gmacs(layout: Layout, frames: int) -> tuple[float, ...]:
    """The table of costs that the efficiency loss looks up (Eq. 12): GMACs of each action at the published width.

    It is the same for narrower networks, so that alpha keeps its meaning.
    """
    return tuple(macs.as_paper / 1e9 for macs in action_macs(layout, AdaSGNSettings().width, frames))
