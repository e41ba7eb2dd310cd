"""Shapes of arrays that a file may have in any way: whether they are as they should be, and in words."""

from collections.abc import Sequence


def fits(found: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether a shape is as wanted; None stands for any size."""
    return len(found) == len(wanted) and all(want in (None, size) for want, size in zip(wanted, found, strict=True))


def in_words(shape: Sequence[int | None]) -> str:
    """'20 x 3 x any'."""
    return " x ".join("any" if size is None else str(size) for size in shape)
