"""`skeleton-lab predict` of films with poses: which film belongs to which file, what is drawn, and real clips."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from data_modules.demo.film_writers import write_ntu_with_films
from data_modules.layouts import PENN13
from data_modules.readers.unlabelled import film_of
from skeleton_lab.cli import main
from tests.finished_runs import write_finished
from tests.own_dataset import write_arrays

pytestmark = pytest.mark.filterwarnings("ignore")
REAL = os.environ.get("DATA_ROOT", "unset")
# Where JHMDB marks the joints of Penn Action.
JHMDB = (
    *(None, None, "head", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow", "left_elbow"),
    *("right_knee", "left_knee", "right_wrist", "left_wrist", "right_ankle", "left_ankle"),
)
SMALL = {"model__width": 0.125, "data__clip_len": 4, "data__short_side": 40, "data__crop": 32}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path / "outputs"))


@pytest.fixture(scope="module")
def ntu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of NTU RGB+D with their films."""
    folder = tmp_path_factory.mktemp("ntu")
    write_ntu_with_films("ntu60", folder, 2, seed=0)
    return folder


def predicted(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    assert main(["predict", "deform3d", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def drawn(outputs: Path) -> tuple[int, int]:
    """How many frames the one picture has, and its width."""
    (path,) = (outputs / "predictions").iterdir()
    with Image.open(path) as picture:
        return getattr(picture, "n_frames", 1), picture.width


def test_films_are_found_beside_the_files_of_poses(tmp_path: Path) -> None:
    for name in ("poses/a.npz", "poses/b.npz", "poses/c.npz", "poses/b.mp4", "films/a_rgb.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [film_of(tmp_path / "poses" / f"{letter}.npz") for letter in "abc"]
    assert found == [tmp_path / "films/a_rgb.avi", tmp_path / "poses/b.mp4", None]


def test_what_is_seen_is_what_the_dataset_would_show(
    ntu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In official folders, and side by side under a name of one's own; one without a film is named and left out."""
    write_finished(tmp_path / "outputs", "deform3d", **SMALL)
    first, second = sorted((ntu / "nturgb+d_skeletons").iterdir())[:2]
    (official,) = predicted(capsys, first)
    mine = tmp_path / "mine"
    mine.mkdir()
    shutil.copy(first, mine / "one.skeleton")
    shutil.copy(ntu / "nturgb+d_rgb" / f"{first.stem}_rgb.avi", mine / "one.avi")
    shutil.copy(second, mine / "two.skeleton")
    assert main(["predict", "deform3d", str(mine), "--json"]) == 1
    out, err = capsys.readouterr()
    (own,) = json.loads(out)
    assert own["likeliest"] == official["likeliest"]
    assert own["recording"] == "one.skeleton"
    assert "two.skeleton: there is no film of this name beside it" in err.replace("\n", " ")


@pytest.mark.parametrize(("modality", "said"), [("both", ""), ("rgb", "films alone"), ("pose", "poses alone")])
def test_a_film_is_drawn_with_what_attention_looks_at(
    ntu: Path, tmp_path: Path, modality: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    write_finished(outputs, "deform3d", data__modality=modality, **SMALL)
    path = next((ntu / "nturgb+d_skeletons").iterdir())
    assert main(["predict", "deform3d", str(path), "--plot"]) == 0
    frames, width = drawn(outputs)
    assert frames == 4
    assert (width > 300) is (modality != "pose")
    shown = capsys.readouterr().out
    assert said in shown
    assert (" alone" in shown) is bool(said)


@pytest.fixture
def data_root() -> Path:
    path = Path(REAL)
    if not all((path / folder).is_dir() for folder in ("ntu_rgbd/nturgb+d_rgb", "rgb_clips")):
        pytest.skip("needs DATA_ROOT with the folders ntu_rgbd, with a film, and rgb_clips")
    return path


def test_a_real_film_of_ntu_with_its_skeleton(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    write_finished(outputs, "deform3d", data__crop_around="bodies", **SMALL)
    path = data_root / "ntu_rgbd" / "nturgb+d_skeletons" / "S001C001P001R001A001.skeleton"
    (found,) = predicted(capsys, path, "--plot")
    assert len(found["likeliest"]) == 5
    assert drawn(outputs)[0] == 4


def test_a_real_film_of_jhmdb_with_its_poses(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its joints among those of Penn Action; those that JHMDB does not name are not there."""
    outputs = tmp_path / "outputs"
    write_finished(outputs, "deform3d", "penn_action", **SMALL)
    clip = data_root / "rgb_clips" / "jhmdb_goalkeeping_sample"
    marked = loadmat(clip / "joint_positions.mat")["pos_img"].transpose(2, 1, 0) - 1  # MATLAB's pixels begin at 1
    joints = np.zeros((len(marked), 13, 2), np.float32)
    for place, name in enumerate(JHMDB):
        if name is not None:
            joints[:, PENN13.joints.index(name)] = marked[:, place]
    write_arrays(tmp_path / "goal.npz", joints=joints)
    shutil.copy(next(clip.glob("*.avi")), tmp_path / "goal.avi")
    (found,) = predicted(capsys, tmp_path / "goal.npz", "--plot")
    assert found["recording"] == "goal.npz"
    assert drawn(outputs)[0] == 4
