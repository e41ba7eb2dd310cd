"""A recording as a live stream: what STAR makes of it after every frame.

Axes: T frames, V joints, C channels, K classes.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from data_modules.divisions import Draw
from data_modules.settings import Stream
from skeleton_lab.errors import RequestError
from skeleton_lab.papers.star.network import STAR
from skeleton_lab.papers.star.streaming import RunningSTAR, WindowedSTAR
from skeleton_lab.reproduce.prediction import Predictor

# So many frames at a time, exactly, or sums over all of them, which is quicker and not exact.
Window = int | Literal["running"]


class Moment(NamedTuple):
    """After `frame` of the recording, counted from 1: the likeliest class and its probability."""

    frame: int
    name: str
    probability: float


def stream(predictor: Predictor, position: int, window: Window) -> list[Moment]:
    """The first person's frames one after another, each scored with the `window` frames that end with it, or with the
    running sums of all of them: of the frames that data.frame_step leaves. Nothing of a later frame is looked at.

    Raises RequestError for another network than STAR, which alone takes clips of any length frame by frame, and for one
    that does not see frames as they come.
    """
    network, clips = predictor.module.network, predictor.data.clips
    if not isinstance(network, STAR):
        raise RequestError(
            f"window={window}: {predictor.module.settings.name} needs whole clips; take star_64 or star_128"
        )
    settings = clips.settings
    if settings.sampling != "all":
        raise RequestError(f"window={window}: a stream is of data.sampling=all, and this run has {settings.sampling}")
    network = network.cpu()
    clip, star = clips[Draw(position)], RunningSTAR(network) if window == "running" else WindowedSTAR(network, window)
    found, before_VC = [], None
    for t in clip.valid_TM[:, 0].nonzero()[0].tolist():
        x_VC = torch.from_numpy(clip.joints_TMVC[t, 0])
        ((name, probability),) = predictor.likeliest(star.push(_newest(x_VC, settings.stream), before_VC), 1)
        found.append(Moment(t * settings.frame_step + 1, name, probability))
        before_VC = x_VC
    return found


def _newest(x_VC: Tensor, stream: Stream) -> Tensor:
    """A frame while none is known after it: as in the last frame of a clip, nothing moves."""
    if stream == "joint_bone_motion":
        return torch.cat([x_VC[:, :-3], torch.zeros_like(x_VC[:, -3:])], dim=1)
    return torch.zeros_like(x_VC) if stream in ("joint_motion", "bone_motion") else x_VC
