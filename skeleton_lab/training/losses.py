"""Losses that two papers share.

Axes: N clips, K classes.
"""

from torch import Tensor
from torch.nn import functional as F

from skeleton_lab.settings import TrainingSettings


def classification_loss(logits_NK: Tensor, labels_N: Tensor, settings: TrainingSettings) -> Tensor:
    """The cross-entropy, smoothed as the settings say."""
    if settings.smoothing_over == "all_classes":
        return F.cross_entropy(logits_NK.float(), labels_N, label_smoothing=settings.label_smoothing)
    return smoothed_cross_entropy(logits_NK, labels_N, settings.label_smoothing)


def smoothed_cross_entropy(logits_NK: Tensor, labels_N: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy against 1 − smoothing for the true class and smoothing / (K − 1) for each other one (SGN's form).

    PyTorch shares its smoothing among all K classes, the true one too: there it must be smoothing·K / (K − 1).
    """
    classes = max(2, logits_NK.shape[-1])  # of a single one nothing is shared
    return F.cross_entropy(logits_NK.float(), labels_N, label_smoothing=smoothing * classes / (classes - 1))
