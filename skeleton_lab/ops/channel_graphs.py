"""Graph convolutions whose graph is another one for every person and channel: CTR-GCN's and DG-STGCN's.

Axes: P persons, C channels in and D channels out, K subsets, R relations, T frames, V joints, B = T·V.

With x of a person as a matrix (C, T·V), and its rows as matrices (T, V),

    mixed:          y_c = x_c G_c
    refined:        y_d = Σ_k (W_kd x + b_kd) G_kd        G_kd = Σ_r w_kdr R_kr

On a CPU both go from person to person, whose numbers stay in the caches. There channels are last in memory before and
after, as all else around graph convolutions is quicker so, and products of matrices take them first at no cost.
`refined` makes the graphs G of a person, which are larger than its features, only while it needs them: forwards, and
again backwards.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from skeleton_lab.ops.precision import full


def mixed(x_PCTV: Tensor, graph_PCVV: Tensor) -> Tensor:
    """y (P, C, T, V), each row of joints times its channel's graph."""
    if x_PCTV.device.type != "cpu" or torch.compiler.is_exporting():
        return x_PCTV @ graph_PCVV
    with torch.autocast("cpu", enabled=False):
        return _Mixed.apply(full(x_PCTV), full(graph_PCVV)).to(x_PCTV.dtype)


def refined(x_PCTV: Tensor, weight_KDC: Tensor, bias_KD: Tensor, relations_PKRVV: Tensor, shares_KDR: Tensor) -> Tensor:
    """y (P, D, T, V). shares: w, what each relation has in the graph of a channel."""
    if x_PCTV.device.type != "cpu" or torch.compiler.is_exporting():
        return _refined_at_once(x_PCTV, weight_KDC, bias_KD, relations_PKRVV, shares_KDR)
    with torch.autocast("cpu", enabled=False):
        given = (x_PCTV, weight_KDC, bias_KD, relations_PKRVV, shares_KDR)
        return _Refined.apply(*(full(each) for each in given)).to(x_PCTV.dtype)


def _refined_at_once(
    x_PCTV: Tensor, weight_KDC: Tensor, bias_KD: Tensor, relations_PKRVV: Tensor, shares_KDR: Tensor
) -> Tensor:
    joints = x_PCTV.shape[3]
    weight_EC11, bias_E = weight_KDC.flatten(0, 1)[..., None, None], bias_KD.flatten()
    values_PKDTV = torch.conv2d(x_PCTV, weight_EC11, bias_E).unflatten(1, bias_KD.shape)
    graph_PKDVV = (shares_KDR @ relations_PKRVV.flatten(3)).unflatten(-1, (joints, joints))
    return (values_PKDTV @ graph_PKDVV.to(values_PKDTV.dtype)).sum(dim=1)


def _channels_last(shape_PCTV: torch.Size, like: Tensor) -> Tensor:
    return torch.empty(shape_PCTV, dtype=like.dtype, memory_format=torch.channels_last)


class _Mixed(Function):
    @staticmethod
    def forward(ctx: Any, x_PCTV: Tensor, graph_PCVV: Tensor) -> Tensor:
        ctx.save_for_backward(x_PCTV, graph_PCVV)
        y_PCTV = _channels_last(x_PCTV.shape, x_PCTV)
        for x_CTV, graph_CVV, y_CTV in zip(x_PCTV, graph_PCVV, y_PCTV, strict=True):
            _put(y_CTV, _channels_first(x_CTV) @ graph_CVV)
        return y_PCTV

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x_PCTV, graph_PCVV = ctx.saved_tensors
        of_x_PCTV, of_graph_PCVV = _channels_last(x_PCTV.shape, x_PCTV), torch.empty_like(graph_PCVV)
        for person, of_y_CTV in enumerate(gradients[0]):
            of_y_CTV = _channels_first(of_y_CTV)
            _put(of_x_PCTV[person], of_y_CTV @ graph_PCVV[person].transpose(1, 2))
            torch.bmm(_channels_first(x_PCTV[person]).transpose(1, 2), of_y_CTV, out=of_graph_PCVV[person])
        return of_x_PCTV, of_graph_PCVV


