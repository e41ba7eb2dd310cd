"""CTR-GCN as its released codes build it: three modules of four convolutions each in every unit.

The twin of backbones/ctr_gcn.py in its published form, in the frame of backbones/stack.py.

Axes: P persons, C channels, T frames, U and V joints (from U to V), D channels that joints are compared in.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeleton_lab.measure.literal import temporal
from skeleton_lab.measure.literal.temporal import FourBranches, SixBranches, pointwise, rename, residual, split


class TopologyRefinement(nn.Module):
    """One of the unit's three parts."""

    def __init__(self, in_channels: int, channels: int, compared: int) -> None:
        super().__init__()
        self.conv1 = pointwise(in_channels, compared)
        self.conv2 = pointwise(in_channels, compared)
        self.conv3 = pointwise(in_channels, channels)
        self.conv4 = pointwise(compared, channels)

    def forward(self, x_PCTV: Tensor, graph_UV: Tensor, alpha: Tensor) -> Tensor:
        from_PDU, to_PDV = self.conv1(x_PCTV).mean(dim=2), self.conv2(x_PCTV).mean(dim=2)
        difference_PDUV = torch.tanh(from_PDU.unsqueeze(3) - to_PDV.unsqueeze(2))
        topology_PCUV = self.conv4(difference_PDUV) * alpha + graph_UV
        return torch.einsum("pcuv,pctu->pctv", topology_PCUV, self.conv3(x_PCTV))


class Unit(nn.Module):
    def __init__(self, in_channels: int, channels: int, compared: int, graph_KUV: Tensor) -> None:
        super().__init__()
        self.graph = nn.Parameter(graph_KUV.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.parts = nn.ModuleList(TopologyRefinement(in_channels, channels, compared) for _ in graph_KUV)
        self.norm = nn.BatchNorm2d(channels)
        self.down: nn.Module = nn.Identity()
        if in_channels != channels:
            self.down = nn.Sequential(pointwise(in_channels, channels), nn.BatchNorm2d(channels))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTV: Tensor | None = None
        for part, graph_UV in zip(self.parts, self.graph, strict=True):
            of_part = part(x_PCTV, graph_UV, self.alpha)
            y_PCTV = of_part if y_PCTV is None else y_PCTV + of_part
        return functional.relu(self.norm(y_PCTV) + self.down(x_PCTV))


class Block(nn.Module):
    def __init__(
        self, in_channels: int, channels: int, stride: int, compared: int, graph_KUV: Tensor, branches: int, first: bool
    ) -> None:
        super().__init__()
        self.unit = Unit(in_channels, channels, compared, graph_KUV)
        self.temporal = (FourBranches if branches == 4 else SixBranches)(channels, stride)
        self.relu_after = branches == 4
        self.residual = residual(in_channels, channels, stride, first)

    def forward(self, x_PCTV: Tensor) -> Tensor:
        y_PCTV = self.temporal(self.unit(x_PCTV))
        if self.relu_after:
            y_PCTV = functional.relu(y_PCTV)
        return functional.relu(y_PCTV if self.residual is None else y_PCTV + self.residual(x_PCTV))


def take_weights(literal: nn.Module, network: nn.Module) -> None:
    """Give a literal network the weights and running statistics of its fast twin."""
    literal.load_state_dict(as_literal(network.state_dict(), literal))


def as_literal(tensors: Mapping[str, Tensor], literal: nn.Module) -> dict[str, Tensor]:
    """Weights of the fast twin, or their gradients, by name: of the convolutions one by one."""
    blocks = {name: block for name, block in literal.named_modules() if isinstance(block, Block)}
    named = temporal.as_literal(tensors, {name: block.temporal for name, block in blocks.items()})
    for name, block in blocks.items():
        parts = block.unit.parts
        into = [f"{name}.unit.parts.{number}." for number in range(len(parts))]
        compared, channels = (len(parts[0].get_parameter(f"{conv}.bias")) for conv in ("conv1", "conv3"))
        fast, subsets = f"{name}.refinement.", len(parts)
        both = [f"{part}conv{one}." for one in (1, 2) for part in into]
        split(named, f"{fast}compare.", both, [compared] * 2 * subsets)
        split(named, f"{fast}values.", [f"{part}conv3." for part in into], [channels] * subsets)
        split(named, f"{fast}refine.", [f"{part}conv4." for part in into], [channels] * subsets)
        for own in ("norm.", "down."):
            rename(named, f"{name}.{own}", f"{name}.unit.{own}")
        rename(named, fast, f"{name}.unit.")
    return named
