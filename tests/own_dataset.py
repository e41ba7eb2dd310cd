"""A small dataset of a user's own, written as data_modules/README.md says: for the tests of readers, verbs and doctor.

Axes: T frames, V joints, C coordinates.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

JOINTS = ["hips", "chest", "head", "left_elbow", "left_hand", "right_elbow", "right_hand", "left_foot", "right_foot"]
CLASSES = ["wave", "squat", "kick"]
STANDING_VC = np.array(
    [
        *([0, 1, 2], [0, 1.4, 2], [0, 1.7, 2]),
        *([-0.4, 1.4, 2], [-0.7, 1.4, 2], [0.4, 1.4, 2], [0.7, 1.4, 2]),
        *([-0.2, 0.5, 2], [0.2, 0.5, 2]),
    ]
)
DESCRIPTION: dict[str, Any] = {
    "title": "my moves",
    "fps": 25,
    "unit": "centimetres",
    "joints": JOINTS,
    "bones": [
        ["hips", "chest", "head"],
        ["chest", "left_elbow", "left_hand"],
        ["chest", "right_elbow", "right_hand"],
        ["hips", "left_foot"],
        ["hips", "right_foot"],
    ],
    "classes": CLASSES,
    "files": "{class}/s{subject}_r{replication}",
    "splits": {"by_subject": {"test": {"subject": [3, 4]}}},
}


def movement(action: str, frames: int = 12, seed: int = 0) -> np.ndarray:
    """(T, V, C), metres."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 2 * np.pi, frames)
    x_TVC = STANDING_VC + rng.normal(0, 0.003, (frames, *STANDING_VC.shape))
    if action == "wave":
        x_TVC[:, 6, 1] += 0.2 * np.sin(2 * time)
    if action == "squat":
        x_TVC[:, :7, 1] -= 0.1 * (1 - np.cos(time))[:, None]
    if action == "kick":
        x_TVC[:, 8, 2] -= 0.3 * np.abs(np.sin(time))
    return x_TVC


def write_description(root: Path, **changes: Any) -> Path:
    """dataset.yaml with a few keys changed, or left out where they are None."""
    root.mkdir(parents=True, exist_ok=True)
    described = {key: value for key, value in {**DESCRIPTION, **changes}.items() if value is not None}
    (root / "dataset.yaml").write_text(json.dumps(described), encoding="utf-8")  # which is YAML too
    return root


def write_table(path: Path, rows: np.ndarray, axes: str = "xyz", first: int = 0) -> Path:
    """A .csv of one person; rows (T, V, C)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", *(f"{joint}_{axis}" for joint in JOINTS for axis in axes)])
        writer.writerows([first + number, *row.ravel().tolist()] for number, row in enumerate(rows))
    return path


def write_arrays(path: Path, **arrays: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def write_moves(root: Path, replications: int = 2, **changes: Any) -> Path:
    """Three classes, four subjects; every other recording is a .csv, counted from frame 1."""
    write_description(root, **changes)
    for seed, (action, subject, replication) in enumerate(
        (action, subject, replication)
        for action in CLASSES
        for subject in range(1, 5)
        for replication in range(replications)
    ):
        path = root / action / f"s{subject}_r{replication}"
        x_TVC = 100 * movement(action, 10 + seed % 5, seed)
        if replication % 2:
            write_table(path.with_suffix(".csv"), x_TVC, first=1)
        else:
            write_arrays(path.with_suffix(".npz"), joints=x_TVC)
    return root
