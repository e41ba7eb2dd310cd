"""Convolutions of single joints where channels are last in memory.

Axes: P persons, C channels in and D channels out, T frames, V joints, R = P·T·V.

A convolution y = x Wᵀ + b of the rows x (R, C). On a CPU, oneDNN's convolution forwards is quicker than PyTorch's
product of matrices, and so is that which is the gradient of x. Its gradient of a narrow weight ends the process
(PyTorch 2.13 on CPUs with AVX-512), so that this one is a product of matrices.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional


def pointwise_convolution(x_PCTV: Tensor, weight_DC11: Tensor, bias_D: Tensor, stride: int = 1) -> Tensor:
    """y (P, D, ⌈T / stride⌉, V), of every stride-th frame; with channels last in memory where those of x are."""
    if torch.compiler.is_exporting() or not x_PCTV.is_contiguous(memory_format=torch.channels_last):
        return functional.conv2d(x_PCTV, weight_DC11, bias_D, (stride, 1))
    if x_PCTV.device.type == "cpu" and x_PCTV.dtype == torch.float32 and not torch.is_autocast_enabled("cpu"):
        y_PDTV: Tensor = _Pointwise.apply(x_PCTV, weight_DC11, bias_D, stride)
        return y_PDTV
    x_PTVC = x_PCTV[:, :, ::stride].permute(0, 2, 3, 1)
    return functional.linear(x_PTVC, weight_DC11.flatten(1), bias_D).permute(0, 3, 1, 2)


class _Pointwise(Function):
    @staticmethod
    def forward(ctx: Any, x_PCTV: Tensor, weight_DC11: Tensor, bias_D: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x_PCTV, weight_DC11)
        ctx.stride = stride
        return functional.conv2d(x_PCTV, weight_DC11, bias_D, (stride, 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x_PCTV, weight_DC11 = ctx.saved_tensors
        of_y_PDTV = gradients[0].contiguous(memory_format=torch.channels_last)
        of_x_PCTV = functional.conv2d(of_y_PDTV, weight_DC11.transpose(0, 1))
        of_y_RD, x_RC = _rows(of_y_PDTV), _rows(x_PCTV[:, :, :: ctx.stride])
        if ctx.stride > 1:
            taken, of_x_PCTV = of_x_PCTV, torch.zeros_like(x_PCTV)
            of_x_PCTV[:, :, :: ctx.stride] = taken
        return of_x_PCTV, (of_y_RD.T @ x_RC).view_as(weight_DC11), of_y_RD.sum(dim=0), None


def _rows(x_PCTV: Tensor) -> Tensor:
    return x_PCTV.permute(0, 2, 3, 1).reshape(-1, x_PCTV.shape[1])
