"""The keys under `model.` of the 3D deformable transformer. What the paper leaves open: README.md."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from data_modules.settings import VideoSettings
from skeleton_lab.settings import AbsentPersons, dropout_problems

# Which tokens carry what one modality says to the other (Table 5).
ModalTokens = Literal["cross_modal", "single", "none"]
# What settings of a part are that a network does not have.
OF_JOINTS = (
    "joint_window",
    "joint_stride",
    "sigma",
    "normalise_heatmaps",
    "pose_features",
    "joint_embedding",
    "joint_places",
)
OF_FILMS = ("kernel", "offset_range", "offset_unit")
OF_TIME = ("time_window", "time_stride")


@dataclass
class Deform3DSettings:
    """width: the fraction of the published channels. channels: of the backbone's first group; tokens have four times
        as many. blocks: L. ffn_ratio: how many times a token's channels the inside of a feed-forward network has.
    kernel: k of the search for tokens. offset_range: how far a place may be moved, where 1 is half the film for
        offset_unit 'film' and one token for 'token'.
    sigma: of a joint's Gaussian, in pixels of the features that it is laid over. normalise_heatmaps: its sum is 1.
    pose_features: of what joint tokens are made, the backbone's first 'group', or its 'stem'.
    joint_window, time_window: how many joints or frames attention goes over; …_stride: how far one window is from the
        next, none: half a window. pairing: which keys a window of queries sees (ops/strided_windows.py).
    merge: windows are put together before the feed-forward network, or 'after' it, as Algorithms A1 and A2 write it.
    pre_ln: what attention sees is normalised; false: as Equation 6 has it.
    deformable_attention, joint_attention, temporal_attention: whether a block has it (Table 4).
    modal_tokens: one for each modality and one for both, a 'single' one, or 'none' (Table 5).
    joint_embedding: joint tokens know their joint and frame. joint_places: they know where the joint is, too, and how
        it moves; without a film they always do.
    absent_persons: 'masked': nothing looks at joints that are not seen; 'zeros': they are tokens like others, of zeros
        and, with joint_embedding, of their joint and frame.
    dropout: within feed-forward networks and after attention. attention_dropout: of its scores, which are then stored.
    """

    width: float = 1.0
    channels: int = 64
    blocks: int = 3
    heads: int = 8
    ffn_ratio: int = 4
    kernel: int = 7
    offset_range: float = 1.0
    offset_unit: Literal["film", "token"] = "film"
    sigma: float = 2.0
    normalise_heatmaps: bool = False
    pose_features: Literal["group", "stem"] = "group"
    joint_window: int = 4
    joint_stride: int | None = None
    time_window: int = 4
    time_stride: int | None = None
    pairing: Literal["shifted", "same", "all"] = "shifted"
    merge: Literal["before", "after"] = "before"
    pre_ln: bool = True
    deformable_attention: bool = True
    joint_attention: bool = True
    temporal_attention: bool = True
    modal_tokens: ModalTokens = "cross_modal"
    joint_embedding: bool = True
    joint_places: bool = False
    absent_persons: AbsentPersons = "masked"
    dropout: float = 0.1
    attention_dropout: float = 0.0

    def fit(self, data: VideoSettings) -> None:
        """What a network does not have is at its default, so that what is the same run has the same key."""
        if data.modality == "rgb":
            self.joint_attention, self.absent_persons = False, "masked"
            self._reset(*OF_JOINTS)
        if data.modality == "pose":
            self.deformable_attention = False
            data.drawn_joints = "kept"
            self._reset(*OF_FILMS, "sigma", "normalise_heatmaps", "pose_features", "joint_places")
        if not self.deformable_attention:
            self._reset(*OF_FILMS)
        if not self.joint_attention:
            self._reset("joint_window", "joint_stride")
        if not self.temporal_attention:
            self._reset(*OF_TIME)
        if not (self.joint_attention or self.temporal_attention):
            self._reset("pairing", "merge")
        if self.joint_stride is None:
            self.joint_stride = max(1, self.joint_window // 2)
        if self.time_stride is None:
            self.time_stride = max(1, self.time_window // 2)
        # A longer window goes over the whole clip too, and a longer stride has the same two windows, at its ends.
        longest = max(1, data.clip_len, data.test_clip_len or 0)
        if self.time_stride <= self.time_window:
            self.time_window = min(self.time_window, longest)
            self.time_stride = min(self.time_stride, max(1, longest - self.time_window))

    def _reset(self, *keys: str) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for key in keys:
            setattr(self, key, defaults[key])

    @property
    def feature_channels(self) -> int:
        """Of the backbone's first group."""
        return max(1, round(self.width * self.channels))

    @property
    def token_channels(self) -> int:
        return 4 * self.feature_channels

    @property
    def roles(self) -> tuple[str, ...]:
        """The modal tokens, by what they stand for; 'cls' is for both modalities."""
        return {"cross_modal": ("cls", "rgb", "pose"), "single": ("cls",), "none": ()}[self.modal_tokens]

    def problems(self, data: VideoSettings) -> Iterator[str]:
        """One line for each value that no network can have."""
        counts = "channels", "blocks", "heads", "ffn_ratio", "kernel", "joint_window", "time_window"
        for key in (*counts, "sigma", "offset_range"):
            # Written so that NaN is refused too.
            if not getattr(self, key) > 0:
                yield f"model.{key}={getattr(self, key)}: give a number above 0"
        for key in ("joint", "time"):
            window, stride = getattr(self, f"{key}_window"), getattr(self, f"{key}_stride")
            if not 1 <= stride <= max(window, 1):
                yield f"model.{key}_stride={stride}: give a number from 1 to model.{key}_window, which is {window}"
        yield from dropout_problems(self, "dropout", "attention_dropout")
        if self.heads > 0 and self.token_channels % self.heads:
            yield f"model.heads={self.heads}: give a number that divides a token's {self.token_channels} channels"
        if not (self.deformable_attention or self.joint_attention or self.temporal_attention):
            yield "model.temporal_attention=False: a block needs one of its attentions"
