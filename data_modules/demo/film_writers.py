"""The films of the demo's recordings, under their official names, drawn from the same poses.

They lack the sensor's errors, and they are smaller than the pictures that joints are measured in, which whoever reads
films allows for.

Axes: T frames, M persons, V the 25 joints of the demo bodies, C coordinates.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_modules.demo import florence3d, penn_action, pose_pickles
from data_modules.demo.actions import Action
from data_modules.demo.bodies import Floats
from data_modules.demo.film import Look, Prop, draw, dress, shown, write_film, write_pictures
from data_modules.demo.mutual import NTU60_ACTIONS, NTU120_ACTIONS
from data_modules.demo.ntu_rgbd import PARTNER, perform, schedule, write_ntu
from data_modules.demo.sensor import COLOUR_LENS, Lens, place_camera, project
from data_modules.demo.stage import Footage, Take
from data_modules.video_transforms import Frames, Size

CLOTHES, PLACE = 31, 32
NTU_PICTURE, NTU_SIZE = (1920, 1080), (256, 144)
NTU_STEP, NTU_FPS = 3, 10  # every third frame is filmed
FLORENCE_SIZE, FLORENCE_FPS = (160, 120), 10
PENN_SIZE = (160, 90)
GYM_FPS = 30

BOTTLE, PHONE, BRUSH = Prop("box", (70, 150, 255)), Prop("box", (20, 20, 25)), Prop("disc", (255, 90, 160))
BOOK, PEN, HAT = Prop("box", (245, 245, 235)), Prop("disc", (235, 30, 30)), Prop("disc", (30, 60, 20))
# What is held in actions, by name. In Penn Action, two pairs of actions are one motion each and differ in this alone.
PROPS = {
    "drink water": BOTTLE,
    "drink from a bottle": BOTTLE,
    "make a phone call/answer phone": PHONE,
    "answer phone": PHONE,
    "brushing teeth": BRUSH,
    "reading": BOOK,
    "writing": PEN,
    "put on a hat/cap": HAT,
    "take off a hat/cap": HAT,
    "giving something to other person": BOOK,
    "baseball_pitch": Prop("disc", (250, 250, 250)),
    "baseball_swing": Prop("box", (120, 70, 25)),
    "tennis_forehand": Prop("disc", (215, 255, 60)),
    "tennis_serve": Prop("disc", (215, 255, 60)),
    "golf_swing": Prop("box", (150, 150, 175)),
    "bowl": Prop("disc", (20, 20, 60)),
}


def write_ntu_with_films(dataset: str, folder: Path, clips: int, seed: int) -> None:
    """The demo of NTU RGB+D, and nturgb+d_rgb/S…_rgb.avi of every recording: one frame for every three poses."""
    write_ntu(dataset, folder, clips, seed)
    actions = NTU120_ACTIONS if dataset == "ntu120" else NTU60_ACTIONS
    for performance, camera in schedule(actions, clips):
        eye = place_camera(camera, performance.setup)
        bodies = np.stack([eye.see(body) for body in perform(performance, seed)], 1)
        people = [performance.performer + PARTNER * person for person in range(bodies.shape[1])]
        looks = _looks(people, performance.action, seed)
        place = np.random.default_rng((seed, PLACE, camera, *performance.identity))
        film = _film(bodies, COLOUR_LENS, looks, NTU_PICTURE, NTU_SIZE, -(-len(bodies) // NTU_STEP), place)
        write_film(folder / "nturgb+d_rgb" / f"{performance.name(camera)}_rgb.avi", film, NTU_FPS)


def write_florence3d_with_films(folder: Path, clips: int, seed: int) -> None:
    """The demo of Florence 3D, and rgb/GestureRecording_….avi of every recording."""
    florence3d.write_florence3d(folder, clips, seed)
    for recording in florence3d.recordings(clips, seed):
        film = _film_of(recording.take, recording.footage, florence3d.LENS, florence3d.IMAGE_SIZE, FLORENCE_SIZE, seed)
        write_film(folder / recording.film, film, FLORENCE_FPS)


def write_penn_action_with_films(folder: Path, clips: int, seed: int) -> None:
    """The demo of Penn Action with more classes than without films, and frames/NNNN/000001.jpg … of every recording."""
    actions = (*penn_action.ACTIONS, *penn_action.TWINS)
    penn_action.write_penn_action(folder, clips, seed, actions)
    picture = penn_action.WIDTH, penn_action.HEIGHT
    for recording in penn_action.recordings(clips, seed, actions):
        film = _film_of(recording.take, recording.footage, penn_action.LENS, picture, PENN_SIZE, seed)
        write_pictures(folder / recording.frames, film)


def write_finegym99_with_films(folder: Path, clips: int, seed: int) -> None:
    """The demo of FineGYM, and videos/….mp4 of every recording."""
    pose_pickles.write_finegym99(folder, clips, seed)
    height, width = pose_pickles.SMALL_PICTURE
    for name, take, footage in pose_pickles.gym_films(clips, seed):
        film = _film_of(take, footage, pose_pickles.SMALL_LENS, (width, height), PENN_SIZE, seed)
        write_film(folder / name, film, GYM_FPS)


def _film_of(take: Take, footage: Footage, lens: Lens, picture: Size, size: Size, seed: int) -> Frames:
    """As many frames as the footage has."""
    looks = _looks(take.subjects, take.action, seed)
    place = np.random.default_rng((seed, PLACE, take.camera, take.action.number, take.replication, *take.subjects))
    return _film(footage.clean, lens, looks, picture, size, len(footage.clean), place)


def _looks(people: Sequence[int], action: Action, seed: int) -> list[Look]:
    """How each of the people looks, the same in all their films; the first one holds what belongs to the action."""
    first, *others = (np.random.default_rng((seed, CLOTHES, person)) for person in people)
    return [dress(first, PROPS.get(action.name)), *(dress(other) for other in others)]


def _film(
    bodies_TMVC: Floats,
    lens: Lens,
    looks: Sequence[Look],
    picture: Size,
    size: Size,
    frames: int,
    place: np.random.Generator,
) -> Frames:
    """`frames` frames, as large as `size`, of bodies in the camera's space; `picture` is what the lens projects to."""
    order = np.argsort(-bodies_TMVC[..., 2].mean(axis=(0, 2)))  # whoever is nearer is drawn later
    pixels = shown(project(bodies_TMVC[:, order], lens), picture, size, frames)
    return draw(pixels, [looks[person] for person in order], size, place)
