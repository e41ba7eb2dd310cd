"""What identifies a run, and the order in which runs are planned."""

import os
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from data_modules.readers import READERS
from data_modules.readers.reader import Index
from skeleton_lab import config
from skeleton_lab.config import Request, declared, keys
from skeleton_lab.files import write_text
from skeleton_lab.registry import MODELS, Model
from skeleton_lab.reproduce.runs import (
    EVALUATION_KEYS,
    TEST_NOISE_KEYS,
    TRAINED,
    Planner,
    Run,
    RunFolder,
    finished_runs,
    folds_of,
    with_required,
)
from skeleton_lab.reproduce.sources import Source


@dataclass(frozen=True)
class FakeStore:
    """Recordings that nobody reads: five subjects, two of each."""

    digest: str = "0" * 8

    @property
    def index(self) -> Index:
        subjects = np.arange(10) // 2 + 1
        return Index.of(
            np.array([f"s{number:02d}" for number in range(10)]),
            label=np.zeros(10, np.int64),
            subject=subjects,
            fps=np.full(10, 30.0),
        )


def planner(digest: str = "0" * 8) -> Planner:
    source = Source("ntu60", FakeStore(digest), Path(), is_demo=True)  # type: ignore[arg-type]
    return Planner({"ntu60": source})


def plan(model: str = "sgn", digest: str = "0" * 8, scale: str = "paper", **changes: object) -> Run:
    full = {key.replace("__", "."): value for key, value in changes.items()}
    return planner(digest).plan(Request(model, "ntu60", "xsub", scale, full))


def test_the_key_depends_on_what_the_result_depends_on() -> None:
    key = plan().key
    assert plan().key == key
    assert plan(seed=2).key != key
    assert plan(training__epochs=7).key != key
    assert plan(digest="1" * 8).key != key
    assert plan("adasgn_single").key != key


def test_a_value_that_is_set_to_what_it_is_anyway_changes_nothing() -> None:
    assert plan(training__epochs=120, model__size="big").key == plan().key


def test_a_new_setting_leaves_older_runs_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan().key
    model = MODELS["sgn"]
    extended = make_dataclass("Extended", [("new_setting", int, 3)], bases=(model.settings,))
    monkeypatch.setitem(MODELS, "sgn", Model(extended, model.module, model.version))
    keys.cache_clear()
    assert plan().key == before
    assert plan(model__new_setting=4).key != before
    keys.cache_clear()


def test_a_new_version_of_the_code_makes_older_runs_count_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan("adasgn").key
    monkeypatch.setitem(MODELS, "adasgn_single", replace(MODELS["adasgn_single"], version=99))
    assert plan("adasgn").key != before


def test_adasgn_requires_its_six_single_models() -> None:
    run = plan("adasgn")
    assert list(run.requires) == [f"{size}-{joints}" for joints in (1, 9, 25) for size in ("small", "big")]
    assert {each.settings.model.joints for each in run.requires.values()} == {1, 9, 25}
    assert not plan("adasgn", model__pretrained=False).requires


def test_all_alphas_share_their_single_models() -> None:
    both = planner()
    roots = [both.plan(Request("adasgn", "ntu60", "xsub", "paper", {"model.alpha": alpha})) for alpha in (1, 2)]
    ordered = with_required(roots)
    assert len(ordered) == 6 + 2
    seen: set[str] = set()
    for run in ordered:
        assert all(required.key in seen for required in run.requires.values())
        seen.add(run.key)


