"""What papers on skeletons count of the networks that they compare: multiply–accumulates, called "GFLOPs" or "GMACs".

Axes: P persons, T frames, V joints, H heads, S places that attend to one another, C channels.
"""

from torch import Tensor, nn

from skeleton_lab.backbones import aa_gcn, ctr_gcn, dg_stgcn, st_gcn, st_tr
from skeleton_lab.layers.graph import PARTITIONS
from skeleton_lab.layers.graph_conv import AdaptiveGraphUnit, GraphUnit
from skeleton_lab.measure.macs import Rule


def _convolution(layer: nn.Conv2d, x: Tensor, y: Tensor) -> int:
    return y.numel() * (layer.weight[0].numel() + (layer.bias is not None))


# AdaSGN's counter, and DeepSpeed's profiler in the version that STAR used: convolutions count their products and one
# for the bias, batch normalisation two per element, ReLU one, pooling one per element that goes in.
RULES: dict[type[nn.Module], Rule] = {
    nn.Conv2d: _convolution,
    nn.Linear: lambda layer, x, y: y.numel() * layer.in_features,
    nn.BatchNorm1d: lambda layer, x, y: 2 * y.numel(),
    nn.BatchNorm2d: lambda layer, x, y: 2 * y.numel(),
    nn.ReLU: lambda layer, x, y: y.numel(),
    nn.AdaptiveAvgPool2d: lambda layer, x, y: x.numel(),
    nn.AdaptiveMaxPool2d: lambda layer, x, y: x.numel(),
}


def _graph(layer: nn.Module, x: Tensor, y: Tensor) -> int:
    """x A for every partition."""
    return PARTITIONS * x.numel() * x.shape[-1]


def _adaptive_graph(layer: AdaptiveGraphUnit, x: Tensor, y: Tensor) -> int:
    """The same, and the comparison of every two joints."""
    persons, _, frames, joints = x.shape
    return _graph(layer, x, y) + PARTITIONS * persons * joints**2 * frames * layer.compared


def _attention(layer: st_tr.SelfAttention, x: Tensor, y: Tensor) -> int:
    """Queries with keys, and weights with values."""
    persons, _, frames, joints = y.shape
    places = joints if layer.over == "spatial" else frames
    return persons * frames * joints * places * (layer.keys + layer.values)


# The ReLU after each residual is in STAR's total of ST-GCN (Table 2), but not under ReLU in its Table 3: the network
# calls it as a function, so that it is counted with the block.
ST_GCN_RULES: dict[type[nn.Module], Rule] = {**RULES, st_gcn.Block: lambda layer, x, y: y.numel()}

# Of ST-TR, whose products are calls of matmul, that profiler counts these too; of ST-GCN, which writes them as einsum,
# it does not.
ST_TR_RULES: dict[type[nn.Module], Rule] = {
    **RULES,
    GraphUnit: _graph,
    AdaptiveGraphUnit: _adaptive_graph,
    st_tr.SelfAttention: _attention,
}


def _products(layer: nn.Conv1d | nn.Conv2d | nn.Linear, x: Tensor, y: Tensor) -> int:
    return y.numel() * layer.weight[0].numel()


def _similarity_graph(layer: aa_gcn.AdaptiveGraphConv, x: Tensor, y: Tensor) -> int:
    """x A for every partition, and the comparison of every two joints."""
    persons, _, frames, joints = x.shape
    return layer.graph.count * (x.numel() * joints + persons * joints**2 * frames * layer.compared)


def _refinement(layer: ctr_gcn.TopologyRefinement, x: Tensor, y: Tensor) -> int:
    """As released, where joints are compared in every frame before the mean over time; a layer counts one frame."""
    persons, _, frames, joints = x.shape
    of_values = layer.values.weight.numel() * frames * joints
    of_comparison = layer.compare.weight.numel() * (frames - 1) * joints
    of_graph = layer.refine.weight.numel() * joints**2
    return persons * (of_values + of_comparison + of_graph) + layer.subsets * y.numel() * joints


def _dynamic_graph(layer: dg_stgcn.DynamicGraph, x: Tensor, y: Tensor) -> int:
    """Joints with joints, and every frame with the graph."""
    return y.numel() * (1 + x.shape[2])


# "Are ST-GCNs over-parameterised?" prints no costs. Those that are known of its networks, such as 6.47 GMACs of AA-GCN
# and 2.97 of CTR-GCN for 100 frames of two persons, are of matrix products and convolutions alone.
PRODUCT_RULES: dict[type[nn.Module], Rule] = {
    nn.Conv1d: _products,
    nn.Conv2d: _products,
    nn.Linear: _products,
    aa_gcn.AdaptiveGraphConv: _similarity_graph,
    ctr_gcn.TopologyRefinement: _refinement,
    dg_stgcn.DynamicGraph: _dynamic_graph,
}

# What these do outside of their own layers is matrix products.
PARTS: dict[type[nn.Module], str] = dict.fromkeys(
    (
        st_gcn.GraphConv,
        GraphUnit,
        AdaptiveGraphUnit,
        st_tr.SelfAttention,
        aa_gcn.AdaptiveGraphConv,
        aa_gcn.Attention,
        ctr_gcn.TopologyRefinement,
        dg_stgcn.DynamicGraph,
        dg_stgcn.Block,
    ),
    "MatMul",
)
