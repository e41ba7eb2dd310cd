"""Articulated bodies with the 25 joints of the Kinect: from how a body is held to where its joints are.

Axes: T frames, V joints, C coordinates; a side is 0 (left) or 1 (right).
A frame of reference has x to its own left, y up and z forward, which is also how the Kinect's camera space lies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_modules.layouts import NTU25

Floats = NDArray[np.float64]

# Lengths as parts of a body's height, and how much a single bone may differ between two people of one height.
PROPORTIONS = {
    "lower_spine": 0.160,
    "upper_spine": 0.125,
    "neck": 0.045,
    "head": 0.085,
    "shoulder": 0.095,
    "upper_arm": 0.140,
    "forearm": 0.135,
    "hand": 0.048,
    "tip": 0.045,
    "thumb": 0.045,
    "hip": 0.048,
    "thigh": 0.205,
    "shin": 0.205,
    "foot": 0.065,
}
BONE_SPREAD = 0.04
SHOULDER_DROP = 0.02
# Where the wrists hang, in heights from the upper end of the spine; x is outward on the wrist's own side.
REST_WRIST = (0.130, -0.275, 0.030)
ELBOW_AIM = (0.45, -1.0, -0.55)
OUTWARD = np.array([1.0, -1.0])
ANKLE_LIMIT = 0.7
JOINT = {name: number for number, name in enumerate(NTU25.joints)}


@dataclass(frozen=True)
class Body:
    """One person's build: height and bone lengths in metres."""

    height: float
    lengths: dict[str, float]


def grow_body(rng: np.random.Generator) -> Body:
    """A person of 1.50 to 1.90 m."""
    height = float(rng.uniform(1.50, 1.90))
    spread = rng.normal(1.0, BONE_SPREAD, len(PROPORTIONS)).clip(0.9, 1.1)
    return Body(
        height, {bone: part * height * float(s) for (bone, part), s in zip(PROPORTIONS.items(), spread, strict=True)}
    )


@dataclass(frozen=True, eq=False)
class Posture:
    """How a body is held in each frame; actions write into these arrays.

    floor: (T, 2) where it stands, x and z in metres; lift: (T,) metres above the floor.
    heading: (T,) radians, 0 faces z; pelvis, chest, neck: (T, 3) pitch (forward), yaw (to its left), roll, each
        relative to what carries it.
    wrists: (T, 2, 3) in heights from the upper end of the spine in the chest's frame, x outward on the own side.
    hand_bend, thumb_aim: (T, 2, 3) in the same frame: what is added to the forearm's direction to give the hand's,
        and where the thumb points.
    legs: (T, 2, 3) hip flexion, hip abduction, knee flexion in radians.
    """

    floor: Floats
    lift: Floats
    heading: Floats
    pelvis: Floats
    chest: Floats
    neck: Floats
    wrists: Floats
    hand_bend: Floats
    thumb_aim: Floats
    legs: Floats


def rest(frames: int) -> Posture:
    """Standing still at the origin, arms hanging."""
    posture = Posture(
        floor=np.zeros((frames, 2)),
        lift=np.zeros(frames),
        heading=np.zeros(frames),
        pelvis=np.zeros((frames, 3)),
        chest=np.zeros((frames, 3)),
        neck=np.zeros((frames, 3)),
        wrists=np.zeros((frames, 2, 3)),
        hand_bend=np.zeros((frames, 2, 3)),
        thumb_aim=np.zeros((frames, 2, 3)),
        legs=np.zeros((frames, 2, 3)),
    )
    posture.wrists[:] = REST_WRIST
    posture.thumb_aim[:] = (-0.3, 0.2, 1.0)
    posture.legs[..., 1:] = (0.06, 0.05)
    return posture


def rotations(pitch: Floats, yaw: Floats, roll: Floats) -> Floats:
    """(T,) angles in radians -> (T, 3, 3): roll about z first, then pitch about x, then yaw about y."""
    cp, sp, cy, sy, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw), np.cos(roll), np.sin(roll)
    rows = (
        (cy * cr + sy * sp * sr, sy * sp * cr - cy * sr, sy * cp),
        (cp * sr, cp * cr, -sp),
        (cy * sp * sr - sy * cr, sy * sr + cy * sp * cr, cy * cp),
    )
    return np.stack([np.stack(row, -1) for row in rows], -2)


def rotate(frames: Floats, vectors: Floats) -> Floats:
    """(T, 3, 3) rotations of (T, 3) vectors or of one (3,) vector -> (T, 3)."""
    return (frames @ np.broadcast_to(vectors, frames.shape[:2])[..., None])[..., 0]


def unit(vectors: Floats) -> Floats:
    """(..., 3) -> the same directions with length one."""
    return vectors / np.maximum(np.sqrt((vectors**2).sum(-1, keepdims=True)), 1e-9)


