"""A batch of random recordings that becomes clips as a model's settings say, for what needs no real ones; and the
recordings that STAR's own measurements drew.

Axes: N clips, T frames, M persons, V joints, C coordinates or colours.
"""

from collections.abc import Sequence

import numpy as np
import torch

from data_modules.collate import Clip, collate_padded, collate_ragged
from data_modules.layouts import Layout
from data_modules.sampling import sample_frames
from data_modules.settings import SkeletonSettings, VideoSettings
from data_modules.skeletons import Batch
from data_modules.store import Frames
from data_modules.transforms import Normalisation, Recording, show
from data_modules.video_pose import VideoPoseBatch

# The lengths of STAR's own measurements (its Table 2), of one person each; and the length and the persons that ST-GCN
# pads each clip to, so that clips which fill them are the same input for all networks.
SHORTEST, LONGEST, FULL_LENGTH, FULL_PERSONS = 100, 299, 300, 2


def random_lengths(clips: int) -> list[int]:
    """How many frames each of so many recordings has: the same numbers for every network."""
    return np.random.default_rng(0).integers(SHORTEST, LONGEST + 1, clips).tolist()


def random_batch(settings: SkeletonSettings, layout: Layout, frames: Sequence[int], persons: int) -> Batch:
    """One clip of each recording, of so many frames and persons, whose coordinates are drawn from N(0, 1).

    Clips are sampled, shown and collated as those of a test set are; only coordinates are not normalised. The same
    arguments give the same batch.
    """
    rng = np.random.default_rng(0)
    clips = [_clip(settings, layout, length, persons, rng) for length in frames]
    return (collate_ragged if settings.collation == "ragged" else collate_padded)(clips, settings.persons)


def random_film_batch(settings: VideoSettings, layout: Layout, clips: int) -> VideoPoseBatch:
    """So many clips of frames of noise, with all persons in them, whose joints lie anywhere in the picture. The same
    arguments give the same batch."""
    generator, side = torch.Generator().manual_seed(0), 0 if settings.modality == "pose" else settings.crop
    joints = clips, settings.persons, settings.clip_len, layout.num_joints
    return VideoPoseBatch(
        frames=torch.randint(256, (clips, settings.clip_len, 3, side, side), dtype=torch.uint8, generator=generator),
        pixels=settings.crop * torch.rand(*joints, 2, generator=generator) - 0.5,
        visible=torch.ones(joints, dtype=torch.bool),
        label=torch.zeros(clips, dtype=torch.long),
        position=torch.arange(clips),
    )


def _clip(settings: SkeletonSettings, layout: Layout, length: int, persons: int, rng: np.random.Generator) -> Clip:
    joints_TMVC = rng.standard_normal((length, persons, layout.num_joints, layout.dimensions), np.float32)
    valid_TM = np.ones((length, persons), np.bool_)
    sample = sample_frames(settings.sampling, valid_TM, settings.clip_len, None, settings.frame_step)
    recording = Recording(Frames(joints_TMVC, valid_TM, None, None), True, layout, Normalisation())
    return Clip(show(recording, sample, settings.stream), sample.shown_SM, label=0, position=0)
