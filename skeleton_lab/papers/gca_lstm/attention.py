"""What attention found informative, as it is drawn.

Axes: N clips, M person slots, T frames, V joints, C coordinates, Q streams, I iterations.
"""

import numpy as np
import torch
from torch import Tensor

from data_modules.collate import Clip
from data_modules.layouts import Layout
from skeleton_lab.figures.skeletons import Floats, ShownSkeleton, weighed
from skeleton_lab.papers.gca_lstm.network import GCALSTM


@torch.no_grad()
def relative_informativeness(network: GCALSTM, x_NMTVC: Tensor) -> Tensor:
    """Of every joint in every frame (N, I, T, V), the mean of both streams where there are two. Its unit is what every
    joint would have if all had the same."""
    r_QINTV = network.informativeness(x_NMTVC)
    return (r_QINTV / r_QINTV.mean(dim=(-2, -1), keepdim=True)).mean(dim=0).transpose(0, 1)


def drawn(clip: Clip, weight_TV: Floats, layout: Layout) -> list[ShownSkeleton]:
    """The frames of a clip, whose persons share the weight of a joint, 0 to 1."""
    persons = clip.valid_TM.shape[1]
    frames = zip(clip.joints_TMVC, clip.valid_TM, weight_TV, strict=True)
    return [
        weighed(x_MVC, there_M, np.tile(weight_V, (persons, 1)), layout, f"frame {t}")
        for t, (x_MVC, there_M, weight_V) in enumerate(frames, 1)
    ]
