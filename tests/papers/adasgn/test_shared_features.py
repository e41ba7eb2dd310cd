"""What is remembered of features, and when it is forgotten. Axes: P persons, T frames, A actions, C channels."""

import torch
from torch import Tensor

from skeleton_lab.papers.adasgn.shared_features import SharedFeatures

BYTES = 2 * 3 * 4 * 5 * 2  # of one batch in half precision


class Counted:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Tensor:
        self.calls += 1
        return torch.full((2, 3, 4, 5), float(self.calls))


def test_each_batch_of_each_models_is_computed_once() -> None:
    shared, compute = SharedFeatures(), Counted()
    first = shared.get("a", 0, compute)
    assert first.dtype == torch.float16
    assert torch.equal(shared.get("a", 0, compute), first)
    assert not torch.equal(shared.get("a", 1, compute), first)
    assert not torch.equal(shared.get("b", 0, compute), first)
    assert (compute.calls, len(shared)) == (3, 3)


def test_other_models_make_room() -> None:
    shared, compute = SharedFeatures(2 * BYTES), Counted()
    for models, batch in (("a", 0), ("b", 0), ("b", 1)):
        shared.get(models, batch, compute)
    assert len(shared) == 2
    shared.get("b", 0, compute)
    assert compute.calls == 3
    shared.get("a", 0, compute)
    assert compute.calls == 4


def test_without_room_it_is_computed_anew() -> None:
    shared, compute = SharedFeatures(BYTES), Counted()
    for _ in range(2):
        for batch in range(2):
            shared.get("a", batch, compute)
    assert (compute.calls, len(shared)) == (3, 1)
