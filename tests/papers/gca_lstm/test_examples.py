"""Figures 7 and 8: which clips are drawn, and what attention found in them.

Axes: N clips, M person slots, T frames, V joints, I iterations.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_modules.collate import Clip
from data_modules.divisions import Draw
from data_modules.layouts import NTU25
from skeleton_lab.figures.joint_means import JointMeans, joint_means
from skeleton_lab.figures.skeletons import PLAIN, from_least_to_most, weighed
from skeleton_lab.papers.gca_lstm import examples as examples_file
from skeleton_lab.papers.gca_lstm.attention import relative_informativeness
from skeleton_lab.papers.gca_lstm.examples import CLASSES, Example, examples, mean_attention
from skeleton_lab.papers.gca_lstm.module import GCALSTMModule
from tests.helpers import SMALL, assert_close, padded_batch, settings_of, shaken

NAMES = tuple(f"class {number}" for number in range(60))


class FakeData:
    """Two clips of 20 frames, in which the second person is never there."""

    def __init__(self) -> None:
        self.layout, self.clips = NTU25, self
        self.batches = [padded_batch(clips=4, seed=1), padded_batch(clips=2, seed=2)]

    def upright(self) -> "FakeData":
        return self

    def __getitem__(self, draw: Draw) -> Clip:
        valid_TM = np.repeat(np.array([[True, False]]), 20, axis=0)
        return Clip(np.random.default_rng(0).random((20, 2, 25, 3), np.float32), valid_TM, 0, draw.position)

    def test_dataloader(self) -> list[Any]:
        return self.batches


@pytest.fixture(scope="module", params=["gca_lstm", "gca_lstm_two_stream"])
def module(request: pytest.FixtureRequest) -> Any:
    changes = {**SMALL, "training.selection": "last", "model.patience": 0}
    return shaken(GCALSTMModule(settings_of(request.param, changes), NTU25, 60)).eval()


def found(label: int, position: int, highest: float) -> Example:
    r_ITV = np.ones((2, 20, 25), np.float32)
    r_ITV[1, 19, 7] = highest
    return Example(label, position, r_ITV)


def drawn(monkeypatch: pytest.MonkeyPatch, recognised: list[Example], classes: tuple[str, ...]) -> Any:
    monkeypatch.setattr(examples_file, "recognised", lambda *_: iter(recognised))
    return examples(None, FakeData(), classes)  # type: ignore[arg-type]


def test_the_mean_of_a_clip_is_one(module: GCALSTMModule) -> None:
    r_NITV = relative_informativeness(module.network, padded_batch(clips=3).x)
    assert r_NITV.shape == (3, 2, 20, 25)
    assert_close(r_NITV.mean(dim=(2, 3)), torch.ones(3, 2))


def test_the_mean_over_the_test_set_is_that_of_all_clips(module: GCALSTMModule) -> None:
    data = FakeData()
    each = [relative_informativeness(module.network, batch.x)[:, 1] for batch in data.batches]
    found_V = mean_attention(module, data)  # type: ignore[arg-type]
    assert_close(torch.from_numpy(found_V), torch.cat(each).mean(dim=(0, 1)))


def test_the_papers_classes_are_drawn_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = (*NAMES[:58], CLASSES[1], CLASSES[0])
    clips = drawn(monkeypatch, [found(0, 0, 9.0), found(58, 1, 2.0), found(59, 2, 3.0)], classes)
    assert [clip.title.split(",")[0] for clip in clips] == [CLASSES[0]] * 2 + [CLASSES[1]] * 2


def test_else_three_classes_to_whose_joints_most_attention_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    recognised = [found(label, label, highest) for label, highest in ((3, 2.0), (4, 5.0), (5, 3.0), (4, 6.0), (6, 1.5))]
    clips = drawn(monkeypatch, recognised, NAMES)
    assert [clip.title.split(",")[0] for clip in clips[::2]] == ["class 4", "class 5", "class 3"]
    assert clips[1].title.endswith("1.00 to 6.00 of the mean")
    assert drawn(monkeypatch, [], NAMES) == []


def test_the_most_informative_joint_is_the_brightest_and_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = drawn(monkeypatch, [found(3, 0, 4.0)], NAMES)
    assert [skeleton.title for skeleton in first.skeletons] == [f"frame {n}" for n in (1, 6, 11, 15, 20)]
    last = second.skeletons[-1]
    assert len(last.joints) == 25, "nobody is drawn who is not there"
    assert last.shade[7] == 1
    assert last.area.argmax() == 7
    assert not np.delete(last.shade, 7).any()
    assert not any(skeleton.shade.any() for skeleton in first.skeletons)


def test_two_persons_hang_together_each_for_themselves() -> None:
    joints_MVC = np.random.default_rng(0).random((3, 25, 3), np.float32)
    there_M, weight_MV = np.array([True, False, True]), np.zeros((3, 25), np.float32)
    shown = weighed(joints_MVC, there_M, weight_MV, NTU25, "frame 1")
    np.testing.assert_array_equal(shown.joints, joints_MVC[[0, 2]].reshape(50, 3))
    assert len(shown.edges) == 48
    assert all((start < 25) == (end < 25) for start, end in shown.edges)
    flat = weighed(joints_MVC, ~there_M & False, weight_MV, replace(NTU25, dimensions=2), "")
    np.testing.assert_array_equal(flat.joints, joints_MVC[0] * [1, -1, 0])


def test_bars_have_the_colours_of_the_joints(tmp_path: Path) -> None:
    values_V = np.linspace(-1, 2, 25, dtype=np.float32)
    joints_MVC = np.random.default_rng(0).random((1, 25, 3), np.float32)
    body = weighed(joints_MVC, np.array([True]), from_least_to_most(values_V)[None], NTU25, "")
    figure: Any = joint_means("demo data", [JointMeans("all", NTU25.joints, values_V, body)], "%")
    skeleton, bars = figure.subfigs[0].axes
    assert [bar.get_width() for bar in bars.patches] == pytest.approx(values_V.tolist())
    figure.savefig(tmp_path / "picture.png", dpi=30)
    marks = skeleton.collections[0].get_facecolor()  # in the order of their depth
    np.testing.assert_allclose(
        sorted(bar.get_facecolor() for bar in bars.patches), sorted(map(tuple, marks)), atol=1e-6
    )
    assert body.area[0] == PLAIN / 2


def test_values_that_are_all_the_same_are_all_least() -> None:
    assert not from_least_to_most(np.ones(5, np.float32)).any()


def test_a_prediction_is_drawn_with_what_was_informative(module: GCALSTMModule) -> None:
    batch = padded_batch(clips=1)
    shown = module.shown(batch, FakeData()[Draw(0)])
    r_TV = relative_informativeness(module.network, batch.x)[0, -1]
    assert len(shown) == 20
    shade_TV = np.stack([skeleton.shade for skeleton in shown])
    assert shade_TV.argmax() == r_TV.argmax()
    assert (shade_TV.min(), shade_TV.max()) == (0, 1)


def test_a_network_without_attention_shows_none() -> None:
    changes = {**SMALL, "training.selection": "last", "model.patience": 0, "model.attention_iterations": 0}
    plain = GCALSTMModule(settings_of("gca_lstm", changes), NTU25, 60).eval()
    assert examples(plain, FakeData(), NAMES) == []  # type: ignore[arg-type]
