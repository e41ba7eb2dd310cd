"""What the 3D deformable transformer begins with: tokens of joints, of frames, and of modalities.

Axes: N clips, T frames, H rows, W columns, R joints of all persons, C channels, D = 2 coordinates (x, y), L places.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skeleton_lab.ops.precision import as_written, full

# What is learned of joints, frames and places begins smaller than what is seen there: that is what tells clips apart.
SPREAD = 0.1
PLACE = 4  # numbers that are said of a joint where there is no film
QUARTERS = 4.0  # joints move about a quarter as far from frame to frame as they are from the middle


def gaussians(at_NTR: Tensor, size: int, sigma: float) -> Tensor:
    """exp(−(i − at)² / 2σ²) for i = 0 to size − 1, (N, T, R, size): a joint's heat map along one axis (Eq. 2)."""
    i = torch.arange(size, dtype=at_NTR.dtype, device=at_NTR.device)
    return torch.exp(-((i - at_NTR[..., None]) ** 2) / (2 * sigma**2))


def joint_features(f_NTHWC: Tensor, at_NTRD: Tensor, sigma: float, normalise: bool) -> Tensor:
    """(N, T, R, C): Σ_ij F(i, j) H(i, j) for each joint's heat map H (Eq. 1), which is never made: it is the product of
    one Gaussian along rows and one along columns. at: (x, y) in pixels of the features."""
    with as_written(f_NTHWC.device):
        f_NTHWC = full(f_NTHWC)
        across_NTRW, down_NTRH = (
            gaussians(at_NTR.to(f_NTHWC.dtype), size, sigma)
            for at_NTR, size in zip(at_NTRD.unbind(-1), (f_NTHWC.shape[3], f_NTHWC.shape[2]), strict=True)
        )
        if normalise:
            # Far outside of the picture nothing is left to be made 1.
            across_NTRW, down_NTRH = (
                each / each.sum(-1, keepdim=True).clamp(min=1e-6) for each in (across_NTRW, down_NTRH)
            )
        rows_NTHRC = across_NTRW[:, :, None] @ f_NTHWC
        return torch.einsum("nthrc,ntrh->ntrc", rows_NTHRC, down_NTRH)


def joint_places(at_NTRD: Tensor, visible_NTR: Tensor) -> Tensor:
    """(N, T, R, 4): where joints are, as seen from the middle of all visible joints of the clip, in units of how far
    joints are from it; and how far they have moved since the frame before, in a quarter of that. Zeros of those not
    seen."""
    seen_NTR1 = visible_NTR[..., None].to(at_NTRD.dtype)
    count = seen_NTR1.sum(dim=(1, 2), keepdim=True).clamp(min=1)
    from_middle = (at_NTRD - (at_NTRD * seen_NTR1).sum(dim=(1, 2), keepdim=True) / count) * seen_NTR1
    spread = (from_middle.square().sum(dim=(1, 2, 3), keepdim=True) / count).sqrt().clamp(min=1)
    in_both = seen_NTR1[:, 1:] * seen_NTR1[:, :-1]
    moved = F.pad(from_middle.diff(dim=1) * in_both, (0, 0, 0, 0, 1, 0))
    return torch.cat([from_middle, QUARTERS * moved], dim=-1) / spread


class Positions(nn.Module):
    """One learned vector for each of `length` places, (1, L, C); for another number of places, those between."""

    def __init__(self, length: int, channels: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(SPREAD * torch.randn(1, length, channels))

    def forward(self, length: int) -> Tensor:
        if length == self.vectors.shape[1]:
            return self.vectors
        return F.interpolate(self.vectors.mT, size=length, mode="linear", align_corners=True).mT


class FramePositions(nn.Module):
    """Adds to each token of a film a vector of its frame and one of its place in the picture: (N, T, H, W, C)."""

    def __init__(self, frames: int, side: int, channels: int) -> None:
        super().__init__()
        self.time = Positions(frames, channels)
        self.place = nn.Parameter(SPREAD * torch.randn(1, 1, side, side, channels))

    def forward(self, z_NTHWC: Tensor) -> Tensor:
        return z_NTHWC + self.time(z_NTHWC.shape[1])[:, :, None, None] + self.place


class JointTokens(nn.Module):
    """(N, T, R, C): of what the film shows at each joint, of where the joint is, or of both.

    Joints that are not seen are zeros, before they are told which joint and frame they are.
    """

    def __init__(self, in_channels: int, joints: int, frames: int, channels: int, embed: bool) -> None:
        super().__init__()
        self.project = nn.Linear(in_channels, channels)
        self.joint = nn.Parameter(SPREAD * torch.randn(joints, channels)) if embed else None
        self.time = Positions(frames, channels) if embed else None

    def forward(self, x_NTRC: Tensor, visible_NTR: Tensor) -> Tensor:
        p_NTRC = self.project(x_NTRC) * visible_NTR[..., None]
        if self.joint is None or self.time is None:
            return p_NTRC
        return p_NTRC + self.joint + self.time(p_NTRC.shape[1])[:, :, None]
