"""A recording as a live stream: what STAR makes of the last frames, after every one.

Axes: T frames, V joints, C channels, K classes.
"""

from typing import NamedTuple

import torch

from data_modules.divisions import Draw
from skeleton_lab.errors import RequestError
from skeleton_lab.papers.star.network import STAR
from skeleton_lab.papers.star.streaming import WindowedSTAR
from skeleton_lab.reproduce.prediction import Predictor


class Moment(NamedTuple):
    """After `frame` of the recording, counted from 1: the likeliest class and its probability."""

    frame: int
    name: str
    probability: float


def stream(predictor: Predictor, position: int, window: int) -> list[Moment]:
    """The first person's frames one after another, each scored with the `window` frames that end with it.

    Raises RequestError for another network than STAR, which alone takes clips of any length frame by frame.
    """
    network, clips = predictor.module.network, predictor.data.clips
    if not isinstance(network, STAR):
        raise RequestError(
            f"window={window}: {predictor.module.settings.name} needs whole clips; take star_64 or star_128"
        )
    clip, star = clips[Draw(position)], WindowedSTAR(network.cpu(), window)
    found = []
    for t in clip.valid_TM[:, 0].nonzero()[0].tolist():
        ((name, probability),) = predictor.likeliest(star.push(torch.from_numpy(clip.joints_TMVC[t, 0])), 1)
        found.append(Moment(t * clips.settings.frame_step + 1, name, probability))
    return found
