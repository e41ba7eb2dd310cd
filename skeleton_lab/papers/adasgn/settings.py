"""The keys under `model.` of SGN, the single models, and AdaSGN. Where paper and released code differ: README.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_modules.settings import SkeletonSettings, channels_of
from skeleton_lab.settings import AbsentPersons, dropout_problems, one_person_is_there


@dataclass
class SGNSettings:
    """joints: the number that skeletons are reduced to; none keeps all.
    size: the spatial module, SM_0 (big) or SM_1 (small). width: the fraction of the published channels.
    joint_transform: 'fixed' averages joints to reach `joints`; 'learned' trains that matrix too (AdaSGN, Eq. 3).
    frozen_epochs: the matrix is trained after this many epochs.
    absent_persons: 'masked' leaves them out; 'zeros' runs a zero skeleton for each, as the released code does.
    """

    joints: int | None = None
    size: Literal["small", "big"] = "big"
    width: float = 1.0
    dropout: float = 0.2
    joint_transform: Literal["fixed", "learned"] = "fixed"
    frozen_epochs: int = 30
    absent_persons: AbsentPersons = "masked"

    def fit(self, data: SkeletonSettings) -> None:
        one_person_is_there(self, data)

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line for each value that no SGN can have."""
        yield from dropout_problems(self)
        yield from clip_problems(data)
        if self.frozen_epochs < 0:
            yield f"model.frozen_epochs={self.frozen_epochs}: give a number from 0"


@dataclass
class AdaSGNSettings:
    """policy: 'learned', 'random' (Table 3's rand) or 'all' (its fuse).
    policy_start: 'random' weights, or 'largest', which begins by preferring the last and most expensive action (the
        released code's "fix").
    alpha: the weight of the efficiency loss, in 1 / GMACs of the published width; it grows from 0 over
        `alpha_warmup_epochs`.
    efficiency_loss: 'mean_over_actions' is what the published values of alpha were used with; 'sum_over_actions' is
        Eq. 12.
    temperature, temperature_schedule: Gumbel-softmax's τ starts at `temperature` and is multiplied by
        `temperature_decay` at each epoch ('exponential'), or by 0.096 as the paper prints ('as_printed').
    evaluation_actions: 'argmax', or 'sampled' with Gumbel noise as the released code does.
    pretrained: start from the six single models. frozen_epochs: the spatial modules (when pretrained) and the matrices
        are trained after this many epochs.
    share_features: keep both frozen throughout, batch normalisation too, and compute their features once for all
        policies that start from the same single models; they stay in memory while the program runs.
    """

    policy: Literal["learned", "random", "all"] = "learned"
    policy_start: Literal["random", "largest"] = "random"
    alpha: float = 4.0
    alpha_warmup_epochs: int = 5
    efficiency_loss: Literal["mean_over_actions", "sum_over_actions"] = "mean_over_actions"
    temperature: float = 5.0
    temperature_schedule: Literal["exponential", "as_printed"] = "exponential"
    temperature_decay: float = 0.956
    evaluation_actions: Literal["argmax", "sampled"] = "argmax"
    pretrained: bool = True
    frozen_epochs: int = 30
    share_features: bool = False
    width: float = 1.0
    dropout: float = 0.2
    absent_persons: AbsentPersons = "masked"

    def fit(self, data: SkeletonSettings) -> None:
        one_person_is_there(self, data)

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line for each value that no AdaSGN can have."""
        yield from dropout_problems(self)
        yield from clip_problems(data)
        # Written so that NaN is refused too.
        for key in ("alpha", "alpha_warmup_epochs", "frozen_epochs"):
            if not getattr(self, key) >= 0:
                yield f"model.{key}={getattr(self, key)}: give a number from 0"
        for key in ("temperature", "temperature_decay"):
            if not getattr(self, key) > 0:
                yield f"model.{key}={getattr(self, key)}: give a number above 0"


def clip_problems(data: SkeletonSettings) -> Iterator[str]:
    """One line for what clips of SGN cannot be: they stand side by side, of one length, with three numbers a joint."""
    if data.collation != "padded":
        yield f"data.collation={data.collation}: this network works on data.collation=padded"
    if data.sampling == "all":
        yield "data.sampling=all: this network works on clips of one length, such as data.sampling=segments"
    if channels_of(data.stream) != 3:
        yield f"data.stream={data.stream}: this network sees three numbers of a joint, such as data.stream=joint"
