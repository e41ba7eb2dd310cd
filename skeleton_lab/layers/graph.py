"""The graph of a skeleton: how far its joints are from one another, and the partitions that ST-GCN cuts it into.

Axes: K partitions, V joints. An entry [v, w] is the weight with which joint w takes over from joint v: partitions are
applied to rows of joints from the right, x A.

Everything here is NumPy and exact: a network makes its buffers of it, on whichever device it is built.
"""

from collections.abc import Callable
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from data_modules.layouts import Layout
from skeleton_lab.settings import PartitionMode

Distances = NDArray[np.int64]
Partitions = NDArray[np.float32]
Selected = NDArray[np.bool_]

PARTITIONS = 3
# What the released ST-GCN knows of distances: those up to this; all others are the same to it.
KNOWN_HOPS = 1


def hop_distances(layout: Layout) -> Distances:
    """The number of bones between any two joints, (V, V), symmetric, 0 on the diagonal; exact on the whole tree."""
    joints = layout.num_joints
    distances = np.full((joints, joints), joints)  # farther than any two joints can be
    np.fill_diagonal(distances, 0)
    children, parents = np.array(layout.bones, np.int64).reshape(-1, 2).T
    distances[children, parents] = distances[parents, children] = 1
    for via in range(joints):
        distances = np.minimum(distances, distances[:, via, None] + distances[via])
    return distances


def centre(layout: Layout) -> int:
    """The joint that ST-GCN's partitions refer to: the one with the fewest bones to all others, added up; of several
    the one with the most bones of its own.

    The spine between the shoulders for NTU RGB+D (joint 20), the shoulders' centre for the Kinect's 20 joints, and the
    nose for COCO's 17: the joints that ST-GCN, CTR-GCN and pyskl name in their tables.
    """
    distances = hop_distances(layout)
    return int(np.lexsort((-(distances == 1).sum(axis=0), distances.sum(axis=0)))[0])


def partitions(layout: Layout, mode: PartitionMode) -> Partitions:
    """ST-GCN's three partitions of the graph, (3, V, V): a joint's own place; what it takes over from neighbours that
    are farther from the centre (inward); and from those that are nearer to it (outward).

    spatial: as ST-GCN's paper describes it (section 3.3, "spatial configuration"), in the form of its first release,
        ST-TR and 2s-AGCN: 25, 24 and 24 entries for 25 joints. The columns of each partition add up to 1, or to 0.
    stgcn_spatial: what ST-GCN's released code computes. It compares distances from the centre that are infinite beyond
        one bone, so most neighbours seem equally far, and those count as inward: 25, 40 and 8 entries for the 25 joints
        of NTU RGB+D. The columns of all partitions together add up to 1.

    Raises ValueError for another mode.
    """
    if mode not in MODES:
        raise ValueError(f"{mode!r} is none of {', '.join(get_args(PartitionMode))}")
    return MODES[mode](layout)


def _spatial(layout: Layout) -> Partitions:
    distances = hop_distances(layout)
    selected = _by_distance(distances, distances[centre(layout)])
    return (selected / _columns(selected.sum(axis=1, keepdims=True))).astype(np.float32)


def _stgcn_spatial(layout: Layout) -> Partitions:
    distances = hop_distances(layout)
    known = np.where(distances[centre(layout)] <= KNOWN_HOPS, distances[centre(layout)], np.inf)
    own, inward, outward = _by_distance(distances, known)
    equal = (distances == 1) & (known[:, None] == known)
    selected = np.stack([own, inward | equal, outward])
    return (selected / _columns(selected.sum(axis=(0, 1)))).astype(np.float32)


def _by_distance(distances_VV: Distances, from_centre_V: NDArray) -> Selected:
    """Each joint and itself; and of neighbours v and w those whose v is farther, and nearer, (3, V, V)."""
    neighbours = distances_VV == 1
    farther, nearer = from_centre_V[:, None] > from_centre_V, from_centre_V[:, None] < from_centre_V
    return np.stack([distances_VV == 0, neighbours & farther, neighbours & nearer])


def _columns(degrees: NDArray) -> NDArray:
    """What to divide columns by: a column without entries stays 0."""
    return np.maximum(degrees, 1)


MODES: dict[PartitionMode, Callable[[Layout], Partitions]] = {"spatial": _spatial, "stgcn_spatial": _stgcn_spatial}
