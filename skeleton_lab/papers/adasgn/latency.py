"""How long SGN and AdaSGN take: the ways that `skeleton-lab profile` and `bench` time in turn.

All see the same random skeletons, so the actions are not the policy's (which is computed all the same) but drawn with
given shares. A clip has as many person slots as its dataset's; of two, as many are empty as in NTU RGB+D.

Axes: P persons, T frames, V joints, A actions, K classes.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from data_modules.layouts import Layout
from skeleton_lab.backbones.sgn import SGN
from skeleton_lab.backbones.sgn_inference import FoldedSGN
from skeleton_lab.measure.literal import adasgn as literal_adasgn
from skeleton_lab.measure.literal import sgn as literal_sgn
from skeleton_lab.papers.adasgn.inference import SkippingAdaSGN
from skeleton_lab.papers.adasgn.macs import PUBLISHED_SHARES
from skeleton_lab.papers.adasgn.network import AdaSGN, build_sgn
from skeleton_lab.papers.adasgn.settings import SGNSettings

# In percent of the slots of NTU-60's cross-subject test set: all clips but the 18.4 % of two persons leave one empty.
EMPTY_SLOTS = 40.8

SIMPLIFIED, AS_TRAINED = "simplified for inference", "as trained"
SKIPPING, SGN_SIMPLIFIED = "all slots: AdaSGN, skipping", "all slots: SGN, simplified alike"
SKIPPING_PRESENT, SGN_PRESENT = "present persons: AdaSGN, skipping", "present persons: SGN, simplified alike"
BY_FRAME = "all slots: AdaSGN, frame by frame"

Ways = Mapping[str, Callable[[], object]]


def sgn_ways(network: SGN, layout: Layout, frames: int, clips: int, slots: int) -> Ways:
    """`clips` clips with all their slots through SGN in its simplified form, and as it is trained."""
    device = network.classifier.weight.device
    simplified, x_PTVC = FoldedSGN(network.eval()), _skeletons(slots * clips, layout, frames).to(device)
    run = torch.inference_mode()
    return {SIMPLIFIED: run(lambda: simplified(x_PTVC)), AS_TRAINED: run(lambda: network(x_PTVC))}


def adasgn_ways(
    network: AdaSGN,
    layout: Layout,
    frames: int,
    clips: int,
    slots: int = 2,
    shares: Sequence[float] = PUBLISHED_SHARES,
    every: bool = False,
) -> Ways:
    """`clips` clips through AdaSGN that skips, and through SGN simplified in the same ways: with all slots computed by
    both and, where a clip has several, without the empty ones in both.

    shares: of the actions over all slots, in percent; empty slots are taken to be among those of action 0. every: all
    actions are taken of every skeleton, and nothing is skipped.
    """
    device, classes = network.classifier.weight.device, network.classifier.out_features
    skipping = SkippingAdaSGN(network.eval())
    simplified = FoldedSGN(build_sgn(SGNSettings(width=network.width), layout, classes, frames).to(device).eval())
    x_PTVC = _skeletons(slots * clips, layout, frames).to(device)
    actions_PTA = _taken(slots * clips, frames, shares, every).to(device)
    run = torch.inference_mode()
    ways: Ways = {
        SKIPPING: run(lambda: skipping(x_PTVC, actions_PTA)),
        SGN_SIMPLIFIED: run(lambda: simplified(x_PTVC)),
    }
    if slots == 1:
        return ways
    present = max(1, round(slots * clips * (1 - EMPTY_SLOTS / 100)))
    present_PTA = _taken(present, frames, among_present(shares), every).to(device)
    return {
        **ways,
        SKIPPING_PRESENT: run(lambda: skipping(x_PTVC[:present], present_PTA)),
        SGN_PRESENT: run(lambda: simplified(x_PTVC[:present])),
    }


def frame_by_frame(
    network: AdaSGN, layout: Layout, frames: int, persons: int, shares: Sequence[float] = PUBLISHED_SHARES
) -> Ways:
    """As many persons through AdaSGN that skips, and through a loop that calls a module for every skeleton."""
    literal = literal_adasgn.AdaSGN(layout, network.classifier.out_features, frames, network.width).eval()
    literal_sgn.take_weights(literal, network)
    skipping = SkippingAdaSGN(network.eval())
    x_PTVC, actions_PTA = _skeletons(persons, layout, frames), drawn(persons, frames, shares)
    run = torch.inference_mode()
    return {
        SKIPPING: run(lambda: skipping(x_PTVC, actions_PTA)),
        BY_FRAME: run(lambda: literal.infer_by_frame(x_PTVC, actions_PTA)),
    }


def among_present(shares: Sequence[float]) -> list[float]:
    """The shares over the skeletons of persons who are there, in percent, from those over all slots."""
    cheapest, *others = shares
    there = 1 - EMPTY_SLOTS / 100
    return [max(cheapest - EMPTY_SLOTS, 0) / there, *(share / there for share in others)]


def _taken(persons: int, frames: int, shares: Sequence[float], every: bool) -> Tensor:
    return torch.ones(persons, frames, len(shares)) if every else drawn(persons, frames, shares)


def drawn(persons: int, frames: int, shares: Sequence[float]) -> Tensor:
    """One-hot actions (P, T, A), each taken as often as its share says, in random order."""
    skeletons = persons * frames
    upto = torch.tensor(shares, dtype=torch.float64).cumsum(0)
    counts = (upto / upto[-1] * skeletons).round().long().diff(prepend=torch.zeros(1, dtype=torch.long))
    actions = torch.arange(len(shares)).repeat_interleave(counts)
    order = torch.randperm(skeletons, generator=torch.Generator().manual_seed(0))
    return F.one_hot(actions[order], len(shares)).float().view(persons, frames, -1)


def _skeletons(persons: int, layout: Layout, frames: int) -> Tensor:
    return torch.randn(persons, frames, layout.num_joints, 3, generator=torch.Generator().manual_seed(0))
