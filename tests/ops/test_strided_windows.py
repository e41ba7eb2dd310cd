"""Windows that slide along joints or frames: what they cover, and attention within them.

Axes: N clips, L places, S tokens at each, C channels, K tokens of a window, B windows of all clips.
"""

from collections import Counter
from itertools import product

import pytest
import torch

from skeleton_lab.measure.literal.deform3d import scored_attention, strided_attention
from skeleton_lab.ops.strided_windows import Pairing, multi_head_attention, shared_by, windows
from tests.helpers import assert_close

PAIRINGS: tuple[Pairing, ...] = ("shifted", "same", "all")


def test_every_place_is_asked_of_for_every_length() -> None:
    for length, window, pairing in product(range(1, 60), range(1, 14), PAIRINGS):
        for stride in range(1, window + 1):
            found = windows(length, window, stride, pairing)
            assert {place for places in found.queries for place in places} == set(range(length))
            assert {len(places) for places in found.queries} == {min(window, length)}
            assert len(found.keys) == found.count
            assert all(0 <= place < length for places in found.keys for place in places)


def starts(places: tuple[tuple[int, ...], ...]) -> list[int]:
    return [each[0] for each in places]


@pytest.mark.parametrize(
    ("length", "queries", "keys"),
    [(12, [0, 2, 4, 6, 8], [2, 4, 6, 8, 8]), (13, [0, 2, 4, 6, 8, 9], [2, 4, 6, 8, 9, 9]), (3, [0], [0])],
)
def test_keys_begin_half_a_window_later(length: int, queries: list[int], keys: list[int]) -> None:
    found = windows(length, 4, 2)
    assert (starts(found.queries), starts(found.keys)) == (queries, keys)
    assert starts(windows(length, 4, 2, "same").keys) == queries


def test_what_is_split_and_merged_is_what_it_was() -> None:
    x_NLSC = torch.randn(2, 13, 3, 4, dtype=torch.float64)
    found = windows(13, 4, 2)
    assert_close(found.merged(found.split_queries(x_NLSC), 13), x_NLSC, 1e-12)


def test_a_token_of_several_windows_becomes_their_mean() -> None:
    found = windows(6, 4, 2)
    each = torch.arange(2.0).reshape(2, 1, 1).expand(2, 4, 1)
    assert found.merged(each, 6).flatten().tolist() == [0, 0, 0.5, 0.5, 1, 1]
    counted = Counter(place for places in found.queries for place in places)
    assert [counted[place] for place in range(6)] == [1, 1, 2, 2, 1, 1]


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("length", [3, 12, 13])
def test_attention_is_that_of_each_window_by_itself(length: int, pairing: Pairing) -> None:
    q, k, v = (torch.randn(2, length, 3, 8, dtype=torch.float64, requires_grad=True) for _ in range(3))
    found = windows(length, 4, 2, pairing)
    attended = multi_head_attention(found.split_queries(q), found.split_keys(k), found.split_keys(v), heads=2)
    merged = found.merged(attended, length)
    literal = torch.stack([strided_attention(*clip, found, heads=2) for clip in zip(q, k, v, strict=True)])
    assert_close(merged, literal, 1e-12)
    weights = torch.randn_like(merged)
    for ours, theirs in zip(
        torch.autograd.grad((merged * weights).sum(), (q, k, v)),
        torch.autograd.grad((literal * weights).sum(), (q, k, v)),
        strict=True,
    ):
        assert_close(ours, theirs, 1e-10)


def test_what_may_not_be_seen_is_not() -> None:
    q, k, v = (torch.randn(3, 5, 8, dtype=torch.float64, requires_grad=True) for _ in range(3))
    may_see = torch.rand(3, 5) < 0.6
    may_see[:2, 0], may_see[2] = True, False
    found = multi_head_attention(q, k, v, 2, may_see)
    literal, weights = scored_attention(q, k, v, 2, may_see), torch.randn(3, 5, 8, dtype=torch.float64)
    assert_close(found, literal, 1e-12)
    ours, theirs = (torch.autograd.grad((each * weights).sum(), (q, k, v)) for each in (found, literal))
    for one, other in zip(ours, theirs, strict=True):  # 0, and no NaN, where nobody is seen
        assert_close(one, other, 1e-10)
    changed = torch.where(may_see[..., None], k, 99.0), torch.where(may_see[..., None], v, 99.0)
    assert_close(found, multi_head_attention(q, *changed, 2, may_see), 1e-12)
    assert not found[2].any()


def test_shared_tokens_stand_beside_the_windows_of_their_clip() -> None:
    found = windows(8, 4, 2)
    x_NLSC = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 8, 1, 1)
    shared = shared_by(found, torch.arange(3.0).reshape(3, 1, 1))
    assert torch.equal(found.split_queries(x_NLSC)[:, :1], shared)
