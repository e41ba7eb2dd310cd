"""The keys under `model.` of GCA-LSTM. What the paper leaves open: README.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_modules.settings import SkeletonSettings
from skeleton_lab.backbones.settings import ContextStart, LatticeSettings


@dataclass
class GCALSTMSettings(LatticeSettings):
    """streams: attention to joints ('fine'), to body parts ('coarse'), or 'both' (section IV).
    attention_iterations: N; 0 classifies what the memory begins as, without attention.
    attention: informativeness is a gate of the second layer's cells ('gate'), or there is no such layer and it weighs
        the hidden states of the first ('soft', section V-I).
    start: what the memory begins as.
    share_within: all cells of an iteration have the same We1 and We2, else each its own; share_across: all iterations
        have the same (Table VIII).
    stepwise: trained iteration by iteration (Algorithm 1), else whole from the start. The epochs are shared evenly
        among the N + 1 steps; optimiser and schedule begin anew in each.
    patience: a step ends when its validation loss has not fallen for so many epochs; 0: when its epochs are over.
    forget_bias: none is −1 in the first layer and 0.5 in the second, whose 1 − r is nearly 1.
    """

    streams: Literal["fine", "coarse", "both"] = "fine"
    attention_iterations: int = 2
    attention: Literal["gate", "soft"] = "gate"
    start: ContextStart = "feed_forward"
    share_within: bool = True
    share_across: bool = False
    stepwise: bool = True
    patience: int = 0

    def fit(self, data: SkeletonSettings) -> None:
        """Where a setting says nothing it has its default, so that what is the same run has the same key."""
        if self.forget_bias is None:
            self.forget_bias = [-1.0, 0.5]
        if self.attention_iterations < 2:
            self.share_across = False
        if self.attention_iterations < 1:
            self.attention, self.share_within, self.stepwise = "gate", True, False
        if not self.stepwise:
            self.patience = 0

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        yield from super().problems(data)
        for key in ("attention_iterations", "patience"):
            if getattr(self, key) < 0:
                yield f"model.{key}={getattr(self, key)}: give a number from 0"
        if self.attention == "soft" and self.streams != "fine":
            yield f"model.streams={self.streams}: soft attention is to single cells; give fine with it"
