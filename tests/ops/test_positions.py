"""Positions of frames in their clips, and how they are encoded."""

import math

import torch

from skeleton_lab.ops.positions import positional_encoding, segmented_positions


def test_positions_begin_anew_in_every_clip() -> None:
    assert segmented_positions(torch.tensor([0, 3, 3, 5]), 5).tolist() == [0, 1, 2, 0, 1]


def test_the_released_formula() -> None:
    found = positional_encoding(torch.tensor([0, 7]), 4)
    angles = [[(t / 1e4) ** (c / 4) for c in range(4)] for t in (0, 7)]
    wanted = [[math.cos(angle) if c % 2 else math.sin(angle) for c, angle in enumerate(row)] for row in angles]
    torch.testing.assert_close(found, torch.tensor(wanted))
    assert found[0, 0] == found[1, 0]  # the first channel says nothing


def test_the_formula_that_the_paper_refers_to() -> None:
    found = positional_encoding(torch.tensor([7]), 4, "vaswani")[0]
    wanted = torch.tensor([math.sin(7), math.cos(7), math.sin(7 / 100), math.cos(7 / 100)])
    torch.testing.assert_close(found, wanted)
