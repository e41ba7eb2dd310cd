"""Orders in which a recurrent network goes through the joints of a skeleton.

A joint may be visited more than once. The numbers of joints are those of the layout, from 0.
"""

from collections.abc import Iterator
from typing import Literal

from data_modules.layouts import NTU25, Layout

Order = Literal["chain", "tree"]

# The walk of ST-LSTM's released code: 31 visits of 16 joints, from the middle of the spine along the arms and legs.
RELEASED_WALKS = {
    NTU25.name: (
        *(1, 20, 3, 20, 8, 9, 23, 9, 8, 20, 4, 5, 21, 5, 4, 20, 1),
        *(0, 16, 17, 18, 17, 16, 0, 12, 13, 14, 13, 12, 0, 1),
    )
}


def joint_order(layout: Layout, order: Order) -> tuple[int, ...]:
    """chain: every joint once, depth first from the root. tree: the same walk and back along every bone, which visits a
    joint once more than it has children; for NTU RGB+D's skeletons the released one."""
    if order == "chain":
        return tuple(dict.fromkeys(_walk(layout, layout.root)))
    return RELEASED_WALKS.get(layout.name) or tuple(_walk(layout, layout.root))


def _walk(layout: Layout, joint: int) -> Iterator[int]:
    yield joint
    for child, parent in layout.bones:
        if parent == joint:
            yield from _walk(layout, child)
            yield joint
