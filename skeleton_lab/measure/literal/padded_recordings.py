"""Recordings as the released preparations of NTU RGB+D keep them: one array, all of them padded to the longest.

Axes: N recordings, C coordinates, T frames, V joints, M persons, F frames in which a person is there.

In the manner of AdaSGN's array of N x 3 x 300 x 25 x 2, from which SGN's way of batching looks for the frames that are
not empty. The twin of data_modules/store.py and its ragged reading.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.store import Store

FRAMES, PERSONS = 300, 2


def write(path: Path, store: Store) -> None:
    """The store's recordings as one array (N, C, T, V, M): at most 300 frames and 2 persons of each."""
    shape = (len(store), store.layout.dimensions, FRAMES, store.layout.num_joints, PERSONS)
    padded = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    for position in range(len(store)):
        joints_CTVM = store.sequence(position).joints_TMVC[:FRAMES, :PERSONS].transpose(3, 0, 2, 1)
        frames, persons = joints_CTVM.shape[1], joints_CTVM.shape[3]
        padded[position, :, :frames, :, :persons] = joints_CTVM
    padded.flush()


def ragged(
    padded_NCTVM: NDArray[np.float32], positions: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What Store.ragged gives: the frames of several recordings one after another (F, V, C), and their offsets."""
    batch, lengths = [], []
    for position in positions:
        x_MTVC = np.array(padded_NCTVM[position]).transpose(3, 1, 2, 0)
        there = [frame_VC for x_TVC in x_MTVC for frame_VC in x_TVC if frame_VC.any()]
        batch.append(np.stack(there))
        lengths.append(len(there))
    return np.concatenate(batch), np.cumsum([0, *lengths])
