"""The networks that papers compare with: what is counted of them, and whom they see."""

from typing import Any

import pytest
import torch

from data_modules.collate import PaddedBatch, RaggedBatch
from data_modules.layouts import NTU25
from data_modules.settings import channels_of
from skeleton_lab.backbones.module import BackboneModule
from skeleton_lab.errors import RequestError
from skeleton_lab.measure.breakdown import macs_by_part
from tests.helpers import SMALL, assert_close, padded_batch, part, settings_of, settled, shaken

MODELS = ["st_gcn", "st_tr_s", "st_tr_t", "aa_gcn", "ctr_gcn", "dg_stgcn"]
every_model = pytest.mark.parametrize("model", MODELS)


def module_of(model: str, dataset: str = "ntu60", **changes: Any) -> BackboneModule:
    full = {key if "." in key else f"model.{key}": value for key, value in changes.items()}
    return BackboneModule(settings_of(model, full, dataset), NTU25, 60)


def small(model: str, **changes: Any) -> BackboneModule:
    module = shaken(module_of(model, **SMALL, **{"data.clip_len": 20, **changes}))
    assert isinstance(module, BackboneModule)
    channels = channels_of(module.settings.data.stream)
    settled(module.network, torch.randn(8, 2, 20, 25, channels, generator=torch.Generator().manual_seed(1)))
    return module


def published_batch(clips: int) -> PaddedBatch:
    """300 frames, two persons."""
    with torch.device("meta"):
        x, mask = torch.zeros(clips, 2, 300, 25, 3), torch.ones(clips, 2, 300, dtype=torch.bool)
        return PaddedBatch(x, mask, torch.zeros(clips), torch.zeros(clips))


def gmacs(module: BackboneModule, clips: int = 1) -> dict[str, tuple[float, float]]:
    """As the paper counts and all of them, by part."""
    found = macs_by_part(*module.counted(published_batch(clips)), module.parts)
    return {name: (macs.as_paper / 1e9, macs.all / 1e9) for name, macs in found.items()}


def test_the_counts_of_st_gcn() -> None:
    """STAR's Tables 2 and 3: 16 clips in all; and one clip by its products alone."""
    batch = gmacs(module_of("st_gcn"), clips=16)
    assert sum(as_paper for as_paper, _ in batch.values()) == pytest.approx(261.49, abs=0.005)
    for name, reported, digit in (("Conv2d", 260.4, 0.05), ("BatchNorm2d", 0.7373, 5e-5), ("ReLU", 0.1843, 5e-5)):
        assert batch[name][0] == pytest.approx(reported, abs=digit)
    assert batch["AdaptiveAvgPool2d"][0] == pytest.approx(0.015, abs=5e-4)
    one = gmacs(module_of("st_gcn"))
    assert one["Conv2d"][1] == pytest.approx(16.2288, abs=5e-5)
    assert one["MatMul"][1] == pytest.approx(0.864, abs=5e-4)


@pytest.mark.parametrize(
    ("model", "agcn", "convolutions", "products"),
    [
        ("st_tr_s", False, 16.06, 0.46),
        ("st_tr_t", False, 9.98, 1.46),
        ("st_tr_s", True, 16.34, 0.53),
        ("st_tr_t", True, 12.31, 1.68),
    ],
)
def test_the_counts_of_st_tr(model: str, agcn: bool, convolutions: float, products: float) -> None:
    found = gmacs(module_of(model, agcn=agcn))
    assert found["Conv2d"][1] == pytest.approx(convolutions, abs=0.005)
    assert found["MatMul"][1] == pytest.approx(products, abs=0.005)
    assert found["MatMul"][0] == found["MatMul"][1]


@pytest.mark.parametrize(("attention", "expected"), [(False, 6.4692), (True, 6.4728)])
def test_the_counts_of_aa_gcn(attention: bool, expected: float) -> None:
    """Two persons and 100 frames, which pyskl's form takes 6.47 GMACs for with attention."""
    one = module_of("aa_gcn", attention=attention).count_macs({})
    assert 2 * one.as_paper / 1e9 == pytest.approx(expected, abs=5e-5)
    # Means with the gates of the attention as weights are products here, and none in pyskl.
    places = [(4, 64, 100), (1, 128, 100), (2, 128, 50), (1, 256, 50), (2, 256, 25)]
    weighted = sum(blocks * channels * frames * 25 for blocks, channels, frames in places)
    assert one.all - one.as_paper == (weighted if attention else 0)


