"""Recordings as NTU RGB+D files them: which performances there are, and each camera's text.

Axes: T frames, F frames of one track, V joints, C coordinates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from data_modules.demo.bodies import Floats, unit
from data_modules.demo.mutual import NTU60_ACTIONS, NTU120_ACTIONS, Action
from data_modules.demo.sensor import COLOUR_LENS, DEPTH_LENS, Track, place_camera, project, record
from data_modules.demo.stage import PERSON, act
from data_modules.errors import DataError
from data_modules.layouts import NTU25
from data_modules.readers.ntu_rgbd import missing_names

# Twelve who train and twelve who test under xsub, for actions up to 60 and above.
PERFORMERS = {
    False: ((1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18), (3, 6, 7, 10, 11, 12, 20, 21, 22, 23, 24, 26)),
    True: ((45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58), (41, 42, 43, 44, 48, 51, 60, 61, 62, 63, 64, 65)),
}
BLOCK = 6  # so many performers act once, then again, before the next ones come
ROUND = 2 * 12  # performances of one side before a setup is used again
SETUP_PAIRS = 7  # pairs of an even and an odd setup
MOST_PER_ACTION = 950  # recordings, a little less than 2 sides x 3 cameras x ROUND x SETUP_PAIRS
FOLDERS = ("nturgb+d_skeletons", "nturgb+d_skeletons_s018_to_s032")
PARTNER, PERFORMANCE, VIEW = 1000, 2, 3

ROW = "%.5f %.5f %.5f %.2f %.2f %.2f %.2f %.4f %.4f %.4f %.4f %d\n"
BODY = " 0 0 0 0 0 0 0 0 2\n25\n" + NTU25.num_joints * ROW
LEAVES = sorted(set(range(NTU25.num_joints)) - set(NTU25.parents))


@dataclass(frozen=True)
class Performance:
    """One action, done once, by one performer in one setup; three cameras watch."""

    action: Action
    setup: int
    performer: int
    replication: int

    @property
    def identity(self) -> tuple[int, int, int, int]:
        return self.setup, self.performer, self.replication, self.action.number

    def name(self, camera: int) -> str:
        """The official name of one camera's recording."""
        return f"S{self.setup:03d}C{camera:03d}P{self.performer:03d}R{self.replication:03d}A{self.action.number:03d}"


def write_ntu(dataset: str, folder: Path, clips: int, seed: int) -> None:
    """Write that many recordings below `folder`. Raises DataError for more of them than there can be."""
    actions = NTU120_ACTIONS if dataset == "ntu120" else NTU60_ACTIONS
    for name in FOLDERS if dataset == "ntu120" else FOLDERS[:1]:
        (folder / name).mkdir(parents=True)
    for performance, camera in schedule(actions, clips):
        bodies = perform(performance, seed)
        rng = np.random.default_rng((seed, VIEW, camera, *performance.identity))
        tracks = record(list(bodies), place_camera(camera, performance.setup), rng)
        path = folder / FOLDERS[performance.setup > 17] / f"{performance.name(camera)}.skeleton"
        path.write_text(format_skeleton(len(bodies[0]), tracks))


def schedule(actions: tuple[Action, ...], clips: int) -> list[tuple[Performance, int]]:
    """The first `clips` recordings as (performance, camera), evenly over the actions.

    Two recordings of an action already lie in training and test of every protocol; where there is not even room for
    that, there are fewer actions.
    """
    limit = len(actions) * MOST_PER_ACTION
    if not 1 <= clips <= limit:
        raise DataError(f"the demo world has 1 to {limit} recordings here, not {clips}")
    actions = actions[: max(1, clips // 2)]
    share, more = divmod(clips, len(actions))
    return [
        clip
        for position, action in enumerate(actions)
        for clip, _ in zip(_recordings(action), range(share + (position < more)), strict=False)
    ]


def _recordings(action: Action) -> Iterator[tuple[Performance, int]]:
    """All recordings of an action; every six are a training and a test performer's, seen by three cameras each."""
    for turn in range(ROUND * SETUP_PAIRS):
        training, testing = (_performance(action, turn, side) for side in (0, 1))
        clips = ((training, 2), (testing, 1), (training, 1), (testing, 2), (training, 3), (testing, 3))
        # Readers leave out the names whose originals are damaged.
        if not any(performance.name(camera) in missing_names("ntu120") for performance, camera in clips):
            yield from clips


def _performance(action: Action, turn: int, side: int) -> Performance:
    """The turn-th performance of a side (0 trains, 1 tests under xsub); even and odd setups alternate."""
    later = action.number > 60
    again, within = divmod(turn, ROUND)
    block, place = divmod(within, 2 * BLOCK)
    again_here, position = divmod(place, BLOCK)
    replication = 1 + (position + again_here + side) % 2
    pair = (3 * turn + again) % SETUP_PAIRS
    setup = (18 if later else 2) + 2 * pair + (side + turn) % 2
    return Performance(action, setup, PERFORMERS[later][side][BLOCK * block + position], replication)


@lru_cache(maxsize=8)
def perform(performance: Performance, seed: int) -> tuple[Floats, ...]:
    """The bodies of a performance, each (T, V, 3) metres in the world, before any sensor. Shared by the cameras."""
    rng = np.random.default_rng((seed, PERFORMANCE, *performance.identity))
    people = [
        np.random.default_rng((seed, PERSON, performance.performer + PARTNER * person))
        for person in range(performance.action.persons)
    ]
    # As in the original, the first replication faces one outer camera and the second the other.
    return act(performance.action, people, np.pi / 4 if performance.replication == 1 else -np.pi / 4, rng)


def format_skeleton(frames: int, tracks: list[Track]) -> str:
    """The official text of a recording of so many frames."""
    templates = [f"{track.body_id}{BODY}" for track in tracks]
    order = sorted(
        (int(frame), slot, row) for slot, track in enumerate(tracks) for row, frame in enumerate(track.frames)
    )
    present: list[list[int]] = [[] for _ in range(frames)]
    for frame, slot, _ in order:
        present[frame].append(slot)
    text = "".join(f"{len(slots)}\n" + "".join(templates[slot] for slot in slots) for slots in present)
    starts = np.cumsum([0, *(len(track.frames) for track in tracks)])
    rows = np.concatenate([_rows(track) for track in tracks])[[starts[slot] + row for _, slot, row in order]]
    # One format of everything at once is several times faster than one per line.
    return f"{frames}\n" + text % tuple(rows.ravel().tolist())


def _rows(track: Track) -> Floats:
    """(F, V, 12) the numbers of a track's joint lines."""
    joints = track.joints
    pixels = (project(joints, DEPTH_LENS), project(joints, COLOUR_LENS))
    return np.concatenate([joints, *pixels, _orientations(joints), track.state[..., None]], -1)


def _orientations(joints: Floats) -> Floats:
    """(F, V, 4) quaternions w, x, y, z that turn y into the bone that ends in the joint; zeros at the leaves."""
    bones = joints - joints[:, list(NTU25.parents)]
    bones[:, 0] = joints[:, 1] - joints[:, 0]
    x, y, z = np.moveaxis(unit(bones), -1, 0)
    quaternions = np.stack([1.0 + y, z, np.zeros_like(x), -x], -1)
    quaternions /= np.maximum(np.linalg.norm(quaternions, axis=-1, keepdims=True), 1e-9)
    quaternions[:, LEAVES] = 0.0
    return quaternions
