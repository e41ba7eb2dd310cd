"""Values that no clips can have are refused, each with one line that says what to give."""

from dataclasses import replace
from typing import Any

import pytest

from data_modules.layouts import LAYOUTS, NTU25, Layout
from data_modules.settings import SkeletonSettings, settings_problems

FLAT = LAYOUTS["coco17"]


@pytest.mark.parametrize(
    ("layout", "wrong", "problem"),
    [
        (NTU25, {"centre_joint": 25}, "data.centre_joint=25: give a joint from 0 to 24"),
        (NTU25, {"centre_joint": -1}, "data.centre_joint=-1: give a joint from 0 to 24"),
        (NTU25, {"scale_bone": [0]}, "data.scale_bone=[0]: give two joints from 0 to 24"),
        (NTU25, {"align_up": [0, 25], "align_right": [0, 1]}, "data.align_up=[0, 25]: give two joints from 0 to 24"),
        (NTU25, {"align_up": [0, 20]}, "data.align_up and data.align_right: give both or neither"),
        (NTU25, {"clip_len": 0}, "data.clip_len=0: give a number above 0"),
        (NTU25, {"persons": 0}, "data.persons=0: give a number above 0"),
        (NTU25, {"train_clips": 0}, "data.train_clips=0: give a number above 0"),
        (NTU25, {"test_crops": 0}, "data.test_crops=0: give a number above 0"),
        (NTU25, {"test_crops": 5, "sampling": "all"}, "data.test_crops=5: data.sampling=all shows the same frames"),
        (NTU25, {"rotation_degrees": -5.0}, "data.rotation_degrees=-5.0: give a number from 0 to 180"),
        (NTU25, {"scale_spread": float("nan")}, "data.scale_spread=nan: give a number from 0 to 1"),
        (NTU25, {"noise_metres": float("inf")}, "data.noise_metres=inf: give a number from 0 to 100 metres"),
        (NTU25, {"origin": "image"}, "data.origin=image: ntu25 skeletons are in metres, not in a picture"),
        (NTU25, {"sampling": "al"}, "data.sampling=al: did you mean 'all'?"),
        (NTU25, {"collation": "raged"}, "data.collation=raged: did you mean 'ragged'?"),
        (NTU25, {"stream": "bones"}, "data.stream=bones: did you mean 'bone'?"),
        (NTU25, {"noise_on": None}, "data.noise_on=None: there are: train, test, both"),
        (FLAT, {"align_up": [0, 1], "align_right": [1, 2]}, "data.align_up=[0, 1]: coco17 skeletons are flat"),
        (FLAT, {"noise_metres": 0.1}, "data.noise_metres=0.1: coco17 skeletons are in pixels"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(getattr(value, "name", value)),
)
def test_settings_that_cannot_be_are_refused(layout: Layout, wrong: dict[str, Any], problem: str) -> None:
    (found,) = settings_problems(replace(SkeletonSettings(), **wrong), layout)
    assert found.startswith(problem)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_the_defaults_suit_every_layout(layout: Layout) -> None:
    assert list(settings_problems(SkeletonSettings(), layout)) == []
