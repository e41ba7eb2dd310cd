"""AA-GCN as its authors' code is built: three convolutions for each partition of the graph, one after another, a copy
of all features for each attention, and one normalisation of all persons side by side.

The twin of backbones/aa_gcn.py, with three partitions that are learned from their beginning, and tanh.

Axes: N clips, M persons, P = N·M, T frames, V joints, C channels, K classes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

PARTITIONS = 3
CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
HALVING = (4, 7)


class GraphConv(nn.Module):
    def __init__(self, graph_KVV: Tensor, in_channels: int, channels: int) -> None:
        super().__init__()
        self.graph = nn.Parameter(graph_KVV.clone())
        self.similarity_scale = nn.Parameter(torch.zeros(1))
        compared = max(1, channels // 4)
        self.theta = nn.ModuleList(nn.Conv2d(in_channels, compared, 1) for _ in range(PARTITIONS))
        self.phi = nn.ModuleList(nn.Conv2d(in_channels, compared, 1) for _ in range(PARTITIONS))
        self.value = nn.ModuleList(nn.Conv2d(in_channels, channels, 1) for _ in range(PARTITIONS))

    def forward(self, x_PCTV: Tensor) -> Tensor:
        persons, channels, frames, joints = x_PCTV.shape
        found = []
        for partition in range(PARTITIONS):
            theta_PVR = self.theta[partition](x_PCTV).permute(0, 3, 1, 2).reshape(persons, joints, -1)
            phi_PRV = self.phi[partition](x_PCTV).reshape(persons, -1, joints)
            alike_PVV = torch.tanh(torch.matmul(theta_PVR, phi_PRV) / theta_PVR.shape[2])
            graph_PVV = self.graph[partition] + self.similarity_scale * alike_PVV
            taken_PRV = torch.matmul(x_PCTV.reshape(persons, channels * frames, joints), graph_PVV)
            found.append(self.value[partition](taken_PRV.view(persons, channels, frames, joints)))
        return found[0] + found[1] + found[2]


class Attention(nn.Module):
    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        over_joints = joints if joints % 2 else joints - 1
        self.joints = nn.Conv1d(channels, 1, over_joints, padding=(over_joints - 1) // 2)
        self.frames = nn.Conv1d(channels, 1, 9, padding=4)
        self.channels = nn.Sequential(
            nn.Linear(channels, max(1, channels // 2)), nn.ReLU(), nn.Linear(max(1, channels // 2), channels)
        )

    def forward(self, x_PCTV: Tensor) -> Tensor:
        gate_P1V = torch.sigmoid(self.joints(x_PCTV.mean(dim=2)))
        x_PCTV = x_PCTV * gate_P1V.unsqueeze(2) + x_PCTV
        gate_P1T = torch.sigmoid(self.frames(x_PCTV.mean(dim=3)))
        x_PCTV = x_PCTV * gate_P1T.unsqueeze(3) + x_PCTV
        gate_PC = torch.sigmoid(self.channels(x_PCTV.mean(dim=3).mean(dim=2)))
        return x_PCTV * gate_PC.unsqueeze(2).unsqueeze(3) + x_PCTV


class Block(nn.Module):
    def __init__(
        self, graph_KVV: Tensor, in_channels: int, channels: int, stride: int, residual: bool, attends: bool
    ) -> None:
        super().__init__()
        self.graph_conv = GraphConv(graph_KVV, in_channels, channels)
        self.norm = nn.BatchNorm2d(channels)
        self.graph_residual = None if in_channels == channels else conv_norm(in_channels, channels, 1, 1)
        self.attention = Attention(channels, graph_KVV.shape[1]) if attends else None
        self.temporal = conv_norm(channels, channels, 9, stride)
        self.adds_input = residual
        same = in_channels == channels and stride == 1
        self.residual = conv_norm(in_channels, channels, 1, stride) if residual and not same else None

    def forward(self, x_PCTV: Tensor) -> Tensor:
        of_graph_PCTV = x_PCTV if self.graph_residual is None else self.graph_residual(x_PCTV)
        y_PCTV = torch.relu(self.norm(self.graph_conv(x_PCTV)) + of_graph_PCTV)
        if self.attention is not None:
            y_PCTV = self.attention(y_PCTV)
        y_PCTV = self.temporal(y_PCTV)
        if self.adds_input:
            y_PCTV = y_PCTV + (x_PCTV if self.residual is None else self.residual(x_PCTV))
        return torch.relu(y_PCTV)


class AAGCN(nn.Module):
    """(N, M, T, V, C) → logits (N, K). graph_KVV: what the graph of each block begins as."""

    def __init__(
        self,
        graph_KVV: Tensor,
        classes: int,
        channels: int = 3,
        persons: int = 2,
        width: float = 1.0,
        attends: bool = False,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(persons * graph_KVV.shape[1] * channels)
        widths = [channels, *(max(1, round(each * width)) for each in CHANNELS)]
        self.blocks = nn.ModuleList(
            Block(graph_KVV, widths[i], widths[i + 1], 2 if i in HALVING else 1, i > 0, attends)
            for i in range(len(CHANNELS))
        )
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, x_NMTVC: Tensor) -> Tensor:
        clips, persons, frames, joints, channels = x_NMTVC.shape
        x_NRT = self.norm(x_NMTVC.permute(0, 1, 3, 4, 2).reshape(clips, persons * joints * channels, frames))
        x_PVCT = x_NRT.view(clips * persons, joints, channels, frames)
        x_PCTV = x_PVCT.permute(0, 2, 3, 1).contiguous()
        for block in self.blocks:
            x_PCTV = block(x_PCTV)
        return self.classifier(x_PCTV.mean(dim=(2, 3)).view(clips, persons, -1).mean(dim=1))


def conv_norm(in_channels: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, channels, (kernel, 1), (stride, 1), ((kernel - 1) // 2, 0))
    return nn.Sequential(conv, nn.BatchNorm2d(channels))


def take_weights(literal: AAGCN, network: nn.Module) -> None:
    """Give a literal network the weights and running statistics of its fast twin."""
    literal.load_state_dict(as_literal(network.state_dict()))


def as_literal(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the fast twin, or their gradients, by name: each convolution cut into those of the partitions, and the
    normalisations of all slots put side by side."""
    found: dict[str, Tensor] = {}
    slots: dict[str, list[Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("norm.norms."):
            slots.setdefault(name.split(".")[-1], []).append(tensor)
        else:
            found.update(_cut(name, tensor))
    for kind, of_slots in slots.items():
        found[f"norm.{kind}"] = torch.cat(of_slots) if of_slots[0].dim() else of_slots[0]
    return found


def _cut(name: str, tensor: Tensor) -> dict[str, Tensor]:
    if ".theta_phi." in name:
        pairs = tensor.unflatten(0, (PARTITIONS, 2, -1))
        return {
            name.replace("theta_phi", f"{layer}.{k}"): pairs[k, of_layer]
            for k in range(PARTITIONS)
            for of_layer, layer in enumerate(("theta", "phi"))
        }
    if name.endswith("value.weight"):
        return {name.replace("weight", f"{k}.weight"): each for k, each in enumerate(tensor.chunk(PARTITIONS, dim=1))}
    if name.endswith("value.biases"):
        return {name.replace("biases", f"{k}.bias"): each for k, each in enumerate(tensor)}
    return {name.replace(".graph.learned", ".graph"): tensor}
