"""Cutting batches into pieces."""

import pytest
import torch

from skeleton_lab.papers.star.pieces import cut

BATCHES = [[7, 3, 12], [0, 5, 0, 0], [20], [1] * 9, [4, 4, 4], [13, 1, 0, 26, 2], [0]]


@pytest.mark.parametrize("lengths", BATCHES)
@pytest.mark.parametrize("most", [1, 4, 5, 100, None])
def test_pieces_are_the_batch(lengths: list[int], most: int | None) -> None:
    found = cut(lengths, most)
    parts = [
        (clip, length)
        for piece in found.pieces
        for clip, length in zip(range(piece.clips.start, piece.clips.stop), piece.lengths, strict=True)
    ]
    assert [sum(length for clip, length in parts if clip == number) for number in range(len(lengths))] == lengths
    assert [clip for clip, _ in parts] == sorted(clip for clip, _ in parts)
    assert torch.equal(found.parts.diff(), torch.tensor([clip for clip, _ in parts]).bincount())
    if most is not None:
        assert all(piece.frames <= most for piece in found.pieces)
        neighbours = zip(found.pieces, found.pieces[1:], strict=False)
        assert all(piece.frames + after.lengths[0] > most for piece, after in neighbours)
