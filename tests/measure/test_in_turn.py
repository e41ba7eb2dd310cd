"""Several ways are called in turn, and each call's own time is taken."""

import time

import torch

from skeleton_lab.measure.in_turn import FEWEST_ROUNDS, MOST_ROUNDS, in_turn


def test_each_round_calls_every_way_once() -> None:
    called = []
    times = in_turn({name: lambda name=name: called.append(name) for name in "abc"}, seconds=0)  # type: ignore[misc]
    assert called == ["a", "b", "c"] * (FEWEST_ROUNDS + 1)
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys("abc", FEWEST_ROUNDS)


def test_rounds_end_even_where_there_is_time() -> None:
    assert len(in_turn({"a": lambda: None}, seconds=60)["a"]) == MOST_ROUNDS


def test_times_are_those_of_the_calls() -> None:
    times = in_turn({"short": lambda: None, "long": lambda: time.sleep(0.02)}, seconds=0)
    assert max(times["short"]) < 0.02 <= min(times["long"])


def test_threads_come_back() -> None:
    threads, within = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        in_turn({"a": lambda: within.append(torch.get_num_threads())}, seconds=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert set(within) == {1}
