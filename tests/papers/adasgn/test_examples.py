"""Figure 4: which clips are drawn, and which joints.

Axes: V joints.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_modules.layouts import HAND22, NTU25
from skeleton_lab.figures.skeletons import skeletons
from skeleton_lab.papers.adasgn import examples as examples_file
from skeleton_lab.papers.adasgn.chosen import edges
from skeleton_lab.papers.adasgn.examples import Example, examples
from skeleton_lab.papers.adasgn.module import AdaSGNModule
from tests.helpers import SMALL, settings_of, shaken

CLASSES = tuple(f"class {number}" for number in range(60))


@pytest.fixture
def module() -> Any:
    return shaken(AdaSGNModule(settings_of("adasgn", SMALL), NTU25, 60)).eval()


def found(label: int, action: int, cost: float) -> Example:
    return Example(label, torch.randn(20, 25, 3), torch.full((20,), action), cost)


def drawn(module: Any, monkeypatch: pytest.MonkeyPatch, recognised: list[Example], classes: tuple[str, ...]) -> Any:
    monkeypatch.setattr(examples_file, "recognised", lambda *_: iter(recognised))
    return examples(module, None, classes)  # type: ignore[arg-type]


def test_the_papers_classes_are_drawn_where_they_are(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    classes = (*CLASSES[:58], "brush hair", "falling down")
    clips = drawn(
        module, monkeypatch, [found(0, 0, 0.0), found(58, 5, 0.1), found(59, 2, 0.2), found(1, 1, 9)], classes
    )
    assert [clip.title.split(":")[0] for clip in clips] == ["falling down", "brush hair"]
    assert [skeleton.title for skeleton in clips[0].skeletons] == ["S-9"] * 5


def test_else_the_cheapest_and_the_dearest(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = drawn(module, monkeypatch, [found(3, 2, 0.2), found(4, 0, 0.0), found(5, 5, 0.9)], CLASSES)
    assert [clip.title.split(":")[0] for clip in clips] == ["class 4", "class 5"]
    assert [len(skeleton.joints) for clip in clips for skeleton in clip.skeletons] == [1] * 5 + [25] * 5


def test_joints_stand_where_the_learnt_matrix_puts_them(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    example = found(3, 3, 0.2)
    (clip,) = drawn(module, monkeypatch, [example], CLASSES)
    matrix = module.network.joint_transforms[3].matrix.detach()
    frames = np.linspace(0, 19, 5).round().astype(int)
    for frame, skeleton in zip(frames, clip.skeletons, strict=True):
        np.testing.assert_allclose(skeleton.joints, matrix.T @ example.x[frame], rtol=1e-5, atol=1e-5)


def test_nothing_is_drawn_where_nothing_is_recognised(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(module, monkeypatch, [], CLASSES) == []


@pytest.mark.parametrize("layout", [NTU25, HAND22])
def test_joints_that_are_left_hang_together(layout: Any) -> None:
    for joints in layout.joint_levels:
        joined, pairs = {0}, edges(layout, joints)
        for _ in range(joints):
            joined |= {end for pair in pairs if joined & set(pair) for end in pair}
        assert joined == set(range(joints))
    assert len(edges(layout, layout.num_joints)) == layout.num_joints - 1
    assert edges(layout, 1) == []


def test_the_picture_shows_every_choice(module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clips = drawn(module, monkeypatch, [found(4, 0, 0.0), found(5, 5, 0.9)], CLASSES)
    figure = skeletons("demo data", clips)
    titles = [axes.get_title() for row in figure.subfigs for axes in row.axes]
    assert titles == ["S-1"] * 5 + ["B-25"] * 5
    figure.savefig(tmp_path / "picture.png", dpi=30)
    assert (tmp_path / "picture.png").stat().st_size > 1000
