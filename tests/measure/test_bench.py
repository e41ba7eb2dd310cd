"""Both sides of every benchmark do the same; what is timed is shown, met or missed."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data_modules.readers import skeleton_file
from skeleton_lab.cli import main
from skeleton_lab.measure.bench import Benchmark, machine, measure
from skeleton_lab.measure.benchmarks import BENCHMARKS, deform3d
from skeleton_lab.measure.literal import skeleton_file as literal_skeleton_file
from skeleton_lab.papers.deform3d.settings import Deform3DSettings
from tests.data_modules.readers.skeleton_texts import FIRST_ID, frames_of, person, write_skeleton


def sleeping(fast: float, plain: float, target: float = 3) -> Benchmark:
    return Benchmark("sleep", lambda: time.sleep(fast), lambda: time.sleep(plain), amount=5, unit="naps", target=target)


def test_the_ratio_is_that_of_the_times() -> None:
    timing = measure(sleeping(0.01, 0.06), seconds=0.5)
    found = timing.as_json()
    assert 3 < found["ratio"] < 6.5
    assert found["ratio_quartiles"][0] <= found["ratio"] <= found["ratio_quartiles"][1]
    assert found["met"]
    assert found["unit"] == "naps/s"
    assert 5 / 0.06 * 0.3 < found["plain"] < 5 / 0.06
    assert found["rounds"] >= 5


def test_a_rate_can_be_missed_too() -> None:
    for rate, met in ((1, True), (1e9, False)):
        assert measure(replace(sleeping(0, 0.01, target=1), at_least=rate), seconds=0).met is met


def test_both_ways_are_called_in_turn_on_one_thread() -> None:
    called = []
    benchmark = replace(
        sleeping(0, 0),
        fast=lambda: called.append(("fast", torch.get_num_threads())),
        plain=lambda: called.append(("plain", torch.get_num_threads())),
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        timing = measure(benchmark, seconds=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert called == [("fast", 1), ("plain", 1)] * (len(timing.fast) + 1)


def test_threads_come_back_after_a_failure() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            measure(replace(sleeping(0, 0), plain=lambda: 1 / 0), seconds=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.fixture
def one_short(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def only_one(target: float) -> None:
        monkeypatch.setattr("skeleton_lab.verbs.bench.BENCHMARKS", {"sleep": lambda folder: sleeping(0, 0.002, target)})
        monkeypatch.setattr("skeleton_lab.verbs.bench.measure", lambda benchmark: measure(benchmark, seconds=0))

    return only_one


@pytest.mark.parametrize(("target", "missed"), [(2, False), (9e4, True)])
def test_a_missed_target_is_shown_and_no_failure(
    one_short: Callable[[float], None], target: float, missed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    one_short(target)
    assert main(["bench"]) == 0
    shown = capsys.readouterr().out
    assert ("missed" in shown) is missed
    assert str(np.__version__) in shown


def test_as_json(one_short: Callable[[float], None], capsys: pytest.CaptureFixture[str]) -> None:
    one_short(2)
    assert main(["bench", "sleep", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"] == machine()
    assert [(one["name"], one["target"], one["met"]) for one in found["benchmarks"]] == [("sleep", 2, True)]


def test_an_unknown_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "parze"]) == 2
    assert "did you mean 'parse'?" in capsys.readouterr().err


def test_batches_are_the_same_either_way(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["batches"](tmp_path)
    fast, plain = benchmark.fast(), benchmark.plain()
    assert isinstance(fast, list)
    assert isinstance(plain, list)
    assert sum(len(offsets) - 1 for _, offsets in fast) == benchmark.amount
    for (joints, offsets), (expected, expected_offsets) in zip(fast, plain, strict=True):
        np.testing.assert_array_equal(joints, expected)
        np.testing.assert_array_equal(offsets, expected_offsets)


def test_films_show_the_same_either_way(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["films"](tmp_path)
    fast, plain = benchmark.fast(), benchmark.plain()
    assert isinstance(fast, list)
    assert isinstance(plain, list)
    for one, other in zip(fast, plain, strict=True):
        assert one.shape == other.shape
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9  # it was compressed once more


def test_a_large_store_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.data.NTU120_CLIPS", 50)
    benchmark = BENCHMARKS["opening"](tmp_path)
    np.testing.assert_array_equal(benchmark.fast().joints_RVC, benchmark.plain())  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["sgn_training", "sgn_training_bf16", "adasgn_training", "adasgn_training_bf16"])
def test_networks_learn_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.networks.SGN_PERSONS", 4)
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.networks.ADASGN_PERSONS", 4)
    torch.manual_seed(3)
    benchmark = BENCHMARKS[name](tmp_path)
    tolerance = 0.05 if name.endswith("bf16") else 5e-3
    losses = []
    for step in range(3):
        both = []
        for call in (benchmark.fast, benchmark.plain):
            torch.manual_seed(step)  # the same Gumbel noise and dropout
            both.append(call())
        assert both[0] == pytest.approx(both[1], rel=tolerance)
        losses.append(both[0])
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["star_training", "star_training_bf16"])
def test_star_learns_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """But for dropout, which the two draw in different ways."""
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.star.LENGTHS", [9, 4])
    for module in ("dropout", "sparse_attention"):
        monkeypatch.setattr(f"skeleton_lab.ops.{module}.kept", lambda like, probability: torch.ones_like(like))
    monkeypatch.setattr("torch.nn.Dropout.forward", lambda layer, x: x)
    torch.manual_seed(4)  # with some, rounding to bfloat16 makes itself felt in the third step
    benchmark = BENCHMARKS[name](tmp_path)
    for _ in range(3):
        assert benchmark.fast() == pytest.approx(benchmark.plain(), rel=0.05 if name.endswith("bf16") else 1e-3)


@pytest.mark.parametrize("name", ["aa_gcn_training", "aa_gcn_training_bf16"])
def test_graph_networks_learn_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.graph_networks.CLIPS", 2)
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.graph_networks.FRAMES", 12)
    torch.manual_seed(3)
    benchmark = BENCHMARKS[name](tmp_path)
    losses = []
    for _ in range(3):
        losses.append(benchmark.fast())
        assert losses[-1] == pytest.approx(benchmark.plain(), rel=0.05 if name.endswith("bf16") else 1e-3)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("clips", [4, 64])
def test_lattices_are_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: int) -> None:
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.gca_lstm.CHANNELS", 4)
    benchmark = BENCHMARKS[f"gca_lstm_lattice_{clips}"](tmp_path)
    assert benchmark.amount == clips
    fast, plain = benchmark.fast(), benchmark.plain()
    assert isinstance(fast, tuple)
    assert len(fast) == 5  # h, and the gradients of inputs, both weights and informativeness
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4)


def test_attention_is_the_same_either_way(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["star_attention"](tmp_path)
    torch.testing.assert_close(benchmark.fast(), benchmark.plain(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["parse", "parse_all_cores"])
def test_files_are_read_the_same_either_way(tmp_path: Path, name: str) -> None:
    benchmark = BENCHMARKS[name](tmp_path)
    fast, plain = benchmark.fast(), benchmark.plain()
    assert isinstance(fast, list)
    assert isinstance(plain, list)
    for (bodies, _), literal in zip(fast, plain, strict=True):
        assert_same_bodies(bodies, literal)


def test_the_literal_parser_on_a_body_that_returns(tmp_path: Path) -> None:
    away = [0, 1, 4]
    frames = frames_of(6, (FIRST_ID, away, person(3)), (FIRST_ID + 1, [1, 2, 3], person(3, x=1, seed=1)))
    path = write_skeleton(tmp_path, frames)
    literal = literal_skeleton_file.parse(path)
    assert list(literal) == [FIRST_ID, FIRST_ID + 1]
    assert literal[FIRST_ID][0] == away
    np.testing.assert_allclose(literal[FIRST_ID][1], person(3), atol=1e-6)
    assert_same_bodies(skeleton_file.parse(path)[0], literal)


def test_the_literal_parser_on_real_files() -> None:
    folder = Path(os.environ.get("DATA_ROOT", "unset")) / "ntu_rgbd" / "nturgb+d_skeletons"
    if not folder.is_dir():
        pytest.skip("needs DATA_ROOT with the folder ntu_rgbd")
    for path in sorted(folder.glob("*.skeleton"))[:8]:
        assert_same_bodies(skeleton_file.parse(path)[0], literal_skeleton_file.parse(path))


def assert_same_bodies(bodies: list[skeleton_file.Body], literal: dict[int, tuple[list[int], np.ndarray]]) -> None:
    for body, (frames, joints) in zip(bodies, literal.values(), strict=True):
        assert body.frames.tolist() == frames
        np.testing.assert_array_equal(body.joints, joints, strict=True)


def test_blocks_give_the_same_gradients_in_a_third_of_the_memory() -> None:
    benchmark = deform3d.blocks(Deform3DSettings(width=1 / 8, blocks=2, dropout=0.0), frames=8, crop=48)
    for one, other in zip(benchmark.fast(), benchmark.plain(), strict=True):  # type: ignore[call-overload]
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    timing = measure(benchmark, seconds=0)
    assert timing.peak_bytes is not None
    assert timing.memory_ratio > 3
    assert timing.as_json()["peak_megabytes"] == [size / 1e6 for size in timing.peak_bytes]
