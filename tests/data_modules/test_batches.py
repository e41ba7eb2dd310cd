"""Several processes that train together go through the batches of one."""

from itertools import chain

import numpy as np
import pytest
from numpy.typing import NDArray

from data_modules.divisions import Batches, Draw, Draws, Part, balanced_parts, evenly_spread, in_order
from data_modules.errors import DataError


def parts_of(clips: int, batch_size: int, of: int, **options: object) -> list[list[list[int]]]:
    """The positions in each batch of each process."""
    found = []
    for number in range(of):
        draws = Draws(np.arange(clips), seed=1)
        batches = Batches(draws, batch_size, Part(number, of), **options)  # type: ignore[arg-type]
        found.append([[draw.position for draw in batch] for batch in batches])
        assert len(batches) == len(found[-1])
    return found


@pytest.mark.parametrize("of", [2, 3])
@pytest.mark.parametrize("ragged", [False, True])
def test_together_they_see_the_batches_of_one(of: int, ragged: bool) -> None:
    (alone,) = parts_of(40, 12, of=1)
    sizes_N = np.random.default_rng(0).integers(30, 300, 40) if ragged else None
    parts = parts_of(40, 12, of, sizes_N=sizes_N)
    # Of 4 clips that are left, three processes would have fewer than 2 each.
    kept = alone if of == 2 else alone[:-1]
    assert [sorted(chain(*batches)) for batches in zip(*parts, strict=True)] == [sorted(batch) for batch in kept]


def test_one_process_keeps_all_but_a_single_clip() -> None:
    assert [[len(batch) for batch in part] for part in parts_of(26, 12, 1)] == [[12, 12, 2]]
    assert [[len(batch) for batch in part] for part in parts_of(25, 12, 1)] == [[12, 12]]
    assert [[len(batch) for batch in part] for part in parts_of(1, 12, 1)] == [[1]]


@pytest.mark.parametrize("clips", [2, 3, 25, 26, 40])
def test_evaluation_shows_every_clip_once_and_no_process_an_empty_batch(clips: int) -> None:
    parts = [list(Batches(in_order(np.arange(clips)), 12, Part(number, 2), evenly=True)) for number in (0, 1)]
    assert len(parts[0]) == len(parts[1])
    assert all(batch for part in parts for batch in part)
    shown = [draw for part in parts for batch in part for draw in batch]
    assert sorted(shown) == [Draw(position) for position in range(clips)]


@pytest.mark.parametrize(("clips", "batch_size"), [(40, 6), (7, 12)])
def test_too_few_clips_are_refused(clips: int, batch_size: int) -> None:
    with pytest.raises(DataError, match="too few for 4 devices"):
        parts_of(clips, batch_size, 4)


def spread(parts: list[list[int]], sizes_N: NDArray[np.int64]) -> float:
    totals = [sizes_N[rows].sum() for rows in parts]
    return float(max(totals) / np.mean(totals))


def test_parts_have_the_same_number_of_frames() -> None:
    sizes_N = np.random.default_rng(1).integers(30, 600, 64)
    parts = balanced_parts(sizes_N, 4)
    assert sorted(chain(*parts)) == list(range(64))
    assert spread(parts, sizes_N) < 1.02
    assert spread([list(range(number, 64, 4)) for number in range(4)], sizes_N) > 1.05


def test_no_part_is_empty_beside_one_long_clip() -> None:
    assert all(balanced_parts(np.array([10_000, 1, 1, 1]), 4))


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(5, 9, [0, 1, 2, 3, 4]), (9, 4, [0, 3, 6]), (8, 4, [0, 2, 4, 6])]
)
def test_a_few_positions_in_equal_steps_over_all(count: int, most: int, expected: list[int]) -> None:
    assert evenly_spread(np.arange(count), most).tolist() == expected
