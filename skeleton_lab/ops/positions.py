"""Where in its clip a frame stands, as numbers that attention can tell apart (STAR, "Segmented Sequential Positional
Encoding").

Axes: F frames of all clips, one clip after another; N clips; C channels.

Positions begin at 0 in every clip. With t the position and c the channel of C, `released` is what STAR's code computes,

    even c: sin((t / 10⁴)^(c / C))        odd c: cos((t / 10⁴)^(c / C))

of which channel 0 is the same everywhere and most others change slowly; and `vaswani` is the encoding of Vaswani et
al., on which the paper says that it builds,

    even c: sin(t / 10⁴^(c / C))          odd c: cos(t / 10⁴^((c − 1) / C))
"""

from typing import Literal

import torch
from torch import Tensor

Formula = Literal["released", "vaswani"]

BASE = 1e4


def segmented_positions(offsets: Tensor, frames: int) -> Tensor:
    """offsets (N + 1,) → the position of each of the F frames in its clip, (F,). frames: F."""
    starts_F = offsets[:-1].repeat_interleave(offsets.diff(), output_size=frames)
    return torch.arange(frames, device=offsets.device) - starts_F


def positional_encoding(position_F: Tensor, channels: int, formula: Formula = "released") -> Tensor:
    """position (F,), whole numbers → (F, C), float32."""
    channel_C = torch.arange(channels, device=position_F.device)
    position_F1 = position_F.unsqueeze(1).float()
    if formula == "released":
        angle_FC = (position_F1 / BASE) ** (channel_C / channels)
    else:
        angle_FC = position_F1 * BASE ** -((channel_C - channel_C % 2) / channels)
    return torch.where(channel_C % 2 == 0, angle_FC.sin(), angle_FC.cos())
