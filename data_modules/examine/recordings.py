"""What is doubtful about single recordings.

Axes: N sequences.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from data_modules.examine.measures import FEWEST_FRAMES, Measures
from data_modules.store import Problem, Store

# A joint moves less than this share of the person's size: sensors and people are never that still.
STILL = 1e-3
# The standard deviation of a bone's length, as a share of its mean: bones do not grow.
UNSTEADY = 0.6
# Of visible joints outside the picture.
MANY_OUTSIDE = 0.05
# The longest bone of a body (0.25 to 0.6) or a hand (0.04 to 0.12), with room for both, in metres.
SHORTEST_BODY, TALLEST_BODY = 0.01, 1.5
# A recording's longest bone against the others'.
ODD_SIZE = 5.0
# Rounding, and the peaks of heat maps, which pass 1 by a little.
CONFIDENCE_ROOM = 0.1
# Pixels count from 0 to hundreds: what never passes this is a share of the picture.
SMALLEST_PICTURE = 4.0
UNIT_REMEDY = "check the unit"


def recording_problems(store: Store, found: Measures) -> Iterator[Problem]:
    """One entry for each doubt about each recording of a store, kinds together."""
    yield from _size_of_all(store, found)
    for which, problem, remedy in _kinds(store, found):
        for position in np.flatnonzero(which).tolist():
            yield Problem(str(store.index.sample_id[position]), problem(position), remedy)


Kind = tuple[NDArray[np.bool_], Callable[[int], str], str]


def _kinds(store: Store, found: Measures) -> Iterator[Kind]:
    """For each kind of doubt: which recordings (N,), what to say of one, and what to do."""
    frames, fps = store.frames, store.index.fps
    yield (
        frames < FEWEST_FRAMES,
        lambda at: f"only {frames[at]} frame{'s' if frames[at] != 1 else ''}",
        "shows hardly any motion: check how it was cut",
    )
    yield (
        found.empty_frames > 0,
        lambda at: f"{found.empty_frames[at]} of {frames[at]} frames show nobody",
        "check how frames are counted, and whether the person was lost",
    )
    yield (~found.finite, lambda at: "numbers that are not finite", "fill them in, or leave the person out there")
    yield (~(fps > 0), lambda at: f"{fps[at]} frames per second", "say how many frames a second has")
    yield (
        found.least_motion < STILL,
        lambda at: "a person never moves",
        "a thing taken for a person, or a frozen sensor: leave that person out",
    )
    yield (
        (found.confidence_range[:, 0] < 0) | (found.confidence_range[:, 1] > 1 + CONFIDENCE_ROOM),
        lambda at: "confidences from {:.3g} to {:.3g}".format(*found.confidence_range[at]),
        "give confidences from 0 to 1",
    )
    yield from _of_bones(store, found)
    yield from _of_pictures(found)


def _of_bones(store: Store, found: Measures) -> Iterator[Kind]:
    if store.layout.dimensions != 3 or not store.layout.bones:
        return
    names = ["–".join(store.layout.joints[joint] for joint in reversed(bone)) for bone in store.layout.bones]
    yield (
        found.zero_bone >= 0,
        lambda at: f"the bone {names[found.zero_bone[at]]} has no length in most frames",
        "two joints are in one place: check their columns",
    )
    yield (
        found.unsteadiness > UNSTEADY,
        lambda at: (
            f"the length of {names[found.unsteadiest_bone[at]]} varies by {100 * found.unsteadiness[at]:.0f} % in time"
        ),
        "bones do not grow: joints jump, or change places",
    )
    typical = float(np.median(found.longest_bone))
    yield (
        (found.longest_bone > ODD_SIZE * typical) | (found.longest_bone * ODD_SIZE < typical),
        lambda at: f"its longest bone measures {found.longest_bone[at]:.3g} m, elsewhere {typical:.3g} m",
        "another unit than that of the other recordings?",
    )


def _of_pictures(found: Measures) -> Iterator[Kind]:
    yield (
        found.outside > MANY_OUTSIDE,
        lambda at: f"{100 * found.outside[at]:.0f} % of the visible joints lie outside the picture",
        "check the size of the picture, and where pixels count from",
    )


def _size_of_all(store: Store, found: Measures) -> Iterator[Problem]:
    """The unit, judged by what is typical."""
    if store.layout.dimensions == 2:
        largest = float(np.median(found.largest))
        if largest < SMALLEST_PICTURE:
            yield Problem(
                "all recordings",
                f"positions reach {largest:.3g}: these are shares of the picture, not pixels",
                "multiply them by the picture's width and height",
            )
        return
    typical = float(np.median(found.longest_bone)) if store.layout.bones else np.nan
    if typical > TALLEST_BODY:
        unit = "millimetres" if typical > 1_000 * SHORTEST_BODY * 10 else "centimetres or millimetres"
        yield Problem(
            "all recordings", f"the longest bone measures {typical:.3g} m: this looks like {unit}", UNIT_REMEDY
        )
    elif typical < SHORTEST_BODY:
        yield Problem("all recordings", f"the longest bone measures {typical:.3g} m: a far too small body", UNIT_REMEDY)
