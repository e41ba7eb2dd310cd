"""Who does what in front of which camera, and what it sees of them: what all writers of bodies share.

Axes: T frames, M persons, V the 25 joints of the demo bodies, C coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_modules.demo.actions import Action
from data_modules.demo.bodies import Floats, place_joints, rotations
from data_modules.demo.motion import FPS, set_clock, step_in
from data_modules.demo.sensor import TRACKED, Camera, Lens, noise, occlude, place_camera, project
from data_modules.errors import DataError

SHORTEST, LONGEST = 32, 300
LENGTH_SPREAD = 0.28
FACING_SPREAD = 0.12  # radians
PLACE_SPREAD = 0.15  # metres
PERSON, TAKE, TAKE_VIEW = 1, 21, 22
MOST_CLIPS = 20_000

# One turn of every action: who (one or two subjects), which time, which camera.
Turn = tuple[tuple[int, ...], int, int]


@dataclass(frozen=True)
class Take:
    """One action, done for the `replication`-th time by these subjects, as one camera films it."""

    action: Action
    subjects: tuple[int, ...]
    replication: int
    camera: int


@dataclass(frozen=True, eq=False)
class Footage:
    """What a camera sees of a performance, in its own space; whoever draws a film of it begins here.

    clean, seen: (T, M, V, 3) metres, as it was and as the sensor has it; tracked: (T, M, V) whether the sensor saw the
    joint or guessed where it is.
    """

    clean: Floats
    seen: Floats
    tracked: NDArray[np.bool_]

    def every(self, step: int) -> "Footage":
        """The first of every `step` frames, for cameras that are slower than 30 frames per second."""
        return Footage(self.clean[::step], self.seen[::step], self.tracked[::step])

    def pixels(self, lens: Lens) -> Floats:
        """(T, M, V, 2) where the bodies are in the picture, without the sensor's errors."""
        return project(self.clean, lens)


def takes(actions: Sequence[Action], turns: Sequence[Turn], clips: int, least: int) -> list[Take]:
    """About `clips` recordings: every action in the same first so many turns, of which there are at least `least`.

    So every class has the same subjects and cameras, and a take does not depend on how many there are. Where the
    dataset has not as many turns, there are fewer recordings. Raises DataError for numbers of clips out of all reason.
    """
    check_clips(clips)
    share = min(max((clips + len(actions) // 2) // len(actions), least), len(turns))
    return [Take(action, *turn) for action in actions for turn in turns[:share]]


def check_clips(clips: int) -> None:
    """Raise DataError for numbers of clips out of all reason."""
    if not 1 <= clips <= MOST_CLIPS:
        raise DataError(f"the demo world has 1 to {MOST_CLIPS} recordings here, not {clips}")


def in_turn(subjects: Sequence[int], replications: int) -> list[Turn]:
    """All subjects once, then all of them again; one camera."""
    return [((subject,), again, 1) for again in range(1, replications + 1) for subject in subjects]


def perform_take(take: Take, seed: int, facing: float = 0.0) -> tuple[Floats, ...]:
    """The bodies of a take, each (T, V, 3) metres in the world. facing: radians from the middle camera."""
    people = [np.random.default_rng((seed, PERSON, subject)) for subject in take.subjects]
    return act(take.action, people, facing, np.random.default_rng((seed, TAKE, *_identity(take))))


def film(take: Take, seed: int, facing: float = 0.0) -> Footage:
    """What the take's camera sees of it; each subject stands a little differently before the cameras."""
    rng = np.random.default_rng((seed, TAKE_VIEW, take.camera, *_identity(take)))
    return shoot(perform_take(take, seed, facing), place_camera(take.camera, take.subjects[0]), rng)


def _identity(take: Take) -> tuple[int, ...]:
    return take.action.number, take.replication, *take.subjects


def act(
    action: Action, people: Sequence[np.random.Generator], facing: float, rng: np.random.Generator
) -> tuple[Floats, ...]:
    """The bodies of one performance, each (T, V, 3) metres in the world, before any sensor.

    people: what each person's build and manner are drawn from, all of it anew; facing: radians from the middle camera.
    """
    length = action.seconds * FPS * np.exp(rng.normal(0.0, LENGTH_SPREAD))
    frames = int(np.clip(length, SHORTEST, LONGEST))
    clock = set_clock(frames, rng)
    actors = [step_in(person, rng, frames, clock) for person in people]
    action.perform(*actors)
    turn = rng.normal(facing, FACING_SPREAD)
    world = rotations(np.zeros(1), np.array([turn]), np.zeros(1))[0]
    shift = np.array([rng.normal(0.0, PLACE_SPREAD), 0.0, rng.normal(0.0, PLACE_SPREAD)])
    return tuple(place_joints(actor.body, actor.posture) @ world.T + shift for actor in actors)


def shoot(bodies: Sequence[Floats], camera: Camera, rng: np.random.Generator) -> Footage:
    """What a camera sees of (T, V, 3) bodies in the world: with noise and occlusions, but nobody lost or invented."""
    clean = [camera.see(body) for body in bodies]
    seen = [joints + noise(len(joints), float(joints[..., 2].mean()), rng) for joints in clean]
    state = [np.full(joints.shape[:2], TRACKED) for joints in seen]
    for joints, tracked in zip(seen, state, strict=True):
        occlude(joints, tracked, rng)
    return Footage(np.stack(clean, 1), np.stack(seen, 1), np.stack(state, 1) == TRACKED)
