"""How a batch is cut into pieces that a processor's caches hold: short neighbours together, long clips in parts.

Axes: F frames of all clips, one clip after another; N clips; P parts of clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Piece:
    """Frames that lie beside one another. lengths: of the parts of clips in it; clips: which clips these are of."""

    lengths: tuple[int, ...]
    clips: slice

    @property
    def frames(self) -> int:
        return sum(self.lengths)


@dataclass(frozen=True)
class Pieces:
    """All pieces in order. parts: (N + 1,) offsets: which of the P parts are of which clip."""

    pieces: tuple[Piece, ...]
    parts: Tensor

    @property
    def frames(self) -> list[int]:
        return [piece.frames for piece in self.pieces]


def cut(lengths: Sequence[int], most: int | None) -> Pieces:
    """Clips of so many frames each as pieces of at most `most` frames; None: as one piece."""
    if most is None:
        return Pieces((Piece(tuple(lengths), slice(0, len(lengths))),), torch.arange(len(lengths) + 1))
    parts = [[min(most, length - start) for start in range(0, max(length, 1), most)] for length in lengths]
    pieces: list[Piece] = []
    open_lengths: list[int] = []
    first = 0
    for clip, length in ((clip, length) for clip, of_clip in enumerate(parts) for length in of_clip):
        if open_lengths and sum(open_lengths) + length > most:
            pieces.append(Piece(tuple(open_lengths), slice(first, first + len(open_lengths))))
            open_lengths = []
        if not open_lengths:
            first = clip
        open_lengths.append(length)
    if open_lengths:
        pieces.append(Piece(tuple(open_lengths), slice(first, first + len(open_lengths))))
    return Pieces(tuple(pieces), torch.tensor([0, *map(len, parts)]).cumsum(0))