def place_joints(body: Body, posture: Posture) -> Floats:
    """Forward kinematics: (T, 25, 3) metres in the world, the lowest joint on the floor (y = 0) plus the lift."""
    frames = len(posture.heading)
    joints = np.zeros((frames, NTU25.num_joints, 3))
    level = np.zeros(frames)
    pelvis = rotations(level, posture.heading, level) @ rotations(*posture.pelvis.T)
    chest = pelvis @ rotations(*posture.chest.T)
    _place_trunk(joints, body, pelvis, chest, chest @ rotations(*posture.neck.T))
    for side, name in enumerate(("left", "right")):
        _place_leg(joints, body, name, OUTWARD[side], posture.legs[:, side], pelvis, posture.pelvis[:, 0])
        _place_arm(joints, body, name, OUTWARD[side], posture, side, chest)
    joints[..., 0] += posture.floor[:, None, 0]
    joints[..., 2] += posture.floor[:, None, 1]
    joints[..., 1] += (posture.lift - joints[..., 1].min(1))[:, None]
    return joints


def _place_trunk(joints: Floats, body: Body, pelvis: Floats, chest: Floats, neck: Floats) -> None:
    """Spine, neck and head from the spine's base at the origin; frames are (T, 3, 3)."""
    chain = (
        ("spine_base", "spine_middle", pelvis, "lower_spine"),
        ("spine_middle", "spine_shoulder", chest, "upper_spine"),
        ("spine_shoulder", "neck", chest, "neck"),
        ("neck", "head", neck, "head"),
    )
    for parent, child, frame, bone in chain:
        joints[:, JOINT[child]] = joints[:, JOINT[parent]] + frame[..., 1] * body.lengths[bone]


def _place_leg(
    joints: Floats, body: Body, name: str, outward: float, leg: Floats, pelvis: Floats, lean: Floats
) -> None:
    """One leg from its hip; leg is (T, 3) hip flexion, abduction and knee flexion, lean is (T,) the pelvis's pitch."""
    level = np.zeros(len(leg))
    hip, knee, ankle, foot = (JOINT[f"{name}_{joint}"] for joint in ("hip", "knee", "ankle", "foot"))
    thigh = pelvis @ rotations(-leg[:, 0], level, outward * leg[:, 1])
    shin = thigh @ rotations(leg[:, 2], level, level)
    # The ankle keeps the sole level as far as it can turn.
    sole = shin @ rotations((leg[:, 0] - leg[:, 2] - lean).clip(-ANKLE_LIMIT, ANKLE_LIMIT), level, level)
    joints[:, hip] = joints[:, 0] + rotate(pelvis, np.array([outward, -0.15, 0.0]) * body.lengths["hip"])
    joints[:, knee] = joints[:, hip] - thigh[..., 1] * body.lengths["thigh"]
    joints[:, ankle] = joints[:, knee] - shin[..., 1] * body.lengths["shin"]
    joints[:, foot] = joints[:, ankle] + rotate(sole, unit(np.array([0.0, -0.5, 1.0]))) * body.lengths["foot"]


def _place_arm(
    joints: Floats, body: Body, name: str, outward: float, posture: Posture, side: int, chest: Floats
) -> None:
    """One arm: its wrist goes to where the posture wants it, as far as the arm reaches, and the elbow follows."""
    mirror = np.array([outward, 1.0, 1.0])
    upper, fore = body.lengths["upper_arm"], body.lengths["forearm"]
    shoulder = np.array([body.lengths["shoulder"], -SHOULDER_DROP * body.height, 0.0])
    reach = posture.wrists[:, side] * body.height - shoulder
    distance = np.sqrt((reach**2).sum(-1, keepdims=True)).clip(abs(upper - fore) + 0.05, 0.995 * (upper + fore))
    along = unit(reach)
    # The law of cosines gives the elbow's place along the line to the wrist and its distance from that line.
    forward = (distance**2 + upper**2 - fore**2) / (2 * distance)
    aim = np.array(ELBOW_AIM)
    aside = unit(aim - (along @ aim)[:, None] * along)
    elbow = shoulder + along * forward + aside * np.sqrt(np.maximum(upper**2 - forward**2, 0.0))
    wrist = shoulder + along * distance
    pointing = unit(unit(wrist - elbow) + posture.hand_bend[:, side])
    thumb = posture.thumb_aim[:, side]
    thumb = unit(thumb - 0.7 * (thumb * pointing).sum(-1, keepdims=True) * pointing)
    hand = wrist + pointing * body.lengths["hand"]
    places = {
        "shoulder": np.broadcast_to(shoulder, wrist.shape),
        "elbow": elbow,
        "wrist": wrist,
        "hand": hand,
        "hand_tip": hand + pointing * body.lengths["tip"],
        "thumb": hand + thumb * body.lengths["thumb"],
    }
    for joint, place in places.items():
        joints[:, JOINT[f"{name}_{joint}"]] = joints[:, JOINT["spine_shoulder"]] + rotate(chest, place * mirror)
