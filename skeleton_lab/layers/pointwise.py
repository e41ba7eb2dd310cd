"""The 1×1 convolution, channels last.

Axes: … any leading axes, C channels.
"""

from torch import nn


class PointwiseConv(nn.Linear):
    """A 1×1 convolution over the last axis: (…, C_in) → (…, C_out).

    The same map as a 1×1 `Conv2d`, as one matrix product without a change of layout. It is a type of its own because
    the papers count convolutions and classifiers by different rules (measure/macs.py).
    """
