"""Recordings in the official text of NTU RGB+D, written for tests.

Axes: the joints of one body are (frames, 25, 3).
"""

from pathlib import Path

import numpy as np

NAME = "S001C002P003R002A050"
FIRST_ID = 72057594037931101  # as long as real ids are: as floats, neighbours among them are equal


def person(num_frames: int, x: float = 0.0, swing: float = 0.1, width: float = 0.4, seed: int = 0) -> np.ndarray:
    """Somebody upright, 1.7 m high and `width` wide, who swings by `swing` metres: (num_frames, 25, 3)."""
    rng = np.random.default_rng(seed)
    body = np.stack([np.linspace(-width / 2, width / 2, 25), np.linspace(-0.85, 0.85, 25), np.full(25, 3.0)], axis=1)
    sway = swing * np.sin(np.arange(num_frames) / 3)[:, None, None]
    return body + np.array([x, 0, 0]) + sway + rng.normal(0, 1e-3, (num_frames, 25, 3))


Frames = list[dict[int, np.ndarray]]


def frames_of(num_frames: int, *bodies: tuple[int, list[int], np.ndarray]) -> Frames:
    """For each frame the joints (25, 3) of each body id, out of (id, its frames, its joints there)."""
    frames: Frames = [{} for _ in range(num_frames)]
    for body_id, times, joints in bodies:
        for time, joints_there in zip(times, joints, strict=True):
            frames[time][body_id] = joints_there
    return frames


def skeleton_text(frames: Frames) -> str:
    lines = [f"{len(frames)}"]
    for bodies in frames:
        lines.append(f"{len(bodies)}")
        for body_id, joints in bodies.items():
            lines += [f"{body_id} 0 1 1 1 1 0 -0.089 -0.479 2", "25"]
            lines += [f"{x:.7f} {y:.7f} {z:.7f} 163.9 187.6 NaN -Infinity 0.62 -0.1 0.77 -0.04 2" for x, y, z in joints]
    return "\n".join(lines) + "\n"


def write_skeleton(folder: Path, content: Frames | str | bytes, name: str = f"{NAME}.skeleton") -> Path:
    path = folder / name
    content = skeleton_text(content) if isinstance(content, list) else content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
