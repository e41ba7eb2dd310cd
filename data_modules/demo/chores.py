"""What people do in the smaller datasets: walking, carrying, throwing, dressing, cleaning.

Axes: T frames, C coordinates; a side is 0 (left) or 1 (right). Wrist targets are as in actions.py.
"""

from dataclasses import replace

import numpy as np

from data_modules.demo.actions import STEP_LENGTH, pace, sit_down, wave
from data_modules.demo.bodies import OUTWARD, REST_WRIST, Floats
from data_modules.demo.motion import Actor, Clock

PATH = 1.5  # metres walked
BEFORE_BELLY = (0.070, -0.150, 0.180)
FLOORWARDS = (0.060, -0.245, 0.110)
BEHIND_HEAD = (0.200, 0.090, -0.050)
STRETCHED = (0.030, 0.030, 0.255)
AT_CHEST = (0.060, -0.050, 0.090)
AWAY = (0.060, -0.050, 0.260)
AT_SHOULDER = (0.060, 0.030, 0.090)
BROOM_UPPER = (0.030, -0.120, 0.190)
BROOM_LOWER = (-0.020, -0.215, 0.150)


def walk(actor: Actor) -> None:
    """Towards the camera."""
    way = PATH * actor.clock.ramp(0.0, 1.0)
    actor.posture.floor[:, 1] += way - PATH / 2
    pace(actor, np.pi * way / STEP_LENGTH, actor.clock.bump(0.0, 1.0, 0.15))


def carry(actor: Actor) -> None:
    """Walking with something in both hands."""
    walk(actor)
    _hold_in_both(actor, BEFORE_BELLY, actor.clock.bump(-0.2, 1.2, 0.2))


def _hold_in_both(actor: Actor, target: tuple[float, float, float], weight: Floats) -> None:
    for side in (0, 1):
        actor.reach(side, target, weight)


def bend_down(actor: Actor, down: Floats) -> None:
    """Lean forward and bend the knees as far as down (T,), 0 to 1."""
    actor.posture.chest[:, 0] += 0.85 * down
    actor.posture.legs[..., 0] += 0.9 * down[:, None]
    actor.posture.legs[..., 2] += 1.1 * down[:, None]


def pick_up_with_one_hand(actor: Actor) -> None:
    _pick_up(actor, (actor.main,))


def pick_up_with_two_hands(actor: Actor) -> None:
    _pick_up(actor, (0, 1))


def _pick_up(actor: Actor, sides: tuple[int, ...]) -> None:
    down = actor.clock.bump(0.0, 0.8, 0.35)
    bend_down(actor, down)
    for side in sides:
        actor.reach(side, FLOORWARDS, down)
        actor.reach(side, BEFORE_BELLY, actor.clock.ramp(0.55, 0.9))


def drop(actor: Actor) -> None:
    """Hold something out and let it fall."""
    actor.reach(actor.main, (0.090, -0.110, 0.210), actor.clock.bump(-0.1, 0.8, 0.3))
    actor.posture.chest[:, 0] += 0.2 * actor.clock.bump(0.2, 0.9, 0.3)


def throw(actor: Actor) -> None:
    stops = [(0.35, BEHIND_HEAD), (0.48, BEHIND_HEAD), (0.66, STRETCHED), (0.74, STRETCHED), (1.0, REST_WRIST)]
    actor.travel(actor.main, stops, actor.clock)
    turn = actor.clock.bump(0.1, 0.6, 0.2) - actor.clock.bump(0.45, 1.0, 0.2)
    actor.posture.chest[:, 1] += OUTWARD[actor.main] * 0.35 * actor.style.amplitude * turn


def push(actor: Actor) -> None:
    _move_both(actor, AT_CHEST, AWAY)


def pull(actor: Actor) -> None:
    """Pushing, backwards."""
    _move_both(actor, AWAY, AT_CHEST)


def _move_both(actor: Actor, start: tuple[float, float, float], end: tuple[float, float, float]) -> None:
    for side in (0, 1):
        actor.travel(side, [(0.30, start), (0.40, start), (0.65, end), (0.75, end), (1.0, REST_WRIST)], actor.clock)


