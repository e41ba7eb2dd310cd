"""The keys under `model.` of the networks that papers compare with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data_modules.settings import SkeletonSettings
from skeleton_lab.settings import AbsentPersons, PartitionMode, one_person_is_there


@dataclass
class BackboneSettings:
    """width: the fraction of the published channels. partitions: how the graph is cut (layers/graph.py).
    absent_persons: 'masked' leaves them out; 'zeros' runs a zero skeleton for each, as the released code does.
    """

    width: float = 1.0
    dropout: float = 0.5
    partitions: PartitionMode = "spatial"
    absent_persons: AbsentPersons = "masked"

    def fit(self, data: SkeletonSettings) -> None:
        one_person_is_there(self, data)

    def problems(self, data: SkeletonSettings) -> Iterator[str]:
        """One line where clips are not side by side."""
        if data.collation != "padded":
            yield f"data.collation={data.collation}: this network works on data.collation=padded"


@dataclass
class STGCNSettings(BackboneSettings):
    """As BackboneSettings has them."""


@dataclass
class STTRSettings(BackboneSettings):
    """attention: over the joints of a frame (S-TR) or over the frames of a joint (T-TR).
    agcn: graph convolutions adapt their graph to the clip, as 2s-AGCN's do.
    drop_keys: the share of the joints or frames that no attention of a head sees, drawn anew in each training step.
    """

    attention: Literal["spatial", "temporal"] = "spatial"
    agcn: bool = False
    drop_keys: float = 0.5
