"""The keys that say how a dataset's sequences become clips."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

from data_modules.errors import did_you_mean
from data_modules.layouts import Layout

Selection = Literal["last", "validation", "test"]
Stream = Literal["joint", "bone", "joint_motion", "bone_motion", "velocity", "joint_bone_motion"]
Origin = Literal["joint", "image", "none"]
Sampling = Literal["segments", "segment_centres", "uniform", "resized", "repeated", "padded", "all"]

# These show the same frames of a recording in every clip, in training too.
DRAW_NOTHING: tuple[Sampling, ...] = ("repeated", "padded", "all")


# What a clip of a film shows.
Modality = Literal["both", "rgb", "pose"]


@dataclass
class ClipSettings:
    """What every kind of clip is made by.

    clip_len: how many frames it shows. persons: the most persons in a clip; batches have that many slots, whoever is in
        them.
    train_clips: at most this many training clips, the same number of each class as far as they go; none takes all.
    test_crops: how many clips of each test recording are classified, to average what is found: above 1, their frames
        are drawn as in training, without its other changes; 1 is the clip that is always the same.
    """

    dataset: str = "???"
    protocol: str = "???"
    fold: int = 0
    clip_len: int = 20
    persons: int = 1
    train_clips: int | None = None
    test_crops: int = 1


@dataclass
class SkeletonSettings(ClipSettings):
    """How the sequences of a dataset become clips.

    stream: what the network sees of them (see data_modules/transforms.py).
    origin: 'joint' puts it on centre_joint in the first frame; 'image' puts it on the middle of the picture, whose
        edges are then at −1 and 1; 'none' leaves coordinates as they were recorded.
    scale_bone: the pair of joints whose distance becomes 1, or none.
    align_up, align_right: pairs of joints that are turned to +z and +x in the first frame, or none.
    sampling: which frames a clip shows (see data_modules/sampling.py); 'all' does not ask for clip_len.
    frame_step: 'all' shows the first of every so many frames.
    person_order: who comes first: 'recorded' as the files have it, 'along_x' whose centre_joint has the largest x.
    rotation_degrees: training clips are turned by up to this about each axis; pictures in their plane alone.
    scale_spread: training clips are stretched along each axis by a factor of 1 ± up to this.
    noise_metres: the standard deviation of Gaussian noise on all recorded coordinates of the clips that noise_on names.
    """

    stream: Stream = "joint"
    collation: Literal["padded", "ragged"] = "padded"
    origin: Origin = "joint"
    centre_joint: int = 0
    scale_bone: list[int] | None = None
    align_up: list[int] | None = None
    align_right: list[int] | None = None
    sampling: Sampling = "segments"
    frame_step: int = 1
    person_order: Literal["recorded", "along_x"] = "recorded"
    rotation_degrees: float = 0.0
    scale_spread: float = 0.0
    noise_metres: float = 0.0
    noise_on: Literal["train", "test", "both"] = "both"


def channels_of(stream: Stream) -> int:
    """How many numbers a stream shows of each joint."""
    return 9 if stream == "joint_bone_motion" else 3


def settings_problems(settings: SkeletonSettings, layout: Layout) -> Iterator[str]:
    """One line for each value that recordings of this layout cannot have, or that no recordings can."""
    yield from _choice_problems(settings)
    joints = range(layout.num_joints)
    if settings.centre_joint not in joints:
        yield f"data.centre_joint={settings.centre_joint}: give a joint from 0 to {joints[-1]}"
    for key in ("scale_bone", "align_up", "align_right"):
        pair = getattr(settings, key)
        if pair is not None and (len(pair) != 2 or not all(joint in joints for joint in pair)):
            yield f"data.{key}={pair}: give two joints from 0 to {joints[-1]}"
    if (settings.align_up is None) != (settings.align_right is None):
        yield "data.align_up and data.align_right: give both or neither"
    yield from _count_problems(settings, "clip_len", "frame_step", "persons", "train_clips", "test_crops")
    if settings.frame_step > 1 and settings.sampling != "all":
        yield f"data.frame_step={settings.frame_step}: it is for data.sampling=all; leave it at 1"
    if settings.test_crops > 1 and settings.sampling in DRAW_NOTHING:
        yield (
            f"data.test_crops={settings.test_crops}: data.sampling={settings.sampling} shows the same frames in each; "
            "leave it at 1"
        )
    # Written so that NaN is refused too.
    for key, most, unit in (("rotation_degrees", 180, ""), ("scale_spread", 1, ""), ("noise_metres", 100, " metres")):
        if not 0 <= getattr(settings, key) <= most:
            yield f"data.{key}={getattr(settings, key)}: give a number from 0 to {most}{unit}"
    yield from _dimension_problems(settings, layout)


def _choice_problems(settings: ClipSettings) -> Iterator[str]:
    """One line for each value that is none of those that its annotation lists."""
    for key, kind in get_type_hints(type(settings)).items():
        value = getattr(settings, key)
        if get_origin(kind) is Literal and value not in get_args(kind):
            yield f"data.{key}={value}: {did_you_mean(str(value), get_args(kind))}"


def _dimension_problems(settings: SkeletonSettings, layout: Layout) -> Iterator[str]:
    if layout.dimensions == 3 and settings.origin == "image":
        yield f"data.origin=image: {layout.name} skeletons are in metres, not in a picture; take 'joint' or 'none'"
    if layout.dimensions == 2 and settings.align_up is not None:
        yield f"data.align_up={settings.align_up}: {layout.name} skeletons are flat and cannot be aligned; leave it out"
    if layout.dimensions == 2 and settings.noise_metres:
        yield f"data.noise_metres={settings.noise_metres}: {layout.name} skeletons are in pixels; leave it at 0"


@dataclass
class VideoSettings(ClipSettings):
    """How films and the poses in them become clips.

    modality: 'both', frames alone ('rgb') or poses alone ('pose'), which need no films; those of NTU RGB+D do, since
        its readers keep the pixels of filmed recordings alone.
    test_clip_len: how many frames clips show in evaluation; none: as many as in training.
    short_side: what the shorter side of a film is resized to, an even number of pixels; crop: the side of the square
        that is cut out of it, at random in training, else in the middle.
    crop_around: 'bodies': the square around all joints that a clip shows is cut out instead, and resized to `crop`.
    drawn_joints: 'hidden': dots of pure colours, as they are drawn into Florence 3D's films, are filled from around
        them.
    flip: whether half of the training clips are mirrored; not where left and right tell actions apart.
    least_confidence: a joint that is not surer than this counts as not visible.
    """

    clip_len: int = 12
    modality: Modality = "both"
    test_clip_len: int | None = None
    short_side: int = 256
    crop: int = 224
    crop_around: Literal["picture", "bodies"] = "picture"
    drawn_joints: Literal["kept", "hidden"] = "kept"
    flip: bool = False
    least_confidence: float = 0.01


def video_problems(settings: VideoSettings) -> Iterator[str]:
    """One line for each value that no film's clips can have."""
    yield from _choice_problems(settings)
    yield from _count_problems(
        settings, "clip_len", "test_clip_len", "short_side", "crop", "persons", "train_clips", "test_crops"
    )
    if settings.short_side % 2:
        yield f"data.short_side={settings.short_side}: give an even number"
    if settings.crop_around == "picture" and settings.crop > settings.short_side:
        yield f"data.crop={settings.crop}: give a number up to data.short_side, which is {settings.short_side}"
    if not 0 <= settings.least_confidence < 1:
        yield f"data.least_confidence={settings.least_confidence}: give a number from 0 to less than 1"


def _count_problems(settings: ClipSettings, *keys: str) -> Iterator[str]:
    """One line for each that is neither above 0 nor none."""
    for key in keys:
        value = getattr(settings, key)
        if value is not None and value < 1:
            yield f"data.{key}={value}: give a number above 0"
