"""Who in an NTU recording are the actors: noise dropped, re-identified bodies merged, at most two people kept.

Axes: T frames of the recording, F frames of one body, M persons, V joints, C coordinates.

The Kinect gives every body that it tracks a number, and errs: furniture becomes a body (a phantom), and a person who is
lost for a moment returns under a new number. The steps here are those of SGN's released NTU preparation (Zhang et al.,
CVPR 2020), which AdaSGN uses unchanged, with its thresholds. Four things differ:

- A body keeps its true frame numbers. The released code counts a body's frames on from its first appearance without
  gaps, so after somebody has left and returned the two people no longer move at the same time.
- Overlap is therefore counted in frames that are really shared, not between first and last frame; for bodies without
  gaps the two are the same. The released code also lets actor 2 begin at frame 0 whenever he comes.
- Where the noise steps would leave nobody, the body with most motion stays. The released code loses the recording where
  all bodies are short, and keeps the last one listed where all are spread.
- A person who is not there is marked absent. The released code writes zeros and then removes the frames whose sum is 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_NOISE = 11  # frames; a body seen no longer than this is noise
NOISE_WIDTH = 0.8  # a body wider than this share of its height is not a person who acts upright
NOISE_SHARE = 0.69754  # of a body's frames; from here on the whole body is noise
MAX_ACTORS = 2

OfBody = Callable[["Body"], NDArray]


@dataclass(frozen=True, eq=False)
class Body:
    """One tracked body. frames: int64 (F,), ascending, true frame numbers from 0; joints: float32 (F, V, C), metres;
    pixels: float32 (F, V, 2), where the film shows them, None where there is none."""

    frames: NDArray[np.int64]
    joints: NDArray[np.float32]
    pixels: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Acted:
    """The frames in which the actors act: joints float32 (T, M, V, C) and pixels (T, M, V, 2), zero where nobody is,
    valid (T, M), and which frame of the recording the first one is."""

    joints: NDArray[np.float32]
    valid: NDArray[np.bool_]
    pixels: NDArray[np.float32] | None
    first_frame: int


def motion(joints_FVC: NDArray[np.float32]) -> float:
    """How much a body moves, in m²: the variance of each coordinate over all frames and joints, summed."""
    coordinates = np.ascontiguousarray(joints_FVC.reshape(-1, joints_FVC.shape[-1]).T, np.float64)
    return float(coordinates.var(axis=1).sum())


def spread_frames(body: Body) -> NDArray[np.bool_]:
    """The frames (F,) in which the body is far too wide for its height, as furniture and merged people are."""
    width, height = np.ptp(body.joints[..., 0], axis=1), np.ptp(body.joints[..., 1], axis=1)
    return np.asarray(width > NOISE_WIDTH * height)


def steady_motion(body: Body) -> float:
    """The body's motion, or that of its frames that are not spread if this is less: noise must not win by jumping."""
    spread = spread_frames(body)
    over_all = motion(body.joints)
    return over_all if spread.all() else min(over_all, motion(body.joints[~spread]))


def by_motion(bodies: Sequence[Body]) -> list[Body]:
    """The bodies, most motion first."""
    return sorted(bodies, key=steady_motion, reverse=True)


def drop_short(bodies: Sequence[Body]) -> list[Body]:
    """The bodies without those seen in 11 frames or fewer; if all are, the one with most motion."""
    return [body for body in bodies if len(body.frames) > LONGEST_NOISE] or by_motion(bodies)[:1]


def drop_spread(bodies: Sequence[Body]) -> list[Body]:
    """The bodies without those that are spread in most of their frames; if all are, the one with most motion.

    A body that is alone is kept as it is.
    """
    if len(bodies) == 1:
        return list(bodies)
    return [body for body in bodies if spread_frames(body).mean() < NOISE_SHARE] or by_motion(bodies)[:1]


def merge(bodies: Sequence[Body]) -> list[list[Body]]:
    """Give every body to an actor: one or two lists of bodies that are one person.

    bodies: at least one, most motion first. Each goes to the first actor with whom it shares at most one frame (the
    frame of handing over), for then it is likely the same person under a new number. Whoever overlaps both is left out.
    """
    actors: list[list[Body]] = []
    for body in bodies:
        for actor in actors:
            taken = np.concatenate([other.frames for other in actor])
            if np.isin(body.frames, taken).sum() <= 1:
                actor.append(body)
                break
        else:
            if len(actors) < MAX_ACTORS:
                actors.append([body])
    return actors


def place(actors: Sequence[Sequence[Body]], num_frames: int, of_body: OfBody) -> NDArray:
    """What `of_body` gives of each body (F, …), on the recording's own time: (T, M, …), zero where nobody is.

    Where two bodies of one actor share a frame, the one named first has it.
    """
    first = of_body(actors[0][0])
    placed = np.zeros((num_frames, len(actors), *first.shape[1:]), first.dtype)
    for person, actor in enumerate(actors):
        for body in reversed(actor):
            placed[body.frames, person] = of_body(body)
    return placed


def choose_actors(bodies: Sequence[Body], num_frames: int) -> Acted:
    """One or two actors out of all tracked bodies (at least one; either all or none of them have pixels).

    Actor 0 moves most. Frames before the first and after the last in which an actor is seen are dropped, so T may be
    less than `num_frames`; those between stay, with nobody valid. Nothing is centred or scaled: metres from the camera.
    """
    if len(bodies) > 1:  # a body that is alone is never noise
        bodies = by_motion(drop_spread(drop_short(bodies)))
    actors = merge(bodies)
    valid = place(actors, num_frames, lambda body: np.ones(len(body.frames), np.bool_))
    seen = np.flatnonzero(valid.any(axis=1))
    acted = slice(seen[0], seen[-1] + 1)
    return Acted(
        joints=place(actors, num_frames, lambda body: body.joints)[acted],
        valid=valid[acted],
        pixels=None if bodies[0].pixels is None else place(actors, num_frames, _pixels)[acted],
        first_frame=int(seen[0]),
    )


def _pixels(body: Body) -> NDArray[np.float32]:
    assert body.pixels is not None
    return body.pixels
