"""What people do: motions of postures under the numbers and names of NTU RGB+D.

Axes: T frames, C coordinates; a side is 0 (left) or 1 (right).
Wrist targets are in heights from the upper end of the spine: (outward on the own side, up, forward).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_modules.demo.bodies import REST_WRIST, Floats
from data_modules.demo.motion import Actor, Clock

# Places that are alike on purpose: only a few centimetres, the hand's own joints or the head tell them apart.
MOUTH = (0.050, 0.020, 0.120)
TEETH = (0.060, 0.035, 0.115)
EAR = (0.095, 0.045, 0.070)
BEFORE_CHEST = (0.045, -0.100, 0.170)
PAGE = (0.060, -0.110, 0.165)
HAT_IN_HAND = (0.100, -0.100, 0.180)
HEAD_TOP = (0.085, 0.140, 0.040)
# Small motions that tell such places apart: heights for wrists, parts of a unit direction for hands.
BRUSHING = 0.022
CLAPPING = 0.040
RUBBING = 0.030
SCRIBBLING = 0.90
TAPPING = 0.80
STRIDE = 0.35
STEP_LENGTH = 0.6  # metres, of one who walks


@dataclass(frozen=True)
class Action:
    """One class. persons: 1 or 2; perform: moves that many actors; seconds: how long a usual recording lasts."""

    number: int
    name: str
    perform: Callable[..., None]
    persons: int = 1
    seconds: float = 2.7


def drink(actor: Actor) -> None:
    hold = actor.clock.bump(0.05, 0.95, 0.3)
    actor.reach(actor.main, MOUTH, hold)
    actor.posture.hand_bend[:, actor.main] += hold[:, None] * (-0.6, 0.8, 0.1)
    _aim_thumb(actor, actor.main, (-0.4, 0.2, -1.0), hold)
    actor.posture.neck[:, 0] -= 0.25 * actor.style.amplitude * actor.clock.bump(0.3, 0.75, 0.15)


def brush_teeth(actor: Actor) -> None:
    hold = actor.clock.bump(0.0, 1.0, 0.2)
    actor.reach(actor.main, TEETH, hold)
    stroke = hold * actor.swing(3.2) * BRUSHING * actor.style.amplitude
    actor.posture.wrists[:, actor.main, 0] += stroke
    actor.posture.wrists[:, actor.main, 2] += 0.4 * stroke
    actor.posture.hand_bend[:, actor.main] += hold[:, None] * (-1.2, -0.5, -0.2)
    _aim_thumb(actor, actor.main, (0.0, 1.0, 0.2), hold)


def phone_call(actor: Actor) -> None:
    hold = actor.clock.bump(0.0, 1.05, 0.25)
    actor.reach(actor.main, EAR, hold)
    actor.posture.hand_bend[:, actor.main] += hold[:, None] * (0.0, 0.6, -0.6)
    _aim_thumb(actor, actor.main, (0.2, -1.0, 0.3), hold)
    actor.posture.neck[:, 2] += 0.1 * actor.rng.normal() * hold


def _aim_thumb(actor: Actor, side: int, direction: tuple[float, float, float], weight: Floats) -> None:
    aim = actor.posture.thumb_aim[:, side]
    aim += weight[:, None] * (np.array(direction) - aim)


def read(actor: Actor) -> None:
    hold = _hold_page(actor)
    _aim_thumb(actor, actor.main, (0.6, 0.6, 0.3), hold)


def write(actor: Actor) -> None:
    """Reading, but that the main hand holds a pen and its fingers move."""
    hold = _hold_page(actor)
    _aim_thumb(actor, actor.main, (-0.6, -0.6, 0.3), hold)
    scribble = hold * SCRIBBLING * actor.style.amplitude
    actor.posture.hand_bend[:, actor.main, 0] += scribble * actor.swing(2.3)
    actor.posture.hand_bend[:, actor.main, 1] += scribble * actor.swing(2.9)


def type_on_keyboard(actor: Actor) -> None:
    """As reading and writing, but that the fingers of both hands point down and tap."""
    hold = _hold_page(actor)
    for side in (0, 1):
        _aim_thumb(actor, side, (-1.0, 0.0, 0.0), hold)
        actor.posture.hand_bend[:, side, 1] += hold * (TAPPING * actor.style.amplitude * actor.swing(2.6) - 0.3)


def nod(actor: Actor) -> None:
    bow = np.maximum(np.sin(2 * np.pi * 1.5 * actor.clock.phase), 0.0) * actor.clock.bump(0.0, 1.0, 0.1)
    actor.posture.neck[:, 0] += 0.6 * actor.style.amplitude * bow


def _hold_page(actor: Actor) -> Floats:
    hold = actor.clock.bump(0.0, 1.0, 0.2)
    for side in (0, 1):
        actor.reach(side, PAGE, hold)
    actor.posture.neck[:, 0] += 0.35 * hold
    return hold


def clap(actor: Actor) -> None:
    hold, beat = actor.clock.bump(0.0, 1.0, 0.2), actor.swing(2.4)
    for side in (0, 1):
        actor.reach(side, BEFORE_CHEST, hold)
        actor.posture.wrists[:, side, 0] += hold * CLAPPING * actor.style.amplitude * (0.4 + beat)
        actor.posture.hand_bend[:, side, 1] += 0.8 * hold


def rub_hands(actor: Actor) -> None:
    hold, stroke = actor.clock.bump(0.0, 1.0, 0.2), actor.swing(2.4)
    for side, sign in ((0, 1.0), (1, -1.0)):
        actor.reach(side, BEFORE_CHEST, hold)
        slide = sign * hold * RUBBING * actor.style.amplitude * stroke
        actor.posture.wrists[:, side, 1:] += slide[:, None] * (0.6, 1.0)
        actor.posture.hand_bend[:, side, 0] -= 0.8 * hold


def _move_hat(actor: Actor, clock: Clock) -> None:
    stops = [(0.30, HAT_IN_HAND), (0.45, HAT_IN_HAND), (0.70, HEAD_TOP), (0.78, HEAD_TOP), (1.0, REST_WRIST)]
    for side in (0, 1) if actor.style.amplitude > 1.0 else (actor.main,):
        actor.travel(side, stops, clock)
    actor.posture.neck[:, 0] += 0.15 * clock.bump(0.5, 0.95, 0.15)


def put_on_hat(actor: Actor) -> None:
    _move_hat(actor, actor.clock)


def take_off_hat(actor: Actor) -> None:
    """Putting it on, backwards."""
    _move_hat(actor, actor.clock.reversed())


def wave(actor: Actor) -> None:
    hold = actor.clock.bump(0.0, 1.0, 0.25)
    actor.reach(actor.main, (0.170, 0.080, 0.070), hold)
    actor.posture.wrists[:, actor.main, 0] += hold * 0.05 * actor.style.amplitude * actor.swing(1.8)


def kick(actor: Actor) -> None:
    legs = actor.posture.legs[:, actor.main]
    back, strike = actor.clock.bump(0.1, 0.5, 0.2), actor.clock.bump(0.35, 0.85, 0.2)
    legs[:, 0] += actor.style.amplitude * (1.0 * strike - 0.45 * back)
    legs[:, 2] += actor.style.amplitude * 0.9 * back * (1 - strike)
    actor.posture.chest[:, 0] -= 0.12 * strike
    actor.posture.wrists[:, actor.other, 2] += 0.08 * strike


def sit_down(actor: Actor) -> None:
    _sit(actor, actor.clock)


def stand_up(actor: Actor) -> None:
    """Sitting down, backwards."""
    _sit(actor, actor.clock.reversed())


def _sit(actor: Actor, clock: Clock) -> None:
    down = clock.ramp(0.1, 0.8)
    actor.posture.legs[..., 0] += 1.40 * down[:, None]
    actor.posture.legs[..., 2] += 1.45 * down[:, None]
    actor.posture.chest[:, 0] += 0.45 * actor.style.amplitude * clock.bump(0.05, 0.95, 0.35)
    actor.posture.floor[:, 1] -= 0.38 * down
    for side in (0, 1):
        actor.reach(side, (0.090, -0.220, 0.140), down)


def jump(actor: Actor) -> None:
    crouch = actor.clock.bump(0.15, 0.5, 0.15) + 0.7 * actor.clock.bump(0.6, 0.9, 0.12)
    flight = ((actor.clock.phase - 0.42) / 0.26).clip(0.0, 1.0)
    actor.posture.lift[:] += 1.1 * actor.style.amplitude * 0.25 * 4 * flight * (1 - flight)
    actor.posture.legs[..., 0] += 0.6 * crouch[:, None]
    actor.posture.legs[..., 2] += 1.1 * crouch[:, None]
    actor.posture.chest[:, 0] += 0.3 * crouch
    actor.posture.wrists[..., 2] += (0.10 * actor.style.amplitude * flight)[:, None]


def fall(actor: Actor) -> None:
    """To the front, the back or a side."""
    down = actor.clock.ramp(0.25, 0.8)
    axis, sign = ((0, 1.0), (0, -1.0), (2, 1.0), (2, -1.0))[actor.rng.integers(4)]
    actor.posture.pelvis[:, axis] += sign * 1.35 * down
    actor.posture.floor[:, 1 if axis == 0 else 0] += (sign if axis == 0 else -sign) * 0.55 * down
    actor.posture.legs[..., 2] += (0.7 * actor.clock.bump(0.15, 0.9, 0.3))[:, None]
    for side in (0, 1):
        actor.reach(side, (0.200, -0.080, 0.160), actor.clock.bump(0.2, 1.1, 0.25))


def thumb_up(actor: Actor) -> None:
    _show_thumb(actor, 1.0)


def thumb_down(actor: Actor) -> None:
    _show_thumb(actor, -1.0)


def _show_thumb(actor: Actor, up: float) -> None:
    hold = actor.clock.bump(0.05, 0.95, 0.25)
    actor.reach(actor.main, (0.090, -0.040, 0.200), hold)
    _aim_thumb(actor, actor.main, (0.0, up, 0.0), hold)


def squat(actor: Actor) -> None:
    down = actor.clock.bump(0.05, 0.95, 0.35)[:, None] * min(actor.style.amplitude, 1.2)
    actor.posture.legs[..., 0] += 1.5 * down
    actor.posture.legs[..., 2] += 1.9 * down
    actor.posture.chest[:, 0] += 0.5 * down[:, 0]


def hands_up(actor: Actor) -> None:
    for side in (0, 1):
        actor.reach(side, (0.140, 0.220, 0.020), actor.clock.bump(0.05, 0.95, 0.25))


def run_on_the_spot(actor: Actor) -> None:
    pace(actor, 2 * np.pi * 1.6 * actor.style.tempo * actor.clock.seconds, actor.clock.bump(0.0, 1.0, 0.1))


def pace(actor: Actor, stride: Floats, weight: Floats) -> None:
    """Legs and arms of one who walks or runs; stride (T,) is the angle within the step, weight (T,) how much."""
    for side, sign in ((0, 1.0), (1, -1.0)):
        swing = sign * np.sin(stride) * weight
        actor.posture.legs[:, side, 0] += STRIDE * swing + 0.25 * weight
        actor.posture.legs[:, side, 2] += (0.35 + 0.35 * sign * np.cos(stride)) * weight
        actor.posture.wrists[:, side, 2] -= 0.08 * actor.style.amplitude * swing
