"""How much memory a computation takes for its tensors, at the moment when it takes most; and how much it moves."""

import weakref
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_bytes(call: Callable[[], object]) -> int:
    """Of all tensors that the call makes, those that are there at the same time; not of those that were there before.

    What operators take for themselves and give back before they end counts on a GPU alone.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with _Watch() as watch:
        call()
    return watch.peak


def moved_bytes(call: Callable[[], object]) -> int:
    """Of all tensors that operators read and write during the call, each as often as one does: what has to be moved
    where nothing stays in a cache. Views move nothing."""
    # Not in inference mode, in which operators that are made of others are seen as one.
    with torch.no_grad(), _Moved() as moved:
        call()
    return moved.bytes


class _Moved(TorchDispatchMode):
    """Adds up what every operator is given and gives."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.bytes += sum(map(_bytes, _tensors((args, kwargs, found))))
        return found


def _bytes(tensor: Tensor) -> int:
    """Of the numbers that there are; those that strides of 0 repeat are there once."""
    return tensor.element_size() * prod(
        size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride
    )


class _Watch(TorchDispatchMode):
    """Follows every tensor's storage from the operator that makes it to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.live, self.peak = 0, 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for storage in _storages((args, kwargs)):
            if storage._cdata not in self.known:
                self._remember(storage, 0)
        found = func(*args, **(kwargs or {}))
        for storage in _storages(found):
            if storage._cdata not in self.known:
                self._remember(storage, storage.nbytes())
        return found

    def _remember(self, storage: UntypedStorage, size: int) -> None:
        self.known.add(storage._cdata)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, storage._cdata, size)

    def _forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size


def _storages(found: Any) -> list[UntypedStorage]:
    return [each.untyped_storage() for each in _tensors(found)]


def _tensors(found: Any) -> list[Tensor]:
    return [each for each in tree_leaves(found) if isinstance(each, Tensor)]
