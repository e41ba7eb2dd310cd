"""Which frames of a recording a clip shows. Pure functions; a random one draws from the generator that it is given.

Axes: T frames of the recording, S frames of the clip, M persons.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_modules.settings import Sampling

Valid = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Rng = np.random.Generator

# What CTR-GCN keeps of a recording: a random part of this much in training, the middle of this much in evaluation.
CROP_TRAIN = (0.5, 1.0)
CROP_TEST = 0.95
# What pyskl seeds NumPy with before it samples a test recording.
PYSKL_TEST_SEED = 255


class Sample(NamedTuple):
    """The frames of a clip.

    frames_SM: the frame of the recording that is shown of each person; shown_SM: whether the person is there in it.
    mixed_SM: a second frame that is mixed in with the weight weight_SM (0 to 1); None where nothing is mixed.
    """

    frames_SM: Numbers
    shown_SM: Valid
    mixed_SM: Numbers | None = None
    weight_SM: NDArray[np.float32] | None = None


def sample_frames(sampling: Sampling, valid_TM: Valid, clip_len: int, rng: Rng | None, frame_step: int = 1) -> Sample:
    """The frames of one clip; random where there is a generator, else always the same.

    segments (SGN, AdaSGN): the time in which a person is there is cut into `clip_len` equal segments; one frame is
        taken from each, at random, else its first. Each person is sampled over their own frames, so that nobody who is
        there at some time is shown as a zero skeleton.
    The others show everybody at the same moments, taken from the frames that anybody is in:
    segment_centres (GCA-LSTM): one frame of each of `clip_len` equal segments, at random, else its middle.
    uniform (pyskl's UniformSample): one frame of each segment at random; recordings shorter than two clips leave out
        random frames, those shorter than one are repeated from a random start. In evaluation the draw is pyskl's own.
    resized (CTR-GCN): a part of the recording, stretched to `clip_len` by linear interpolation.
    repeated (2s-AGCN, ST-TR): the recording from its start, again and again until the clip is full.
    These two show the frames of the recording one after another, those too that nobody is in:
    padded (ST-GCN): then nothing until the clip is full; longer recordings end with it.
    all (STAR): whatever `clip_len` says; with a frame_step, the first of every so many frames.

    Whoever is not there in a frame is not shown in it. A clip of nobody shows frame 0 and no person.
    """
    if sampling == "all":
        frames_S = np.arange(0, len(valid_TM), frame_step)
        return Sample(_for_everybody(frames_S, valid_TM), valid_TM[frames_S])
    if sampling == "padded":
        return _padded(valid_TM, clip_len)
    if sampling == "segments":
        return _segments(valid_TM, clip_len, rng)
    occupied = np.flatnonzero(valid_TM.any(axis=1))
    if not len(occupied):
        return _nobody(clip_len, valid_TM.shape[1])
    if sampling == "resized":
        return _resized(occupied, valid_TM, clip_len, rng)
    frames_SM = _for_everybody(occupied[MOMENTS[sampling](len(occupied), clip_len, rng)], valid_TM)
    return Sample(frames_SM, _at(valid_TM, frames_SM))


def _nobody(clip_len: int, persons: int) -> Sample:
    return Sample(np.zeros((clip_len, persons), np.int64), np.zeros((clip_len, persons), np.bool_))


def _for_everybody(frames_S: Numbers, valid_TM: Valid) -> Numbers:
    return np.broadcast_to(frames_S[:, None], (len(frames_S), valid_TM.shape[1]))


def _at(valid_TM: Valid, frames_SM: Numbers) -> Valid:
    return valid_TM[frames_SM, np.arange(valid_TM.shape[1])]


def _padded(valid_TM: Valid, clip_len: int) -> Sample:
    frames_SM, shown_SM = _nobody(clip_len, valid_TM.shape[1])[:2]
    kept = min(len(valid_TM), clip_len)
    frames_SM[:kept] = np.arange(kept)[:, None]
    shown_SM[:kept] = valid_TM[:kept]
    return Sample(frames_SM, shown_SM)


def _segments(valid_TM: Valid, clip_len: int, rng: Rng | None) -> Sample:
    frames_SM, shown_SM = _nobody(clip_len, valid_TM.shape[1])[:2]
    starts = np.arange(clip_len)
    for person, valid_T in enumerate(valid_TM.T):
        own = np.flatnonzero(valid_T)
        if len(own):
            within = rng.random(clip_len) if rng is not None else 0.0
            frames_SM[:, person] = own[((starts + within) * len(own) / clip_len).astype(np.int64)]
            shown_SM[:, person] = True
    return Sample(frames_SM, shown_SM)


def _segment_centres(frames: int, clip_len: int, rng: Rng | None) -> Numbers:
    """round((s − 1)·step + 1 + u·(step − 1)) for s = 1 to `clip_len`, kept in 1 to `frames`; here counted from 0."""
    segments = np.arange(clip_len)
    if rng is None:  # u = ½, in whole numbers because it often falls between two frames
        return (2 * segments + 1) * frames // (2 * clip_len)
    step = frames / clip_len
    at = segments * step + rng.random(clip_len) * (step - 1)
    return np.floor(at + 0.5).astype(np.int64).clip(0, frames - 1)


def _uniform(frames: int, clip_len: int, rng: Rng | None) -> Numbers:
    if rng is None:
        return _uniform_test(frames, clip_len)
    if frames < clip_len:
        return (rng.integers(frames) + np.arange(clip_len)) % frames
    if frames < 2 * clip_len:
        return _leaving_out(rng.choice(clip_len + 1, frames - clip_len, replace=False), clip_len)
    edges = np.arange(clip_len + 1) * frames // clip_len
    return edges[:-1] + (rng.random(clip_len) * np.diff(edges)).astype(np.int64)


@lru_cache(maxsize=4096)
def _uniform_test(frames: int, clip_len: int) -> Numbers:
    """The frames that pyskl shows of every test recording of this length: it draws them from one fixed seed."""
    pyskl = np.random.RandomState(PYSKL_TEST_SEED)
    pyskl.random_sample()  # pyskl draws the size of a crop first, which is the whole
    if frames < clip_len:
        return np.arange(clip_len) % frames
    if frames < 2 * clip_len:
        return _leaving_out(pyskl.choice(clip_len + 1, frames - clip_len, replace=False), clip_len)
    edges = np.arange(clip_len + 1) * frames // clip_len
    return edges[:-1] + pyskl.randint(np.diff(edges))


def _leaving_out(before: Numbers, clip_len: int) -> Numbers:
    """`clip_len` frames in order, one left out before each of the places `before` (0 to clip_len, the end)."""
    left_out = np.zeros(clip_len + 1, np.int64)
    left_out[before] = 1
    return np.arange(clip_len) + left_out.cumsum()[:-1]


def _repeated(frames: int, clip_len: int, rng: Rng | None) -> Numbers:
    return np.arange(clip_len) % frames


MOMENTS: dict[Sampling, Callable[[int, int, Rng | None], Numbers]] = {
    "segment_centres": _segment_centres,
    "uniform": _uniform,
    "repeated": _repeated,
}


def _resized(occupied: Numbers, valid_TM: Valid, clip_len: int, rng: Rng | None) -> Sample:
    start, length = _crop(len(occupied), clip_len, rng)
    at_S = np.maximum((np.arange(clip_len) + 0.5) * length / clip_len - 0.5, 0)
    low_S = at_S.astype(np.int64)
    high_S = np.minimum(low_S + 1, length - 1)
    low_SM, high_SM = (_for_everybody(occupied[start + frames], valid_TM) for frames in (low_S, high_S))
    # Nobody is mixed with the zeros of a frame that they are not in.
    low_weight_SM = (1 - (at_S - low_S))[:, None] * _at(valid_TM, low_SM)
    high_weight_SM = (at_S - low_S)[:, None] * _at(valid_TM, high_SM)
    total_SM = low_weight_SM + high_weight_SM
    weight_SM = np.divide(high_weight_SM, total_SM, out=np.zeros_like(total_SM), where=total_SM > 0)
    return Sample(low_SM, total_SM > 0, high_SM, weight_SM.astype(np.float32))


def _crop(frames: int, clip_len: int, rng: Rng | None) -> tuple[int, int]:
    """Start and length of the part that is kept; in training no shorter than a clip where there is as much."""
    if rng is None:
        cut = int((1 - CROP_TEST) * frames / 2)
        return cut, frames - 2 * cut
    least, most = CROP_TRAIN
    length = min(max(int(frames * (least + rng.random() * (most - least))), clip_len), frames)
    return int(rng.integers(frames - length + 1)), length
