"""A clip's features from those of its frames, weighted by how much each agrees with the clip as a whole (STAR, Eq. 7).

Axes: F frames of all clips, one clip after another; N clips; V joints; C channels.

With S the frames of a clip and W a matrix that is learnt,

    c = tanh(W · mean_{i ∈ S} v_i)        a_i = σ(v_i · c)        y = mean_{i ∈ S} a_i v_i

Two things are said in two ways. `weights`: the released code has a weight for each joint of a frame ('per_joint'),
while the text speaks of one for a frame ('per_frame'), in which v_i · c runs over joints too. `pooling`: Eq. 7 adds up,
the released code takes the mean, so that long clips are no larger than short ones.
"""

from typing import Literal

from torch import Tensor

from skeleton_lab.ops.segments import segment_mean, segment_repeat, segment_sum

Weights = Literal["per_joint", "per_frame"]
Pooling = Literal["mean", "sum"]


def context_attention(
    x_FVC: Tensor,
    offsets: Tensor,
    matrix_CC: Tensor,
    weights: Weights = "per_joint",
    pooling: Pooling = "mean",
) -> Tensor:
    """(F, V, C) of clips with offsets (N + 1,) → (N, V, C); 0 for a clip without frames. matrix: W, applied to rows."""
    context_NVC = context_of(segment_mean(x_FVC, offsets), matrix_CC)
    weighted_FVC = weights_of(x_FVC, segment_repeat(context_NVC, offsets, len(x_FVC)), weights) * x_FVC
    return (segment_mean if pooling == "mean" else segment_sum)(weighted_FVC, offsets)


def context_of(mean_NVC: Tensor, matrix_CC: Tensor) -> Tensor:
    """c from the mean of a clip's frames, (N, V, C)."""
    return (mean_NVC @ matrix_CC).tanh()


def weights_of(x_FVC: Tensor, context_FVC: Tensor, weights: Weights = "per_joint") -> Tensor:
    """a of each frame: (F, V, 1), or (F, 1, 1) where a frame has one. context: of each frame's clip."""
    agreement_FV1 = (x_FVC * context_FVC).sum(dim=-1, keepdim=True)
    return (agreement_FV1.sum(dim=1, keepdim=True) if weights == "per_frame" else agreement_FV1).sigmoid()
