"""The three attentions of a block: 3D deformable, joint stride and temporal stride attention.

Axes: N clips, T frames, H × W places in a frame, R joints of all persons, E modal tokens, C channels, K tokens in a
sequence, L places that windows slide on, S tokens at each, B windows of all clips, W windows of a clip,
D = 3 coordinates of a place (x, y, t).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skeleton_lab.ops.dropout import Dropout
from skeleton_lab.ops.precision import full
from skeleton_lab.ops.strided_windows import Windows, multi_head_attention, shared_by, windows
from skeleton_lab.ops.token_search import reference_points, tokens_at
from skeleton_lab.papers.deform3d.settings import Deform3DSettings


class Attention(nn.Module):
    """What the three have in common: projections, and a feed-forward network after them (Eqs. 6 and 7)."""

    def __init__(self, settings: Deform3DSettings) -> None:
        super().__init__()
        channels, inside = settings.token_channels, settings.ffn_ratio * settings.token_channels
        self.heads, self.attention_dropout = settings.heads, settings.attention_dropout
        self.norm = nn.LayerNorm(channels) if settings.pre_ln else nn.Identity()
        self.queries, self.keys, self.values, self.out = (nn.Linear(channels, channels) for _ in range(4))
        self.dropout = Dropout(settings.dropout)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, inside),
            nn.GELU(),
            Dropout(settings.dropout),
            nn.Linear(inside, channels),
            Dropout(settings.dropout),
        )
        # Replaced where it is compared with the plain formulation.
        self.attend = multi_head_attention

    def looked(self, q_BKC: Tensor, k_BKC: Tensor, v_BKC: Tensor, may_see_BK: Tensor | None) -> Tensor:
        return self.attend(
            q_BKC, k_BKC, v_BKC, self.heads, may_see_BK, self.attention_dropout if self.training else 0.0
        )

    def fed(self, x: Tensor) -> Tensor:
        return x + self.feed_forward(x)

    def shares(self, q_BEC: Tensor, k_BKC: Tensor, may_see_BK: Tensor | None = None) -> Tensor:
        """softmax(q kᵀ / √d), the mean over heads, (B, E, K): for pictures, of few queries."""
        q, k = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (q_BEC, k_BKC))
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if may_see_BK is not None:
            scores = scores.masked_fill(~may_see_BK[:, None, None], float("-inf"))
        return scores.softmax(dim=-1).mean(dim=1)


class TokenSearch(nn.Module):
    """3DTS: from a film's tokens (N, T, H, W, C) to places in it, (N, T − k + 1, H − k + 1, W − k + 1, D).

    Where there are fewer than k tokens along an axis, the outermost ones go on until there are k.
    """

    def __init__(self, settings: Deform3DSettings) -> None:
        super().__init__()
        channels, self.kernel = settings.token_channels, settings.kernel
        self.range, self.unit = settings.offset_range, settings.offset_unit
        self.spread = nn.Conv3d(channels, channels, self.kernel, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.offsets = nn.Linear(channels, 3, bias=False)
        nn.init.zeros_(self.offsets.weight)  # training begins with the regular grid

    def forward(self, z_NTHWC: Tensor) -> Tensor:
        z_NCTHW = z_NTHWC.movedim(-1, 1)
        missing = [max(0, self.kernel - size) for size in z_NCTHW.shape[2:]]
        pads = [side for short in reversed(missing) for side in (short // 2, short - short // 2)]
        padded_NCTHW = F.pad(z_NCTHW, pads, mode="replicate") if any(pads) else z_NCTHW
        found_NTHWC = F.gelu(self.norm(self.spread(padded_NCTHW).movedim(1, -1)))
        moved_NTHWD = self.range * torch.tanh(self.offsets(found_NTHWC))
        if self.unit == "token":
            sizes = torch.tensor(z_NCTHW.shape[2:][::-1], device=moved_NTHWD.device)
            moved_NTHWD = moved_NTHWD * 2 / (sizes - 1).clamp(min=1)
        counts = found_NTHWC.shape[1], found_NTHWC.shape[2], found_NTHWC.shape[3]
        return reference_points(counts, full(moved_NTHWD)) + moved_NTHWD


class DeformableAttention(Attention):
    """Every token of a film, and the modal tokens, look at tokens that are found in it (Eqs. 3 to 7, Algorithm A3)."""

    def __init__(self, settings: Deform3DSettings) -> None:
        super().__init__(settings)
        self.search = TokenSearch(settings)

    def forward(self, z_NTHWC: Tensor, modal_NTEC: Tensor) -> tuple[Tensor, Tensor]:
        x_NKC = torch.cat([z_NTHWC.flatten(1, 3), modal_NTEC.flatten(1, 2)], dim=1)
        known_NKC = self.norm(self._found(z_NTHWC, modal_NTEC, self.search(z_NTHWC)))
        looked_NKC = self.looked(self.queries(self.norm(x_NKC)), self.keys(known_NKC), self.values(known_NKC), None)
        x_NKC = self.fed(x_NKC + self.dropout(self.out(looked_NKC)))
        tokens = z_NTHWC[0, ..., 0].numel()
        return x_NKC[:, :tokens].view_as(z_NTHWC), x_NKC[:, tokens:].view_as(modal_NTEC)

    def _found(self, z_NTHWC: Tensor, modal_NTEC: Tensor, places_NTHWD: Tensor) -> Tensor:
        """The tokens that are found, and the modal ones behind them, (N, K, C)."""
        found_NCTHW = tokens_at(z_NTHWC.movedim(-1, 1), places_NTHWD)
        return torch.cat([found_NCTHW.flatten(2).mT, modal_NTEC.flatten(1, 2)], dim=1)

    def looked_at(self, z_NTHWC: Tensor, modal_NTEC: Tensor) -> tuple[Tensor, Tensor]:
        """Where it looks for the modal tokens, for pictures: the places (N, K, D), and how much of their attention each
        gets, the mean over them and over heads, (N, K)."""
        places_NTHWD = self.search(z_NTHWC)
        known_NKC = self.keys(self.norm(self._found(z_NTHWC, modal_NTEC, places_NTHWD)))
        shares_NEK = self.shares(self.queries(self.norm(modal_NTEC.flatten(1, 2))), known_NKC)
        places_NKD = places_NTHWD.flatten(1, 3)
        return places_NKD, shares_NEK[..., : places_NKD.shape[1]].mean(dim=1)


class StrideAttention(Attention):
    """Attention in windows along one axis of the tokens (N, L, S, C), with `shared` tokens (N, E, C) in each."""

    window: int
    stride: int

    def __init__(self, settings: Deform3DSettings) -> None:
        super().__init__(settings)
        self.pairing, self.merges_first = settings.pairing, settings.merge == "before"

    def windows(self, length: int) -> Windows:
        return windows(length, self.window, self.stride, self.pairing)

    def slide(self, x_NLSC: Tensor, shared_NEC: Tensor, may_see_NLS: Tensor | None) -> tuple[Tensor, Tensor]:
        length, sliding = x_NLSC.shape[1], self.windows(x_NLSC.shape[1])
        normed, normed_shared = self.norm(x_NLSC), self.norm(shared_NEC)
        q_BKC = _beside(sliding, sliding.split_queries(self.queries(normed)), self.queries(normed_shared))
        k_BKC, v_BKC = (
            _beside(sliding, sliding.split_keys(project(normed)), project(normed_shared))
            for project in (self.keys, self.values)
        )
        seen_BK = None if may_see_NLS is None else sliding.split_keys(may_see_NLS[..., None])[..., 0]
        looked_BKC = self.looked(q_BKC, k_BKC, v_BKC, _all_shared(seen_BK, shared_NEC.shape[1]))
        own_BKC, of_shared_BEC = looked_BKC.tensor_split([looked_BKC.shape[1] - shared_NEC.shape[1]], dim=1)
        weight_NW = _seeing(sliding, seen_BK, of_shared_BEC)
        if self.merges_first:
            own_NLSC, of_shared_NEC = sliding.merged(own_BKC, length), _mean(sliding, of_shared_BEC, weight_NW)
            return self._added(x_NLSC, own_NLSC), self._added(shared_NEC, of_shared_NEC)
        own_BKC = self._added(sliding.split_queries(x_NLSC), own_BKC)
        of_shared_BEC = self._added(shared_by(sliding, shared_NEC), of_shared_BEC)
        return sliding.merged(own_BKC, length), _mean(sliding, of_shared_BEC, weight_NW)

    def _added(self, x: Tensor, looked: Tensor) -> Tensor:
        return self.fed(x + self.dropout(self.out(looked)))


def _beside(sliding: Windows, x_BKC: Tensor, shared_NEC: Tensor) -> Tensor:
    return torch.cat([x_BKC, shared_by(sliding, shared_NEC)], dim=1)


def _all_shared(seen_BK: Tensor | None, shared: int) -> Tensor | None:
    """Nobody is kept from the shared tokens."""
    return None if seen_BK is None else F.pad(seen_BK, (0, shared), value=True)


def _seeing(sliding: Windows, seen_BK: Tensor | None, like_BEC: Tensor) -> Tensor:
    """What each window counts in the mean of shared tokens, (N, W): nothing where it sees nobody, unless none does."""
    if seen_BK is None:
        return like_BEC.new_ones(len(like_BEC) // sliding.count, sliding.count)
    any_NW = seen_BK.any(dim=1).unflatten(0, (-1, sliding.count))
    return (any_NW | ~any_NW.any(dim=1, keepdim=True)).to(like_BEC.dtype)


def _mean(sliding: Windows, x_BEC: Tensor, weight_NW: Tensor) -> Tensor:
    share_NW = weight_NW / weight_NW.sum(dim=1, keepdim=True)
    return torch.einsum("nwec,nw->nec", x_BEC.unflatten(0, (-1, sliding.count)), share_NW.to(x_BEC.dtype))


class JointStrideAttention(StrideAttention):
    """Over joints, all frames of a window at once (Algorithm A1)."""

    def __init__(self, settings: Deform3DSettings) -> None:
        super().__init__(settings)
        assert settings.joint_stride is not None
        self.window, self.stride = settings.joint_window, settings.joint_stride

    def forward(self, p_NTRC: Tensor, modal_NTEC: Tensor, visible_NTR: Tensor | None) -> tuple[Tensor, Tensor]:
        seen_NRT = None if visible_NTR is None else visible_NTR.mT
        p_NRTC, modal_NEC = self.slide(p_NTRC.transpose(1, 2), modal_NTEC.flatten(1, 2), seen_NRT)
        return p_NRTC.transpose(1, 2), modal_NEC.view_as(modal_NTEC)

    def looked_at(self, p_NTRC: Tensor, modal_NTEC: Tensor, visible_NTR: Tensor | None) -> Tensor:
        """How much of the modal tokens' attention each joint gets in each frame, for pictures: (N, T, R), the mean over
        the modal tokens, over heads, and over the windows that the joint is a key of; NaN where it is a key of none."""
        frames, joints = p_NTRC.shape[1:3]
        sliding = self.windows(joints)
        normed_NRTC, normed_NEC = self.norm(p_NTRC.transpose(1, 2)), self.norm(modal_NTEC.flatten(1, 2))
        k_BKC = _beside(sliding, sliding.split_keys(self.keys(normed_NRTC)), self.keys(normed_NEC))
        seen_BK = None if visible_NTR is None else sliding.split_keys(visible_NTR.mT[..., None])[..., 0]
        may_see_BK = _all_shared(seen_BK, normed_NEC.shape[1])
        shares_BEK = self.shares(shared_by(sliding, self.queries(normed_NEC)), k_BKC, may_see_BK)
        of_joints_NWPT = shares_BEK.mean(dim=1)[:, : -normed_NEC.shape[1]].unflatten(-1, (-1, frames))
        of_joints_NQT = of_joints_NWPT.unflatten(0, (-1, sliding.count)).flatten(1, 2)
        places = torch.tensor(sliding.keys, device=p_NTRC.device).flatten()
        total_NRT = of_joints_NQT.new_zeros(len(p_NTRC), joints, frames).index_add(1, places, of_joints_NQT)
        return (total_NRT / torch.bincount(places, minlength=joints)[:, None]).mT


class TemporalStrideAttention(StrideAttention):
    """Over frames, all tokens of a window at once (Algorithm A2)."""

    def __init__(self, settings: Deform3DSettings) -> None:
        super().__init__(settings)
        assert settings.time_stride is not None
        self.window, self.stride = settings.time_window, settings.time_stride

    def forward(self, tokens_NTSC: Tensor, may_see_NTS: Tensor | None) -> Tensor:
        none_NEC = tokens_NTSC[:, 0, :0]
        return self.slide(tokens_NTSC, none_NEC, may_see_NTS)[0]