class _Refined(Function):
    @staticmethod
    def forward(
        ctx: Any, x_PCTV: Tensor, weight_KDC: Tensor, bias_KD: Tensor, relations_PKRVV: Tensor, shares_KDR: Tensor
    ) -> Tensor:
        (persons, _, frames, joints), (subsets, channels, _) = x_PCTV.shape, weight_KDC.shape
        values_PKDTV = x_PCTV.new_empty(persons, subsets, channels, frames, joints)
        y_PDTV = _channels_last(torch.Size((persons, channels, frames, joints)), x_PCTV)
        bias_E1, weight_EC = bias_KD.view(-1, 1), weight_KDC.flatten(0, 1)
        sum_DTV, graph_DVV = values_PKDTV.new_empty(y_PDTV.shape[1:]), _graph_like(weight_KDC, relations_PKRVV)
        for x_CTV, values_KDTV, relations_KRVV, y_DTV in zip(
            x_PCTV, values_PKDTV, relations_PKRVV, y_PDTV, strict=True
        ):
            torch.addmm(bias_E1, weight_EC, _rows(x_CTV).T, out=values_KDTV.view(subsets * channels, -1))
            sum_DTV.zero_()
            for values_DTV, relations_RVV, share_DR in zip(values_KDTV, relations_KRVV, shares_KDR, strict=True):
                torch.mm(share_DR, relations_RVV.flatten(1), out=graph_DVV.flatten(1))
                sum_DTV.baddbmm_(values_DTV, graph_DVV)
            _put(y_DTV, sum_DTV)
        ctx.save_for_backward(x_PCTV, weight_KDC, relations_PKRVV, shares_KDR, values_PKDTV)
        return y_PDTV

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        x_PCTV, weight_KDC, relations_PKRVV, shares_KDR, values_PKDTV = ctx.saved_tensors
        weight_EC = weight_KDC.flatten(0, 1)
        of_x_PCTV, of_relations_PKRVV = (
            _channels_last(x_PCTV.shape, x_PCTV),
            relations_PKRVV.new_empty(relations_PKRVV.shape),
        )
        of_weight_EC, of_shares_KDR = torch.zeros_like(weight_EC), torch.zeros_like(shares_KDR)
        of_bias_E = weight_EC.new_zeros(len(weight_EC))
        of_values_KDTV = values_PKDTV.new_empty(values_PKDTV.shape[1:])
        of_values_EB = of_values_KDTV.view(len(weight_EC), -1)
        graph_DVV, of_graph_DVV = (_graph_like(weight_KDC, relations_PKRVV) for _ in range(2))
        for person, of_y_DTV in enumerate(gradients[0]):
            of_y_DTV = _channels_first(of_y_DTV)
            for subset, share_DR in enumerate(shares_KDR):
                relations_RB = relations_PKRVV[person, subset].flatten(1)
                torch.mm(share_DR, relations_RB, out=graph_DVV.flatten(1))
                torch.bmm(of_y_DTV, graph_DVV.transpose(1, 2), out=of_values_KDTV[subset])
                torch.bmm(values_PKDTV[person, subset].transpose(1, 2), of_y_DTV, out=of_graph_DVV)
                of_shares_KDR[subset].addmm_(of_graph_DVV.flatten(1), relations_RB.T)
                torch.mm(share_DR.T, of_graph_DVV.flatten(1), out=of_relations_PKRVV[person, subset].flatten(1))
            of_bias_E += of_values_EB.sum(dim=1)
            of_weight_EC.addmm_(of_values_EB, _rows(x_PCTV[person]))
            torch.mm(of_values_EB.T, weight_EC, out=_rows(of_x_PCTV[person]))
        of_weights = (of_weight_EC.view_as(weight_KDC), of_bias_E.view(weight_KDC.shape[:2]))
        return of_x_PCTV, *of_weights, of_relations_PKRVV, of_shares_KDR


def _graph_like(weight_KDC: Tensor, relations_PKRVV: Tensor) -> Tensor:
    """Room for the graph of a subset of a person, (D, V, V)."""
    return weight_KDC.new_empty(weight_KDC.shape[1], *relations_PKRVV.shape[3:])


def _rows(x_CTV: Tensor) -> Tensor:
    """(C, T, V) → (B, C), in place where channels are last in memory."""
    return x_CTV.permute(1, 2, 0).reshape(-1, len(x_CTV))


def _channels_first(x_CTV: Tensor) -> Tensor:
    """The same with rows of joints in memory."""
    # Of two axes PyTorch has a copy that goes block by block.
    return _rows(x_CTV).T.contiguous().view(x_CTV.shape)


def _put(to_CTV: Tensor, x_CTV: Tensor) -> None:
    """Copy rows of joints to where channels are last in memory."""
    to_CTV.permute(1, 2, 0).view(-1, len(to_CTV)).copy_(x_CTV.view(len(x_CTV), -1).T)
