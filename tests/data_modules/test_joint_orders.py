"""Orders of joints: every joint once, or walks along bones and back."""

from itertools import pairwise

import pytest

from data_modules.joint_orders import RELEASED_WALKS, joint_order
from data_modules.layouts import LAYOUTS, NTU25, Layout, layout_of

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
STICK = layout_of("stick", list("abcde"), {"all": [["c", "b", "a"], ["c", "d", "e"]]})


@every_layout
def test_a_chain_visits_every_joint_once_after_its_parent(layout: Layout) -> None:
    order = joint_order(layout, "chain")
    assert sorted(order) == list(range(layout.num_joints))
    assert all(order.index(parent) < order.index(joint) for joint, parent in layout.bones)


@every_layout
def test_a_walk_goes_along_bones_and_back(layout: Layout) -> None:
    if layout.name in RELEASED_WALKS:
        return
    order = joint_order(layout, "tree")
    assert len(order) == 2 * layout.num_joints - 1
    assert order[0] == order[-1] == layout.root
    bones = {frozenset(bone) for bone in layout.bones}
    assert {frozenset(step) for step in pairwise(order)} == bones


def test_by_hand() -> None:
    assert joint_order(STICK, "chain") == (2, 1, 0, 3, 4)
    assert joint_order(STICK, "tree") == (2, 1, 0, 1, 2, 3, 4, 3, 2)


def test_the_released_walk() -> None:
    """31 visits of 16 joints, each way twice, once there and once back."""
    order = joint_order(NTU25, "tree")
    assert (len(order), len(set(order))) == (31, 16)
    assert order[:7] == (1, 20, 3, 20, 8, 9, 23)
    steps = list(pairwise(order))
    assert all((there, here) in steps for here, there in steps)
    assert len(set(steps)) == len(steps)
