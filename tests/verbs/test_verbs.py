"""The command line as users and programs meet it."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_modules.films import write_video
from skeleton_lab.cli import main
from skeleton_lab.verbs import profile
from skeleton_lab.verbs.train import means

TINY = ["width=0.0625", "epochs=2", "milestones=[1]", "demo_clips=88"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, demo_outputs: Path) -> None:
    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setenv("OUTPUT_DIR", str(demo_outputs))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one or two lines that a wrong request gets."""
    assert main(words) == 2
    text = capsys.readouterr().err.strip()
    assert len(text.splitlines()) <= 2
    return text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["reproduse", "adasgn_tab3"], "did you mean 'reproduce'"),
        (["reproduce", "adasgn_tab33"], "did you mean 'adasgn_tab3'"),
        (["reproduce"], "give one table (got none)"),
        (["reproduce", "adasgn_tab3", "alhpa=3"], "did you mean 'alpha'"),
        (["reproduce", "adasgn_tab3", "devices=many"], "devices: "),
        (["train", "sgn", "accelerator=gpuu"], "did you mean 'gpu'"),
        (["train", "sgn", "workers=-1"], "workers=-1: give a whole number from 0"),
        (["train", "sgn", "fold=1", "folds=all"], "give fold= or folds=, not both"),
        (["reproduce", "adasgn_tab3", "seeds=one"], "seeds=1,2,3"),
        (["reproduce", "adasgn_tab3", "folds=some"], "folds=some: give a whole number above 0"),
        (["reproduce", "adasgn_tab3", "dataset=ntu61"], "did you mean 'ntu60'"),
        (["reproduce", "adasgn_tab3", "scale=papre"], "did you mean 'paper'"),
        (["reproduce", "adasgn_tab3", "--jsn"], "unknown option --jsn"),
        (["train", "sgn", "size=bigg"], "expected one of"),
        (["train", "sgn", "protocol=xset2"], "did you mean 'xset'"),
        (["train", "sgn", "demo_clips=-3"], "whole number"),
        (["doctor", "nothing/here.txt"], "there is no such file or folder"),
        (["prepare", "shrec"], "did you mean"),
        (["doctor", "demo", "data_rot=/x"], "did you mean 'data_root'"),
        (["tables", "x=1"], "unknown key 'x'"),
        (["reproduce", "adasgn_tab3", "alpha=2"], "the rows of adasgn_tab3 differ in it"),
        (["reproduce", "adasgn_tab3", "seed=2"], "use seeds="),
        (["train", "sgn", "epochs=-1"], "give a number above 0"),
        (["train", "sgn", "milestones=[1"], "milestones=[1"),
        (["train", "sgn", "seed=-1"], "give a number from 0"),
        (["train", "sgn", "seed=1", "seeds=1,2"], "give seed= or seeds=, not both"),
        (["train", "sgn", "seds=1,2"], "did you mean 'seeds'"),
        (["train", "sgn", "output=/x"], "did you mean 'output_dir'"),
        (["train", "sgn", "folds=some"], "folds=some: give a whole number above 0"),
        (["reproduce", "adasgn_tab3", "keep=yes"], "keep=yes: give true or false"),
        (["report", "adasgn_tab3", "keep=yes"], "keep=yes: give true or false"),
        (["reproduce", "adasgn_tab1", "keep=true", "demo_clips=88"], "only results on real recordings are kept"),
        (["train", "sgn", "scale_bone=[1]"], "give two joints from 0 to 24"),
        (["profile", "adasgn_single", "joints=7"], "(1, 9, 25) joints"),
        (["profile", "adasgn", "action_shares=abc"], "give six percentages"),
    ],
)
def test_a_wrong_request_gets_one_clear_line(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(capsys, *words)


def test_a_data_root_without_the_dataset_says_what_was_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = refused(capsys, "reproduce", "adasgn_tab3", f"data_root={tmp_path}")
    assert "nturgb+d_skeletons/*.skeleton" in text
    assert str(tmp_path / "ntu_rgbd") in text


def test_a_garbled_recording_names_its_line(
    tmp_path: Path, demo_outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["prepare", "ntu60", "demo_clips=88"])
    whole = next(demo_outputs.rglob("*.skeleton"))
    path = tmp_path / whole.name
    lines = whole.read_text().splitlines()
    lines[5] = lines[5].replace(" ", " x", 1)
    path.write_text("\n".join(lines))
    capsys.readouterr()
    assert main(["doctor", str(path)]) == 1
    assert f"{path}, line 6: " in capsys.readouterr().out


def test_tables_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)
    assert {"id", "paper", "kind", "title", "datasets", "cells"} == set(tables[0])
    assert {"row", "column", "metric", "reported"} == set(tables[0]["cells"][0])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sgn"], (691_048, 160_846_000)),
        (["adasgn"], (1_757_856, 73_103_136)),
        (["adasgn", "action_shares=50,0,0,0,0,50"], (1_757_856, 9_922_216 + 153_818_800 // 2)),
        (["adasgn_single", "joints=9", "size=small"], (525_065, 32_625_072)),
        (["sgn", "dataset=shrec2017", "protocol=gestures28"], (674_404, 142_367_136)),
    ],
)
def test_profile_as_json(
    words: list[str], expected: tuple[int, int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    assert main(["profile", *words, "batches=1,3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"model", "parameters", "macs_as_paper", "macs_all", "input", "latency"}
    assert (found["parameters"], found["macs_as_paper"]) == expected
    latency = found["latency"]
    assert set(latency["ms_per_clip"]) == set(latency["rounds"]) == {"1", "3"}
    assert all(time > 0 for times in latency["ms_per_clip"].values() for time in times.values())


def test_profile_shows_times_beside_sgn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    assert main(["profile", "adasgn", "width=0.125", "batches=2"]) == 0
    shown = capsys.readouterr().out
    assert "batch 2" in shown
    assert "present persons: SGN, simplified alike" in shown


@pytest.mark.parametrize(
    "words",
    [
        "batches=0",
        "batches=1,x",
        "batches=1.5",
        "action_shares=50,x",
        "action_shares=1,2",
        "action_shares=1,1,1,1,1,1",
        "action_shares=nan,0,0,0,0,1",
    ],
)
def test_profile_refuses_numbers_that_are_none(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "adasgn", words]) == 2
    assert f"{words}: give" in capsys.readouterr().err


def test_doctor_as_json_counts_bad_files_and_goes_on(
    tmp_path: Path, demo_outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["prepare", "demo", "demo_clips=88"])
    shutil.copytree(next(demo_outputs.glob("demo_world/demo-88-*")) / "demo", tmp_path / "ntu_rgbd")
    bad = sorted((tmp_path / "ntu_rgbd" / "nturgb+d_skeletons").iterdir())[3]
    bad.write_text("12\ntwo\n")
    capsys.readouterr()
    assert main(["doctor", "ntu60", f"data_root={tmp_path}", f"output_dir={tmp_path / 'out'}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sequences"], found["unusable"], found["joints"], found["persons"]) == (87, 1, 25, 2)
    assert found["problems"][0]["sample"] == f"{bad.parent.name}/{bad.name}"
    assert "line 2" in found["problems"][0]["problem"]
    assert set(found["protocols"]) == {"xsub", "xview"}


def test_reproduce_prints_the_table_and_reuses_its_runs(demo_outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["reproduce", "adasgn_tab2", *TINY, "seeds=5"]  # which no other test here has runs of
    assert main(words) == 0
    first = capsys.readouterr()
    assert "16 runs, 0 of them finished before" in first.err
    assert "not comparable with the paper" in first.out
    assert "demo data" in first.out
    assert main(words) == 0
    second = capsys.readouterr()
    assert "16 runs, 16 of them finished before" in second.err
    assert second.out == first.out
    found = json.loads((demo_outputs / "tables" / "adasgn_tab2" / "table.json").read_text())
    assert all(cell["measured"] is not None for cell in found["cells"])
    assert {cell["verdict"] for cell in found["cells"]} == {"not comparable"}
    assert (demo_outputs / "tables" / "adasgn_tab2" / "table.html").exists()


def test_report_trains_nothing(demo_outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "adasgn_tab6", "demo_clips=88"]) == 0
    shown = capsys.readouterr().out
    assert "not run" in shown
    assert "quoted" in shown


def test_wandb_without_a_login_stays_on_this_machine(
    tmp_path: Path, demo_outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    assert main(["train", "sgn", "dataset=ntu60", *TINY, "seed=7", "wandb=true"]) == 0
    assert list(demo_outputs.glob("runs/sgn-*/wandb/offline-run-*"))


def test_an_agent_needs_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "no W&B login on this machine" in refused(capsys, "agent", "somebody/skeleton_lab/abcd1234")


def test_evaluate_tests_in_another_way_and_trains_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["sgn", "dataset=ntu60", *TINY, "seed=11"]
    assert main(["evaluate", *words]) == 2
    assert "is not trained: train it first" in capsys.readouterr().err
    assert main(["train", *words]) == 0
    trained = capsys.readouterr().out
    assert main(["evaluate", *words]) == 0
    assert capsys.readouterr().out == trained
    assert main(["evaluate", *words, "noise_metres=0.5", "noise_on=test"]) == 0
    assert capsys.readouterr().out != trained


def test_train_prints_what_it_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sgn", "dataset=ntu60", *TINY]) == 0
    assert "top1" in capsys.readouterr().out


def test_prepare_makes_films_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3)).astype(np.uint8)
    folder = tmp_path / "moves"
    folder.mkdir()
    write_video(folder / "wave.mp4", pictures, 20, 6, "mp4", 20)
    np.savez(folder / "wave.npz", joints=np.random.default_rng(1).uniform(1, 40, (6, 3, 2)))
    (folder / "dataset.yaml").write_text(
        "unit: pixels\njoints: [a, b, c]\nbones: [[a, b, c]]\nclasses: [wave, sit]\nimage_size: [64, 48]\n"
        'files: "{class}"\nvideo: "{class}.mp4"\n'
    )
    words = ["prepare", str(folder), f"output_dir={tmp_path / 'outputs'}"]
    assert main([*words, "short_side=32"]) == 0
    assert "1 of 1 films are there with 32 pixels, 0 are unusable" in capsys.readouterr().err
    assert len(list((tmp_path / "outputs" / "films").rglob("*.mp4"))) == 1
    for side in ("31", "5000"):
        assert main([*words, f"short_side={side}"]) == 2
        assert "give an even number of pixels up to 512" in capsys.readouterr().err


def test_a_fold_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["dataset=sbu_kinect", "width=0.0625", "epochs=1", "milestones=[]", "demo_clips=40"]
    assert main(["train", "sgn", *tiny, "data.fold=2"]) == 0
    shown = capsys.readouterr().out
    assert "sgn on sbu_kinect, folds5, fold 2 of 0 to 4: " in shown
    assert " test clips, demo data, demo scale" in shown
    assert main(["reproduce", "adasgn_tab1", *tiny, "data.fold=2"]) == 0
    assert "folds5, fold 2 of 0 to 4" in " ".join(capsys.readouterr().out.split())
    assert main(["train", "sgn", *tiny, "data.fold=5"]) == 2
    assert "folds 0 to 4" in capsys.readouterr().err


def test_several_seeds_and_folds(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["dataset=sbu_kinect", "width=0.0625", "epochs=1", "milestones=[]", "demo_clips=40"]
    assert main(["train", "sgn", *tiny, "seeds=1,2", "folds=2"]) == 0
    shown = capsys.readouterr().out
    found = re.findall(r"seed (\d), fold (\d), \d+ training and \d+ test clips: top1 ([\d.]+)", shown)
    assert [each[:2] for each in found] == [("1", "0"), ("1", "1"), ("2", "0"), ("2", "1")]
    mean = sum(float(each[2]) for each in found) / 4
    assert float(re.findall(r"^top1 +([\d.]+)", shown, re.MULTILINE)[0]) == pytest.approx(mean, abs=0.01)
    assert "sgn on sbu_kinect, folds5, folds 0, 1 of 0 to 4: 4 runs, demo data, demo scale" in shown
    assert main(["train", "sgn", *tiny, "seed=2", "fold=1"]) == 0  # one of these
    assert "1 runs, 1 of them finished before" in capsys.readouterr().err


def test_the_spread_is_that_of_the_seeds() -> None:
    by_seed = [
        [{"top1": 10.0, "parameters": 7}, {"top1": 30.0, "parameters": 7}],
        [{"top1": 40.0, "parameters": 7}] * 2,
    ]
    assert list(means(by_seed)) == ["top1       30 ± 14", "parameters 7"]


def test_a_table_is_never_replaced_by_an_empty_one(demo_outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "adasgn_tab1", *TINY]) == 0
    written = demo_outputs / "tables" / "adasgn_tab1" / "table.json"
    before = written.read_bytes()
    capsys.readouterr()
    assert main(["report", "adasgn_tab1", *TINY, "learning_rate=0.123"]) == 2
    assert "none of its runs with these settings is finished" in capsys.readouterr().err
    assert written.read_bytes() == before


def test_a_table_of_one_protocol_lies_beside_the_whole(demo_outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "adasgn_tab1", *TINY, "protocol=xview"]) == 0
    assert "CV ACC(%)" in (demo_outputs / "tables" / "adasgn_tab1-xview" / "table.md").read_text(encoding="utf-8")
    capsys.readouterr()
    assert "did you mean 'xview'" in refused(capsys, "reproduce", "adasgn_tab1", *TINY, "protocol=xvew")
