"""DG-STGCN as released: convolutions one by one, and a graph of its own for every subset, channel and person.

The twin of backbones/dg_stgcn.py, in the frame of backbones/stack.py.

Axes: P persons, K subsets of channels, D channels of a subset, T frames, U and V joints (from U to V).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeleton_lab.measure.literal import temporal
from skeleton_lab.measure.literal.temporal import SixBranchesWithGlobalJoint, pointwise, rename, residual, split


class Unit(nn.Module):
    def __init__(self, in_channels: int, channels: int, subsets: int, joints: int) -> None:
        super().__init__()
        width = max(1, channels // 8)
        self.graph = nn.Parameter(torch.zeros(subsets, joints, joints))
        self.alpha, self.beta = nn.Parameter(torch.zeros(subsets)), nn.Parameter(torch.zeros(subsets))
        self.pre = nn.Sequential(pointwise(in_channels, subsets * width), nn.BatchNorm2d(subsets * width), nn.ReLU())
        self.conv1 = pointwise(in_channels, subsets * width)
        self.conv2 = pointwise(in_channels, subsets * width)
        self.post = pointwise(subsets * width, channels)
        self.norm = nn.BatchNorm2d(channels)
        self.down: nn.Module = nn.Identity()
        if in_channels != channels:
            self.down = nn.Sequential(pointwise(in_channels, channels), nn.BatchNorm2d(channels))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        subsets = len(self.graph)
        pre_PKDTV = self.pre(x_PCTV).unflatten(1, (subsets, -1))
        mean_PC1V = x_PCTV.mean(dim=2, keepdim=True)
        from_PKDU, to_PKDV = (
            conv(mean_PC1V).unflatten(1, (subsets, -1)).squeeze(3) for conv in (self.conv1, self.conv2)
        )
        channelwise_PKDUV = torch.tanh(from_PKDU.unsqueeze(4) - to_PKDV.unsqueeze(3)) * self.alpha[0]
        alike_PKUV = torch.einsum("pkdu,pkdv->pkuv", from_PKDU, to_PKDV).softmax(dim=-2) * self.beta[0]
        graph_PKDUV = channelwise_PKDUV + self.graph.unsqueeze(1) + alike_PKUV.unsqueeze(2)
        mixed_PKDTV = torch.einsum("pkdtu,pkduv->pkdtv", pre_PKDTV, graph_PKDUV)
        return functional.relu(self.norm(self.post(mixed_PKDTV.flatten(1, 2))) + self.down(x_PCTV))


class Block(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int, subsets: int, joints: int, first: bool) -> None:
        super().__init__()
        self.unit = Unit(in_channels, channels, subsets, joints)
        self.temporal = SixBranchesWithGlobalJoint(channels, stride, joints)
        self.residual = residual(in_channels, channels, stride, first)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTV = self.temporal(self.unit(x_PCTV))
        return functional.relu(y_PCTV if self.residual is None else y_PCTV + self.residual(x_PCTV))


def take_weights(literal: nn.Module, network: nn.Module) -> None:
    """Give a literal network the weights and running statistics of its fast twin."""
    literal.load_state_dict(as_literal(network.state_dict(), literal))


def as_literal(tensors: Mapping[str, Tensor], literal: nn.Module) -> dict[str, Tensor]:
    """Weights of the fast twin, or their gradients, by name: of the convolutions one by one."""
    blocks = {name: block for name, block in literal.named_modules() if isinstance(block, Block)}
    named = temporal.as_literal(tensors, {name: block.temporal for name, block in blocks.items()})
    for name, block in blocks.items():
        compared = block.unit.conv1.out_channels
        convs = [f"{name}.unit.conv1.", f"{name}.unit.conv2."]
        split(named, f"{name}.graph.compare.", convs, [compared] * 2)
        rename(named, f"{name}.graph.", f"{name}.unit.")
        for fast, own in (("before.", "pre."), ("behind.0.", "post."), ("behind.1.", "norm."), ("down.", "down.")):
            rename(named, f"{name}.{fast}", f"{name}.unit.{own}")
    return named
