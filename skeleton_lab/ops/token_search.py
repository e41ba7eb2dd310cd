"""Tokens of a film at learned places between its own: 3D token search.

Source: the 3D deformable transformer, Algorithm A3 and Figure 3, after DAT's search in single pictures.

A place is (x, y, t), each from −1, the middle of the first token along its axis, to 1, the middle of the last.

Axes: N clips, C channels, T × H × W tokens, R × S × U places along t, y and x, D = 3 coordinates (x, y, t).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from skeleton_lab.ops.precision import as_written, full


def reference_points(places: tuple[int, int, int], like: Tensor) -> Tensor:
    """A regular grid over the whole film, (R, S, U, D), of `like`'s type; a single place along an axis is its middle.

    places: how many there are along t, y and x.
    """
    t_R, y_S, x_U = (
        torch.linspace(-1, 1, count, dtype=like.dtype, device=like.device) if count > 1 else like.new_zeros(1)
        for count in places
    )
    t_RSU, y_RSU, x_RSU = torch.meshgrid(t_R, y_S, x_U, indexing="ij")
    return torch.stack([x_RSU, y_RSU, t_RSU], dim=-1)


def tokens_at(z_NCTHW: Tensor, places_NRSUD: Tensor) -> Tensor:
    """(N, C, R, S, U): at each place the mean of the eight tokens around it, each by how near it is.

    Beyond the film's edges its outermost tokens go on. Places are computed with in float32 at least: in bfloat16 they
    would be rounded to whole tokens.
    """
    with as_written(z_NCTHW.device):
        places = full(places_NRSUD).to(full(z_NCTHW).dtype)
        found_NCRSU = F.grid_sample(full(z_NCTHW), places, mode="bilinear", padding_mode="border", align_corners=True)
    return found_NCRSU.to(z_NCTHW.dtype)
