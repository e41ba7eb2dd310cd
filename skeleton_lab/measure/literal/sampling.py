"""Which frames a clip shows, in plain loops: the twin of data_modules/sampling.py.

Axes: T frames of the recording, M persons.

A shown person is a list of (frame, weight): one frame, two that are mixed, or none where the person is not there.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_modules.settings import Sampling

Shown = list[tuple[int, float]]
Rng = np.random.Generator


def sample_frames(sampling: Sampling, valid_TM: NDArray[np.bool_], clip_len: int, rng: Rng | None) -> list[list[Shown]]:
    """What is shown of each person in each frame of the clip. Its twin draws the same numbers in the same order."""
    frames, persons = valid_TM.shape
    if sampling == "segments":
        by_person = [_segments([t for t in range(frames) if valid_TM[t, m]], clip_len, rng) for m in range(persons)]
        return [[by_person[m][i] for m in range(persons)] for i in range(clip_len)]
    if sampling == "all":
        return [[[(t, 1.0)] if valid_TM[t, m] else [] for m in range(persons)] for t in range(frames)]
    if sampling == "padded":
        at = [[(t, 1.0)] for t in range(frames)]
        return [[at[t] if t < frames and valid_TM[t, m] else [] for m in range(persons)] for t in range(clip_len)]
    occupied = [t for t in range(frames) if any(valid_TM[t, m] for m in range(persons))]
    if not occupied:
        return [[[] for _ in range(persons)] for _ in range(clip_len)]
    moments = {
        "segment_centres": _segment_centres,
        "uniform": _uniform,
        "resized": _resized,
        "repeated": _repeated,
    }[sampling]
    clip: list[list[Shown]] = []
    for moment in moments(len(occupied), clip_len, rng):
        weighted = [(occupied[at], weight) for at, weight in moment]
        clip.append([_of_those_there([(t, w) for t, w in weighted if valid_TM[t, m]]) for m in range(persons)])
    return clip


def _of_those_there(weighted: Shown) -> Shown:
    """Weights that add up to 1 over the frames that the person is in."""
    total = sum(weight for _, weight in weighted)
    return [(frame, weight / total) for frame, weight in weighted] if total > 0 else []


def _segments(own: list[int], clip_len: int, rng: Rng | None) -> list[Shown]:
    """AdaSGN: index = int((i + u)·T / clip_len), u = 0 in evaluation."""
    if not own:
        return [[] for _ in range(clip_len)]
    clip: list[Shown] = []
    for i in range(clip_len):
        within = rng.random() if rng is not None else 0.0
        clip.append([(own[int((i + within) * len(own) / clip_len)], 1.0)])
    return clip


def _segment_centres(frames: int, clip_len: int, rng: Rng | None) -> list[Shown]:
    """GCA-LSTM: round((s − 1)·step + 1 + u·(step − 1)) within 1 to T, s from 1, u = ½ in evaluation; halves go up."""
    step = Fraction(frames, clip_len)
    clip: list[Shown] = []
    for s in range(1, clip_len + 1):
        within = Fraction(rng.random()) if rng is not None else Fraction(1, 2)
        frame = math.floor((s - 1) * step + 1 + within * (step - 1) + Fraction(1, 2))
        clip.append([(min(max(frame, 1), frames) - 1, 1.0)])
    return clip


def _uniform(frames: int, clip_len: int, rng: Rng | None) -> list[Shown]:
    """pyskl's UniformSample; in evaluation with its seed, and from the start of a short recording."""
    test = np.random.RandomState(255)
    test.random_sample()
    if frames < clip_len:
        start = int(rng.integers(frames)) if rng is not None else 0
        return [[((start + i) % frames, 1.0)] for i in range(clip_len)]
    if frames < 2 * clip_len:
        choose = rng.choice if rng is not None else test.choice
        skipped = set(choose(clip_len + 1, frames - clip_len, replace=False).tolist())
        clip: list[Shown] = []
        frame = 0
        for i in range(clip_len):
            frame += i in skipped
            clip.append([(frame, 1.0)])
            frame += 1
        return clip
    edges = [i * frames // clip_len for i in range(clip_len + 1)]
    sizes = [edges[i + 1] - edges[i] for i in range(clip_len)]
    within = [int(rng.random() * size) for size in sizes] if rng is not None else test.randint(sizes).tolist()
    return [[(edges[i] + within[i], 1.0)] for i in range(clip_len)]


def _resized(frames: int, clip_len: int, rng: Rng | None) -> list[Shown]:
    """CTR-GCN: the middle 95 % (training: a random 50 to 100 %, no less than a clip), interpolated without corners."""
    if rng is None:
        start = int((1 - 0.95) * frames / 2)
        length = frames - 2 * start
    else:
        length = min(max(math.floor(frames * (0.5 + 0.5 * rng.random())), clip_len), frames)
        start = int(rng.integers(frames - length + 1))
    clip: list[Shown] = []
    for i in range(clip_len):
        at = max((i + 0.5) * length / clip_len - 0.5, 0.0)
        low = math.floor(at)
        high = min(low + 1, length - 1)
        clip.append([(start + low, 1 - (at - low)), (start + high, at - low)])
    return clip


def _repeated(frames: int, clip_len: int, rng: Rng | None) -> list[Shown]:
    """The recording from its start, as often as it takes."""
    clip: list[Shown] = []
    while len(clip) < clip_len:
        clip += [[(at, 1.0)] for at in range(frames)]
    return clip[:clip_len]
