"""Distances on every skeleton, and the partitions of its graph by hand. Axes: K partitions, V joints."""

from collections import deque

import numpy as np
import pytest

from data_modules.layouts import COCO17, KINECT20, LAYOUTS, NTU25, Layout, layout_of
from skeleton_lab.layers.graph import centre, hop_distances, partitions
from skeleton_lab.settings import PartitionMode

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
every_mode = pytest.mark.parametrize("mode", ["spatial", "stgcn_spatial"])


def by_walking(layout: Layout, start: int) -> list[int]:
    """The bones to every joint, going outwards from one."""
    neighbours = {joint: [b if a == joint else a for a, b in layout.bones if joint in (a, b)] for joint in range(99)}
    distance, queue = {start: 0}, deque([start])
    while queue:
        at = queue.popleft()
        for joint in neighbours[at]:
            if joint not in distance:
                distance[joint] = distance[at] + 1
                queue.append(joint)
    return [distance[joint] for joint in range(layout.num_joints)]


@every_layout
def test_distances_are_bones_on_the_way(layout: Layout) -> None:
    distances = hop_distances(layout)
    assert distances.tolist() == [by_walking(layout, joint) for joint in range(layout.num_joints)]
    assert np.issubdtype(distances.dtype, np.integer)


def test_ntu_has_166_pairs_within_three_bones() -> None:
    distances = hop_distances(NTU25)
    assert ((distances >= 1) & (distances <= 3)).sum() == 166
    assert distances.max() == 11  # from a hand tip to a foot


def test_a_single_joint_and_two_are_graphs_too() -> None:
    one, two = layout_of("one", ["a"], {"all": [["a"]]}), layout_of("two", ["a", "b"], {"all": [["a", "b"]]})
    assert hop_distances(one).tolist() == [[0]]
    assert partitions(one, "spatial").tolist() == [[[1]], [[0]], [[0]]]
    assert hop_distances(two).tolist() == [[0, 1], [1, 0]]
    assert (partitions(two, "spatial") > 0).sum(axis=(1, 2)).tolist() == [2, 1, 1]


def test_the_centres_are_the_published_ones() -> None:
    """ST-GCN's and CTR-GCN's for NTU RGB+D and Northwestern-UCLA, pyskl's for COCO."""
    assert centre(NTU25) == 20
    assert KINECT20.joints[centre(KINECT20)] == "shoulder_centre"
    assert COCO17.joints[centre(COCO17)] == "nose"


@pytest.mark.parametrize(("mode", "entries"), [("spatial", [25, 24, 24]), ("stgcn_spatial", [25, 40, 8])])
def test_entries_for_ntu(mode: PartitionMode, entries: list[int]) -> None:
    assert (partitions(NTU25, mode) > 0).sum(axis=(1, 2)).tolist() == entries


@every_layout
@every_mode
def test_together_the_partitions_hold_every_bone_twice_and_every_joint_once(
    layout: Layout, mode: PartitionMode
) -> None:
    used = partitions(layout, mode) > 0
    assert (used.sum(axis=0) == (hop_distances(layout) <= 1)).all()
    assert (used[0] == np.eye(layout.num_joints)).all()


@every_layout
def test_inward_comes_from_outside(layout: Layout) -> None:
    _, inward, outward = partitions(layout, "spatial")
    from_centre = by_walking(layout, centre(layout))
    for v, w in zip(*np.nonzero(inward), strict=True):
        assert from_centre[v] == from_centre[w] + 1
    assert ((inward > 0) == (outward > 0).T).all()


def test_weights_by_hand() -> None:
    """A centre with three joints on it, one of which has another."""
    star = layout_of("star", list("cabde"), {"all": [["c", "a"], ["c", "b"], ["c", "d", "e"]]})
    assert centre(star) == 0
    _, inward, outward = partitions(star, "spatial")
    assert inward[:, 0] == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0])
    assert inward[:, 3].tolist() == [0, 0, 0, 0, 1]
    assert outward[:, 4].tolist() == [0, 0, 0, 1, 0]
    # The released code divides by all neighbours and the joint itself, and takes e for as far away as d.
    own, inward, outward = partitions(star, "stgcn_spatial")
    assert own[0, 0] == 1 / 4
    assert inward[:, 0] == pytest.approx([0, 1 / 4, 1 / 4, 1 / 4, 0])
    assert own[3, 3] == inward[4, 3] == outward[0, 3] == pytest.approx(1 / 3)
    assert outward[3, 4] == 0.5


@every_layout
def test_columns_add_up_to_one(layout: Layout) -> None:
    sums = partitions(layout, "spatial").sum(axis=1)
    assert np.isclose(sums, 0).sum() + np.isclose(sums, 1).sum() == sums.size
    np.testing.assert_allclose(partitions(layout, "stgcn_spatial").sum(axis=(0, 1)), 1, rtol=1e-6)


def test_another_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'random' is none of spatial, stgcn_spatial"):
        partitions(NTU25, "random")  # type: ignore[arg-type]
