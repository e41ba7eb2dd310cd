"""Articulated hands with the 22 joints of SHREC'17, and the fourteen gestures.

Axes: T frames, V joints, C coordinates; fingers are thumb, index, middle, ring, little.
A hand's own frame has x towards the thumb's side, y along the middle finger, z out of the back of the hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data_modules.demo.bodies import Floats, rotations
from data_modules.demo.motion import FPS, Clock
from data_modules.layouts import HAND22

# Metres for a middle-sized hand: where each finger begins, the direction it points in, its three bones.
PALM = (0.0, 0.055, 0.0)
BASES = ((0.030, 0.030, -0.008), (0.024, 0.090, 0.0), (0.004, 0.094, 0.0), (-0.015, 0.088, 0.0), (-0.032, 0.078, 0.0))
FAN = (0.75, 0.12, 0.0, -0.10, -0.22)  # radians from the middle finger towards the thumb's side
BONES = (
    (0.040, 0.030, 0.025),
    (0.042, 0.025, 0.021),
    (0.046, 0.029, 0.022),
    (0.042, 0.027, 0.021),
    (0.033, 0.020, 0.019),
)
CLOSED = 1.25  # radians by which each joint of a closed finger bends
SIZE_SPREAD = 0.08
AMPLITUDE_SPREAD = 0.20
# Radians: how people hold their hands, and how the hand turns meanwhile; metres: half the path of a swipe, how far the
# hand comes and goes around the gesture, how far it drifts; noise of all joints and of the finger tips.
ATTITUDE_SPREAD = 0.20
TURNING = 0.14
PATH = 0.08
APPROACH = 0.035
DRIFT = 0.018
HAND_NOISE = 0.003
TIP_NOISE = 0.005
# How far fingers are bent that rest, and that stay closed, from one person to the next.
RELAXED = (0.05, 0.20)
FOLDED = (0.75, 1.05)
ONE_FINGER, WHOLE_HAND = 1, 2


@dataclass(frozen=True, eq=False)
class HandPosture:
    """How a hand is held. place: (T, 3) metres; turn: (T, 3) pitch, yaw, roll; curl: (T, 5), 0 straight, 1 closed;
    fan: (T,) how far the fingers are spread, 1 as usual."""

    place: Floats
    turn: Floats
    curl: Floats
    fan: Floats


@dataclass(frozen=True, eq=False)
class Gesturer:
    """A hand in one recording; a gesture moves `posture` in place. acting: the fingers that gesture."""

    posture: HandPosture
    clock: Clock
    amplitude: float
    acting: tuple[int, ...]


def place_hand(posture: HandPosture, size: float) -> Floats:
    """Forward kinematics: (T, 22, 3) metres."""
    frames = len(posture.fan)
    local = np.zeros((frames, HAND22.num_joints, 3))
    local[:, 1] = PALM
    for finger, (base, fan, bones) in enumerate(zip(BASES, FAN, BONES, strict=True)):
        first = 2 + 4 * finger
        local[:, first] = base
        aside = fan * posture.fan
        for bone, length in enumerate(bones):
            bend = posture.curl[:, finger] * CLOSED * (0.5 + 0.5 * bone) * (0.6 if finger == 0 else 1.0)
            forward = np.cos(bend)
            step = np.stack([forward * np.sin(aside), forward * np.cos(aside), -np.sin(bend)], -1)
            local[:, first + bone + 1] = local[:, first + bone] + length * step
    return local * size @ rotations(*posture.turn.T).transpose(0, 2, 1) + posture.place[:, None]


def grab(hand: Gesturer) -> None:
    hand.posture.curl[:, hand.acting] += hand.clock.ramp(0.1, 0.8)[:, None] * 0.85 * hand.amplitude
    hand.posture.place[:, 2] += 0.02 * hand.clock.ramp(0.1, 0.8)


def tap(hand: Gesturer) -> None:
    press = hand.clock.bump(0.1, 0.9, 0.35) * hand.amplitude
    hand.posture.place[:, 1] -= 0.05 * press
    hand.posture.turn[:, 0] += 0.35 * press


def expand(hand: Gesturer) -> None:
    _close(hand, 1 - hand.clock.ramp(0.1, 0.9))


def pinch(hand: Gesturer) -> None:
    _close(hand, hand.clock.ramp(0.1, 0.9))


def _close(hand: Gesturer, closed: Floats) -> None:
    hand.posture.curl[:, hand.acting] += 0.55 * hand.amplitude * closed[:, None]
    hand.posture.fan[:] += 0.5 - 1.2 * closed


def rotate_clockwise(hand: Gesturer) -> None:
    hand.posture.turn[:, 2] -= 1.3 * hand.amplitude * (hand.clock.ramp(0.05, 0.95) - 0.5)


def rotate_counter_clockwise(hand: Gesturer) -> None:
    hand.posture.turn[:, 2] += 1.3 * hand.amplitude * (hand.clock.ramp(0.05, 0.95) - 0.5)


def _trace(*corners: tuple[float, float]) -> Callable[[Gesturer], None]:
    """A gesture that leads the hand through corners (right, up), in units of PATH."""

    def perform(hand: Gesturer) -> None:
        path = np.array(corners) * PATH * hand.amplitude
        hand.posture.place[:, :2] += path[0]
        for part, (start, end) in enumerate(pairwise(path)):
            step = hand.clock.ramp(part / (len(path) - 1), (part + 1) / (len(path) - 1))
            hand.posture.place[:, :2] += step[:, None] * (end - start)
        hand.posture.turn[:, 1] += 1.5 * hand.posture.place[:, 0]

    return perform


def shake(hand: Gesturer) -> None:
    swing = np.sin(2 * np.pi * 3 * hand.clock.phase) * hand.clock.bump(0.0, 1.0, 0.15)
    hand.posture.place[:, 0] += 0.045 * hand.amplitude * swing
    hand.posture.turn[:, 1] += 0.4 * hand.amplitude * swing


GESTURES: tuple[tuple[str, Callable[[Gesturer], None]], ...] = (
    ("grab", grab),
    ("tap", tap),
    ("expand", expand),
    ("pinch", pinch),
    ("rotation clockwise", rotate_clockwise),
    ("rotation counter-clockwise", rotate_counter_clockwise),
    ("swipe right", _trace((-1, 0), (1, 0))),
    ("swipe left", _trace((1, 0), (-1, 0))),
    ("swipe up", _trace((0, -1), (0, 1))),
    ("swipe down", _trace((0, 1), (0, -1))),
    ("swipe X", _trace((-1, 1), (1, -1), (1, 1), (-1, -1))),
    ("swipe +", _trace((0, 1), (0, -1), (-1, 0), (1, 0))),
    ("swipe V", _trace((-0.8, 1), (0, -1), (0.8, 1))),
    ("shake", shake),
)


def gesture(
    number: int, fingers: int, frames: int, person: np.random.Generator, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """One recording of gesture 1-14 with one finger (1) or the whole hand (2).

    Returns (T, 22, 3) metres before and after the sensor's noise.
    """
    size = float(np.clip(person.normal(1.0, SIZE_SPREAD), 0.8, 1.2))
    amplitude = float(np.clip(person.normal(1.0, AMPLITUDE_SPREAD) * rng.normal(1.0, 0.1), 0.6, 1.5))
    attitude = person.normal(0.0, ATTITUDE_SPREAD, 3) + rng.normal(0.0, 0.5 * ATTITUDE_SPREAD, 3)
    start, end = rng.uniform(0.0, 0.2), rng.uniform(0.8, 1.0)
    clock = Clock((np.arange(frames) / frames - start) / (end - start), np.arange(frames) / FPS)
    posture = HandPosture(
        np.zeros((frames, 3)),
        np.tile(attitude, (frames, 1)),
        np.full((frames, 5), person.uniform(*RELAXED)),
        np.ones(frames),
    )
    # With one finger the thumb and the index act and the others stay closed.
    if fingers == ONE_FINGER:
        posture.curl[:, 2:] = person.uniform(*FOLDED)
    acting = (0, 1) if fingers == ONE_FINGER else (0, 1, 2, 3, 4)
    GESTURES[number - 1][1](Gesturer(posture, clock, amplitude, acting))
    _be_restless(posture, clock, rng)
    clean = place_hand(posture, size)
    sigma = np.full((HAND22.num_joints, 1), HAND_NOISE)
    sigma[5::4] = TIP_NOISE
    return clean, clean + sigma * rng.standard_normal(clean.shape)


def _be_restless(posture: HandPosture, clock: Clock, rng: np.random.Generator) -> None:
    """Come from somewhere, go somewhere, and drift and turn on the way."""
    frames = len(posture.fan)
    posture.place[:] += rng.normal((0.1, -0.1, 0.5), 0.06)
    posture.place[:] += np.cumsum(rng.standard_normal((frames, 3)), 0) * DRIFT / np.sqrt(frames)
    posture.place[:] += (1 - clock.ramp(-0.2, 0.1))[:, None] * rng.normal(0.0, APPROACH, 3)
    posture.place[:] += clock.ramp(0.9, 1.2)[:, None] * rng.normal(0.0, APPROACH, 3)
    posture.turn[:] += clock.ramp(0.0, 1.0)[:, None] * rng.normal(0.0, TURNING, 3)
