"""The most memory that is taken at once, and what is moved."""

import torch

from skeleton_lab.measure.memory import moved_bytes, peak_bytes

KILOBYTE = torch.zeros(256)


def test_what_is_freed_is_not_counted_twice() -> None:
    def one_after_another() -> None:
        for _ in range(5):
            KILOBYTE + 1

    assert peak_bytes(one_after_another) == 1024


def test_what_is_there_at_the_same_time_is_added_up() -> None:
    assert peak_bytes(lambda: [KILOBYTE + number for number in range(5)]) == 5 * 1024


def test_views_and_what_was_there_before_take_nothing() -> None:
    assert peak_bytes(lambda: (KILOBYTE[3:], KILOBYTE.add_(0), KILOBYTE.view(2, -1).mT)) == 0


def test_what_a_gradient_needs_is_kept_until_then() -> None:
    x = torch.ones(256, requires_grad=True)

    def step() -> None:
        y = x.exp().exp().exp()  # each result is kept
        torch.autograd.grad(y.sum(), x)

    assert 3 * 1024 <= peak_bytes(step) <= 6 * 1024


def test_what_operators_read_and_write_is_what_is_moved() -> None:
    """Two kilobytes in and one out; a view, and what it repeats, move nothing of their own."""
    assert moved_bytes(lambda: KILOBYTE + KILOBYTE.flip(0)) == (1 + 1) * 1024 + (1 + 1 + 1) * 1024
    assert moved_bytes(lambda: KILOBYTE.view(2, -1).mT) == 0
    assert moved_bytes(lambda: KILOBYTE[:1].expand(256).clone()) == 4 + 1024
