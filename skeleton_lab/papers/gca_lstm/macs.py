"""What ST-LSTM and GCA-LSTM cost. The paper prints no costs: "as the paper counts" is every product of matrices.

Axes: S cells of the lattice, N clips, D channels.
"""

from torch import Tensor, nn

from skeleton_lab.backbones.st_lstm import LatticeRecurrence
from skeleton_lab.measure.macs import Macs, Rule
from skeleton_lab.papers.gca_lstm.network import UnitLinear


def _recurrence(layer: LatticeRecurrence, a_SNA: Tensor, h_SND: Tensor) -> Macs:
    """A product for each cell with one before it, by joint and by frame. PyTorch's counter does not see them: they are
    added in place."""
    products = layer.lattice.links * a_SNA.shape[1] * layer.joint_weight.numel()
    return Macs(products, products)


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: lambda layer, x, y: y.numel() * layer.in_features,
    UnitLinear: lambda layer, x, y: y.numel() * x.shape[-1],
    LatticeRecurrence: _recurrence,
}

# What it does outside of PyTorch's layers is matrix products.
PARTS: dict[type[nn.Module], str] = dict.fromkeys((LatticeRecurrence, UnitLinear), "MatMul")
