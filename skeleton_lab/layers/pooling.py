"""Means over frames or over joints alone.

Axes: P persons, C channels, T frames, V joints.
"""

import torch
from torch import Tensor
from torch.nn import functional


def mean_over_frames(x_PCTV: Tensor) -> Tensor:
    """(P, C, 1, V). Pooling keeps the memory format of channels last, in the gradient too, which a mean does not."""
    # ONNX would pool over as many frames as there were when it was exported.
    if torch.compiler.is_exporting():
        return x_PCTV.mean(dim=2, keepdim=True)
    return functional.adaptive_avg_pool2d(x_PCTV, (1, None))


def mean_over_joints(x_PCTV: Tensor) -> Tensor:
    """(P, C, T, 1)."""
    if torch.compiler.is_exporting():
        return x_PCTV.mean(dim=3, keepdim=True)
    return functional.adaptive_avg_pool2d(x_PCTV, (None, 1))
