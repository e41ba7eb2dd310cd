"""Which step of Algorithm 1 is trained when."""

import pytest

from skeleton_lab.papers.gca_lstm.stepwise import Progress, Steps


def steps_of(steps: Steps, losses: list[float]) -> list[int]:
    """The step of every epoch until the training is finished, for these validation losses; 1 after the last."""
    progress, found = Progress(), []
    for epoch in range(steps.epochs):
        progress = steps.at(epoch, progress)
        found.append(progress.step)
        progress = progress.seen(losses[epoch] if epoch < len(losses) else 1.0)
        if steps.is_finished(epoch + 1, progress):
            break
    return found


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(6, [0, 0, 1, 1, 2, 2]), (7, [0, 0, 1, 1, 2, 2, 2]), (3, [0, 1, 2]), (2, [1, 2]), (1, [2])],
)
def test_without_patience_steps_share_the_epochs(epochs: int, expected: list[int]) -> None:
    assert steps_of(Steps(last=2, epochs=epochs, patience=0), []) == expected


def test_a_step_ends_when_its_loss_has_not_fallen_for_long_enough() -> None:
    steps = Steps(last=1, epochs=20, patience=2)
    #        lowest            stale  new step: its own lowest          stale
    losses = [1.0, 0.8, 0.9, 0.8, 3.0, 0.7, 0.9, 0.6, 0.6, 0.9, 0.1]
    assert steps_of(steps, losses) == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_while_the_error_is_decreasing() -> None:
    """Algorithm 1 to the letter."""
    assert steps_of(Steps(last=2, epochs=30, patience=1), [3, 2, 1, 2, 5, 4, 4, 9, 10]) == [0, 0, 0, 0, 1, 1, 1, 2, 2]


def test_a_step_has_no_more_than_its_share() -> None:
    falling = [1 / (1 + epoch) for epoch in range(9)]
    assert steps_of(Steps(last=2, epochs=9, patience=2), falling) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_last_step_has_no_more_than_its_share_where_earlier_ones_ended_early() -> None:
    """Its schedule is made for its share: a cosine would rise again beyond it."""
    losses = [1, 2, 9, *(8 - n / 9 for n in range(30))]
    assert steps_of(Steps(last=1, epochs=20, patience=1), losses) == [0, 0] + [1] * 10


def test_one_step_is_direct_training() -> None:
    assert steps_of(Steps(last=0, epochs=4, patience=0), []) == [0, 0, 0, 0]
