"""What tests of several packages share: small networks' settings, batches, and a small demo world.

Axes: N clips, M person slots, T frames, V joints, C coordinates.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from data_modules.collate import PaddedBatch
from data_modules.layouts import NTU25, Layout
from skeleton_lab.config import Request, compose
from skeleton_lab.settings import RunSettings

SMALL = {"model.width": 0.0625}


def settings_of(model: str, changes: Mapping[str, Any] | None = None, dataset: str = "ntu60") -> RunSettings:
    """The published settings with a few changes."""
    protocol = "gestures14" if dataset == "shrec2017" else "xsub"
    return compose(Request(model, dataset, protocol, "paper", changes or {}))


def padded_batch(clips: int = 6, persons: int = 2, seed: int = 0) -> PaddedBatch:
    """Random clips of 20 frames and 25 joints; every other one shows a single person."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(clips, persons, 20, 25, 3, generator=generator)
    mask = torch.ones(clips, persons, 20, dtype=torch.bool)
    mask[::2, 1:] = False
    x[~mask] = 0
    return PaddedBatch(x, mask, torch.arange(clips), torch.arange(clips))


def skeletons(*shape: int, layout: Layout = NTU25, seed: int = 0) -> Tensor:
    """Random joints, (*shape, V, 3)."""
    return torch.randn(*shape, layout.num_joints, 3, generator=torch.Generator().manual_seed(seed))


def part(batch: PaddedBatch, rows: slice) -> PaddedBatch:
    return PaddedBatch(batch.x[rows], batch.mask[rows], batch.label[rows], batch.position[rows])


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shaken(network: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter and running statistic a random value, so that nothing hides behind zeros and ones."""
    generator = torch.Generator().manual_seed(seed)
    learned = {name for name, _ in network.named_parameters()}
    with torch.no_grad():
        for name, value in network.state_dict().items():
            # AdaSGN's temperature and alpha are buffers that its schedules set.
            is_scheduled = name.endswith(("temperature", "alpha")) and name not in learned
            if value.is_floating_point() and not is_scheduled:
                noise = torch.randn(value.shape, generator=generator, dtype=value.dtype)
                value.copy_(noise.abs() + 0.5 if "var" in name else 0.3 * noise)
    return network


def unlearned(network: nn.Module) -> set[str]:
    """The names of parameters that a backward pass left without a gradient, or with one that is 0 throughout."""
    return {name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()}


def settled(network: nn.Module, *inputs: Tensor) -> nn.Module:
    """In evaluation mode, with the statistics of these inputs: random ones let next to nothing through deep nets."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        network.train()(*inputs)
    return network.eval()


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def only(found: Iterable[Any]) -> Any:
    """The one thing that there is."""
    (one,) = found
    return one
