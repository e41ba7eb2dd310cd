"""What STAR's "GMACs" count: the products of linear layers and of linear attention (README.md, "Counting").

They are counted on the network as it was released (measure/literal/star.py), not on the faster one that is run here.

Axes: F frames of all clips, V joints, C channels, D channels of a head, E edges.
"""

from torch import Tensor, nn

from skeleton_lab.measure.literal import star as literal
from skeleton_lab.measure.literal.star import JointAttention, TimeAttention
from skeleton_lab.measure.macs import Macs, Rule
from skeleton_lab.papers.star.network import STAR


def _time_attention(layer: TimeAttention, x_FVC: Tensor, y_FVC: Tensor) -> int:
    """An outer product of each key and value, and a product of each query with their sum."""
    return 2 * y_FVC.numel() * (y_FVC.shape[-1] // layer.heads)


def _joint_attention(layer: JointAttention, x_FVC: Tensor, y_FVC: Tensor) -> Macs:
    """Along edges it multiplies number by number, which neither the paper's counter nor PyTorch's sees; among all
    joints by matrices, which both see."""
    frames, joints, channels = y_FVC.shape
    if layer.edges is None:
        return Macs(2 * frames * joints * joints * channels, 0)
    return Macs(0, 2 * frames * layer.edges.shape[1] * channels)


def as_released(network: STAR) -> literal.STAR:
    """The network as its authors' code builds it, with weights of its own, on the meta device."""
    settings, channels = network.settings, network.embedding.out_features
    first, last = network.head[1], network.head[-1]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    return literal.STAR(
        network.edges,
        first.in_features // channels,
        last.out_features,
        network.embedding.in_features,
        channels,
        settings.layers,
        settings.heads,
        first.out_features,
    ).to("meta")


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: lambda layer, x, y: y.numel() * layer.in_features,
    TimeAttention: _time_attention,
    JointAttention: _joint_attention,
}
