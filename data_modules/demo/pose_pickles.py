"""Recordings as pyskl pickles them: one dictionary of splits and annotations for the whole dataset.

Axes: T frames, M persons, V joints, C coordinates.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data_modules.demo import actions as single
from data_modules.demo import chores, exercises, mutual
from data_modules.demo.actions import Action
from data_modules.demo.mutual import NTU60_ACTIONS, NTU120_ACTIONS
from data_modules.demo.ntu_rgbd import PERFORMERS, VIEW, Performance, perform, schedule
from data_modules.demo.retarget import retarget, retarget_trust
from data_modules.demo.sensor import COLOUR_LENS, Lens, place_camera, project
from data_modules.demo.stage import Footage, Take, Turn, film, shoot, takes
from data_modules.layouts import COCO17

# The demo world's own choice of numbers among the 99 of FineGYM and the 400 of Kinetics.
GYM_ACTIONS = (
    Action(3, "hands up", single.hands_up),
    Action(17, "jump", single.jump, seconds=2.4),
    Action(29, "kick", single.kick),
    Action(41, "squat", single.squat),
    Action(58, "jumping jacks", exercises.jumping_jacks),
    Action(66, "bend", exercises.bend_to_the_floor),
    Action(80, "fall", single.fall),
    Action(98, "run", single.run_on_the_spot),
)
KINETICS_ACTIONS = (
    Action(0, "bow", chores.bow),
    Action(31, "box", exercises.boxing),
    Action(57, "clap", single.clap),
    Action(98, "drink", single.drink, seconds=3.2),
    Action(134, "swing a club", exercises.golf_swing),
    Action(183, "jump a rope", exercises.jump_rope),
    Action(229, "walk", chores.walk, seconds=3.2),
    Action(302, "shake hands", mutual.shake_hands, persons=2),
    Action(325, "sweep", chores.sweep, seconds=3.6),
    Action(399, "wave", single.wave),
)
PEOPLE, TIMES = 50, 3
LEAST = 2
SMALL_PICTURE = (270, 480)
SMALL_LENS: Lens = (263.0, 263.0, 244.0, 141.75)
COLOUR_PICTURE = (1080, 1920)
LOWEST_SCORE, HIGHEST_SCORE = 0.30, 0.95
PROTOCOL = 4  # of pickle

Annotation = dict[str, Any]
# (name, annotation, for each protocol whether it trains)
Clip = tuple[str, Annotation, Mapping[str, bool]]


def write_finegym99(folder: Path, clips: int, seed: int) -> None:
    """Write gym_hrnet.pkl with about that many clips: at least 16, and at most 1,200."""
    _write(folder / "gym_hrnet.pkl", _clips_of_films(GYM_ACTIONS, clips, seed))


def write_kinetics400(folder: Path, clips: int, seed: int) -> None:
    """Write k400_hrnet.pkl with about that many clips: at least 20, and at most 1,500; one class shows two people."""
    _write(folder / "k400_hrnet.pkl", _clips_of_films(KINETICS_ACTIONS, clips, seed))


def write_ntu_in_space(dataset: str, folder: Path, clips: int, seed: int) -> None:
    """Write ntu60_3danno.pkl or ntu120_3danno.pkl with that many clips. Raises DataError as `schedule` does."""
    _write(folder / f"{dataset}_3danno.pkl", _clips_of_ntu(dataset, clips, seed, annotate_in_space))


def write_ntu_in_picture(dataset: str, folder: Path, clips: int, seed: int) -> None:
    """Write ntu60_hrnet.pkl or ntu120_hrnet.pkl with that many clips. Raises DataError as `schedule` does."""
    _write(folder / f"{dataset}_hrnet.pkl", _clips_of_ntu(dataset, clips, seed, annotate_in_colour))


def gym_films(clips: int, seed: int) -> Iterator[tuple[str, Take, Footage]]:
    """The takes of FineGYM's demo: the name of each one's film, and what the camera saw."""
    for name, take, footage in _takes(GYM_ACTIONS, clips, seed):
        yield f"videos/{name}.mp4", take, footage


def _write(path: Path, clips: Iterator[Clip]) -> None:
    annotations, split = [], dict[str, list[str]]()
    for name, annotation, trains in clips:
        annotations.append(annotation)
        for protocol, in_training in trains.items():
            split.setdefault(f"{protocol}{'train' if in_training else 'val'}", []).append(name)
    path.write_bytes(pickle.dumps({"split": split, "annotations": annotations}, protocol=PROTOCOL))


def _clips_of_films(actions: tuple[Action, ...], clips: int, seed: int) -> Iterator[Clip]:
    for name, take, footage in _takes(actions, clips, seed):
        annotation = annotate_in_picture(name, take.action.number, footage, SMALL_LENS, SMALL_PICTURE)
        yield name, annotation, {"": take.subjects[0] % 2 > 0}


def _takes(actions: tuple[Action, ...], clips: int, seed: int) -> Iterator[tuple[str, Take, Footage]]:
    """Films of the web, by name: turns of training and validation alternate."""
    turns: list[Turn] = [
        ((person,), time, 1 + (person + time) % 3) for time in range(1, TIMES + 1) for person in range(1, PEOPLE + 1)
    ]
    for take in takes(actions, turns, clips, LEAST):
        (person,) = take.subjects
        name = f"class{take.action.number:03}_person{person:02}_{take.replication}"
        company = (person, PEOPLE + person)[: take.action.persons]
        yield name, take, film(replace(take, subjects=company), seed)


def _clips_of_ntu(
    dataset: str, clips: int, seed: int, annotate: Callable[[str, int, Footage], Annotation]
) -> Iterator[Clip]:
    """The performances of the demo in .skeleton files, with the names and splits of pyskl."""
    for performance, camera in schedule(NTU60_ACTIONS if dataset == "ntu60" else NTU120_ACTIONS, clips):
        rng = np.random.default_rng((seed, VIEW, camera, *performance.identity))
        footage = shoot(perform(performance, seed), place_camera(camera, performance.setup), rng)
        name = performance.name(camera)
        second = {"xview_": camera != 1} if dataset == "ntu60" else {"xset_": performance.setup % 2 == 0}
        yield name, annotate(name, performance.action.number - 1, footage), {"xsub_": _trains(performance), **second}


def _trains(performance: Performance) -> bool:
    training, _ = PERFORMERS[performance.action.number > 60]
    return performance.performer in training


def annotate_in_space(name: str, label: int, footage: Footage) -> Annotation:
    """The 25 joints in metres."""
    keypoint = footage.seen.transpose(1, 0, 2, 3).astype(np.float16)
    return {"frame_dir": name, "label": label, "total_frames": keypoint.shape[1], "keypoint": keypoint}


def annotate_in_colour(name: str, label: int, footage: Footage) -> Annotation:
    """The 17 keypoints in the Kinect's colour picture."""
    return annotate_in_picture(name, label, footage, COLOUR_LENS, COLOUR_PICTURE)


def annotate_in_picture(name: str, label: int, footage: Footage, lens: Lens, picture: tuple[int, int]) -> Annotation:
    """The 17 keypoints in a picture of (height, width), with scores."""
    pixels = project(retarget(footage.seen, COCO17), lens)
    score = LOWEST_SCORE + (HIGHEST_SCORE - LOWEST_SCORE) * retarget_trust(footage.tracked, COCO17)
    return {
        "frame_dir": name,
        "label": label,
        "img_shape": picture,
        "original_shape": picture,
        "total_frames": len(pixels),
        "keypoint": pixels.transpose(1, 0, 2, 3).astype(np.float16),
        "keypoint_score": score.transpose(1, 0, 2).astype(np.float16),
    }
