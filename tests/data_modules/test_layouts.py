"""Every layout is one skeleton, and its groups of joints are whole."""

from itertools import chain

import numpy as np
import pytest

from data_modules.layouts import HAND22, KINECT20, LAYOUTS, NTU25, Layout, layout_of

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)


def hops(layout: Layout) -> np.ndarray:
    """The number of bones between any two joints; infinite where no way leads from one to the other."""
    distance = np.full((layout.num_joints, layout.num_joints), np.inf)
    np.fill_diagonal(distance, 0)
    for child, parent in layout.bones:
        distance[child, parent] = distance[parent, child] = 1
    for via in range(layout.num_joints):
        distance = np.minimum(distance, distance[:, via, None] + distance[via])
    return distance


def test_layouts_are_found_by_their_name() -> None:
    assert all(layout.name == name for name, layout in LAYOUTS.items())
    assert LAYOUTS[NTU25.name] is NTU25
    assert LAYOUTS[HAND22.name] is HAND22


@every_layout
def test_names_are_unique(layout: Layout) -> None:
    assert len(set(layout.joints)) == layout.num_joints


@every_layout
def test_parents_form_one_tree(layout: Layout) -> None:
    assert len(layout.parents) == layout.num_joints
    assert sum(joint == parent for joint, parent in enumerate(layout.parents)) == 1
    assert len(layout.bones) == layout.num_joints - 1
    assert np.isfinite(hops(layout)).all()


@every_layout
def test_mirrored_pairs_are_disjoint_and_named_alike(layout: Layout) -> None:
    paired = list(chain(*layout.mirrored))
    assert len(set(paired)) == len(paired)
    assert all(0 <= joint < layout.num_joints for joint in paired)
    for left, right in layout.mirrored:
        assert layout.joints[left].replace("left_", "right_") == layout.joints[right]
    assert {joint for joint, name in enumerate(layout.joints) if name.startswith(("left_", "right_"))} == set(paired)


@every_layout
def test_bones_are_mirrored_too(layout: Layout) -> None:
    mirror = list(range(layout.num_joints))
    for left, right in layout.mirrored:
        mirror[left], mirror[right] = right, left
    assert {(mirror[child], mirror[parent]) for child, parent in layout.bones} == set(layout.bones)


@every_layout
def test_parts_hold_every_joint_once(layout: Layout) -> None:
    assert sorted(chain(*layout.parts.values())) == list(range(layout.num_joints))


@every_layout
def test_poolings_hold_every_joint_once(layout: Layout) -> None:
    for number, groups in layout.poolings.items():
        assert len(groups) == number < layout.num_joints
        assert all(groups)
        assert sorted(chain(*groups)) == list(range(layout.num_joints))


@every_layout
def test_a_layout_survives_its_json(layout: Layout) -> None:
    assert vars(Layout.from_json(layout.as_json())) == vars(layout)


def test_bones_of_the_kinect() -> None:
    names = {KINECT20.joints[child]: KINECT20.joints[parent] for child, parent in KINECT20.bones}
    assert names["head"] == "shoulder_centre"
    assert names["left_hand"] == "left_wrist"
    assert names["right_hip"] == KINECT20.joints[KINECT20.root] == "hip_centre"


@pytest.mark.parametrize(
    ("chains", "problem"),
    [
        ([["hips", "chest"]], "no chain leads to 'head'"),
        ([["hips", "chest", "head"], ["chest", "head"]], "lead to 'head' twice"),
        ([["hips", "chest", "head", "hips"]], "lead to 'hips' twice"),
        ([["chest", "head"], ["hips", "chest"]], "begins at 'hips' is not connected"),
        ([["hips", "chest", "tail"]], "'tail', which is no joint"),
    ],
)
def test_chains_that_are_no_tree_are_refused(chains: list[list[str]], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        layout_of("stick", ["hips", "chest", "head"], {"all": chains})


def test_joints_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        layout_of("stick", ["hips", "head", "head"], {"all": [["hips", "head"]]})


def test_any_skeleton_can_be_halved() -> None:
    stick = layout_of("stick", list("abcde"), {"all": [list("abcde")]})
    assert stick.poolings == {1: ((0, 1, 2, 3, 4),), 3: ((0,), (1, 2), (3, 4))}
    assert layout_of("two", ["a", "b"], {"all": [["a", "b"]]}).poolings == {1: ((0, 1),)}
    assert layout_of("one", ["a"], {"all": [["a"]]}).joint_levels == (1,)


def test_the_levels_of_adasgn() -> None:
    assert NTU25.joint_levels == (1, 9, 25)
    assert HAND22.joint_levels == (1, 11, 22)


def test_ntu_has_166_pairs_within_three_bones() -> None:
    """With hand tip and thumb both on the hand; one behind the other there would be 162."""
    assert ((hops(NTU25) >= 1) & (hops(NTU25) <= 3)).sum() == 166


def test_a_finger_is_a_chain_from_the_palm() -> None:
    names = {name: joint for joint, name in enumerate(HAND22.joints)}
    for finger in ("thumb", "index", "middle", "ring", "little"):
        way = [names[f"{finger}_{joint}"] for joint in ("tip", "second", "first", "base")]
        assert [HAND22.parents[joint] for joint in way] == [*way[1:], names["palm"]]
    assert HAND22.joints[10] == "middle_base"
