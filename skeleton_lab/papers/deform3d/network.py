"""The 3D deformable transformer: frames and poses in one network, which trade what they know by modal tokens.

Axes: N clips, M person slots, T frames, V joints, R = M·V joints of all persons, H rows, W columns, C channels,
D = 2 coordinates (x, y), S tokens of a frame, E modal tokens of a frame.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from skeleton_lab.backbones.mc3 import MC3
from skeleton_lab.ops.checkpointing import checkpointed
from skeleton_lab.papers.deform3d.attention import DeformableAttention, JointStrideAttention, TemporalStrideAttention
from skeleton_lab.papers.deform3d.settings import Deform3DSettings
from skeleton_lab.papers.deform3d.tokens import (
    PLACE,
    FramePositions,
    JointTokens,
    Positions,
    joint_features,
    joint_places,
)

# Pixels of a frame from one place of the backbone's features to the next.
FINE_STEP, COARSE_STEP = 2, 8
# Who takes part: the modal tokens of 3D deformable attention, and those of joint stride attention.
OF_FILMS, OF_JOINTS = ("rgb", "cls"), ("pose", "cls")


class Tokens(NamedTuple):
    """rgb (N, T, H, W, C), pose (N, T, R, C), visible (N, T, R): None where a network has no such modality, `visible`
    also where all joints are looked at alike; modal: by role, (N, T, C) each."""

    rgb: Tensor | None
    pose: Tensor | None
    visible: Tensor | None
    modal: dict[str, Tensor]


class Block(nn.Module):
    """The attentions in their order, and CLS of one and of the other fused in between (section 3.2, Figure 2)."""

    def __init__(self, settings: Deform3DSettings) -> None:
        super().__init__()
        self.deformable = DeformableAttention(settings) if settings.deformable_attention else None
        self.joint = JointStrideAttention(settings) if settings.joint_attention else None
        self.temporal = TemporalStrideAttention(settings) if settings.temporal_attention else None
        both, channels = self.deformable is not None and self.joint is not None, settings.token_channels
        self.fuse = nn.Linear(2 * channels, channels) if both and "cls" in settings.roles else None

    def forward(self, tokens: Tokens) -> Tokens:
        rgb, pose, visible, modal = tokens
        if self.deformable is not None and rgb is not None:
            rgb, given_NTEC = self.deformable(rgb, _stacked(rgb, modal, OF_FILMS))
            modal = _updated(modal, given_NTEC, OF_FILMS)
        memorised = modal.get("cls")
        if self.joint is not None and pose is not None:
            pose, given_NTEC = self.joint(pose, _stacked(pose, modal, OF_JOINTS), visible)
            modal = _updated(modal, given_NTEC, OF_JOINTS)
        if self.fuse is not None and memorised is not None:
            modal = {**modal, "cls": self.fuse(torch.cat([memorised, modal["cls"]], dim=-1))}
        if self.temporal is not None:
            rgb, pose, modal = self._over_time(self.temporal, Tokens(rgb, pose, visible, modal))
        return Tokens(rgb, pose, visible, modal)

    @staticmethod
    def _over_time(
        attention: TemporalStrideAttention, tokens: Tokens
    ) -> tuple[Tensor | None, Tensor | None, dict[str, Tensor]]:
        """All tokens of a frame side by side (Eq. A4), and apart again."""
        rgb, pose, visible, modal = tokens
        parts = [] if rgb is None else [rgb.flatten(2, 3)]
        parts += [] if pose is None else [pose]
        parts += [each.unsqueeze(2) for each in modal.values()]
        all_NTSC = torch.cat(parts, dim=2)
        may_see_NTS = None
        if visible is not None and pose is not None:
            before, joints = 0 if rgb is None else parts[0].shape[2], pose.shape[2]
            may_see_NTS = visible.new_ones(all_NTSC.shape[:3])
            may_see_NTS[:, :, before : before + joints] = visible
        given = list(attention(all_NTSC, may_see_NTS).split([part.shape[2] for part in parts], dim=2))
        new_rgb = None if rgb is None else given.pop(0).view_as(rgb)
        new_pose = None if pose is None else given.pop(0)
        return new_rgb, new_pose, {role: each.squeeze(2) for role, each in zip(modal, given, strict=True)}


def _stacked(like: Tensor, modal: dict[str, Tensor], roles: tuple[str, ...]) -> Tensor:
    """The modal tokens of these roles, as far as there are any, (N, T, E, C)."""
    chosen = [modal[role] for role in roles if role in modal]
    return torch.stack(chosen, dim=2) if chosen else like.new_zeros(*like.shape[:2], 0, like.shape[-1])


def _updated(modal: dict[str, Tensor], given_NTEC: Tensor, roles: tuple[str, ...]) -> dict[str, Tensor]:
    present = [role for role in roles if role in modal]
    return {**modal, **dict(zip(present, given_NTEC.unbind(dim=2), strict=True))}


class Deform3D(nn.Module):
    """Frames uint8 (N, T, 3, H, W), pixels (N, M, T, V, D) and visible (N, M, T, V) → logits (N, classes).

    modality: 'both', 'rgb' or 'pose'; what it does not ask for is not looked at. crop: H and W. Any number of frames
    can be shown; those that it is built for are the ones that it has tokens of its own for.
    """

    def __init__(
        self, settings: Deform3DSettings, modality: str, joints: int, classes: int, frames: int, crop: int
    ) -> None:
        super().__init__()
        channels, features = settings.token_channels, settings.feature_channels
        self.settings, self.modality, self.crop = settings, modality, crop
        self.backbone, self.positions, self.joint_tokens = None, None, None
        if modality != "pose":
            self.backbone = MC3(features)
            self.positions = FramePositions(frames, -(-crop // COARSE_STEP), channels)
        if modality != "rgb":
            seen = (features if modality == "both" else 0) + (
                PLACE if settings.joint_places or modality == "pose" else 0
            )
            self.joint_tokens = JointTokens(seen, joints, frames, channels, settings.joint_embedding)
        roles = [role for role in settings.roles if modality in ("both", role) or role == "cls"]
        self.modal_tokens = nn.ModuleDict({role: Positions(frames, channels) for role in roles})
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.blocks))
        pooled = len(roles) or (2 if modality == "both" else 1)
        self.norm = nn.LayerNorm(channels) if settings.pre_ln else nn.Identity()
        self.classifier = nn.Linear(pooled * channels, classes)
        nn.init.normal_(self.classifier.weight, std=0.02)

    def forward(self, frames_NTCHW: Tensor, pixels_NMTVD: Tensor, visible_NMTV: Tensor) -> Tensor:
        tokens = self.tokens(frames_NTCHW, pixels_NMTVD, visible_NMTV)
        for block in self.blocks:
            tokens = checkpointed(block, tokens)
        return self.classifier(torch.cat(self._pooled(tokens), dim=-1))

    @property
    def last_block(self) -> Block:
        block = self.blocks[-1]
        assert isinstance(block, Block)
        return block

    def tokens(self, frames_NTCHW: Tensor, pixels_NMTVD: Tensor, visible_NMTV: Tensor) -> Tokens:
        """What the first block begins with."""
        clips, frames = frames_NTCHW.shape[:2]
        visible_NTR = visible_NMTV.transpose(1, 2).flatten(2)
        at_NTRD = torch.where(visible_NTR[..., None], pixels_NMTVD.transpose(1, 2).flatten(2, 3), 0.0)
        rgb, pose, seen = None, None, None
        if self.backbone is not None and self.positions is not None:
            x_NCTHW = (frames_NTCHW.to(self.classifier.weight.dtype) / 127.5 - 1).transpose(1, 2)
            stem, group, coarse = checkpointed(self.backbone, x_NCTHW)
            rgb = self.positions(coarse.movedim(1, -1))
            seen = (group if self.settings.pose_features == "group" else stem).movedim(1, -1)
        if self.joint_tokens is not None:
            pose = self.joint_tokens(self._of_joints(seen, at_NTRD, visible_NTR), visible_NTR)
        masked = pose is not None and self.settings.absent_persons == "masked"
        modal = {role: each(frames).repeat(clips, 1, 1) for role, each in self.modal_tokens.items()}
        return Tokens(rgb, pose, visible_NTR if masked else None, modal)

    def _of_joints(self, seen_NTHWC: Tensor | None, at_NTRD: Tensor, visible_NTR: Tensor) -> Tensor:
        """What is known of each joint, (N, T, R, C)."""
        found, settings = [], self.settings
        if seen_NTHWC is not None:
            at = at_NTRD / FINE_STEP
            found.append(joint_features(seen_NTHWC, at, settings.sigma, settings.normalise_heatmaps))
        if seen_NTHWC is None or settings.joint_places:
            found.append(joint_places(at_NTRD, visible_NTR).to(self.classifier.weight.dtype))
        return torch.cat(found, dim=-1)

    def _pooled(self, tokens: Tokens) -> list[Tensor]:
        """What is classified, (N, C) each: the modal tokens or, where there are none, the mean of each modality's."""
        if tokens.modal:
            return [self.norm(each).mean(dim=1) for each in tokens.modal.values()]
        found = [] if tokens.rgb is None else [self.norm(tokens.rgb).mean(dim=(1, 2, 3))]
        if tokens.pose is not None:
            counts_NTR = tokens.visible if tokens.visible is not None else torch.ones_like(tokens.pose[..., 0])
            total = torch.einsum("ntrc,ntr->nc", self.norm(tokens.pose), counts_NTR.to(tokens.pose.dtype))
            found.append(total / counts_NTR.sum(dim=(1, 2)).clamp(min=1)[:, None])
        return found
