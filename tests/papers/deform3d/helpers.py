"""Small networks and batches for the tests of the 3D deformable transformer.

Axes: N clips, M persons, T frames, V joints, D = 2 coordinates.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from data_modules.settings import VideoSettings
from skeleton_lab.papers.deform3d.network import Deform3D
from skeleton_lab.papers.deform3d.settings import Deform3DSettings
from tests.helpers import shaken

CROP, FRAMES, PERSONS, JOINTS, CLASSES = 64, 5, 2, 13, 7


class Inputs(NamedTuple):
    frames: Tensor
    pixels: Tensor
    visible: Tensor


def inputs(clips: int = 3, frames: int = FRAMES, seed: int = 0) -> Inputs:
    """Noise, joints anywhere; the second person is in the first clip alone, and some joints are not seen."""
    generator = torch.Generator().manual_seed(seed)
    shape = clips, PERSONS, frames, JOINTS
    visible = torch.rand(shape, generator=generator) < 0.8
    visible[1:, 1] = False
    return Inputs(
        torch.randint(256, (clips, frames, 3, CROP, CROP), dtype=torch.uint8, generator=generator),
        CROP * torch.rand(*shape, 2, generator=generator, dtype=torch.float64),
        visible,
    )


def settings(modality: str = "both", frames: int = FRAMES, **changes: Any) -> Deform3DSettings:
    found = Deform3DSettings(**changes)
    found.fit(VideoSettings(clip_len=frames, modality=modality))  # type: ignore[arg-type]
    return found


def small(modality: str = "both", **changes: Any) -> Deform3D:
    """Of two channels and one block, in float64, with random weights in all its parts."""
    torch.manual_seed(0)
    small_settings = settings(modality, **{"width": 1 / 32, "heads": 2, "blocks": 1, "kernel": 3, **changes})
    network = Deform3D(small_settings, modality, PERSONS * JOINTS, CLASSES, FRAMES, CROP).double()
    shaken(network)
    return network.eval()
