"""What two people do together, and the list of all actions.

Axes: T frames, C coordinates; a side is 0 (left) or 1 (right).
"""

import numpy as np

from data_modules.demo import actions as single
from data_modules.demo.actions import STEP_LENGTH, Action, pace
from data_modules.demo.bodies import Floats
from data_modules.demo.motion import Actor

# Metres between two people who touch, and between two who have parted.
NEAR = 0.85
FAR = 2.3
# Heights by which shaken hands go up and down.
PUMPING = 0.035


def _face(first: Actor, second: Actor, distance: Floats) -> None:
    """Stand the two on the x axis, distance (T,) metres apart, each looking at the other."""
    for actor, sign in ((first, -1.0), (second, 1.0)):
        actor.posture.floor[:, 0] += sign * distance / 2
        actor.posture.heading[:] -= sign * np.pi / 2


def punch(first: Actor, second: Actor) -> None:
    strike = first.clock.bump(0.25, 0.75, 0.2)
    _face(first, second, NEAR + 0.15 - 0.15 * strike)
    first.reach(first.main, (0.020, 0.030, 0.250), strike)
    first.posture.chest[:, 0] += 0.15 * strike
    dodge = second.clock.bump(0.4, 0.95, 0.2) * first.style.amplitude
    second.posture.chest[:, 0] -= 0.3 * dodge
    second.posture.floor[:, 0] += 0.12 * dodge


def shake_hands(first: Actor, second: Actor) -> None:
    _face(first, second, np.full(len(first.clock.phase), NEAR))
    hold, pump = first.clock.bump(0.1, 0.9, 0.25), first.swing(2.0)
    for actor in (first, second):
        actor.reach(actor.main, (0.030, -0.090, 0.230), hold)
        actor.posture.wrists[:, actor.main, 1] += PUMPING * actor.style.amplitude * hold * pump


def give(first: Actor, second: Actor) -> None:
    """One holds something out, the other takes it to itself."""
    _face(first, second, np.full(len(first.clock.phase), NEAR + 0.1))
    first.reach(first.main, (0.050, -0.080, 0.230), first.clock.bump(0.0, 0.7, 0.25))
    second.reach(second.main, (0.050, -0.080, 0.230), second.clock.bump(0.3, 0.75, 0.2))
    second.reach(second.main, (0.050, -0.150, 0.100), second.clock.bump(0.6, 1.1, 0.2))


def approach(first: Actor, second: Actor) -> None:
    _walk(first, second, FAR + (NEAR - FAR) * first.clock.ramp(0.0, 1.0))


def depart(first: Actor, second: Actor) -> None:
    """Walking apart: some go backwards, others turn round first, so that only the order in time always tells."""
    _walk(first, second, NEAR + (FAR - NEAR) * first.clock.ramp(0.0, 1.0))
    if first.rng.random() < 0.5:
        for actor, sign in ((first, 1.0), (second, -1.0)):
            actor.posture.heading[:] += sign * np.pi * first.clock.ramp(-0.15, 0.15)


def _walk(first: Actor, second: Actor, distance: Floats) -> None:
    _face(first, second, distance)
    moving = np.abs(np.gradient(distance))
    for actor in (first, second):
        pace(actor, np.pi * distance / 2 / STEP_LENGTH, moving / max(moving.max(), 1e-9))


def high_five(first: Actor, second: Actor) -> None:
    _face(first, second, np.full(len(first.clock.phase), NEAR))
    for actor in (first, second):
        actor.reach(actor.main, (0.050, 0.140, 0.210), actor.clock.bump(0.2, 0.8, 0.25))


def kick_at(first: Actor, second: Actor) -> None:
    _face(first, second, np.full(len(first.clock.phase), NEAR + 0.2))
    single.kick(first)
    _dodge(second, second.clock.bump(0.4, 0.95, 0.2))


def push_away(first: Actor, second: Actor) -> None:
    """Both hands against the other's chest, who staggers back."""
    shove = first.clock.bump(0.2, 0.7, 0.2)
    _face(first, second, NEAR - 0.15 * shove)
    for side in (0, 1):
        first.reach(side, (0.060, -0.050, 0.090), first.clock.bump(0.0, 0.8, 0.2))
        first.reach(side, (0.060, -0.050, 0.250), shove)
    _dodge(second, second.clock.ramp(0.35, 0.65))


def _dodge(second: Actor, weight: Floats) -> None:
    """Lean and step back from the first, as far as weight (T,), 0 to 1."""
    second.posture.chest[:, 0] -= 0.25 * weight
    second.posture.floor[:, 0] += 0.25 * weight


def hug(first: Actor, second: Actor) -> None:
    """Walk up to each other, and arms around."""
    embrace = first.clock.ramp(0.0, 0.5)
    _walk(first, second, NEAR + 0.6 - (NEAR + 0.3) * embrace)
    for actor in (first, second):
        for side in (0, 1):
            actor.reach(side, (0.050, -0.040, 0.220), actor.clock.bump(0.25, 1.2, 0.25))


NTU60_ACTIONS = (
    Action(8, "sit down", single.sit_down),
    Action(9, "stand up", single.stand_up),
    Action(59, "walking towards each other", approach, persons=2),
    Action(60, "walking apart from each other", depart, persons=2),
    Action(23, "hand waving", single.wave),
    Action(1, "drink water", single.drink, seconds=3.2),
    Action(3, "brushing teeth", single.brush_teeth, seconds=4.0),
    Action(10, "clapping", single.clap, seconds=2.4),
    Action(34, "rub two hands together", single.rub_hands),
    Action(43, "falling", single.fall, seconds=2.4),
    Action(27, "jump up", single.jump, seconds=2.0),
    Action(20, "put on a hat/cap", single.put_on_hat, seconds=3.0),
    Action(21, "take off a hat/cap", single.take_off_hat, seconds=3.0),
    Action(24, "kicking something", single.kick, seconds=2.0),
    Action(28, "make a phone call/answer phone", single.phone_call, seconds=3.6),
    Action(50, "punching/slapping other person", punch, persons=2, seconds=2.2),
    Action(58, "handshaking", shake_hands, persons=2, seconds=2.4),
    Action(56, "giving something to other person", give, persons=2, seconds=2.4),
    Action(35, "nod head/bow", single.nod, seconds=2.2),
    Action(30, "typing on a keyboard", single.type_on_keyboard, seconds=3.0),
    Action(11, "reading", single.read, seconds=3.0),
    Action(12, "writing", single.write, seconds=3.0),
)
NTU120_ACTIONS = (
    *NTU60_ACTIONS,
    Action(69, "thumb up", single.thumb_up),
    Action(70, "thumb down", single.thumb_down),
    Action(80, "squat down", single.squat),
    Action(95, "hands up (both hands)", single.hands_up),
    Action(99, "running on the spot", single.run_on_the_spot),
    Action(112, "high-five", high_five, persons=2, seconds=2.2),
)
