"""The same function of many pieces of a batch, on a CPU several pieces at a time and each in a thread of its own.

PyTorch shares single operations among its threads. On pieces small enough for the caches these are so short that
sharing costs as much as it saves; to give each thread a piece of its own costs next to nothing.

What leads from a piece to its result is computed again in the backward pass, for a fraction of the memory;
`ops.recompute=false` keeps it. Results and gradients are the same to the bit either way, and whatever the number of
threads: dropout (ops/dropout.py) draws from numbers of each piece's own.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from skeleton_lab.ops.dropout import drawing_from

_recomputes = True

T = TypeVar("T")
Gradients = Sequence[Tensor | None]


def set_recompute(recomputes: bool) -> None:
    """Whether the backward pass computes again what it needs, from now on."""
    global _recomputes
    _recomputes = recomputes


def piecewise(
    function: Callable[..., Tensor], parameters: Sequence[Tensor], pieces: Sequence[tuple[Any, ...]]
) -> list[Tensor]:
    """[function(*piece) for piece in pieces].

    parameters: the leaves that the result depends on beside the tensors among a piece's own.
    """
    on_cpu = parameters[0].device.type == "cpu"
    if not torch.is_grad_enabled() or not (on_cpu or _recomputes):
        return [function(*piece) for piece in pieces]
    if not on_cpu:
        return [checkpoint(function, *piece, use_reentrant=False) for piece in pieces]
    inputs = [each for piece in pieces for each in piece if isinstance(each, Tensor)]
    return list(_Piecewise.apply(function, pieces, len(parameters), *parameters, *inputs))


class _Piecewise(Function):
    @staticmethod
    def forward(
        ctx: Any, function: Callable[..., Tensor], pieces: Sequence[tuple[Any, ...]], count: int, *leaves: Tensor
    ) -> tuple[Tensor, ...]:
        autocast = (torch.get_autocast_dtype("cpu"), torch.is_autocast_enabled("cpu"))
        seeds = torch.randint(2**62, (len(pieces),)).tolist()
        ctx.pieces = [
            _Piece(function, leaves[:count], piece, seed, *autocast) for piece, seed in zip(pieces, seeds, strict=True)
        ]
        return tuple(_side_by_side(_Piece.result, [(piece,) for piece in ctx.pieces]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        found = _side_by_side(_Piece.gradients, list(zip(ctx.pieces, gradients, strict=True)))
        of_parameters = [_sum(of_each) for of_each in zip(*(shared for shared, _ in found), strict=True)]
        return None, None, None, *of_parameters, *(each for _, own in found for each in own)


class _Piece:
    """A piece's part of the graph, which is made and walked through in the thread that works on the piece."""

    def __init__(
        self,
        function: Callable[..., Tensor],
        parameters: Sequence[Tensor],
        inputs: tuple[Any, ...],
        seed: int,
        autocast_type: torch.dtype,
        is_autocast: bool,
    ) -> None:
        self.function, self.parameters, self.inputs, self.seed = function, parameters, inputs, seed
        self.autocast_type, self.is_autocast = autocast_type, is_autocast
        self.keeps = not _recomputes
        self.kept: tuple[list[Tensor], Tensor] | None = None

    def result(self) -> Tensor:
        if self.keeps:
            self.kept = self._with_graph()
            return self.kept[1].detach()
        with torch.no_grad():
            return self._call(self.inputs)

    def gradients(self, of_result: Tensor) -> tuple[Gradients, Gradients]:
        """Of the parameters, and of the piece's own tensors."""
        own, result = self.kept or self._with_graph()
        self.kept = None
        leaves = [*self.parameters, *own]
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        found = iter(torch.autograd.grad(result, wanted, of_result, allow_unused=True))
        gradients = [next(found) if leaf.requires_grad else None for leaf in leaves]
        return gradients[: len(self.parameters)], gradients[len(self.parameters) :]

    def _with_graph(self) -> tuple[list[Tensor], Tensor]:
        inputs = [
            each.detach().requires_grad_(each.requires_grad) if isinstance(each, Tensor) else each
            for each in self.inputs
        ]
        with torch.enable_grad():
            return [each for each in inputs if isinstance(each, Tensor)], self._call(inputs)

    def _call(self, inputs: Sequence[Any]) -> Tensor:
        with self._autocast(), drawing_from(torch.Generator().manual_seed(self.seed)):
            return self.function(*inputs)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast("cpu", self.autocast_type, self.is_autocast, cache_enabled=False)


def _side_by_side(function: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> list[T]:
    threads = torch.get_num_threads()
    if threads == 1 or len(calls) == 1:
        return [function(*call) for call in calls]
    return list(_threads(threads).map(lambda call: function(*call), calls))


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    """Threads whose operations are not shared any further."""
    return ThreadPoolExecutor(count, "piecewise", torch.set_num_threads, (1,))


def _sum(gradients: Gradients) -> Tensor | None:
    """In the order of the pieces, so that it does not depend on which was done first."""
    there = [gradient for gradient in gradients if gradient is not None]
    return torch.stack(there).sum(dim=0) if there else None
