"""AdaSGN as released: all six spatial modules on every frame, or one module call for each single frame.

The twin of papers/adasgn/network.py, on the modules of literal/sgn.py.

Axes: P persons, C channels, V joints, T frames, A = 6 actions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import Layout
from skeleton_lab.measure.literal import sgn
from skeleton_lab.measure.literal.sgn import Size, TemporalModule, scaled, velocities


class JointTransform(nn.Module):
    """(P, 3, V, T) → (P, 3, V', T) by a matrix M (V, V') that starts as means of the layout's groups."""

    def __init__(self, layout: Layout, joints: int) -> None:
        super().__init__()
        groups = layout.poolings.get(joints) or [(joint,) for joint in range(layout.num_joints)]
        matrix = torch.zeros(layout.num_joints, joints)
        for column, group in enumerate(groups):
            for joint in group:
                matrix[joint, column] = 1 / len(group)
        self.matrix = nn.Parameter(matrix)

    def forward(self, x_PCVT: Tensor) -> Tensor:
        return (x_PCVT.transpose(2, 3) @ self.matrix).transpose(2, 3).contiguous()


class SpatialModule(sgn.SpatialModule):
    """SGN's, with the maximum over joints: (P, C, 1, T). Joint types are embedded once, as the printed costs say."""

    def __init__(self, joints: int, size: Size = "big", width: float = 1.0) -> None:
        super().__init__(joints, size, width)
        self.pool_joints = nn.AdaptiveMaxPool2d((1, None))

    def forward(self, position_PCVT: Tensor, velocity_PCVT: Tensor) -> Tensor:
        return self.pool_joints(super().forward(position_PCVT, velocity_PCVT))

    def types(self, batch_PCVT: Tensor) -> Tensor:
        return self.joint_type.layers(self.joint_type.one_hot[None]).expand_as(batch_PCVT)


class PolicyNetwork(nn.Module):
    """Logits of the actions: (P, C, 1, T) → (P, A, 1, T)."""

    def __init__(self, channels: int, actions: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, actions, (1, 3), padding=(0, 1))

    def forward(self, features_PC1T: Tensor) -> Tensor:
        return self.conv(features_PC1T)


class AdaSGN(nn.Module):
    """Six spatial modules with a joint transform each, ordered by joints ascending, small before big.

    1,757,856 parameters for 25 joints and 60 classes.
    """

    temperature: Tensor

    def __init__(
        self, layout: Layout, classes: int, frames: int = 20, width: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        channels = scaled(256, width)
        levels = [joints for joints in layout.joint_levels for _ in ("small", "big")]
        self.joint_transforms = nn.ModuleList(JointTransform(layout, joints) for joints in levels)
        self.spatial = nn.ModuleList(
            SpatialModule(joints, "big" if action % 2 else "small", width) for action, joints in enumerate(levels)
        )
        self.policy = PolicyNetwork(channels, len(levels))
        self.temporal = TemporalModule(frames, width, dropout)
        self.classifier = nn.Linear(2 * channels, classes)
        self.register_buffer("temperature", torch.tensor(5.0))

    def forward(self, x_PTVC: Tensor, actions_PTA: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (P, K) and one-hot actions (P, T, A): those given, else chosen. Every action is computed."""
        x_PCVT = x_PTVC.permute(0, 3, 2, 1).contiguous()
        features = [self.features(action, *self.seen(action, x_PCVT)) for action in range(len(self.spatial))]
        if actions_PTA is None:
            actions_PTA = self.choose(features[0])
        weights_AP11T = actions_PTA.permute(2, 0, 1)[:, :, None, None]
        chosen_PC1T = (weights_AP11T * torch.stack(features)).sum(dim=0)
        return self.classifier(self.temporal(chosen_PC1T)), actions_PTA

    @torch.no_grad()
    def infer_by_frame(self, x_PTVC: Tensor, actions_PTA: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same in evaluation, without the actions that are not taken: person by person and frame by frame.

        Raises RuntimeError while training, where batch normalisation would see single frames.
        """
        if self.training:
            raise RuntimeError("infer_by_frame needs a network in evaluation: call eval() first")
        logits, taken = [], []
        for person, x_PCVT in enumerate(x_PTVC.permute(0, 3, 2, 1).contiguous().split(1)):
            seen = [self.seen(action, x_PCVT) for action in range(len(self.spatial))]
            frames = [self.frame_features(0, seen, frame) for frame in range(x_PCVT.shape[-1])]
            if actions_PTA is None:
                chosen_PTA = self.choose(torch.cat(frames, dim=-1))
            else:
                chosen_PTA = actions_PTA[person : person + 1]
            for frame, action in enumerate(chosen_PTA[0].argmax(dim=-1).tolist()):
                if action > 0:
                    frames[frame] = self.frame_features(action, seen, frame)
            logits.append(self.classifier(self.temporal(torch.cat(frames, dim=-1))))
            taken.append(chosen_PTA)
        return torch.cat(logits), torch.cat(taken)

    def frame_features(self, action: int, seen: list[tuple[Tensor, Tensor]], frame: int) -> Tensor:
        """Those of one frame, (1, C, 1, 1)."""
        position_1CVT, velocity_1CVT = seen[action]
        return self.features(action, position_1CVT[..., [frame]], velocity_1CVT[..., [frame]])

    def seen(self, action: int, x_PCVT: Tensor) -> tuple[Tensor, Tensor]:
        """What an action's spatial module sees: positions and velocities of its joints, (P, 3, V', T) each."""
        position_PCVT = self.joint_transforms[action](x_PCVT)
        return position_PCVT, velocities(position_PCVT)

    def features(self, action: int, position_PCVT: Tensor, velocity_PCVT: Tensor) -> Tensor:
        """(P, C, 1, T)."""
        return self.spatial[action](position_PCVT, velocity_PCVT)

    def choose(self, features_PC1T: Tensor) -> Tensor:
        """One-hot (P, T, A): sampled by Gumbel-softmax while training, the likeliest in evaluation."""
        logits_PTA = self.policy(features_PC1T).squeeze(2).transpose(1, 2)
        log_probability_PTA = torch.log(torch.clamp(torch.softmax(logits_PTA, dim=-1), min=1e-8))
        if self.training:
            return F.gumbel_softmax(log_probability_PTA, tau=self.temperature.item(), hard=True, dim=-1)
        return F.one_hot(log_probability_PTA.argmax(dim=-1), len(self.spatial)).to(logits_PTA.dtype)
