"""Three depth cameras and what they get wrong: noise, occlusions, lost and confused bodies, phantoms.

Axes: T frames, F frames of one track, V joints, C coordinates.
Camera space is the Kinect's: x to its left, y up, z forward, metres.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_modules.demo.bodies import JOINT, Floats, unit
from data_modules.layouts import NTU25

# Noise: a factor of everything below; metres at 3.5 m for the joints by how hard they are to track; how much of it
# lingers, over how many frames; how far a joint is misplaced for a whole recording, as a part of its noise; metres by
# which a whole body is misplaced together, lingering, which is what hides small motions from the body's mean.
NOISE = 1.0
TRUNK_NOISE = 0.004
LIMB_NOISE = 0.008
HAND_NOISE = 0.011
TIP_NOISE = 0.013
LINGERING = 0.7
LINGER_FRAMES = 8
BIAS = 0.35
COMMON_NOISE = 0.015
# Chances per body and recording, unless said otherwise.
OCCLUSION_CHANCE = 0.08  # per limb
HIDDEN_OCCLUSION_CHANCE = 0.25  # per limb on the side that the camera does not see
OCCLUSION_FRAMES = (8, 28)
OCCLUSION_NOISE = 0.03
DROP_CHANCE = 0.20
DROP_FRAMES = (2, 8)
NEW_ID_CHANCE = 0.10
CHAIR_CHANCE = 0.10  # per recording
GHOST_CHANCE = 0.08  # per recording
# Where the cameras stand, degrees from the scene's front: camera 1 in the middle.
CAMERA_DEGREES = {1: 0.0, 2: 45.0, 3: -45.0}
LOOK_AT = np.array([0.0, 0.85, 0.0])
# Focal lengths and centres in pixels, of the depth (512 x 424) and the colour image (1920 x 1080).
Lens = tuple[float, float, float, float]
DEPTH_LENS: Lens = (366.4, 366.4, 256.3, 208.5)
COLOUR_LENS: Lens = (1052.0, 1052.0, 976.0, 567.0)

LIMBS = ("left_arm", "right_arm", "left_leg", "right_leg")
TRACKED, INFERRED = 2, 1


@dataclass(frozen=True, eq=False)
class Track:
    """One body as one camera followed it. frames: (F,) ascending; joints: (F, V, 3) metres; state: (F, V) 1 or 2."""

    body_id: int
    frames: NDArray[np.int64]
    joints: Floats
    state: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Camera:
    """Where a camera stands and looks. position: (3,) metres; axes: (3, 3), its x, y and z in the world as rows."""

    position: Floats
    axes: Floats

    def see(self, points: Floats) -> Floats:
        """(..., 3) world -> camera space."""
        return (points - self.position) @ self.axes.T


def place_camera(camera: int, setup: int) -> Camera:
    """One of a setup's three cameras; setups differ in height and distance."""
    distance, height = 2.9 + 0.12 * (setup * 7 % 11), 0.8 + 0.09 * (setup * 5 % 9)
    angle = np.deg2rad(CAMERA_DEGREES[camera])
    position = np.array([distance * np.sin(angle), height, distance * np.cos(angle)])
    forward = unit(LOOK_AT - position)
    left = unit(np.cross((0.0, 1.0, 0.0), forward))
    return Camera(position, np.stack([left, np.cross(forward, left), forward]))


def project(joints: Floats, lens: Lens) -> Floats:
    """(..., 3) camera space -> (..., 2) pixels of a pin-hole camera; images are mirrored, as the Kinect's are."""
    fx, fy, cx, cy = lens
    return np.stack([cx + fx * joints[..., 0] / joints[..., 2], cy - fy * joints[..., 1] / joints[..., 2]], -1)


def record(bodies: list[Floats], camera: Camera, rng: np.random.Generator) -> list[Track]:
    """What a camera makes of (T, V, 3) bodies in the world. At least one track covers most of every body."""
    tracks = [track for body in bodies for track in _follow(camera.see(body), rng)]
    frames = len(bodies[0])
    if rng.random() < CHAIR_CHANCE:
        tracks.append(_chair(frames, camera, rng))
    if rng.random() < GHOST_CHANCE:
        tracks.append(_ghost(frames, camera.see(bodies[0]), rng))
    return [tracks[i] for i in rng.permutation(len(tracks))]


