"""What people do for sport.

Axes: T frames, C coordinates; a side is 0 (left) or 1 (right). Wrist targets are as in actions.py.
"""

import numpy as np

from data_modules.demo.actions import hands_up
from data_modules.demo.bodies import OUTWARD, REST_WRIST, Floats
from data_modules.demo.chores import bend_down
from data_modules.demo.motion import Actor

OVERHEAD = (0.110, 0.240, 0.020)
GUARD = (0.060, -0.040, 0.110)


def _beats(actor: Actor, hertz: float) -> Floats:
    """(T,) from 0 to 1 and back, again and again while the action lasts."""
    turns = hertz * actor.style.tempo * actor.clock.seconds
    return (0.5 - 0.5 * np.cos(2 * np.pi * turns)) * actor.clock.bump(0.0, 1.0, 0.15)


def jumping_jacks(actor: Actor) -> None:
    beat = _beats(actor, 0.85)
    actor.posture.legs[..., 1] += 0.4 * beat[:, None]
    actor.posture.lift[:] += 0.10 * np.sin(np.pi * beat)
    for side in (0, 1):
        actor.reach(side, (0.150, 0.210, 0.010), beat)


def jump_rope(actor: Actor) -> None:
    """Small hops; the wrists turn the rope."""
    beat, hold = _beats(actor, 1.8), actor.clock.bump(0.0, 1.0, 0.15)
    actor.posture.lift[:] += 0.12 * actor.style.amplitude * beat
    for side in (0, 1):
        actor.reach(side, (0.190, -0.190, 0.070), hold)
    actor.posture.wrists[..., 1] += 0.025 * beat[:, None]


def boxing(actor: Actor) -> None:
    """Both fists, in turn."""
    hold, beat = actor.clock.bump(0.0, 1.0, 0.15), _beats(actor, 1.0)
    for side, strike in ((actor.main, beat), (actor.other, hold - beat)):
        actor.reach(side, GUARD, hold)
        actor.reach(side, (0.020, 0.000, 0.255), strike.clip(0.0, 1.0) ** 2)


def bend_to_the_floor(actor: Actor) -> None:
    """Hands up, then all the way down."""
    hands_up(actor)
    down = actor.clock.bump(0.35, 1.0, 0.25)
    actor.posture.chest[:, 0] += 1.3 * down
    for side in (0, 1):
        actor.reach(side, (0.070, -0.020, 0.250), down)


def bowl(actor: Actor) -> None:
    """The ball swings back and leaves the hand low."""
    back, release, after = (0.120, -0.200, -0.140), (0.070, -0.180, 0.190), (0.050, 0.050, 0.220)
    actor.travel(actor.main, [(0.35, back), (0.55, release), (0.70, after), (1.0, REST_WRIST)], actor.clock)
    bend_down(actor, 0.45 * actor.clock.bump(0.2, 0.9, 0.3))


def tennis_forehand(actor: Actor) -> None:
    back, through = (0.220, -0.070, -0.040), (-0.050, -0.010, 0.190)
    actor.travel(actor.main, [(0.35, back), (0.45, back), (0.68, through), (1.0, REST_WRIST)], actor.clock)
    _turn_trunk(actor, 0.6)


def golf_swing(actor: Actor) -> None:
    """Both hands: up on the main side, down, and up on the other."""
    for side in (0, 1):
        own = 1.0 if side == actor.main else -1.0
        up, low, through = (own * 0.120, 0.020, 0.120), (0.010, -0.235, 0.120), (-own * 0.120, 0.040, 0.120)
        actor.travel(side, [(0.15, low), (0.45, up), (0.62, low), (0.78, through), (1.0, REST_WRIST)], actor.clock)
    actor.posture.chest[:, 0] += 0.25 * actor.clock.bump(0.0, 1.0, 0.2)
    _turn_trunk(actor, 0.45)


def _turn_trunk(actor: Actor, angle: float) -> None:
    """Towards the main side, then away from it; angle in radians."""
    turn = actor.clock.bump(0.1, 0.6, 0.25) - actor.clock.bump(0.5, 1.0, 0.25)
    actor.posture.chest[:, 1] += OUTWARD[actor.main] * angle * actor.style.amplitude * turn


def clean_and_jerk(actor: Actor) -> None:
    """From the floor to the chest, and overhead."""
    bend_down(actor, actor.clock.bump(0.0, 0.5, 0.25))
    for side in (0, 1):
        stops = [(0.2, (0.090, -0.245, 0.110)), (0.5, (0.090, -0.030, 0.090)), (0.6, (0.090, -0.030, 0.090))]
        actor.travel(side, [*stops, (0.75, OVERHEAD), (0.9, OVERHEAD), (1.1, REST_WRIST)], actor.clock)


def strum_guitar(actor: Actor) -> None:
    hold = actor.clock.bump(0.0, 1.0, 0.2)
    actor.reach(actor.other, (0.190, -0.060, 0.140), hold)
    actor.reach(actor.main, (0.000, -0.160, 0.130), hold)
    actor.posture.wrists[:, actor.main, 1] += hold * 0.03 * actor.style.amplitude * actor.swing(2.2)
