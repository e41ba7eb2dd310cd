"""Multi-scale temporal convolutions as released: each branch by itself.

The twins of layers/temporal.py.

Axes: P persons, C channels, T frames, V joints.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


def pointwise(in_channels: int, channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, channels, kernel_size=1, stride=(stride, 1))


def over_time(channels: int, kernel: int, stride: int, dilation: int) -> nn.Conv2d:
    """Zeros beyond the ends."""
    padding = (kernel // 2 * dilation, 0)
    return nn.Conv2d(channels, channels, (kernel, 1), (stride, 1), padding, (dilation, 1))


def pooled(stride: int) -> nn.MaxPool2d:
    return nn.MaxPool2d((3, 1), (stride, 1), (1, 0))


def residual(in_channels: int, channels: int, stride: int, first: bool) -> nn.Module | None:
    """What a block adds to what it made of its input: the input, through a convolution where shapes differ; nothing in
    the first block."""
    if first:
        return None
    if in_channels == channels and stride == 1:
        return nn.Identity()
    return nn.Sequential(pointwise(in_channels, channels, stride), nn.BatchNorm2d(channels))


class FourBranches(nn.Module):
    """CTR-GCN's: (P, C, T, V) → (P, C, ⌈T / stride⌉, V)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        width = channels // 4
        self.branches = nn.ModuleList(
            nn.Sequential(
                pointwise(channels, width),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                last,
                nn.BatchNorm2d(width),
            )
            for last in (over_time(width, 5, stride, 1), over_time(width, 5, stride, 2), pooled(stride))
        )
        self.branches.append(nn.Sequential(pointwise(channels, width, stride), nn.BatchNorm2d(width)))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return torch.cat([branch(x_PCTV) for branch in self.branches], dim=1)


class SixBranches(nn.Module):
    """ST-GCN++'s, in the same shapes."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        width = channels // 6
        widths = [channels - 5 * width] + [width] * 5
        lasts = [over_time(each, 3, stride, dilation) for dilation, each in enumerate(widths[:4], start=1)]
        self.branches = nn.ModuleList(
            nn.Sequential(pointwise(channels, each), nn.BatchNorm2d(each), nn.ReLU(), last)
            for each, last in zip(widths, [*lasts, pooled(stride)], strict=False)
        )
        self.branches.append(pointwise(channels, widths[5], stride))
        self.transform = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), pointwise(channels, channels), nn.BatchNorm2d(channels)
        )

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return self.transform(self.branched(x_PCTV))

    def branched(self, x_PCTV: Tensor) -> Tensor:
        return torch.cat([branch(x_PCTV) for branch in self.branches], dim=1)


class SixBranchesWithGlobalJoint(SixBranches):
    """DG-STGCN's: the mean of all joints is one more joint, and is added to each."""

    def __init__(self, channels: int, stride: int, joints: int) -> None:
        super().__init__(channels, stride)
        self.share = nn.Parameter(torch.zeros(joints))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        joints = x_PCTV.shape[3]
        y_PCTW = self.branched(torch.cat([x_PCTV, x_PCTV.mean(dim=3, keepdim=True)], dim=3))
        added_PCTV = torch.einsum("pct,v->pctv", y_PCTW[..., joints], self.share)
        return self.transform(y_PCTW[..., :joints] + added_PCTV)


def split(named: dict[str, Tensor], prefix: str, into: Sequence[str], widths: Sequence[int]) -> None:
    """Give the channels of one layer to several: all that begins with `prefix`, its tensors or their gradients."""
    for name in [name for name in named if name.startswith(prefix)]:
        tensor = named.pop(name)
        # A norm's count of batches is everybody's.
        parts = tensor.split(list(widths)) if tensor.dim() else [tensor] * len(into)
        named.update({other + name.removeprefix(prefix): part for other, part in zip(into, parts, strict=True)})


def rename(named: dict[str, Tensor], prefix: str, to: str) -> None:
    for name in [name for name in named if name.startswith(prefix)]:
        named[to + name.removeprefix(prefix)] = named.pop(name)


def as_literal(tensors: Mapping[str, Tensor], of_blocks: Mapping[str, FourBranches | SixBranches]) -> dict[str, Tensor]:
    """Weights of the fast twins, or their gradients, by name. of_blocks: the literal ones, by their blocks' names."""
    named = dict(tensors)
    for block, literal in of_blocks.items():
        fast, each, last = f"{block}.temporal.branches.", f"{block}.temporal.literal.", len(literal.branches) - 1
        first = [f"{each}{number}." for number in range(last)]
        widths = [len(branch.get_parameter("0.bias")) for branch in literal.branches[:-1]]
        split(named, f"{fast}first.0.", [f"{name}0." for name in first], widths)
        split(named, f"{fast}first.1.", [f"{name}1." for name in first], widths)
        for number, name in enumerate(first[:-1]):
            rename(named, f"{fast}over_time.{number}.", f"{name}3.")
        if isinstance(literal, FourBranches):
            rename(named, f"{fast}plain.", f"{each}{last}.0.")
            ends = [*(f"{name}4." for name in first), f"{each}{last}.1."]
            split(
                named, f"{block}.temporal.norm.", ends, [*widths, len(literal.branches[last].get_parameter("0.bias"))]
            )
        else:
            rename(named, f"{fast}plain.", f"{each}{last}.")
        rename(named, each, f"{block}.temporal.branches.")
    return named
