"""SGN and AdaSGN in a form that can be exported: every slot of a batch is computed.

Axes: N clips, M person slots, P = N·M, T frames, V joints, C coordinates, K classes.
"""

from torch import Tensor, nn

from data_modules.collate import PaddedBatch
from skeleton_lab.layers.persons import mean_over_slots
from skeleton_lab.papers.adasgn.network import AdaSGN
from skeleton_lab.settings import AbsentPersons
from skeleton_lab.training.module import Portable


class AllActions(nn.Module):
    """The complete path of AdaSGN, with the features of all actions: (P, T, V, 3) → (P, K)."""

    def __init__(self, network: AdaSGN) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_PTVC: Tensor) -> Tensor:
        return self.network.decide(self.network.all_features(x_PTVC)).logits


class PersonByPerson(nn.Module):
    """A network of one person, and the mean of its logits over those who are there; without `present_NM`, over all
    slots: (N, M, T, V, 3) → (N, K)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_NMTVC: Tensor, present_NM: Tensor | None = None) -> Tensor:
        logits_NMK = self.network(x_NMTVC.flatten(0, 1)).unflatten(0, (-1, x_NMTVC.shape[1]))
        return logits_NMK.mean(dim=1) if present_NM is None else mean_over_slots(logits_NMK, present_NM)


def person_by_person(network: nn.Module, batch: PaddedBatch, absent_persons: AbsentPersons) -> Portable:
    """Any number of clips; their frames have learnt positions, so that they are as many as in training."""
    inputs, varying = {"x_NMTVC": batch.x}, {"x_NMTVC": {0: "clips"}}
    if absent_persons == "masked":
        inputs, varying = {**inputs, "present_NM": batch.mask.any(dim=-1)}, {**varying, "present_NM": {0: "clips"}}
    return Portable(PersonByPerson(network), inputs, varying)
