"""Convolutions over time: of one kernel, and of branches with kernels of several reaches side by side.

Axes: P persons that are computed, C channels, T frames, V joints, W joints and the global one after them.

The first convolutions of all branches that normalise afterwards are one convolution with one batch normalisation, and
so are the normalisations that end all branches: batch normalisation looks at each channel by itself, so that both are
exact. Tensors keep their channels last in memory, where a CPU normalises, pools and convolves several times as fast.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skeleton_lab.layers.kaiming import kaiming_by_outputs
from skeleton_lab.layers.pointwise import PointwiseConv
from skeleton_lab.layers.pooling import mean_over_joints
from skeleton_lab.ops.temporal_convolution import temporal_convolution

POOL_KERNEL = 3


class TemporalConv(nn.Conv2d):
    """(P, C, T, V) → (P, C, ⌈T / stride⌉, V), over `kernel` frames, which are an odd number."""

    def __init__(self, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels, channels, (kernel, 1), (stride, 1), (kernel // 2, 0))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return temporal_convolution(x_PCTV, self.weight, self.get_parameter("bias"), self.stride[0])


class Branches(nn.Module):
    """One convolution over time per dilation, a maximum over three frames, and a convolution of single frames.

    (P, C, T, V) → (P, C', ⌈T / stride⌉, V), C' = sum of widths. All but the last follow a convolution of single joints,
    batch normalisation and ReLU. widths: the channels of each branch. Zeros stand beyond the ends of a clip.
    """

    def __init__(
        self, channels: int, widths: Sequence[int], kernel: int, dilations: Sequence[int], stride: int
    ) -> None:
        super().__init__()
        *before, plain = widths
        self.first = nn.Sequential(
            PointwiseConv(channels, sum(before)),
            nn.BatchNorm2d(sum(before)),
            nn.ReLU(inplace=True),
        )
        self.over_time = nn.ModuleList(
            nn.Conv2d(width, width, (kernel, 1), (stride, 1), (kernel // 2 * dilation, 0), (dilation, 1))
            for width, dilation in zip(before, dilations, strict=False)
        )
        self.pool = nn.MaxPool2d((POOL_KERNEL, 1), (stride, 1), (POOL_KERNEL // 2, 0))
        self.plain = PointwiseConv(channels, plain, stride)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        *parts, last = self._apart(self.first(x_PCTV))
        convolved = [conv(part) for conv, part in zip(self.over_time, parts, strict=True)]
        return torch.cat([*convolved, self.pool(last), self.plain(x_PCTV)], dim=1)

    def _apart(self, first_PCTV: Tensor) -> tuple[Tensor, ...]:
        """What each convolution over time takes, and what is pooled."""
        taken = [conv.in_channels for conv in self.over_time if isinstance(conv, nn.Conv2d)]
        return first_PCTV.split([*taken, first_PCTV.shape[1] - sum(taken)], dim=1)


class FourBranches(nn.Module):
    """CTR-GCN's: kernels of 5 frames with dilations 1 and 2, (P, C, T, V) → (P, C, ⌈T / stride⌉, V), without dropout.

    Source: CTR-GCN, section 3.4, and its released code. Raises ValueError for fewer than 4 channels.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.branches = Branches(channels, shares(channels, 4), 5, (1, 2), stride)
        for conv in (self.branches.plain, *self.branches.over_time):
            assert isinstance(conv, nn.Conv2d)
            kaiming_by_outputs(conv)
        entry = self.branches.first[0]
        assert isinstance(entry, nn.Conv2d)
        kaiming_by_outputs(entry, 3)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return self.norm(self.branches(x_PCTV))


class SixBranches(nn.Module):
    """ST-GCN++'s: kernels of 3 frames with dilations 1 to 4, mixed by a convolution of single joints; shapes as above.

    Source: ST-GCN++ (Duan et al., "PYSKL", 2022) and its released code. Narrow networks have a channel in each branch.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        widths = shares(max(channels, 6), 6)
        self.branches = Branches(channels, widths, 3, (1, 2, 3, 4), stride)
        self.transform = nn.Sequential(
            nn.BatchNorm2d(sum(widths)),
            nn.ReLU(inplace=True),
            PointwiseConv(sum(widths), channels),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x_PCTV: Tensor) -> Tensor:
        return self.transform(self.branches(x_PCTV))


class SixBranchesWithGlobalJoint(SixBranches):
    """DG-STGCN's: the mean of all joints takes part as one more, and a learned share of it is added to each.

    Source: DG-STGCN (Duan et al., 2022), section 3.3 ("joint-skeleton fusion"), and its released code.
    """

    def __init__(self, channels: int, stride: int, joints: int) -> None:
        super().__init__(channels, stride)
        self.share = nn.Parameter(torch.zeros(joints))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTW = self.branches(torch.cat([x_PCTV, mean_over_joints(x_PCTV)], dim=3))
        y_PCTV, global_PCT1 = y_PCTW.split([len(self.share), 1], dim=3)
        return self.transform(torch.addcmul(y_PCTV, global_PCT1, self.share.to(y_PCTV.dtype)))


def shares(channels: int, branches: int) -> list[int]:
    """Equal parts of the channels, the first with what is left over. Raises ValueError for fewer than the branches."""
    if channels < branches:
        raise ValueError(f"{channels} channels for {branches} branches: give at least {branches}")
    each = channels // branches
    return [channels - (branches - 1) * each, *[each] * (branches - 1)]
