"""`skeleton-lab doctor`, and a user's own data through the command line."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeleton_lab.cli import main
from skeleton_lab.reproduce.metrics import METRICS
from tests.own_dataset import movement, write_arrays, write_description, write_moves

KEYS = {"dataset", "sequences", "unusable", "classes", "subjects", "frames", "joints", "persons", "protocols"}
TINY = ["width=0.0625", "epochs=1", "milestones=[]"]


# Before any test clears it.
REAL_DATA = Path(os.environ.get("DATA_ROOT", "unset"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path / "outputs"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_moves(tmp_path / "data" / "my_moves")


def doctor(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    capsys.readouterr()
    code = main(["doctor", *map(str, words), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == (0 if found["sequences"] else 1)
    assert set(found) >= KEYS | {"problems"}
    assert all(set(problem) == {"sample", "problem", "remedy", "of_film"} for problem in found["problems"])
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(list(map(str, words))) == 2
    text = capsys.readouterr().err.strip().splitlines()[-1]
    assert text.startswith("skeleton-lab: ")
    return text


def runs(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "outputs" / "runs").iterdir() if path.is_dir()}


def test_an_own_dataset(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "wave" / "s1_r0.npz").write_bytes(b"no archive")
    for words in (("my_moves", f"data_root={root.parent}"), (root,), (f"{root}/",)):
        found = doctor(capsys, *words)
        assert (found["dataset"], found["sequences"], found["unusable"]) == ("my_moves", 23, 1)
        assert (found["classes"], found["subjects"], found["joints"], found["persons"]) == (3, 4, 9, 1)
        assert found["protocols"] == {"by_subject": [{"train": 11, "test": 12}]}
        assert [problem["sample"] for problem in found["problems"]] == ["wave/s1_r0.npz"]


def test_a_dataset_of_which_nothing_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_description(tmp_path / "mine")
    for number in range(4):
        write_arrays(root / "wave" / f"s1_r{number}.npz", joints=np.ones((5, 8, 3)))
    found = doctor(capsys, root)
    assert (found["sequences"], found["unusable"], found["joints"], found["protocols"]) == (0, 4, 9, {})
    assert "dataset.yaml names 9 joints" in found["problems"][0]["problem"]
    assert main(["doctor", str(root)]) == 1
    shown = capsys.readouterr().out
    assert "4 × left out" in shown
    assert "… and 1 more" in shown


def test_one_recording(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "squat" / "s2_r1.csv"
    found = doctor(capsys, path)
    assert (found["dataset"], found["sequences"], found["subjects"], found["joints"]) == ("squat/s2_r1", 1, 1, 9)
    assert (found["protocols"], found["problems"]) == ({}, [])
    path.write_text(path.read_text().replace("frame", "farme", 1))
    found = doctor(capsys, path)
    assert (found["sequences"], found["unusable"]) == (0, 1)
    assert "line 1: there is no column 'frame'" in found["problems"][0]["problem"]


def test_a_store_that_changed_is_said(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(capsys, root)
    (joints,) = (tmp_path / "outputs").rglob("joints.f32")
    state = joints.stat()
    data = bytearray(joints.read_bytes())
    data[100] ^= 1
    joints.write_bytes(bytes(data))
    os.utime(joints, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert "does not match its digest" in doctor(capsys, root)["problems"][0]["problem"]


def test_nothing_to_look_at(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no such file" in refused(capsys, "doctor", tmp_path / "nothing.npz")
    (tmp_path / "notes.txt").write_text("hello")
    assert "no reader knows such a file" in refused(capsys, "doctor", tmp_path / "notes.txt")
    assert "no reader knows such a folder" in refused(capsys, "doctor", tmp_path)
    assert "did you mean 'my_moves'" in refused(capsys, "doctor", "my_move", f"data_root={root.parent}")
    (tmp_path / "data" / "bare").mkdir()
    assert "bare: no dataset.yaml in this folder" in refused(capsys, "doctor", "bare", f"data_root={root.parent}")
    (tmp_path / "data" / "bare" / "dataset.yml").write_text("")
    assert "call this file dataset.yaml" in refused(capsys, "doctor", "bare", f"data_root={root.parent}")
    assert "call this file dataset.yaml" in refused(capsys, "doctor", tmp_path / "data" / "bare")
    write_description(root, unit="meters")
    os.utime(root / "dataset.yaml", ns=(1, 1))
    assert "unit: 'meters' is no unit; did you mean 'metres'" in refused(capsys, "doctor", root)


def test_training_on_ones_own_data(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sgn", "dataset=my_moves", f"data_root={root.parent}", *TINY]) == 0
    shown = capsys.readouterr()
    assert "real recordings" in shown.out
    (first,) = runs(tmp_path)
    assert first.startswith("sgn-my_moves-by_subject-")
    # Elsewhere it is the same run, and needs no DATA_ROOT.
    shutil.move(root, tmp_path / "elsewhere" / "my_moves")
    assert main(["train", "sgn", f"dataset={tmp_path / 'elsewhere' / 'my_moves'}", *TINY]) == 0
    assert "1 runs, 1 of them finished before" in capsys.readouterr().err
    # Divided otherwise, under the same name, it is another.
    write_description(tmp_path / "elsewhere" / "my_moves", splits={"by_subject": {"test": {"subject": [2, 3]}}})
    assert main(["train", "sgn", f"dataset={tmp_path / 'elsewhere' / 'my_moves'}", *TINY]) == 0
    assert len(runs(tmp_path)) == 2


def test_names_of_ones_own_data(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "a dataset of your own needs DATA_ROOT=" in refused(capsys, "train", "sgn", "dataset=my_moves")
    taken = write_moves(root.parent / "sbu_kinect")
    for name in ("sbu_kinect", taken):
        text = refused(capsys, "train", "sgn", f"dataset={name}", f"data_root={root.parent}")
        assert "sbu_kinect is the name of" in text
        assert text.endswith("rename the folder")
        assert "rename the folder" in refused(capsys, "doctor", name, f"data_root={root.parent}")


def test_training_in_pixels_with_confidence(tmp_path: Path) -> None:
    root = write_description(tmp_path / "flat", unit="pixels", image_size=[640, 480])
    for seed, action in enumerate(["wave", "squat", "kick"] * 8):
        pixels = 200 + 100 * movement(action, seed=seed)[..., :2]
        path = root / action / f"s{1 + seed % 4}_r{seed}.npz"
        write_arrays(path, joints=pixels, confidence=np.full(pixels.shape[:2], 0.5))
    assert main(["train", "sgn", f"dataset={root}", *TINY]) == 0
    assert len(runs(tmp_path)) == 1


def test_tables_and_profiles_of_ones_own_data(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["reproduce", "adasgn_tab6", f"dataset={root}", "epochs=1", "milestones=[]", "width=0.0625"]
    assert main(words) == 0
    found = json.loads((tmp_path / "outputs" / "tables" / "adasgn_tab6-my_moves" / "table.json").read_text())
    assert found["datasets"] == ["my_moves"]
    of_runs = [cell for cell in found["cells"] if not METRICS[cell["metric"]].timed]
    assert all(cell["measured"] is not None for cell in of_runs)
    capsys.readouterr()
    assert main(["profile", "adasgn", f"dataset={root}", "--json"]) == 0
    assert "9 joints, 3 classes" in json.loads(capsys.readouterr().out)["input"]
    assert main(["prepare", str(root)]) == 0


@pytest.mark.parametrize(
    ("dataset", "sequences", "protocol", "sides"),
    [
        ("shrec2017", 2800, "gestures14", {"train": 1960, "test": 840}),
        ("ntu60", 8, "xsub", {"train": 3, "test": 5}),
        ("nw_ucla", 1484, "xview", {"train": 1020, "test": 464}),
        ("penn_action", 2326, "official", {"train": 1258, "test": 1068}),
    ],
)
def test_real_recordings(
    dataset: str,
    sequences: int,
    protocol: str,
    sides: dict[str, int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = REAL_DATA / ("ntu_rgbd" if dataset == "ntu60" else dataset)
    if not folder.is_dir():
        pytest.skip(f"needs DATA_ROOT with the folder {folder.name}")
    monkeypatch.setenv("DATA_ROOT", str(REAL_DATA))
    found = doctor(capsys, folder)
    assert found == doctor(capsys, folder.name)
    assert (found["dataset"], found["sequences"]) == (dataset, sequences)
    assert found["protocols"][protocol] == [sides]
    if dataset == "nw_ucla":
        short = [problem["sample"] for problem in found["problems"] if problem["problem"] == "only 1 frame"]
        assert short == ["a02_s09_e04_v02", "a02_s09_e04_v03"]
