"""The demo worlds' files, looked at without the readers: they are as the official ones."""

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from data_modules.demo import berkeley_mhad
from tests.data_modules.demo.conftest import NTU_CLIPS


def test_the_splits_of_pickles(small: Callable[[str], Path]) -> None:
    for dataset, protocols in (("ntu60_2d", ("xsub_", "xview_")), ("ntu120_3d", ("xsub_", "xset_"))):
        (path,) = (path for path in small(dataset).rglob("*.pkl"))
        split = pickle.loads(path.read_bytes())["split"]
        assert set(split) == {f"{protocol}{side}" for protocol in protocols for side in ("train", "val")}
        for protocol in protocols:
            assert len({*split[f"{protocol}train"], *split[f"{protocol}val"]}) == NTU_CLIPS
        for name in split[f"{protocols[1]}train"]:
            assert "C001" not in name if protocols[1] == "xview_" else int(name[1:4]) % 2 == 0


def test_the_official_text_of_ut_kinect(small: Callable[[str], Path]) -> None:
    folder = small("ut_kinect") / "ut_kinect" / "joints"
    labels = (folder / "actionLabel.txt").read_text().splitlines()
    assert len(list(folder.glob("joints_s??_e??.txt"))) == 20
    headers = [line for line in labels if re.fullmatch(r"s\d\d_e\d\d", line)]
    ranges = [line for line in labels if re.fullmatch(r"\w+: \d+ \d+", line)]
    assert (len(headers), len(ranges), labels.count("carry:  NaN NaN")) == (20, 199, 1)
    repeated = []
    for path in folder.glob("joints_*.txt"):
        rows = np.loadtxt(path)
        assert rows.shape[1] == 61
        assert (rows[:, 0] % 2 == 0).all()
        steps = np.diff(rows[:, 0])
        assert (steps >= 0).all()
        repeated.append(int((steps == 0).sum()))
    assert 0 < sum(repeated) < 500


def test_the_official_text_of_sbu(small: Callable[[str], Path]) -> None:
    for path in (small("sbu_kinect") / "sbu_kinect").rglob("*.txt"):
        assert re.fullmatch(r"s0[1-7]s0[1-7]/0[1-8]/001/skeleton_pos.txt", "/".join(path.parts[-4:]))
        rows = np.array([line.split(",") for line in path.read_bytes().decode().split("\r\n")[:-1]], float)
        assert rows.shape[1] == 91
        assert (np.diff(rows[:, 0]) == 1).all()
        places = rows[:, 1:].reshape(-1, 3)
        assert places.min() > -0.3
        assert (places.max(0) < (1.3, 1.5, 7.8125)).all()


def test_the_official_files_of_the_others(small: Callable[[str], Path]) -> None:
    first = json.loads(next((small("nw_ucla") / "nw_ucla" / "all_sqe").glob("a12_*.json")).read_text())
    assert (list(first), first["label"]) == (["file_name", "skeletons", "label"], 10)
    assert loadmat(small("sysu_3d") / "sysu_3d/3DvideoNorm/07/video12/sklWorld.mat")["SW"].shape[:2] == (20, 3)
    penn = loadmat(small("penn_action") / "penn_action/labels/0001.mat")
    frames = int(penn["nframes"].item())
    assert penn["action"].item() == "baseball_pitch"
    assert penn["dimensions"].tolist() == [[270, 480, frames]]
    assert penn["bbox"].shape == (frames, 4)
    assert (penn["bbox"][:, :2] < penn["bbox"][:, 2:]).all()
    assert penn["train"].item() == 1
    names = [path.name for path in (small("florence3d") / "florence3d").rglob("*.txt")]
    assert "a09_s4_id90.txt" in names
    assert all(re.fullmatch(r"a0[1-9]_s[1-4]_id\d+\.txt", name) for name in names)


def test_what_the_original_lacks_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(berkeley_mhad, "perform_take", lambda take, seed: (np.zeros((1, 25, 3)),))
    names = {name for name, _, _ in berkeley_mhad.recordings(clips=1000, seed=0)}
    assert len(names) == 659
    assert "skl_s04_a08_r04" in names
    assert "skl_s04_a08_r05" not in names
