"""Training the 3D deformable transformer on films of the demo world, and pictures of what it looks at.

Axes: N clips, T frames, V joints, H rows, W columns.
"""

from typing import Any

import numpy as np
import pytest
import torch

from data_modules.data_module import DividedDataModule
from skeleton_lab.config import Request, compose
from skeleton_lab.errors import RequestError
from skeleton_lab.figures.attention_on_frames import attention_on_frames, attention_to_joints, splatted
from skeleton_lab.papers.deform3d import examples
from skeleton_lab.papers.deform3d.module import Deform3DModule
from skeleton_lab.reproduce.runs import Planner
from skeleton_lab.reproduce.sources import Source, prepared
from skeleton_lab.reproduce.train import build_module, data_module
from skeleton_lab.settings import ExecutionSettings
from tests.helpers import parameters, shaken

SMALL = {"model.width": 1 / 32, "data.crop": 40, "data.short_side": 40, "data.clip_len": 4, "training.batch_size": 6}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return prepared("penn_action", None, tmp_path_factory.mktemp("outputs"), "demo", demo_clips=24, films=True)


def built(source: Source, **changes: Any) -> tuple[Deform3DModule, DividedDataModule]:
    full = {key.replace("__", "."): value for key, value in changes.items()}
    run = Planner({"penn_action": source}).plan(Request("deform3d", "penn_action", "official", "demo", SMALL | full))
    data = data_module(run, ExecutionSettings())
    torch.manual_seed(0)
    module = build_module(run.settings, data)
    assert isinstance(module, Deform3DModule)
    return module, data


@pytest.mark.parametrize("modality", ["both", "rgb", "pose"])
def test_it_learns_the_clips_that_it_sees(source: Source, modality: str) -> None:
    module, data = built(source, data__modality=modality)
    batch = next(iter(data.train_dataloader()))
    assert batch.frames.shape[-1] == (0 if modality == "pose" else 40)
    optimizer = torch.optim.AdamW(module.parameters(), 1e-2)
    losses = []
    for _ in range(12):
        loss = module.loss(module(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_other_numbers_of_frames_in_the_test_are_shown_by_the_trained_network(source: Source) -> None:
    planner = Planner({"penn_action": source})
    usual, fewer = (
        planner.plan(Request("deform3d", "penn_action", "official", "demo", {**SMALL, **changes}))
        for changes in ({}, {"data.test_clip_len": 2})
    )
    assert not fewer.trains
    assert next(iter(fewer.requires.values())).key == usual.key
    module, data = built(source, data__test_clip_len=2)
    assert module.count_macs({}).all < 0.6 * built(source)[0].count_macs({}).all
    (batch, *_) = data.test_dataloader()
    assert batch.frames.shape[1] == 2
    assert module(batch).logits.isfinite().all()


@pytest.mark.parametrize(
    ("modality", "gmacs", "count"),
    [("both", 275.08, 11_114_447), ("rgb", 271.35, 8_321_231), ("pose", 0.926, 4_760_591)],
)
def test_what_the_published_network_costs(source: Source, modality: str, gmacs: float, count: int) -> None:
    settings = compose(Request("deform3d", "penn_action", "official", "paper", {"data.modality": modality}))
    with torch.device("meta"):
        module = Deform3DModule(settings, source.reader.layout, 15)
    assert parameters(module.network) == count
    assert module.count_macs({}).all / 1e9 == pytest.approx(gmacs, abs=0.01)


@pytest.mark.parametrize("asked", [[(12, 1), (12, 6), (14, 7)], [(8, 4), (8, 8)], [(7, 5), (7, 7)]])
def test_windows_that_are_the_same_are_the_same_run(asked: list[tuple[int, int]]) -> None:
    windows = [{"model.time_window": window, "model.time_stride": stride} for window, stride in asked]
    found = [compose(Request("deform3d", "penn_action", "official", "paper", changes)).model for changes in windows]
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model.time_stride": 5}, "model.time_stride=5: give a number from 1 to model.time_window, which is 4"),
        ({"model.heads": 3}, "model.heads=3: give a number that divides a token's 256 channels"),
        ({"model.sigma": 0.0}, "model.sigma=0.0"),
        ({"data.modality": "pose", "model.joint_attention": False, "model.temporal_attention": False}, "a block needs"),
        ({"data.crop": 300}, "data.crop=300: give a number up to data.short_side"),
        ({"data.short_side": 0, "data.crop_around": "bodies"}, "data.short_side=0: give a number above 0"),
        ({"model.width": float("inf")}, "model.width=inf: give a number above 0"),
        ({"data.origin": "none"}, "unknown key of model deform3d 'data.origin'"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        compose(Request("deform3d", "penn_action", "official", "paper", changes))


def test_pictures_show_recognised_clips(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    module, data = built(source)
    shaken(module.network)
    module.eval()
    (label,) = module(next(iter(data.test_dataloader()))).logits.argmax(dim=1).unique()[:1]
    monkeypatch.setattr(data.clips, "labels", np.full_like(data.clips.labels, label))  # so that some are recognised
    classes = source.reader.protocols["official"].classes
    (clip,) = examples.on_films(module, data, classes, 3)
    assert (clip.title, clip.frames.shape, clip.heat.shape) == (classes[label], (4, 40, 40, 3), (4, 40, 40))
    assert clip.heat.max() > 0
    assert len(attention_on_frames("heading", [clip]).axes) == 2 * 4
    (seen,) = examples.on_joints(module, data, classes, 1)
    assert seen.shares.shape == (4, 13)
    assert np.isnan(seen.shares[:, :2]).all()  # with shifted windows nothing looks at the first joints
    assert 0 < seen.shares[:, 2:].max() <= 1
    attention_to_joints("heading", [seen])


@pytest.mark.parametrize("first", [examples.CLASSES, examples.OF_THREE])
def test_the_classes_of_the_paper_come_first(monkeypatch: pytest.MonkeyPatch, first: tuple[str, ...]) -> None:
    classes = ("bowl", "tennis_serve", "baseball_pitch", "golf_swing")
    recognised = [examples.Seen(label, None, (), ()) for label in range(4)]
    monkeypatch.setattr(examples, "_recognised", lambda *_: iter(recognised))
    found = [classes[seen.likeliest] for seen in examples.chosen(None, None, classes, 4, first)]  # type: ignore[arg-type]
    others = [name for name in classes if name not in first]
    assert found == [*(name for name in first if name in classes), *others]


def test_without_modal_tokens_nobody_looks(source: Source) -> None:
    module, data = built(source, model__modal_tokens="none")
    assert examples.on_films(module.eval(), data, [], 3) == examples.on_joints(module, data, [], 1) == []
    assert examples.as_film(module, next(iter(data.test_dataloader()))).heat is None


def test_a_place_is_bright_where_and_when_it_is() -> None:
    places = np.array([[3.0, 1.0, 0.0], [6.0, 5.0, 1.5]])
    heat = splatted(places, np.array([1.0, 4.0]), (3, 8, 10), sigma=1.0)
    assert heat[0, 1, 3] == pytest.approx(1.0, abs=1e-6)
    assert heat[1, 5, 6] == pytest.approx(2.0, abs=1e-3)
    assert heat[2, 5, 6] == pytest.approx(2.0, abs=1e-3)
