"""Joint layouts: what the numbers of a skeleton mean. A new one is one `Layout(...)`, a few lines of data."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Layout:
    """The joints of one kind of skeleton.

    joints: their names in order.
    parents: the joint that each hangs on; the root hangs on itself.
    mirrored: pairs that change places when left and right do.
    parts: groups of joints, named.
    poolings: for each number of joints fewer than all, the groups whose means stand for a whole skeleton (AdaSGN's
        transformation matrices start from these).
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    mirrored: tuple[tuple[int, int], ...]
    parts: dict[str, tuple[int, ...]]
    poolings: dict[int, tuple[tuple[int, ...], ...]]

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def joint_levels(self) -> tuple[int, ...]:
        """The numbers of joints that a skeleton can be reduced to, ascending, all of them last."""
        return (*sorted(self.poolings), self.num_joints)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(child, parent) of every bone."""
        return tuple((joint, parent) for joint, parent in enumerate(self.parents) if joint != parent)


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

HAND22 = Layout(
    name="hand22",
    joints=(
        *("wrist", "palm"),
        *(
            f"{finger}_{joint}"
            for finger in ("thumb", "index", "middle", "ring", "little")
            for joint in ("base", "first", "second", "tip")
        ),
    ),
    parents=(0, 0, *(joint for base in range(2, 22, 4) for joint in (1, base, base + 1, base + 2))),
    mirrored=(),
    parts={
        "palm": (0, 1),
        **{
            finger: tuple(range(base, base + 4))
            for finger, base in zip(("thumb", "index", "middle", "ring", "little"), range(2, 22, 4), strict=True)
        },
    },
    poolings={1: (tuple(range(22)),), 11: tuple((joint, joint + 1) for joint in range(0, 22, 2))},
)

LAYOUTS = {layout.name: layout for layout in (NTU25, HAND22)}
