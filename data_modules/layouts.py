"""Joint layouts: what the numbers of a skeleton mean. A new one is a few lines of data: its joints, and its chains."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Chains = Mapping[str, Sequence[Sequence[str]]]
Poolings = Mapping[int, Sequence[Sequence[int]]]


@dataclass(frozen=True, eq=False)
class Layout:
    """The joints of one kind of skeleton.

    joints: their names in order.
    parents: the joint that each hangs on; the root hangs on itself.
    mirrored: pairs that change places when left and right do.
    parts: groups of joints, named.
    poolings: for each number of joints fewer than all, the groups whose means stand for a whole skeleton (AdaSGN's
        transformation matrices start from these).
    dimensions: 3 for metres in space, 2 for pixels in a picture.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    mirrored: tuple[tuple[int, int], ...]
    parts: dict[str, tuple[int, ...]]
    poolings: dict[int, tuple[tuple[int, ...], ...]]
    dimensions: int = 3

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def joint_levels(self) -> tuple[int, ...]:
        """The numbers of joints that a skeleton can be reduced to, ascending, all of them last."""
        return (*sorted(self.poolings), self.num_joints)

    @property
    def root(self) -> int:
        return next(joint for joint, parent in enumerate(self.parents) if joint == parent)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(child, parent) of every bone."""
        return tuple((joint, parent) for joint, parent in enumerate(self.parents) if joint != parent)

    def as_json(self) -> str:
        """Everything about it, for a file."""
        return json.dumps({**vars(self), "poolings": {str(level): g for level, g in self.poolings.items()}})

    @classmethod
    def from_json(cls, text: str) -> "Layout":
        """The layout that `as_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        found = json.loads(text)
        return cls(
            name=found["name"],
            joints=tuple(found["joints"]),
            parents=tuple(found["parents"]),
            mirrored=tuple((left, right) for left, right in found["mirrored"]),
            parts={part: tuple(joints) for part, joints in found["parts"].items()},
            poolings={int(level): tuple(map(tuple, groups)) for level, groups in found["poolings"].items()},
            dimensions=found["dimensions"],
        )


def layout_of(
    name: str,
    joints: Sequence[str],
    chains: Chains,
    dimensions: int = 3,
    mirrored: Sequence[tuple[str, str]] | None = None,
    poolings: Poolings | None = None,
) -> Layout:
    """A layout from its joints and, by body part, the chains of bones that lead outwards from the root.

    The first joint of the first chain is the root; every other chain begins at a joint of an earlier one, and the
    joints that it adds belong to its part. Pairs are mirrored where two names differ in left and right alone, unless
    given. Without `poolings` a skeleton can be reduced to one joint and to about half of its joints (see `halves`).
    Raises ValueError, naming the joint, where the chains are no tree over the joints.
    """
    number = {joint: position for position, joint in enumerate(joints)}
    parents, parts = _follow(chains, number)
    unreached = [joint for joint in joints if joint not in parents]
    if unreached or len(number) != len(joints):
        raise ValueError(f"no chain leads to {unreached[0]!r}" if unreached else "two joints have the same name")
    parent_numbers = tuple(number[parents[joint]] for joint in joints)
    pairs = _named_alike(joints) if mirrored is None else mirrored
    return Layout(
        name=name,
        joints=tuple(joints),
        parents=parent_numbers,
        mirrored=tuple((number[left], number[right]) for left, right in pairs),
        parts={part: tuple(sorted(members)) for part, members in parts.items() if members},
        poolings={level: tuple(map(tuple, groups)) for level, groups in (poolings or halves(parent_numbers)).items()},
        dimensions=dimensions,
    )


def _follow(chains: Chains, number: Mapping[str, int]) -> tuple[dict[str, str], dict[str, list[int]]]:
    """The parent of every joint that the chains lead to, and the joints of every part. number: of each joint."""
    parents: dict[str, str] = {}
    parts: dict[str, list[int]] = {}
    for part, chain in ((part, chain) for part, part_chains in chains.items() for chain in part_chains):
        members = parts.setdefault(part, [])
        for joint, parent in zip(chain, (None, *chain), strict=False):
            if joint not in number:
                raise ValueError(f"the chains name {joint!r}, which is no joint")
            if parent is None and joint in parents:
                continue
            if joint in parents:
                raise ValueError(f"the chains lead to {joint!r} twice")
            if parent is None and parents:
                raise ValueError(f"the chain that begins at {joint!r} is not connected to those before it")
            parents[joint] = parent or joint
            members.append(number[joint])
    return parents, parts


def _named_alike(joints: Sequence[str]) -> list[tuple[str, str]]:
    """('left_hand', 'right_hand') for every such pair."""
    pairs = ((joint, joint.replace("left", "right")) for joint in joints if "left" in joint)
    return [(left, right) for left, right in pairs if right in joints]


def halves(parents: Sequence[int]) -> dict[int, list[tuple[int, ...]]]:
    """Two poolings of any skeleton: all joints as one, and joints in pairs with their parents, outermost first.

    A joint that is left without a partner stays alone. Skeletons of one or two joints have fewer poolings.
    """
    depth = [0] * len(parents)
    for joint in range(len(parents)):
        at = joint
        while parents[at] != at:
            at, depth[joint] = parents[at], depth[joint] + 1
    group: dict[int, tuple[int, ...]] = {}
    for joint in sorted(range(len(parents)), key=lambda joint: (-depth[joint], joint)):
        parent = parents[joint]
        if joint in group:
            continue
        pair = (joint,) if parent == joint or parent in group else (parent, joint)
        group.update(dict.fromkeys(pair, pair))
    pairs = sorted(set(group.values()), key=min)
    candidates = {1: [tuple(range(len(parents)))], len(pairs): pairs}
    return {level: groups for level, groups in candidates.items() if level < len(parents)}


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


def _limbs(arm: str, leg: str, arm_root: str, leg_root: str) -> dict[str, list[list[str]]]:
    """The chains of both arms and legs of a body; `arm` and `leg` name their joints without the side."""
    return {
        f"{side}_{limb}": [[root, *(f"{side}_{joint}" for joint in joints.split())]]
        for limb, joints, root in (("arm", arm, arm_root), ("leg", leg, leg_root))
        for side in ("left", "right")
    }


NTU25 = Layout(
    name="ntu25",
    joints=(
        *("spine_base", "spine_middle", "neck", "head"),
        *("left_shoulder", "left_elbow", "left_wrist", "left_hand"),
        *("right_shoulder", "right_elbow", "right_wrist", "right_hand"),
        *("left_hip", "left_knee", "left_ankle", "left_foot"),
        *("right_hip", "right_knee", "right_ankle", "right_foot"),
        *("spine_shoulder", "left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb"),
    ),
    parents=(0, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 7, 7, 11, 11),
    mirrored=((4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19), (21, 23), (22, 24)),
    parts={
        "trunk": (0, 1, 2, 3, 20),
        "left_arm": (4, 5, 6, 7, 21, 22),
        "right_arm": (8, 9, 10, 11, 23, 24),
        "left_leg": (12, 13, 14, 15),
        "right_leg": (16, 17, 18, 19),
    },
    poolings={
        1: (tuple(range(25)),),
        9: (
            *((0, 1, 12, 16), (2, 4, 8, 20), (3,)),
            *((5,), (6, 7, 21, 22), (9,), (10, 11, 23, 24)),
            *((13, 14, 15), (17, 18, 19)),
        ),
    },
)

FINGERS = ("thumb", "index", "middle", "ring", "little")
HAND22 = layout_of(
    "hand22",
    ("wrist", "palm", *(f"{finger}_{joint}" for finger in FINGERS for joint in ("base", "first", "second", "tip"))),
    {
        "palm": [["wrist", "palm"]],
        **{
            finger: [["palm", *(f"{finger}_{joint}" for joint in ("base", "first", "second", "tip"))]]
            for finger in FINGERS
        },
    },
    poolings={1: [range(22)], 11: [(joint, joint + 1) for joint in range(0, 22, 2)]},
)

# Kinect v1, in the order of its SDK: UT-Kinect, SYSU-3D, Northwestern-UCLA.
KINECT20 = layout_of(
    "kinect20",
    _words(
        "hip_centre spine shoulder_centre head",
        "left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow right_wrist right_hand",
        "left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot",
    ),
    {
        "trunk": [_words("hip_centre spine shoulder_centre head")],
        **_limbs("shoulder elbow wrist hand", "hip knee ankle foot", "shoulder_centre", "hip_centre"),
    },
)

# SBU Kinect Interaction: each of its two people.
SBU15 = layout_of(
    "sbu15",
    _words(
        "head neck torso left_shoulder left_elbow left_hand right_shoulder right_elbow right_hand",
        "left_hip left_knee left_foot right_hip right_knee right_foot",
    ),
    {"trunk": [_words("torso neck head")], **_limbs("shoulder elbow hand", "hip knee foot", "neck", "torso")},
)

FLORENCE15 = layout_of(
    "florence15",
    _words(
        "head neck spine left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist",
        "left_hip left_knee left_ankle right_hip right_knee right_ankle",
    ),
    {"trunk": [_words("spine neck head")], **_limbs("shoulder elbow wrist", "hip knee ankle", "neck", "spine")},
)

# Berkeley MHAD: the joints of its .bvh files without the helpers for twist and the collar bones.
MHAD20 = layout_of(
    "mhad20",
    _words(
        "hips spine spine1 spine2 neck head",
        "right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist",
        "right_hip right_knee right_ankle right_foot left_hip left_knee left_ankle left_foot",
    ),
    {
        "trunk": [_words("hips spine spine1 spine2 neck head")],
        **_limbs("shoulder elbow wrist", "hip knee ankle foot", "spine2", "hips"),
    },
)

# Penn Action, in pixels.
PENN13 = layout_of(
    "penn13",
    _words(
        "head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist",
        "left_hip right_hip left_knee right_knee left_ankle right_ankle",
    ),
    {
        "head": [["head"]],
        "left_arm": [_words("head left_shoulder left_elbow left_wrist")],
        "right_arm": [_words("head right_shoulder right_elbow right_wrist")],
        "left_leg": [_words("left_shoulder left_hip left_knee left_ankle")],
        "right_leg": [_words("right_shoulder right_hip right_knee right_ankle")],
    },
    dimensions=2,
)

# The 17 keypoints of COCO, in pixels: what pose estimators find.
COCO17 = layout_of(
    "coco17",
    _words(
        "nose left_eye right_eye left_ear right_ear",
        "left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist",
        "left_hip right_hip left_knee right_knee left_ankle right_ankle",
    ),
    {
        "head": [_words("nose left_eye left_ear"), _words("nose right_eye right_ear")],
        "left_arm": [_words("nose left_shoulder left_elbow left_wrist")],
        "right_arm": [_words("nose right_shoulder right_elbow right_wrist")],
        "left_leg": [_words("left_shoulder left_hip left_knee left_ankle")],
        "right_leg": [_words("right_shoulder right_hip right_knee right_ankle")],
    },
    dimensions=2,
)

LAYOUTS = {layout.name: layout for layout in (NTU25, HAND22, KINECT20, SBU15, FLORENCE15, MHAD20, PENN13, COCO17)}
