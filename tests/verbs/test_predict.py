"""`skeleton-lab predict`: the same poses in any file, any model, one file or a folder; and what is drawn of them.

Axes: T frames, M persons, V joints, C coordinates.
"""

import csv
import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data_modules.divisions import Draw
from data_modules.layouts import NTU25
from data_modules.readers.ntu_actors import choose_actors
from data_modules.readers.skeleton_file import parse
from data_modules.skeletons import Clips
from skeleton_lab.cli import main
from skeleton_lab.figures import animation
from skeleton_lab.reproduce.finished import find_finished
from skeleton_lab.reproduce.sources import Source
from tests.finished_runs import write_finished
from tests.own_dataset import movement, write_arrays, write_moves, write_table

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path / "outputs"))


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def recording(demo_source: Source) -> Path:
    """Of the action 1, one person."""
    return next((demo_source.folder / "nturgb+d_skeletons").glob("*A008.skeleton"))


def predicted(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    assert main(["predict", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["predict", *map(str, words)]) == 2
    text = capsys.readouterr().err.strip()
    assert len(text.splitlines()) <= 2
    return text


def write_everywhere(recording: Path, folder: Path) -> list[str]:
    """The poses of a recording in all forms that are read; returns their names."""
    folder.mkdir()
    acted = choose_actors(*parse(recording))
    joints_TVC = acted.joints[:, 0]
    shutil.copy(recording, folder / "a_name_of_my_own.skeleton")
    write_arrays(folder / "poses.npz", joints=joints_TVC)
    with (folder / "poses.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", *(f"{joint}_{axis}" for joint in NTU25.joints for axis in "xyz")])
        writer.writerows([t, *map(repr, x_VC.ravel().tolist())] for t, x_VC in enumerate(joints_TVC.astype(float)))
    annotation = {"frame_dir": "mine", "keypoint": joints_TVC[None], "total_frames": len(joints_TVC)}
    (folder / "poses.pkl").write_bytes(pickle.dumps({"annotations": [annotation]}))
    (folder / "notes.txt").write_text("no recording")
    return ["a_name_of_my_own.skeleton", "poses.csv", "poses.npz", "poses.pkl"]


def test_the_same_poses_in_any_file_give_what_the_network_gives(
    outputs: Path, recording: Path, tmp_path: Path, demo_source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, module = write_finished(outputs, "sgn")
    names = write_everywhere(recording, tmp_path / "mine")
    found = predicted(capsys, "sgn", tmp_path / "mine")
    assert [each["recording"] for each in found] == names
    assert {each["run"] for each in found} == {folder.path.name}
    store = demo_source.store
    position = store.index.sample_id.tolist().index(recording.stem)
    clip = Clips(store, store.index.label, module.settings.data, seed=1)[Draw(position)]
    with torch.no_grad():
        logits_PK = module.network(torch.from_numpy(clip.joints_TMVC[:, :1]).permute(1, 0, 2, 3))  # type: ignore[operator]
    expected = logits_PK[0].softmax(dim=-1).topk(5)
    for each in found:
        probabilities = [one["probability"] for one in each["likeliest"]]
        np.testing.assert_allclose(probabilities, expected.values, atol=1e-5)
    classes = demo_source.reader.protocols["xsub"].classes
    assert [one["class"] for one in found[0]["likeliest"]] == [classes[k] for k in expected.indices.tolist()]


def test_a_damaged_file_is_named_and_the_others_are_predicted(
    outputs: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_finished(outputs, "st_gcn")
    (tmp_path / "mine").mkdir()
    shutil.copy(recording, tmp_path / "mine" / "whole.skeleton")
    (tmp_path / "mine" / "damaged.skeleton").write_text("3\n1\n")
    assert main(["predict", "st_gcn", str(tmp_path / "mine"), "--json"]) == 1
    shown = capsys.readouterr()
    assert [each["recording"] for each in json.loads(shown.out)] == ["whole.skeleton"]
    assert "damaged.skeleton" in shown.err


def test_a_pickle_runs_no_code(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Mischief:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "done"),)

    write_finished(outputs, "sgn")
    path = tmp_path / "poses.pkl"
    path.write_bytes(pickle.dumps({"annotations": [Mischief()]}))
    assert "nothing to predict" in refused(capsys, "sgn", path).splitlines()[-1]
    assert not (tmp_path / "done").exists()


def test_names_are_shown_as_they_are_and_pictures_kept_apart(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_finished(outputs, "sgn")
    folder = tmp_path / "new"
    for name in ("take-1", "take/1", "take [final]"):
        write_arrays(folder / f"{name}.npz", joints=np.random.default_rng(0).normal(size=(8, 25, 3)))
    assert main(["predict", "sgn", str(folder), "--plot"]) == 0
    assert "take [final].npz" in capsys.readouterr().out
    assert len(list((outputs / "predictions").iterdir())) == 3


def test_a_dataset_of_ones_own(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the unit of its dataset.yaml, wherever the recordings lie."""
    root = write_moves(tmp_path / "my_moves")
    write_finished(outputs, "sgn", dataset=str(root))
    x_TVC = 100 * movement("kick")
    write_arrays(tmp_path / "new" / "one.npz", joints=x_TVC)
    write_table(tmp_path / "new" / "two.csv", x_TVC)
    one, two = predicted(capsys, "sgn", tmp_path / "new", f"dataset={root}")
    assert {each["class"] for each in one["likeliest"]} == {"wave", "squat", "kick"}
    np.testing.assert_allclose(
        *([each["probability"] for each in found["likeliest"]] for found in (one, two)), atol=1e-5
    )
    assert "needs DATA_ROOT=, or the path of its folder" in refused(capsys, "sgn", tmp_path / "new")
    assert "was trained on my_moves" in refused(capsys, "0123456789ab", tmp_path / "new", "dataset=ntu60")


@pytest.mark.parametrize("model", ["gca_lstm", "adasgn", "star_64", "st_gcn"])
def test_any_model_predicts_and_draws(
    model: str, outputs: Path, recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "MOST_FRAMES", 3)
    write_finished(outputs, model)
    assert main(["predict", model, str(recording), "--plot"]) == 0
    assert "at demo scale" in capsys.readouterr().out
    (path,) = (outputs / "predictions").iterdir()
    assert path.name == f"{model}-{recording.name}.gif"
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == 3


def test_a_stream_ends_with_the_windows_own_prediction(
    outputs: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A window as long as the recording gives after its last frame what the whole clip gives."""
    write_finished(outputs, "star_64")
    (whole,) = predicted(capsys, "star_64", recording)
    (moments,) = predicted(capsys, "star_64", recording, "window=1000").values()
    assert moments[-1]["name"] == whole["likeliest"][0]["class"]
    assert moments[-1]["probability"] == pytest.approx(whole["likeliest"][0]["probability"], abs=1e-5)
    assert [moment["frame"] for moment in moments] == list(range(1, moments[-1]["frame"] + 1, 6))
    assert main(["predict", "star_64", str(recording), "window=4"]) == 0
    assert "1–" in capsys.readouterr().out


def test_a_stream_knows_nothing_of_later_frames(
    outputs: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each moment is the prediction of the recording as far as it has come."""
    write_finished(outputs, "star_64")
    joints_TVC = choose_actors(*parse(recording)).joints[:, 0]
    write_arrays(tmp_path / "whole.npz", joints=joints_TVC)
    (moments,) = predicted(capsys, "star_64", tmp_path / "whole.npz", "window=1000").values()
    for moment in moments[1:4]:
        write_arrays(tmp_path / "begun.npz", joints=joints_TVC[: moment["frame"]])
        (begun,) = predicted(capsys, "star_64", tmp_path / "begun.npz")
        assert begun["likeliest"][0]["probability"] == pytest.approx(moment["probability"], abs=1e-6)


def test_a_stream_by_running_sums_begins_as_the_recording_does(
    outputs: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one frame they are exact; of all of them the network would say something else."""
    write_finished(outputs, "star_64")
    (running,) = predicted(capsys, "star_64", recording, "window=running").values()
    (exact,) = predicted(capsys, "star_64", recording, "window=1000").values()
    assert [moment["frame"] for moment in running] == [moment["frame"] for moment in exact]
    assert running[0]["probability"] == pytest.approx(exact[0]["probability"], abs=1e-6)
    assert main(["predict", "star_64", str(recording), "window=running"]) == 0
    assert "not what the network makes of the whole" in " ".join(capsys.readouterr().err.split())


def test_runs_are_found_by_model_key_name_and_folder(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    older, _ = write_finished(outputs, "sgn", key="aaaa11111111")
    newer, _ = write_finished(outputs, "sgn", key="aaaa22222222")
    os.utime(older.path / "result.json", (0, 0))
    for name in ("sgn", "aaaa2", newer.path.name, str(newer.path)):
        assert find_finished(name, outputs).folder == newer
    assert find_finished("sgn", outputs, dataset="ntu60").folder == newer
    assert "give more letters" in refused(capsys, "aaaa", "x.npz")
    newer.checkpoint.unlink()
    assert find_finished("sgn", outputs).folder == older
    assert "have been deleted" in refused(capsys, "aaaa2", "x.npz")
    (older.path / "result.json").unlink()
    assert "not finished" in refused(capsys, "aaaa1", "x.npz")


def test_a_dataset_whose_name_begins_another_s_is_told_from_it(outputs: Path) -> None:
    asked, _ = write_finished(outputs, "sgn", key="aaaa11111111")
    other, _ = write_finished(outputs, "sgn", key="aaaa22222222")
    other.path.rename(other.path.with_name("sgn-ntu60-more-xsub-aaaa22222222"))
    settings = outputs / "runs" / "sgn-ntu60-more-xsub-aaaa22222222" / "settings.yaml"
    settings.write_text(settings.read_text().replace("dataset: ntu60", "dataset: ntu60-more"))
    os.utime(asked.path / "result.json", (0, 0))
    assert find_finished("sgn", outputs, dataset="ntu60").folder == asked
    assert find_finished("sgn", outputs, dataset="ntu60-more").folder.path == settings.parent


@pytest.mark.parametrize("garbled", [b"name: [", b"\xff\xfe\x00", b"5", b""])
def test_garbled_settings_get_one_clear_line(
    garbled: bytes, outputs: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = write_finished(outputs, "sgn")
    (folder.path / "settings.yaml").write_bytes(garbled)
    text = refused(capsys, "sgn", recording)
    assert str(folder.path / "settings.yaml") in text
    assert "anew" in text


def test_wrong_requests(outputs: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_finished(outputs, "sgn")
    assert "give a model" in refused(capsys, "sgn")
    assert "did you mean 'sgn'" in refused(capsys, "sgnn", recording)
    assert "no finished run of adasgn" in refused(capsys, "adasgn", recording)
    assert "there is no such file" in refused(capsys, "sgn", tmp_path / "none.npz")
    assert "take star_64" in refused(capsys, "sgn", recording, "window=4")
    assert "window=no: give a whole number" in refused(capsys, "sgn", recording, "window=no")
    assert "take star_64" in refused(capsys, "sgn", recording, "window=running")
    assert "did you mean 'window'" in refused(capsys, "sgn", recording, "windw=4")
    settings = outputs / "runs" / "sgn-ntu60-xsub-0123456789ab" / "settings.yaml"
    settings.write_text(settings.read_text() + "gone: 1\n")
    assert "another version wrote it" in refused(capsys, "sgn", recording)
