"""Attention within windows that slide along one axis of the tokens, joints or frames.

Source: the 3D deformable transformer, Algorithms A1 and A2. As printed they never take the last places as queries, or
do not end; here the last window is moved back so that it ends with the tokens, and every token is a query.

Axes: N clips, L places along the axis that windows slide on, S tokens at each place, W windows, P places in a window,
E tokens that are in every window, B = N·W, K = P·S + E tokens of a window, H heads, C channels, D = C / H.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

# Which keys a window of queries looks at: those half a window on, its own, or all that there are.
Pairing = Literal["shifted", "same", "all"]


@dataclass(frozen=True)
class Windows:
    """queries, keys: the places in each window and in the window of keys beside it, (W, P) and (W, P or L)."""

    queries: tuple[tuple[int, ...], ...]
    keys: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        return len(self.queries)

    def split_queries(self, x_NLSC: Tensor) -> Tensor:
        """The tokens of each window, (B, P·S, C)."""
        return _split(x_NLSC, self.queries)

    def split_keys(self, x_NLSC: Tensor) -> Tensor:
        """The tokens that each window looks at, (B, P·S, C) or (B, L·S, C)."""
        return _split(x_NLSC, self.keys)

    def merged(self, x_BKC: Tensor, length: int) -> Tensor:
        """Windows (B, P·S, C) put together to (N, L, S, C); a token of several windows becomes their mean."""
        places = torch.tensor(self.queries, device=x_BKC.device).flatten()
        x_NWSC = x_BKC.unflatten(0, (-1, self.count)).unflatten(2, (len(self.queries[0]), -1)).flatten(1, 2)
        total_NLSC = x_NWSC.new_zeros(len(x_NWSC), length, *x_NWSC.shape[2:]).index_add(1, places, x_NWSC)
        covered = Counter(place for window in self.queries for place in window)
        share_L = torch.tensor([1 / covered[place] for place in range(length)], dtype=x_BKC.dtype, device=x_BKC.device)
        return total_NLSC * share_L[:, None, None]


@lru_cache
def windows(length: int, window: int, stride: int, pairing: Pairing = "shifted") -> Windows:
    """Windows of `window` places, one every `stride`, that cover all of `length` places; one of all where it is longer.

    The keys of 'shifted' begin `stride` places later, as far as there are any.
    """
    last = length - window
    if last <= 0:
        whole = (tuple(range(length)),)
        return Windows(whole, whole)
    starts = [*range(0, last, stride), last]
    queries = tuple(_places(start, window) for start in starts)
    if pairing == "same":
        return Windows(queries, queries)
    if pairing == "all":
        return Windows(queries, (tuple(range(length)),) * len(starts))
    return Windows(queries, tuple(_places(min(start + stride, last), window) for start in starts))


def _places(start: int, window: int) -> tuple[int, ...]:
    return tuple(range(start, start + window))


def _split(x_NLSC: Tensor, places: tuple[tuple[int, ...], ...]) -> Tensor:
    index = torch.tensor(places, device=x_NLSC.device)
    chosen_NQSC = x_NLSC.index_select(1, index.flatten())
    return chosen_NQSC.unflatten(1, index.shape).flatten(2, 3).flatten(0, 1)


def shared_by(windows: Windows, x_NEC: Tensor) -> Tensor:
    """The same tokens for every window, (B, E, C)."""
    return x_NEC.repeat_interleave(windows.count, dim=0)


def multi_head_attention(
    q_BKC: Tensor, k_BKC: Tensor, v_BKC: Tensor, heads: int, may_see_BK: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """(B, K, C) of the queries. may_see: bool, which keys are looked at, None: all; who sees none gets zeros.

    No matrix of scores is stored, in the backward pass neither, as long as there is no dropout.
    """
    q_BHKD, k_BHKD, v_BHKD = (x_BKC.unflatten(-1, (heads, -1)).transpose(1, 2) for x_BKC in (q_BKC, k_BKC, v_BKC))
    if may_see_BK is None:
        attended_BHKD = F.scaled_dot_product_attention(q_BHKD, k_BHKD, v_BHKD, dropout_p=dropout)
        return attended_BHKD.transpose(1, 2).flatten(2)
    # Kernels differ in what they make of a row without any key.
    any_B1 = may_see_BK.any(dim=1, keepdim=True)
    mask_BHKK = (may_see_BK | ~any_B1)[:, None, None]
    attended_BHKD = F.scaled_dot_product_attention(q_BHKD, k_BHKD, v_BHKD, mask_BHKK, dropout)
    return attended_BHKD.transpose(1, 2).flatten(2) * any_B1[..., None]
