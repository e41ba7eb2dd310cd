"""STAR's module: its counts, whom it refuses, what it records."""

from typing import Any

import pytest
import torch

from data_modules.collate import PaddedBatch, RaggedBatch
from data_modules.layouts import NTU25
from skeleton_lab.errors import RequestError
from skeleton_lab.measure.breakdown import macs_by_part
from skeleton_lab.measure.macs import Macs, count_macs
from skeleton_lab.papers.star.module import STARModule
from tests.helpers import settings_of


def module(model: str = "star_64", **changes: Any) -> STARModule:
    full = {key if "." in key else f"model.{key}": value for key, value in changes.items()}
    return STARModule(settings_of(model, full), NTU25, 60)


def ragged(*lengths: int) -> RaggedBatch:
    clips = torch.arange(len(lengths))
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    x = torch.randn(sum(lengths), 25, 9, generator=torch.Generator().manual_seed(0))
    return RaggedBatch(x, offsets, clips.repeat_interleave(torch.tensor(lengths)), clips, clips)


def macs_of(built: STARModule, frames: int) -> Macs:
    return built.count_macs({"frames_per_clip": frames})


@pytest.mark.parametrize(("model", "per_joint"), [("star_64", 210_496), ("star_128", 840_832)])
def test_a_joint_of_a_frame_costs_what_the_paper_counts(model: str, per_joint: int) -> None:
    built = module(model)
    assert macs_of(built, 81).as_paper - macs_of(built, 80).as_paper == 25 * per_joint


@pytest.mark.parametrize(("model", "frames", "gmacs"), [("star_64", 2_961, 15.58), ("star_128", 3_488, 73.33)])
def test_the_printed_costs_are_those_of_so_many_frames(model: str, frames: int, gmacs: float) -> None:
    assert macs_of(module(model), frames).as_paper / 1e9 == pytest.approx(gmacs, abs=0.01)


def test_products_along_edges_are_in_all_of_it() -> None:
    built = module()
    counted = built.counted(ragged(40, 60))
    by_part = macs_by_part(*counted, built.parts)
    assert by_part["Mul"] == Macs(0, 5 * 2 * 100 * 166 * 64)
    assert sum(by_part.values(), Macs(0, 0)) == count_macs(*counted)
    assert by_part["MatMul"].as_paper == 5 * 2 * 100 * 25 * 64 * 8


def test_full_attention_costs_a_little_more() -> None:
    sparse, full = (macs_of(module(attention=kind), 300).as_paper for kind in ("sparse", "full"))
    assert full - sparse == 5 * 2 * 300 * 25 * 25 * 64
    assert full / sparse == pytest.approx(1.076, abs=0.001)


def test_frames_of_all_persons_are_counted() -> None:
    built = module(width=0.25)
    output = built.eval()(ragged(3, 9))
    assert output.logits.shape == (2, 60)
    measured = built.measure(output.per_clip)
    assert measured["frames_per_clip"] == 6
    assert measured["gmacs_per_clip"] == macs_of(built, 6).all / 1e9


def test_padded_clips_are_refused() -> None:
    zeros = torch.zeros(1, 1, 2, 25, 9)
    with pytest.raises(RequestError, match="STAR works on"):
        module()(PaddedBatch(zeros, zeros[..., 0, 0] == 0, torch.zeros(1), torch.zeros(1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hops": 0}, "model.hops=0: give a number above 0"),
        ({"heads": 0}, "model.heads=0: give a number above 0"),
        ({"heads": 12}, "give a number that divides model.channels, which is 64"),
        ({"dropout": 1.5}, "model.dropout=1.5: give a number from 0 to less than 1"),
        ({"data.collation": "padded"}, "data.collation=padded: STAR works on data.collation=ragged"),
    ],
)
def test_values_that_no_network_can_have(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        module(**change)


def test_full_attention_has_no_edges_to_choose() -> None:
    assert module(attention="full", hops=2).settings == module(attention="full").settings


def test_what_is_timed_runs() -> None:
    built = module(width=0.125, layers=1)
    ways = built.timed_ways(2, {})
    assert [call().shape for call in ways.values()] == [(2, 60)] * 3  # type: ignore[attr-defined]
    assert next(iter(ways)).startswith("STAR")


def test_it_runs_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    built, batch = module(layers=2).eval(), ragged(30, 7)
    on_gpu = RaggedBatch(*(value.cuda() for value in vars(batch).values()))
    wanted = built(batch).logits
    found = built.cuda()(on_gpu).logits
    torch.testing.assert_close(found.cpu(), wanted, rtol=1e-3, atol=1e-3)
    found.sum().backward()
