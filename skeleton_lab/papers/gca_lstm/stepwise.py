"""Stepwise training (Algorithm 1): which iteration is trained in an epoch, and when the next one begins."""

from dataclasses import dataclass, replace
from math import inf


@dataclass(frozen=True)
class Progress:
    """How far a stepwise training is: all that it needs to go on after it was interrupted.

    step: the iteration whose output is trained, from 0; began: the epoch in which it began; lowest: the validation loss
    of its best epoch; stale: for how many epochs it has not fallen below that.
    """

    step: int = 0
    began: int = 0
    lowest: float = inf
    stale: int = 0

    def seen(self, validation_loss: float) -> "Progress":
        """After an epoch of the step with this loss."""
        if validation_loss < self.lowest:
            return replace(self, lowest=validation_loss, stale=0)
        return replace(self, stale=self.stale + 1)


@dataclass(frozen=True)
class Steps:
    """The steps 0 to `last` of a training of at most `epochs`. patience: see GCALSTMSettings."""

    last: int
    epochs: int
    patience: int

    def share(self, step: int) -> int:
        """The most epochs of a step; all steps together have all epochs, and the last one has some."""
        return self.epochs * (step + 1) // (self.last + 1) - self.epochs * step // (self.last + 1)

    def at(self, epoch: int, progress: Progress) -> Progress:
        """As an epoch begins: the same step, or a new one."""
        while progress.step < self.last and self._is_over(epoch, progress):
            progress = Progress(progress.step + 1, began=epoch)
        return progress

    def is_finished(self, epochs_done: int, progress: Progress) -> bool:
        """Whether the last step is over: what earlier steps left of their epochs is not its own."""
        return progress.step == self.last and self._is_over(epochs_done, progress)

    def _is_over(self, epoch: int, progress: Progress) -> bool:
        return epoch - progress.began >= self.share(progress.step) or self._at_rest(progress)

    def _at_rest(self, progress: Progress) -> bool:
        return 0 < self.patience <= progress.stale
