"""A user's own films with poses, here a real clip of JHMDB: through the folder format to batches for a network.

Axes: N clips, M persons, T frames, V joints, C = 2 coordinates or 3 colours, H rows, W columns.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from data_modules.prepare import prepare
from data_modules.readers import reader_for
from data_modules.settings import VideoSettings
from data_modules.transcode import prepare_films, small_films
from data_modules.video_pose import VideoPoseDataModule

FRAMES, SIDE = 8, 96
DESCRIPTION = """
unit: pixels
fps: 30
joints: [neck, belly, face, right_shoulder, left_shoulder, right_hip, left_hip, right_elbow, left_elbow, right_knee,
  left_knee, right_wrist, left_wrist, right_ankle, left_ankle]
bones: [[belly, neck, face], [neck, right_shoulder, right_elbow, right_wrist],
  [neck, left_shoulder, left_elbow, left_wrist], [belly, right_hip, right_knee, right_ankle],
  [belly, left_hip, left_knee, left_ankle]]
classes: [catch, other]
files: "{class}/s{subject}"
video: "{class}/s{subject}%s"
image_size: [320, 240]
splits:
  by_subject: {test: {subject: [2]}}
"""


@pytest.fixture
def clip() -> Path:
    folder = Path(os.environ.get("DATA_ROOT", "unset")) / "rgb_clips" / "jhmdb_goalkeeping_sample"
    if not folder.is_dir():
        pytest.skip("needs DATA_ROOT with the folder rgb_clips")
    return folder


@pytest.mark.parametrize("suffix", [".avi", ""], ids=["film", "folder of pictures"])
def test_a_real_clip_as_ones_own_data(clip: Path, tmp_path: Path, suffix: str) -> None:
    film = next(path for path in clip.glob("Goal_Keeping*") if path.suffix == suffix)
    joints = loadmat(clip / "joint_positions.mat")["pos_img"].transpose(2, 1, 0) - 1  # MATLAB's pixels begin at 1
    root = tmp_path / "goal"
    for place in ("catch/s1", "catch/s2", "other/s1", "other/s2"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        np.savez(root / f"{place}.npz", joints=joints)
        (root / f"{place}{suffix}").symlink_to(film)
    (root / "dataset.yaml").write_text(DESCRIPTION % suffix)

    reader = reader_for(str(root))
    store = prepare(reader, tmp_path, tmp_path / "outputs")
    assert (len(store), store.problems) == (4, ())
    assert not prepare_films(store, root, tmp_path / "outputs", SIDE)
    settings = VideoSettings("goal", "by_subject", clip_len=FRAMES, short_side=SIDE, crop=SIDE)
    films = small_films(root, tmp_path / "outputs", SIDE)
    data = VideoPoseDataModule(store, films, reader.protocols["by_subject"], settings, batch_size=2, seed=0)
    (batch,) = data.test_dataloader()
    assert batch.frames.shape == (2, FRAMES, 3, SIDE, SIDE)
    assert batch.pixels.shape == (2, 1, FRAMES, 15, 2)
    assert batch.label.tolist() == [0, 1]
    # The middle of the picture is cut out: what is seen there lies in it, and most of the keeper is.
    assert batch.visible.float().mean() > 0.5
    seen = batch.pixels[batch.visible]
    assert seen.min() >= -0.5
    assert seen.max() <= SIDE - 0.5
    # A scale of 96 / 240, then the cut: joints keep their distances.
    span = (joints[:, 0] - joints[:, 5])[:, 1] * SIDE / 240
    shown = (batch.pixels[0, 0, :, 0] - batch.pixels[0, 0, :, 5])[:, 1].numpy()
    assert np.abs(shown[:, None] - span[None]).min(axis=1).max() < 0.01
