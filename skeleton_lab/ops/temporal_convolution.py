"""Convolutions over time through frequencies, which take a fraction of the products.

Axes: P persons, C channels in and D out, T frames, V joints, J frames of the kernel, S the stride, Q frames of a kernel
of stride 1, F products of the parts of all frequencies, W windows, X = V·C or V·D, R = W·P·V, E = D·C.

A convolution of a window of frames is a product for each of its frequencies (the convolution theorem). With the Fourier
sums written out as matrices it is a bilinear algorithm, as those of Winograd ("Arithmetic complexity of computations",
1980) are, of as many products of matrices of all channels as it has rows,

    y = A ((G w) ⊙ (B x))        B (F, frames in), G (F, Q), A (frames out, F)

A complex product takes three real ones (Gauss): (B x) has u + v, u and v of a frequency u + iv of x, and (G w) has a,
b − a and a + b of a frequency a + ib of w. Frames beyond the ends of a clip are zeros. Sums and their order apart, the
result is that of the convolution: Fourier sums are orthogonal, so that rounding does not grow with their length, as it
does with that of Winograd's. For a kernel of 9 frames these are 1.7 products for each frame and two channels, not 9.

With a stride S, frames are taken apart into S clips of every S-th frame, and so is the kernel; their results add up.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from skeleton_lab.ops.precision import HALVES

# Fourier sums of longer windows would take more time than they save.
LONGEST_WINDOW = 32
# So many rows of each product are a good use of the caches.
ROWS = 400
# With fewer channels the Fourier sums take longer than the products.
FEWEST_CHANNELS = 64


def temporal_convolution(x_PCTV: Tensor, weight_DCJ1: Tensor, bias_D: Tensor, stride: int) -> Tensor:
    """y (P, D, ⌈T / stride⌉, V), with J // 2 frames of zeros beyond both ends; J is odd.

    Through frequencies in full precision on a CPU, in training; elsewhere, and where products are counted, plainly.
    """
    halves = torch.is_autocast_enabled("cpu") or x_PCTV.dtype in HALVES
    small = min(weight_DCJ1.shape[:2]) < FEWEST_CHANNELS or len(x_PCTV) == 0
    if x_PCTV.device.type != "cpu" or halves or small or not torch.is_grad_enabled():
        return functional.conv2d(x_PCTV, weight_DCJ1, bias_D, (stride, 1), (weight_DCJ1.shape[2] // 2, 0))
    x_PTVC = x_PCTV.permute(0, 2, 3, 1).contiguous()
    y_PTVD: Tensor = _Fourier.apply(x_PTVC, weight_DCJ1.squeeze(3), bias_D, stride)
    return y_PTVD.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class _Algorithm:
    """B, G and A of a window, and the windows of a clip.

    B takes all frames that a window may see; at the ends of a clip there are fewer of them.
    """

    of_x: Tensor
    of_weight: Tensor
    back: Tensor
    frames_out: int

    @property
    def windows(self) -> int:
        return math.ceil(self.frames_out / len(self.back))

    def inputs(self, frames: int) -> Iterator[tuple[Tensor, slice]]:
        """For each window the columns of B, and the frames that they are for, of so many."""
        length, reach = len(self.back), self.of_weight.shape[1] // 2
        for start in range(0, self.frames_out, length):
            first, end = max(start - reach, 0), min(start + length + reach, frames)
            yield self.of_x[:, first - start + reach : end - start + reach], slice(first, end)

    def outputs(self) -> Iterator[tuple[Tensor, slice]]:
        """For each window the rows of A, and the frames that they are for."""
        length = len(self.back)
        for start in range(0, self.frames_out, length):
            end = min(start + length, self.frames_out)
            yield self.back[: end - start], slice(start, end)


@cache
def _algorithm(frames_out: int, taps: int, dtype: torch.dtype) -> _Algorithm:
    """For a kernel of so many frames and stride 1."""
    windows = math.ceil(frames_out / LONGEST_WINDOW)
    length, reach = math.ceil(frames_out / windows), taps // 2
    # A single window has zeros on both sides, which may be the same ones.
    period = length + (reach if windows == 1 else 2 * reach)
    real, cosine, sine = _waves(range(-reach, length + reach), period)
    of_x = torch.cat([real, cosine - sine, cosine, -sine])
    real, cosine, sine = _waves(range(-reach, reach + 1), period)
    of_weight = torch.cat([real, cosine, sine - cosine, cosine + sine])
    real, cosine, sine = _waves(range(length), period)
    back = torch.cat([real, 2 * (cosine - sine), -2 * sine, -2 * cosine]).T / period
    return _Algorithm(of_x.to(dtype), of_weight.to(dtype), back.to(dtype), frames_out)


def _waves(frames: range, period: int) -> tuple[Tensor, Tensor, Tensor]:
    """The waves whose products are real, and cosines and sines of all others, at some frames: (waves, frames) each."""
    frame = torch.tensor(frames, dtype=torch.float64)
    alternating = [torch.cos(math.pi * frame)] if period % 2 == 0 else []
    angle = torch.arange(1, (period + 1) // 2, dtype=torch.float64).unsqueeze(1) * frame * (2 * math.pi / period)
    return torch.stack([torch.ones_like(frame), *alternating]), angle.cos(), angle.sin()


class _Fourier(Function):
    @staticmethod
    def forward(ctx: Any, x_PTVC: Tensor, weight_DCJ: Tensor, bias_D: Tensor, stride: int) -> Tensor:
        (persons, frames, joints, _), channels = x_PTVC.shape, len(weight_DCJ)
        y_PTVD = x_PTVC.new_empty(persons, math.ceil(frames / stride), joints, channels)
        weight_SQE = _taken_apart(weight_DCJ, stride)
        algorithm = _algorithm(y_PTVD.shape[1], weight_SQE.shape[1], x_PTVC.dtype)
        weight_SFDC = (algorithm.of_weight @ weight_SQE).unflatten(2, weight_DCJ.shape[:2])
        for x, y in zip(_pieces(x_PTVC, algorithm), _pieces(y_PTVD, algorithm), strict=True):
            _sum_waves(algorithm, _products(algorithm, x, weight_SFDC, bias_D), y)
        ctx.algorithm = algorithm
        ctx.save_for_backward(x_PTVC, weight_DCJ, weight_SFDC)
        return y_PTVD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        (x_PTVC, weight_DCJ, weight_SFDC), algorithm = ctx.saved_tensors, ctx.algorithm
        of_y_PTVD = gradients[0].contiguous()
        of_weight_SFDC, of_x_PTVC = torch.zeros_like(weight_SFDC), torch.zeros_like(x_PTVC)
        stride = len(weight_SFDC)
        pieces = (_pieces(each, algorithm) for each in (x_PTVC, of_y_PTVD, of_x_PTVC))
        for x, of_y, of_x in zip(*pieces, strict=True):
            of_products_FRD = _of_products(algorithm, of_y)
            for phase in range(stride):
                x_FRC = _waves_of(algorithm, x[:, phase::stride])
                of_weight_SFDC[phase].baddbmm_(of_products_FRD.transpose(1, 2), x_FRC)
                torch.bmm(of_products_FRD, weight_SFDC[phase], out=x_FRC)
                _add_of_waves(algorithm, x_FRC, of_x[:, phase::stride])
        of_weight_SQE = algorithm.of_weight.T @ of_weight_SFDC.flatten(2)
        return of_x_PTVC, _put_together(of_weight_SQE, weight_DCJ.shape), of_y_PTVD.sum(dim=(0, 1, 2)), None


def _pieces(x_PTVC: Tensor, algorithm: _Algorithm) -> tuple[Tensor, ...]:
    """Some persons at a time."""
    return x_PTVC.split(max(1, ROWS // (algorithm.windows * x_PTVC.shape[2])))


def _taken_apart(weight_DCJ: Tensor, stride: int) -> Tensor:
    """Kernels of stride 1 for every stride-th frame, (S, Q, D·C)."""
    reach = weight_DCJ.shape[2] // 2
    before = -reach % stride
    taps = 2 * math.ceil(reach / stride) + 1
    after = stride * taps - before - weight_DCJ.shape[2]
    padded_EJ = functional.pad(weight_DCJ, (before, after)).flatten(0, 1)
    return padded_EJ.T.reshape(taps, stride, -1).transpose(0, 1).contiguous()


def _put_together(weight_SQE: Tensor, shape_DCJ: torch.Size) -> Tensor:
    """The inverse."""
    before = -(shape_DCJ[2] // 2) % len(weight_SQE)
    padded_JE = weight_SQE.transpose(0, 1).flatten(0, 1)
    return padded_JE[before : before + shape_DCJ[2]].T.reshape(shape_DCJ)


def _products(algorithm: _Algorithm, x_PTVC: Tensor, weight_SFDC: Tensor, bias_D: Tensor) -> Tensor:
    """(G w) ⊙ (B x), (F, R, D)."""
    stride = len(weight_SFDC)
    found_FRD = torch.bmm(_waves_of(algorithm, x_PTVC[:, ::stride]), weight_SFDC[0].transpose(1, 2))
    for phase in range(1, stride):
        found_FRD.baddbmm_(_waves_of(algorithm, x_PTVC[:, phase::stride]), weight_SFDC[phase].transpose(1, 2))
    # The first wave is constant.
    found_FRD[0] += bias_D / algorithm.back[0, 0]
    return found_FRD


def _waves_of(algorithm: _Algorithm, x_PTVC: Tensor) -> Tensor:
    """B x, (F, R, C)."""
    (persons, frames, *_, channels), x_PTX = x_PTVC.shape, x_PTVC.flatten(2)
    found_FWPX = x_PTVC.new_empty(len(algorithm.of_x), algorithm.windows, persons, x_PTX.shape[2])
    for found_FPX, (of_x, window) in zip(found_FWPX.unbind(dim=1), algorithm.inputs(frames), strict=True):
        torch.bmm(of_x.expand(persons, -1, -1), x_PTX[:, window], out=found_FPX.transpose(0, 1))
    return found_FWPX.view(len(found_FWPX), -1, channels)


def _add_of_waves(algorithm: _Algorithm, of_waves_FRC: Tensor, of_x_PTVC: Tensor) -> None:
    """Add Bᵀ of the gradient of B x to that of x."""
    persons, frames = of_x_PTVC.shape[:2]
    of_waves_FWPX = of_waves_FRC.view(len(of_waves_FRC), algorithm.windows, persons, -1)
    for of_waves_FPX, (of_x, window) in zip(of_waves_FWPX.unbind(dim=1), algorithm.inputs(frames), strict=True):
        turned = of_x.T.expand(persons, -1, -1)
        of_x_PTVC.flatten(2)[:, window].baddbmm_(turned, of_waves_FPX.transpose(0, 1))


def _sum_waves(algorithm: _Algorithm, found_FRD: Tensor, y_PTVD: Tensor) -> None:
    """Put A of the products to y."""
    found_FWPX = found_FRD.view(len(found_FRD), algorithm.windows, len(y_PTVD), -1)
    for found_FPX, (back, window) in zip(found_FWPX.unbind(dim=1), algorithm.outputs(), strict=True):
        out_PTX = y_PTVD.flatten(2)[:, window]
        torch.bmm(back.expand(len(y_PTVD), -1, -1), found_FPX.transpose(0, 1), out=out_PTX)


def _of_products(algorithm: _Algorithm, of_y_PTVD: Tensor) -> Tensor:
    """Aᵀ of the gradient of y, that of the products, (F, R, D)."""
    persons, of_y_PTX = len(of_y_PTVD), of_y_PTVD.flatten(2)
    found_FWPX = of_y_PTVD.new_empty(len(algorithm.of_x), algorithm.windows, persons, of_y_PTX.shape[2])
    for found_FPX, (back, window) in zip(found_FWPX.unbind(dim=1), algorithm.outputs(), strict=True):
        torch.bmm(back.T.expand(persons, -1, -1), of_y_PTX[:, window], out=found_FPX.transpose(0, 1))
    return found_FWPX.view(len(found_FWPX), -1, of_y_PTVD.shape[3])