def wave_both(actor: Actor) -> None:
    for side in (0, 1):
        wave(replace(actor, style=replace(actor.style, main=side)))


def put_on(actor: Actor) -> None:
    """A coat or a backpack: one shoulder after the other."""
    _dress(actor, actor.clock)


def take_off(actor: Actor) -> None:
    """Putting it on, backwards."""
    _dress(actor, actor.clock.reversed())


def _dress(actor: Actor, clock: Clock) -> None:
    for side, at in ((actor.main, 0.0), (actor.other, 0.3)):
        stops = [(at + 0.20, BEFORE_BELLY), (at + 0.40, AT_SHOULDER), (at + 0.50, AT_SHOULDER), (at + 0.70, REST_WRIST)]
        actor.travel(side, stops, clock)
    actor.posture.chest[:, 2] += 0.15 * (clock.bump(0.1, 0.6, 0.2) - clock.bump(0.45, 0.95, 0.2))


def sweep(actor: Actor) -> None:
    """The broom goes from side to side."""
    hold = _hold_broom(actor)
    actor.posture.chest[:, 1] += hold * 0.35 * actor.style.amplitude * actor.swing(0.9)


def mop(actor: Actor) -> None:
    """As sweeping, but that the broom goes forward and back."""
    hold = _hold_broom(actor)
    actor.posture.wrists[..., 2] += (hold * 0.055 * actor.style.amplitude * actor.swing(0.9))[:, None]


def _hold_broom(actor: Actor) -> Floats:
    hold = actor.clock.bump(0.0, 1.0, 0.2)
    actor.posture.chest[:, 0] += 0.3 * hold
    actor.reach(actor.main, BROOM_UPPER, hold)
    actor.reach(actor.other, BROOM_LOWER, hold)
    return hold


def pour(actor: Actor) -> None:
    """One hand holds a cup, the other tips a bottle over it."""
    actor.reach(actor.other, (0.030, -0.120, 0.170), actor.clock.bump(0.0, 1.0, 0.2))
    actor.reach(actor.main, (0.030, -0.040, 0.180), actor.clock.bump(0.1, 0.9, 0.25))
    actor.posture.hand_bend[:, actor.main] += actor.clock.bump(0.3, 0.8, 0.2)[:, None] * (-0.8, -0.8, 0.0)


def move_chair(actor: Actor) -> None:
    """Bend to it and push it some steps."""
    hold = actor.clock.bump(0.0, 1.0, 0.2)
    way = 0.8 * actor.clock.ramp(0.25, 0.85)
    actor.posture.floor[:, 1] += way - 0.4
    pace(actor, np.pi * way / STEP_LENGTH, actor.clock.bump(0.2, 0.9, 0.1))
    actor.posture.chest[:, 0] += 0.35 * hold
    _hold_in_both(actor, (0.100, -0.180, 0.180), hold)


def tie_laces(actor: Actor) -> None:
    down = actor.clock.bump(0.0, 1.0, 0.3)
    bend_down(actor, 1.25 * down)
    _hold_in_both(actor, (0.030, -0.250, 0.090), down)
    actor.posture.wrists[..., 0] += (0.02 * down * actor.swing(1.6))[:, None]


def read_watch(actor: Actor) -> None:
    hold = actor.clock.bump(0.05, 0.95, 0.25)
    actor.reach(actor.other, (0.020, -0.060, 0.150), hold)
    actor.posture.neck[:, 0] += 0.4 * hold


def bow(actor: Actor) -> None:
    actor.posture.chest[:, 0] += 0.95 * min(actor.style.amplitude, 1.2) * actor.clock.bump(0.0, 1.0, 0.35)


def sit_and_rise(actor: Actor) -> None:
    there_and_back = 1.0 - np.abs(2.0 * actor.clock.phase - 1.0)
    sit_down(replace(actor, clock=Clock(there_and_back, actor.clock.seconds)))
