"""Who acts and when: a person's manner, the clock of a recording, and the ways an action moves a posture.

Axes: T frames, C coordinates; a side is 0 (left) or 1 (right).
"""

from dataclasses import dataclass

import numpy as np

from data_modules.demo.bodies import REST_WRIST, Body, Floats, Posture, grow_body, rest

FPS = 30.0
# How people differ: the spread of amplitude and tempo, left-handers, where a hand goes (heights), how they stand.
AMPLITUDE_SPREAD = 0.15
TEMPO_SPREAD = 0.15
LEFT_HANDED = 0.25
PERFORMER_REACH = 0.018
STANCE_SPREAD = 0.06
# How two performances of one person differ: factors of amplitude and tempo, and where a hand goes (heights).
REPLICATION_SPREAD = 0.08
REPLICATION_REACH = 0.012
# How restless people are: slow sway of trunk (radians), hands (heights) and weight (metres); leaning during the action
# (radians); a hand that goes somewhere by itself, unless the action needs it. They move the body's mean as much as
# many actions do, so that it alone tells little.
SWAY = 0.035
HAND_SWAY = 0.008
WEIGHT_SHIFT = 0.06
LEAN = 0.12
STRAY_HAND_CHANCE = 0.2
STRAY_HAND = ((0.06, 0.17), (-0.24, -0.04), (-0.04, 0.17))
# Parts of a recording in which nothing happens yet, or any more.
IDLE_BEFORE = (0.12, 0.32)
IDLE_AFTER = (0.08, 0.26)


@dataclass(frozen=True, eq=False)
class Style:
    """A person's manner in one performance: factors of amplitude and tempo, the main side, (2, 3) wrist offsets."""

    amplitude: float
    tempo: float
    main: int
    reach: Floats
    stance: Floats


@dataclass(frozen=True, eq=False)
class Clock:
    """Time within one recording. phase: (T,) from 0 to 1 while the action lasts, outside that before and after it."""

    phase: Floats
    seconds: Floats

    def ramp(self, start: float, end: float) -> Floats:
        """(T,) smoothly from 0 at phase `start` to 1 at `end`."""
        s = ((self.phase - start) / (end - start)).clip(0.0, 1.0)
        return s * s * (3 - 2 * s)

    def bump(self, start: float = 0.0, end: float = 1.0, rise: float = 0.25) -> Floats:
        """(T,) from 0 to 1 and back, rising and falling within `rise`."""
        return self.ramp(start, start + rise) * (1 - self.ramp(end - rise, end))

    def reversed(self) -> "Clock":
        """The same recording run backwards, within the action."""
        return Clock(1.0 - self.phase, self.seconds)


@dataclass(frozen=True, eq=False)
class Actor:
    """One person in one recording; an action moves `posture` in place."""

    body: Body
    style: Style
    posture: Posture
    clock: Clock
    rng: np.random.Generator

    @property
    def main(self) -> int:
        return self.style.main

    @property
    def other(self) -> int:
        return 1 - self.style.main

    def swing(self, hertz: float) -> Floats:
        """(T,) a sine at the person's tempo and at a chance phase."""
        return np.sin(2 * np.pi * hertz * self.style.tempo * self.clock.seconds + self.rng.uniform(0, 2 * np.pi))

    def reach(self, side: int, target: tuple[float, float, float], weight: Floats) -> None:
        """Move one wrist towards a target (heights, chest's frame), all the way where weight (T,) is 1."""
        wrist = self.posture.wrists[:, side]
        wrist += weight[:, None] * (np.array(target) + self.style.reach[side] - wrist)

    def travel(self, side: int, stops: list[tuple[float, tuple[float, float, float]]], clock: Clock) -> None:
        """Lead one wrist from rest through (phase, target) stops."""
        before = 0.0
        for phase, target in stops:
            step = clock.ramp(before, phase)
            wrist = self.posture.wrists[:, side]
            goal = np.array(target) + (self.style.reach[side] if target != REST_WRIST else 0.0)
            wrist += step[:, None] * (goal - wrist)
            before = phase


def find_style(person: np.random.Generator, performance: np.random.Generator) -> Style:
    """A person's manner, and how it differs this time."""
    spread = performance.normal(1.0, REPLICATION_SPREAD, 2).clip(0.8, 1.2)
    return Style(
        amplitude=float(np.clip(person.normal(1.0, AMPLITUDE_SPREAD), 0.65, 1.35) * spread[0]),
        tempo=float(np.clip(person.normal(1.0, TEMPO_SPREAD), 0.65, 1.35) * spread[1]),
        main=int(person.random() > LEFT_HANDED),
        stance=person.normal(0.0, STANCE_SPREAD, 3),
        reach=person.normal(0.0, PERFORMER_REACH, (2, 3)) + performance.normal(0.0, REPLICATION_REACH, (2, 3)),
    )


def set_clock(frames: int, rng: np.random.Generator) -> Clock:
    """A clock with idle stretches before and after the action."""
    start, end = rng.uniform(*IDLE_BEFORE), 1.0 - rng.uniform(*IDLE_AFTER)
    return Clock((np.arange(frames) / frames - start) / (end - start), np.arange(frames) / FPS)


def step_in(person: np.random.Generator, performance: np.random.Generator, frames: int, clock: Clock) -> Actor:
    """A person who stands there, somewhat restless, before the action is added."""
    body, style = grow_body(person), find_style(person, performance)
    posture = rest(frames)
    actor = Actor(body, style, posture, clock, performance)
    posture.chest[:, 0] += style.stance[0]
    posture.neck[:, 0] += style.stance[1]
    posture.wrists[..., 0] += 0.15 * style.stance[2]
    _be_restless(actor)
    return actor


def _be_restless(actor: Actor) -> None:
    posture, clock, rng = actor.posture, actor.clock, actor.rng
    for axis in range(3):
        posture.chest[:, axis] += SWAY * rng.normal() * actor.swing(0.35)
        for side in (0, 1):
            posture.wrists[:, side, axis] += HAND_SWAY * rng.normal() * actor.swing(0.5)
    for axis in (0, 1):
        posture.floor[:, axis] += WEIGHT_SHIFT * rng.normal() * actor.swing(0.3)
    for axis in (0, 2):
        posture.chest[:, axis] += LEAN * rng.normal() * clock.bump(-0.1, 1.1, 0.3)
    for side in (0, 1):
        if rng.random() < STRAY_HAND_CHANCE:
            start, length = rng.uniform(-0.4, 0.5), rng.uniform(0.4, 0.9)
            x, y, z = (float(rng.uniform(*limits)) for limits in STRAY_HAND)
            actor.reach(side, (x, y, z), clock.bump(start, start + length, 0.2))