@pytest.mark.parametrize(
    ("model", "frames", "gmacs"),
    [("ctr_gcn", 100, 2.97), ("ctr_gcn", 60, 1.82), ("dg_stgcn", 100, 2.50), ("dg_stgcn", 60, 1.51)],
)
def test_the_counts_of_pyskl(model: str, frames: int, gmacs: float) -> None:
    """Of two persons, and by the released code: CTR-GCN here compares the mean over time alone."""
    found = module_of(model, **{"data.clip_len": frames}).count_macs({}).scaled(2)
    assert found.as_paper / 1e9 == pytest.approx(gmacs, abs=0.005)
    if model == "ctr_gcn":
        assert found.all < 0.93 * found.as_paper
    else:
        assert found.all == pytest.approx(found.as_paper, rel=1e-3)


@every_model
def test_one_persons_clip_is_half_of_two(model: str) -> None:
    module = module_of(model, **{"data.clip_len": 300})
    one, both = module.count_macs({}), sum(as_paper for as_paper, _ in gmacs(module).values())
    assert 2 * one.as_paper / 1e9 == pytest.approx(both, rel=1e-4)
    shorter = module_of(model, **{"data.clip_len": 150}).count_macs({})
    assert shorter.all < one.all * 0.52


@every_model
def test_nine_channels(model: str) -> None:
    module = small(model, **{"data.stream": "joint_bone_motion"})
    batch = padded_batch()
    batch.x = torch.cat([batch.x] * 3, dim=-1)
    assert channels_of("joint_bone_motion") == 9
    assert module(batch).logits.shape == (6, 60)


@every_model
def test_absent_persons_change_nothing(model: str) -> None:
    module, batch = small(model), padded_batch()
    expected = module(batch).logits
    assert (expected[0] - expected[1]).abs().max() > 1e-3
    batch.x[~batch.mask] = 1e3
    assert_close(module(batch).logits, expected)
    one_slot = part(batch, slice(0, None, 2))
    one_slot.x, one_slot.mask = one_slot.x[:, :1], one_slot.mask[:, :1]
    assert_close(module(one_slot).logits, expected[::2], 1e-4)


@every_model
def test_the_released_habit_computes_every_slot(model: str) -> None:
    batch, there = padded_batch(), torch.tensor([1, 2] * 3)
    masked, zeros = small(model), small(model, absent_persons="zeros")
    zeros.load_state_dict(masked.state_dict())
    assert masked(batch).per_clip["persons"].tolist() == there.tolist()
    found = zeros(batch)
    assert found.per_clip["persons"].tolist() == [2] * 6
    batch.mask[:] = True
    assert_close(masked(batch).logits, found.logits, 1e-4)


@every_model
def test_a_clip_does_not_depend_on_its_batch(model: str) -> None:
    module, batch = small(model), padded_batch()
    assert_close(module(batch).logits[2:], module(part(batch, slice(2, None))).logits, 1e-4)


@every_model
def test_what_a_clip_costs(model: str) -> None:
    module = small(model)
    one = module.count_macs({}).all / 1e9 * module.settings.data.test_crops
    spent = module.measure({"persons": torch.tensor([1, 2])})
    assert spent == pytest.approx({"gmacs_per_clip": 1.5 * one, "gmacs_per_present_person": one})


@every_model
def test_ragged_clips_are_refused(model: str) -> None:
    module = small(model)
    ragged = RaggedBatch(*(torch.zeros(1),) * 5)
    for ask in (module, module.counted):
        with pytest.raises(RequestError, match=f"data.collation=ragged: {model} works on data.collation=padded"):
            ask(ragged)


@every_model
def test_what_is_timed_runs(model: str) -> None:
    for way in small(model).timed_ways(2, {}).values():
        assert way().shape == (2, 60)  # type: ignore[attr-defined]


def test_the_published_data() -> None:
    st_gcn, st_tr = (settings_of(model).data for model in ("st_gcn", "st_tr_s"))
    assert (st_gcn.sampling, st_gcn.clip_len, st_gcn.origin, st_gcn.scale_bone) == ("padded", 300, "none", None)
    assert (st_tr.sampling, st_tr.clip_len, st_tr.align_up, st_tr.align_right) == ("repeated", 300, [0, 1], [8, 4])


def test_where_clips_have_one_person_nobody_is_absent() -> None:
    settings = settings_of("st_gcn", {"model.absent_persons": "zeros"}, "shrec2017")
    assert settings.model.absent_persons == "masked"
