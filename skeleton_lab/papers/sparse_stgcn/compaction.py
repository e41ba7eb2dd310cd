"""Smaller networks that compute the same in evaluation: whole channels left out, where they died with their weights.

Inside a unit, between two layers (seams.py), a channel can go if

- no convolution takes it: all weights that it goes into are 0; or
- it is constant: all weights that it comes from are 0, so that biases, normalisation and ReLU make a number of it. A 0
  says nothing to what follows. Any other number becomes part of the biases where only convolutions of single joints
  take it; to one over time, which sees zeros beyond the ends of a clip, it is no constant, and stays.

What one seam loses may have been what kept a channel of another, so all are gone through until nothing is found.

Axes: C channels of a seam, V joints.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from skeleton_lab.papers.sparse_stgcn.seams import Place, Seam, seams, with_choice, without_idle_choice
from skeleton_lab.training.module import Portable


def compacted(portable: Portable) -> Portable:
    """With the smaller network, and in words what it lost."""
    network, left_out = compact(portable.network)
    before, after = (sum(each.numel() for each in one.parameters()) for one in (portable.network, network))
    if not left_out:
        return portable._replace(remark="no whole channel has died with its weights: nothing could be left out")
    return portable._replace(
        network=network,
        remark=f"{left_out:,} channels that died with their weights are left out: {after:,} of {before:,} parameters",
    )


@torch.no_grad()
def compact(network: nn.Module) -> tuple[nn.Module, int]:
    """A copy for evaluation without dead channels, and how many of them there were."""
    small = deepcopy(network).eval()
    with_choice(small)
    left_out = 0
    while found := sum(_shorten(seam) for seam in seams(small)):
        left_out += found
    without_idle_choice(small)
    return small, left_out


def _shorten(seam: Seam) -> int:
    """Take the dead channels out of all layers of a seam, but for one where all are; how many these are."""
    kept_C = ~_dead(seam)
    if not kept_C.any():
        kept_C[0] = True
    if kept_C.all():
        return 0
    if seam.constant is not None:
        _fold(seam.constant[:, 0], ~kept_C, seam.takers)
    for place in (*seam.sources, *seam.between, *seam.takers):
        _keep(place, kept_C)
    return int((~kept_C).sum())


def _dead(seam: Seam) -> Tensor:
    """Of each channel whether it can go, (C,)."""
    dead_C = torch.stack([_all_zero(place, seam.channels) for place in seam.takers]).all(dim=0)
    if seam.constant is None:
        return dead_C
    behind_CV = seam.constant
    stays_C = torch.stack([_all_zero(place, seam.channels) for place in seam.sources]).all(dim=0)
    says_nothing_C = (behind_CV == 0).all(dim=1)
    if all(tuple(place.layer.kernel_size) == (1, 1) for place in seam.takers):
        says_nothing_C |= (behind_CV == behind_CV[:, :1]).all(dim=1)
    return dead_C | (stays_C & says_nothing_C)


def _all_zero(place: Place, channels: int) -> Tensor:
    """Of each channel whether a convolution has only weights of 0 for it, (C,)."""
    weight = place.layer.weight.movedim(place.axes["weight"], 0)
    part = weight[place.start : place.start + place.copies * channels].flatten(1)
    return (part == 0).all(dim=1).view(place.copies, channels).all(dim=0)


def _fold(constant_C: Tensor, gone_C: Tensor, takers: tuple[Place, ...]) -> None:
    """Give what constant channels add to the results of convolutions to their biases; those that are not constant are
    not taken by anything."""
    for place in takers:
        taken = place.layer.weight[:, place.start : place.start + len(gone_C)].sum(dim=(2, 3))
        place.layer.bias += taken[:, gone_C] @ constant_C[gone_C]


def _keep(place: Place, kept_C: Tensor) -> None:
    """Of the channels of a place these."""
    layer, count = place.layer, place.copies * len(kept_C)
    for name, axis in place.axes.items():
        tensor = getattr(layer, name)
        kept = torch.ones(tensor.shape[axis], dtype=torch.bool, device=tensor.device)
        kept[place.start : place.start + count] = kept_C.repeat(place.copies)
        shorter = tensor.index_select(axis, kept.nonzero().squeeze(1))
        setattr(layer, name, nn.Parameter(shorter) if isinstance(tensor, nn.Parameter) else shorter)
    if isinstance(layer, nn.Conv2d):
        layer.out_channels, layer.in_channels = layer.weight.shape[0], layer.weight.shape[1] * layer.groups
    elif isinstance(layer, nn.BatchNorm2d):
        layer.num_features = len(layer.weight)
