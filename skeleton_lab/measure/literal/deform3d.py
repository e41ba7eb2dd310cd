"""The operators of the 3D deformable transformer as its equations and algorithms are written.

The twins of ops/token_search.py, ops/strided_windows.py and papers/deform3d/tokens.py.

Axes: N clips, C channels, T × H × W tokens, L places that windows slide on, S tokens at each, K tokens of a window,
B windows of all clips, R joints.
"""

import math

import torch
from torch import Tensor

from skeleton_lab.ops.strided_windows import Windows


def token_at(z_CTHW: Tensor, x: float, y: float, t: float) -> Tensor:
    """(C,): Σ g(x, r_x) g(y, r_y) g(t, r_t) z[r] over all tokens r, with g(a, b) = max(0, 1 − |a − b|) (Algorithm A3).

    x, y, t: from −1 to 1, beyond which the outermost tokens go on.
    """
    sizes = z_CTHW.shape[1:]
    at = [(min(max(place, -1.0), 1.0) + 1) / 2 * (size - 1) for place, size in zip((t, y, x), sizes, strict=True)]
    found = torch.zeros_like(z_CTHW[:, 0, 0, 0])
    for token in torch.cartesian_prod(*(torch.arange(size) for size in sizes)).reshape(-1, 3).tolist():
        share = math.prod(max(0.0, 1 - abs(a - b)) for a, b in zip(at, token, strict=True))
        found = found + share * z_CTHW[:, token[0], token[1], token[2]]
    return found


def scored_attention(
    q_BKC: Tensor, k_BKC: Tensor, v_BKC: Tensor, heads: int, may_see_BK: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """softmax(q kᵀ / √d) v by head, with the whole matrix of scores (Eqs. 6, A3, A6)."""
    q, k, v = (x_BKC.unflatten(-1, (heads, -1)).transpose(1, 2) for x_BKC in (q_BKC, k_BKC, v_BKC))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if may_see_BK is not None:
        scores = scores.masked_fill(~may_see_BK[:, None, None], torch.finfo(scores.dtype).min)
    shares = torch.dropout(scores.softmax(dim=-1), dropout, train=dropout > 0)
    if may_see_BK is not None:
        shares = shares * may_see_BK[:, None, None]
    return (shares @ v).transpose(1, 2).flatten(2)


def strided_attention(q_LSC: Tensor, k_LSC: Tensor, v_LSC: Tensor, windows: Windows, heads: int) -> Tensor:
    """(L, S, C) of one clip: window by window, and of each token the mean over its windows (Algorithms A1 and A2)."""
    total, covered = torch.zeros_like(q_LSC), torch.zeros_like(q_LSC[:, :1, :1])
    for queries, keys in zip(windows.queries, windows.keys, strict=True):
        q_KC, k_KC, v_KC = q_LSC[list(queries)], k_LSC[list(keys)], v_LSC[list(keys)]
        found = scored_attention(q_KC.flatten(0, 1)[None], k_KC.flatten(0, 1)[None], v_KC.flatten(0, 1)[None], heads)[0]
        for place, token_SC in zip(queries, found.unflatten(0, (len(queries), -1)), strict=True):
            total[place] = total[place] + token_SC
            covered[place] += 1
    return total / covered


def joint_tokens(f_CHW: Tensor, x_R: Tensor, y_R: Tensor, sigma: float) -> Tensor:
    """(R, C) of one frame: Σ_ij F(i, j) H_r(i, j) with a whole heat map for each joint (Eqs. 1 and 2)."""
    rows, columns = torch.meshgrid(*(torch.arange(size).to(f_CHW) for size in f_CHW.shape[1:]), indexing="ij")
    squares_RHW = (columns - x_R[:, None, None]) ** 2 + (rows - y_R[:, None, None]) ** 2
    heat_RHW = torch.exp(-squares_RHW / (2 * sigma**2))
    return torch.stack([(f_CHW * heat_HW).sum(dim=(1, 2)) for heat_HW in heat_RHW])
