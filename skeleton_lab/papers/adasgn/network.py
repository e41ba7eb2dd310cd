"""AdaSGN (Shi et al., ICCV 2021): for every skeleton, choose how many joints and how large a network to spend on it.

Axes: P persons that are present, T frames, V joints, C channels, A = 6 actions, K classes.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import Layout
from skeleton_lab.backbones.sgn import SGN, Size, SpatialModule, TemporalModule, scaled, skeleton_features
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings, SGNSettings

SIZES: tuple[Size, ...] = ("small", "big")

# The temperature that is printed in the paper falls to nothing within three epochs; Gumbel-softmax divides by it.
LOWEST_TEMPERATURE = 1e-3


class JointTransform(nn.Module):
    """X' = Mᵀ X along the joints (Eq. 3): (…, V, 3) → (…, V', 3). M (V, V') starts as means of the layout's groups."""

    def __init__(self, layout: Layout, joints: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(pooling_matrix(layout, joints))

    def forward(self, x_VC: Tensor) -> Tensor:
        return self.matrix.T @ x_VC


def pooling_matrix(layout: Layout, joints: int) -> Tensor:
    """(V, joints), columns that sum to 1: the identity for all joints, else the means of the layout's groups.

    Raises ValueError for a number of joints that the layout has no groups for.
    """
    if joints == layout.num_joints:
        return torch.eye(joints)
    if joints not in layout.poolings:
        raise ValueError(f"{layout.name} can be reduced to {layout.joint_levels} joints, not {joints}")
    matrix = torch.zeros(layout.num_joints, joints)
    for column, group in enumerate(layout.poolings[joints]):
        matrix[list(group), column] = 1 / len(group)
    return matrix


class PolicyNetwork(nn.Module):
    """Logits of the actions from the cheapest features: (P, T, C) → (P, T, A) (Eq. 5), one convolution over time.

    prefer_last: start with the last action the likelier, the stronger the features are.
    """

    def __init__(self, channels: int, actions: int, prefer_last: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, actions, kernel_size=3, padding=1)
        if prefer_last:
            nn.init.zeros_(self.conv.weight)
            nn.init.zeros_(cast(nn.Parameter, self.conv.bias))
            nn.init.constant_(self.conv.weight[-1], 1 / (3 * actions))

    def forward(self, features_PTC: Tensor) -> Tensor:
        return self.conv(features_PTC.transpose(1, 2)).transpose(1, 2)


@dataclass
class Decision:
    """logits (P, K), and which actions were taken: (P, T, A), one-hot (all ones when every action is)."""

    logits: Tensor
    actions: Tensor


class AdaSGN(nn.Module):
    """Six spatial modules, one for each action = (number of joints, size), and one temporal module for all.

    Actions are numbered by joints ascending, small before big: S-1 B-1 S-9 B-9 S-25 B-25, the columns of Table 3.
    Action 0 is always computed: its features are what the policy sees (Eq. 4).
    1,757,856 parameters for 25 joints and 60 classes.
    """

    temperature: Tensor

    def __init__(self, settings: AdaSGNSettings, layout: Layout, classes: int, frames: int) -> None:
        super().__init__()
        self.width = settings.width
        self.policy_kind = settings.policy
        self.sample_in_evaluation = settings.evaluation_actions == "sampled"
        choices = [(joints, size) for joints in layout.joint_levels for size in SIZES]
        channels = scaled(256, settings.width)
        self.joint_transforms = nn.ModuleList(JointTransform(layout, joints) for joints, _ in choices)
        self.spatial = nn.ModuleList(SpatialModule(joints, size, settings.width) for joints, size in choices)
        self.policy = PolicyNetwork(channels, len(choices), settings.policy_start == "largest")
        self.temporal = TemporalModule(frames, settings.width, settings.dropout)
        self.classifier = nn.Linear(2 * channels, classes)
        # A buffer, so that a checkpoint holds the temperature it was trained to.
        self.register_buffer("temperature", torch.tensor(settings.temperature))

    def forward(self, x_PTVC: Tensor) -> Decision:
        """All actions are computed, since the policy learns from what each would have given; but one that no skeleton
        takes is computed without a graph: through a weight of 0, its module would learn nothing."""
        cheapest_PTC = self.features(0, x_PTVC)
        actions_PTA = self.choose(cheapest_PTC)
        features, learns = [cheapest_PTC], torch.is_grad_enabled()
        for action, taken in enumerate(actions_PTA.detach().sum(dim=(0, 1)).tolist()[1:], start=1):
            with torch.set_grad_enabled(learns and taken > 0):
                features.append(self.features(action, x_PTVC))
        return self.classify(torch.stack(features, dim=2), actions_PTA)

    def decide(self, features_PTAC: Tensor) -> Decision:
        """Choose an action for each skeleton, and classify the features that it gives (Eqs. 5 to 9)."""
        return self.classify(features_PTAC, self.choose(features_PTAC[:, :, 0]))

    def classify(self, features_PTAC: Tensor, actions_PTA: Tensor) -> Decision:
        chosen_PTC = torch.einsum("pta,ptac->ptc", actions_PTA.to(features_PTAC.dtype), features_PTAC)
        return Decision(self.classifier(self.temporal(chosen_PTC)), actions_PTA)

    def all_features(self, x_PTVC: Tensor) -> Tensor:
        """The features of every action: (P, T, V, 3) → (P, T, A, C)."""
        return torch.stack([self.features(action, x_PTVC) for action in range(len(self.spatial))], dim=2)

    def features(self, action: int, x_PTVC: Tensor) -> Tensor:
        """The features of one action: (P, T, V, 3) → (P, T, C)."""
        spatial = cast(SpatialModule, self.spatial[action])
        return skeleton_features(spatial, self.joint_transforms[action](x_PTVC))

    def choose(self, features_PTC: Tensor) -> Tensor:
        """The actions for the features of action 0: (P, T, C) → (P, T, A).

        learned: while training, a Gumbel-max sample whose gradient is that of Gumbel-softmax (Eqs. 6, 7); in evaluation
        the likeliest action. random: uniform. all: every action, whose features are then summed (Table 3's fuse).
        """
        actions = len(self.spatial)
        if self.policy_kind == "all":
            return features_PTC.new_ones(*features_PTC.shape[:2], actions)
        if self.policy_kind == "random":
            drawn = torch.randint(actions, features_PTC.shape[:2], device=features_PTC.device)
            return F.one_hot(drawn, actions).to(features_PTC.dtype)
        log_probability_PTA = self.policy(features_PTC).float().log_softmax(dim=-1)
        if self.training or self.sample_in_evaluation:
            temperature = max(self.temperature.item(), LOWEST_TEMPERATURE)
            return F.gumbel_softmax(log_probability_PTA, tau=temperature, hard=True)
        return F.one_hot(log_probability_PTA.argmax(dim=-1), actions).to(features_PTC.dtype)


def build_sgn(settings: SGNSettings, layout: Layout, classes: int, frames: int) -> SGN:
    """SGN on all joints or, by the matrix M, on fewer: the single models of Table 1."""
    joints = settings.joints or layout.num_joints
    transform = None
    if settings.joint_transform == "learned" or joints != layout.num_joints:
        transform = JointTransform(layout, joints)
        transform.requires_grad_(settings.joint_transform == "learned")
    return SGN(joints, classes, frames, settings.size, settings.width, settings.dropout, transform)