def _follow(joints: Floats, rng: np.random.Generator) -> list[Track]:
    """One body's track, or two when the tracker takes it for a new one on the way."""
    seen = joints + noise(len(joints), float(joints[..., 2].mean()), rng)
    state = np.full(seen.shape[:2], TRACKED)
    occlude(seen, state, rng)
    kept = np.ones(len(seen), bool)
    if rng.random() < DROP_CHANCE:
        length = int(rng.integers(*DROP_FRAMES))
        start = int(rng.integers(len(seen) - length))
        kept[start : start + length] = False
    frames = np.flatnonzero(kept)
    cuts = [int(rng.integers(len(frames) // 3, 2 * len(frames) // 3))] if rng.random() < NEW_ID_CHANCE else []
    return [Track(_new_id(rng), part, seen[part], state[part]) for part in np.split(frames, cuts)]


def _new_id(rng: np.random.Generator) -> int:
    return 72057594037900000 + int(rng.integers(100000))


def _joint_noise() -> Floats:
    """(V, 1) metres: trunk, limbs, hands and feet, finger tips."""
    sigma = np.full(NTU25.num_joints, LIMB_NOISE)
    sigma[list(NTU25.parts["trunk"])] = TRUNK_NOISE
    for joint, number in JOINT.items():
        if joint.endswith(("wrist", "hand", "ankle")):
            sigma[number] = HAND_NOISE
        elif joint.endswith(("tip", "thumb", "foot")):
            sigma[number] = TIP_NOISE
    return sigma[:, None]


JOINT_NOISE = _joint_noise()


def noise(frames: int, distance: float, rng: np.random.Generator) -> Floats:
    """(T, V, 3) metres: white, lingering and lasting parts, growing with the distance."""
    white = rng.standard_normal((frames, NTU25.num_joints, 3))
    lasting = rng.standard_normal((NTU25.num_joints, 3))
    mixed = np.sqrt(1 - LINGERING**2) * white + LINGERING * _lingering(frames, NTU25.num_joints, rng) + BIAS * lasting
    return NOISE * distance / 3.5 * (JOINT_NOISE * mixed + COMMON_NOISE * _lingering(frames, 1, rng))


def _lingering(frames: int, joints: int, rng: np.random.Generator) -> Floats:
    """(T, joints, 3) of unit variance, alike within LINGER_FRAMES."""
    total = np.cumsum(rng.standard_normal((frames + LINGER_FRAMES, joints, 3)), axis=0)
    return (total[LINGER_FRAMES:] - total[:-LINGER_FRAMES]) / np.sqrt(LINGER_FRAMES)


def occlude(seen: Floats, state: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Hold some limbs still, relative to where they hang, and shake them; the side turned away suffers more."""
    for limb in LIMBS:
        part = list(NTU25.parts[limb])
        root, opposite = part[0], NTU25.parts[_opposite(limb)][0]
        hidden = (seen[:, root, 2] - seen[:, opposite, 2]).mean() > 0.12
        if rng.random() >= (HIDDEN_OCCLUSION_CHANCE if hidden else OCCLUSION_CHANCE):
            continue
        length = min(int(rng.integers(*OCCLUSION_FRAMES)), len(seen) - 1)
        start = int(rng.integers(len(seen) - length))
        time = slice(start, start + length)
        held = seen[start, part[1:]] - seen[start, root]
        shaking = rng.normal(0.0, NOISE * OCCLUSION_NOISE, (length, len(part) - 1, 3))
        seen[time, part[1:]] = seen[time, root][:, None] + held + shaking
        state[time, part[1:]] = INFERRED


def _opposite(limb: str) -> str:
    side, part = limb.split("_")
    return f"{'right' if side == 'left' else 'left'}_{part}"


def _chair(frames: int, camera: Camera, rng: np.random.Generator) -> Track:
    """Furniture taken for a body: wide, low, nearly still, for most of the recording."""
    centre = camera.see(np.array([rng.uniform(-1.2, 1.2), 0.45, rng.uniform(-1.0, -0.3)]))
    shape = rng.normal(0.0, 1.0, (NTU25.num_joints, 3)) * (0.30, 0.09, 0.12)
    length = int(rng.uniform(0.4, 1.0) * frames)
    part = np.arange(length) + int(rng.integers(frames - length + 1))
    joints = centre + shape + rng.normal(0.0, 0.012, (length, NTU25.num_joints, 3))
    return Track(_new_id(rng), part, joints, np.full(joints.shape[:2], INFERRED))


def _ghost(frames: int, body: Floats, rng: np.random.Generator) -> Track:
    """A second body seen for a moment beside the real one: at most 11 frames."""
    length = int(rng.integers(3, 12))
    part = np.arange(length) + int(rng.integers(frames - length + 1))
    joints = body[part] + (rng.choice([-0.5, 0.5]), 0.0, 0.2) + rng.normal(0.0, 0.05, (length, NTU25.num_joints, 3))
    return Track(_new_id(rng), part, joints, np.full(joints.shape[:2], INFERRED))