def test_pretraining_is_the_starred_row_of_table_1() -> None:
    starred = plan("adasgn_single", model__joints=25, model__size="big")
    assert plan("adasgn").requires["big-25"].key == starred.key


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("sgn", {"data.test_crops": 5}),
        ("adasgn", {"data.test_crops": 5}),
        ("adasgn", {"model.evaluation_actions": "sampled", "data.test_crops": 2}),
        ("sgn", {"data.noise_metres": 0.05, "data.noise_on": "test"}),
    ],
)
@pytest.mark.parametrize("asked_by", ["table", "user", "declaration"])
def test_what_only_evaluates_requires_the_trained_run_alone(
    model: str, changes: dict[str, object], asked_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = {"seed": 3, "training.epochs": 7}
    ordinary = planner().plan(Request(model, "ntu60", "xsub", "paper", usual, {"model.dropout": 0.1}))
    request = Request(model, "ntu60", "xsub", "paper", usual, {"model.dropout": 0.1})
    if asked_by == "table":
        request = replace(request, changes={**usual, **changes})
    elif asked_by == "user":
        request = replace(request, overrides={**request.overrides, **changes})
    else:
        sections, declared_so = config._sections, OmegaConf.from_dotlist([f"{k}={v}" for k, v in changes.items()])
        of_model = {model: [declared_so]}
        monkeypatch.setattr(config, "_sections", lambda each: [*sections(each), *of_model.get(each.model, [])])
    run = planner().plan(request)
    assert {role: each.key for role, each in run.requires.items()} == {TRAINED: ordinary.key}
    assert run.key != ordinary.key
    assert (run.trains, ordinary.trains) == (False, True)
    assert run.requires[TRAINED].requires.keys() == ordinary.requires.keys()


def test_ways_of_evaluating_share_the_trained_run() -> None:
    both = planner()
    ways: list[dict[str, object]] = [{}, {"data.test_crops": 5}, {"model.evaluation_actions": "sampled"}]
    roots = [both.plan(Request("adasgn", "ntu60", "xsub", "paper", way)) for way in ways]
    assert len({root.key for root in roots}) == 3
    assert len(with_required(roots)) == 6 + 3


@pytest.mark.parametrize("selection", ["validation", "test"])
def test_where_an_epoch_is_selected_the_way_of_evaluating_is_trained_for(selection: str) -> None:
    chosen = {"training__selection": selection}
    ordinary, sampled = plan("adasgn", **chosen), plan("adasgn", model__evaluation_actions="sampled", **chosen)
    assert sampled.key != ordinary.key
    assert sampled.trains
    assert [run.key for run in ordinary.requires.values()] == [run.key for run in sampled.requires.values()]


@pytest.mark.parametrize("selection", ["last", "validation", "test"])
def test_an_epoch_is_selected_by_one_clip_of_each_recording(selection: str) -> None:
    chosen = {"training__selection": selection}
    crops = plan("adasgn", data__test_crops=5, **chosen)
    assert crops.requires[TRAINED].key == plan("adasgn", **chosen).key != crops.key


@pytest.mark.parametrize(("selection", "trains"), [("validation", False), ("test", True)])
def test_noise_in_the_test_chooses_no_epoch_by_held_out_clips(selection: str, trains: bool) -> None:
    chosen = {"training__selection": selection}
    noisy = plan(data__noise_metres=0.05, data__noise_on="test", **chosen)
    assert noisy.trains is trains
    assert trains or noisy.requires[TRAINED].key == plan(**chosen).key
    assert plan(data__noise_metres=0.05, data__noise_on="test", data__test_crops=5, **chosen).trains is trains


def test_noise_in_training_is_trained() -> None:
    for noise_on in ("train", "both"):
        assert plan(data__noise_metres=0.05, data__noise_on=noise_on).trains


def test_evaluation_keys_are_keys() -> None:
    assert set(EVALUATION_KEYS + TEST_NOISE_KEYS) <= frozenset().union(*(keys(model) for model in MODELS))


def test_every_reader_has_a_dataset_declaration() -> None:
    assert set(declared("datasets")) == set(READERS)


def test_a_run_is_named_by_what_it_is() -> None:
    run = plan()
    assert run.name == f"sgn-ntu60-xsub-{run.key}"


def test_folds_are_runs_of_their_own() -> None:
    source = Source(READERS["ut_kinect"], FakeStore(), Path(), is_demo=False)  # type: ignore[arg-type]
    planner = Planner({"ut_kinect": source})
    request = Request("sgn", "ut_kinect", "loso", "paper", {"seed": 1})
    every, two = planner.folds([request], 0), planner.folds([request], 2)
    assert len(every) == 5
    assert two == every[:2]
    runs = [planner.plan(members[0]) for members in every]
    assert len({run.key for run in runs}) == 5
    assert runs[0].key == planner.plan(request).key
    assert folds_of(runs) == ["loso, all 5 folds"]
    assert folds_of(runs[1:3]) == ["loso, folds 1, 2 of 0 to 4"]
    assert folds_of(runs[:1]) == ["loso, fold 0 of 0 to 4"]
    assert planner.folds([request.with_changes({"data.fold": 3})], 1)[0][0].changes["data.fold"] == 3


def test_what_is_written_is_on_the_disk_before_it_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "result.json", []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append((os.fstat(file).st_size, path.exists())))
    write_text(path, "12345")
    assert synced == [(5, False)]
    assert path.read_text() == "12345"


def test_a_run_with_an_empty_result_is_not_finished(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "sgn-ntu60-xsub-1")
    folder.path.mkdir(parents=True)
    (folder.path / "result.json").touch()
    assert not folder.is_finished
    assert finished_runs(tmp_path) == []
    folder.write_result({}, {})
    assert finished_runs(tmp_path) == [folder]
