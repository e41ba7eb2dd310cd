"""Every way of reducing segments gives what a loop over them gives, for any batch, and to the bit the same again.

Axes: F rows of all segments, N segments, C channels.
"""

import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from skeleton_lab.cli import main
from skeleton_lab.errors import RequestError
from skeleton_lab.measure.benchmarks import BENCHMARKS
from skeleton_lab.measure.literal import segments as literal
from skeleton_lab.ops import segments
from skeleton_lab.ops.precision import HALVES
from skeleton_lab.verbs.arguments import Arguments

REDUCTIONS = ["segment_sum", "segment_mean", "segment_max"]
OPS = [*REDUCTIONS, "segment_softmax", "segment_repeat"]
# Empty segments at the beginning, in the middle and at the end; one row; many rows.
LENGTHS = [0, 3, 1, 0, 0, 40, 7, 0]
NO_SCATTER = "torch-scatter is not installed: `make test-scatter` installs it"

WAYS = [
    "native",
    "native_in_a_loop",
    "native_on_a_gpu",
    pytest.param("torch_scatter", marks=pytest.mark.skipif(not find_spec("torch_scatter"), reason=NO_SCATTER)),
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each backend; the native way of wide rows, here for all; and that of GPUs, which a CPU can go too."""
    segments.set_backend("torch_scatter" if request.param == "torch_scatter" else "native")
    if request.param == "native_in_a_loop":
        monkeypatch.setattr(segments, "WIDE", 0)
    if request.param == "native_on_a_gpu":
        monkeypatch.setattr(segments, "_by_index", segments._by_offsets)
    yield request.param
    segments.set_backend("native")


def offsets_of(lengths: list[int]) -> Tensor:
    return torch.tensor([0, *lengths]).cumsum(0)


def called(module: ModuleType, name: str, x: Tensor, offsets: Tensor) -> Tensor:
    op = getattr(module, name)
    return op(x, offsets, int(offsets[-1])) if name == "segment_repeat" else op(x, offsets)


def input_of(name: str, offsets: Tensor, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    rows = len(offsets) - 1 if name == "segment_repeat" else int(offsets[-1])
    x = torch.randn(rows, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return x.to(dtype).requires_grad_()


def value_and_gradient(module: ModuleType, name: str, x: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    y = called(module, name, x, offsets)
    # Of both signs, and different for every element.
    gradient = torch.linspace(-2, 3, y.numel(), dtype=y.dtype, device=y.device).view_as(y)
    return y.detach(), torch.autograd.grad(y, x, gradient)[0]


@pytest.mark.parametrize("shape", [(), (6,), (5, 3), (9, 25)], ids=str)
@pytest.mark.parametrize("name", OPS)
def test_as_in_a_loop(way: str, name: str, shape: tuple[int, ...]) -> None:
    offsets = offsets_of(LENGTHS)
    x = input_of(name, offsets, *shape)
    torch.testing.assert_close(
        value_and_gradient(segments, name, x, offsets), value_and_gradient(literal, name, x, offsets)
    )


@pytest.mark.parametrize("name", REDUCTIONS)
def test_empty_segments_are_zero(way: str, name: str) -> None:
    for lengths in (LENGTHS, [0, 0]):
        offsets = offsets_of(lengths)
        y_NC = called(segments, name, -torch.ones(int(offsets[-1]), 4), offsets)
        assert torch.equal((y_NC != 0).any(dim=1), offsets.diff() > 0)


@pytest.mark.parametrize("name", OPS)
def test_gradients_are_those_of_finite_differences(way: str, name: str) -> None:
    offsets = offsets_of([2, 0, 3, 1])
    x = input_of(name, offsets, 2, dtype=torch.float64)
    op = partial(called, segments, name)
    assert torch.autograd.gradcheck(lambda x: op(x, offsets), x)
    if name != "segment_max":
        assert torch.autograd.gradgradcheck(lambda x: op(x, offsets), x)


def test_rows_that_tie_share_the_gradient_evenly(way: str) -> None:
    x_F = torch.tensor([1.0, 3.0, 3.0, -1.0, 2.0, 2.0, 2.0]).requires_grad_()
    segments.segment_max(x_F, offsets_of([4, 3])).backward(torch.tensor([-1.0, 6.0]))
    assert x_F.grad is not None
    assert x_F.grad.tolist() == [0, -0.5, -0.5, 0, 2, 2, 2]


@pytest.mark.parametrize("name", OPS)
def test_a_segment_does_not_depend_on_the_batch(way: str, name: str) -> None:
    """To the bit: by itself, again, and as one of many."""
    offsets = offsets_of([200, 31, 0, 57])
    x = input_of(name, offsets, 8)
    together = value_and_gradient(segments, name, x, offsets)
    assert all(map(torch.equal, together, value_and_gradient(segments, name, x, offsets)))
    gradient = torch.linspace(-2, 3, together[0].numel()).view_as(together[0])
    for n, (start, stop) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        of_x = slice(n, n + 1) if name == "segment_repeat" else slice(start, stop)
        of_y = slice(n, n + 1) if name in REDUCTIONS else slice(start, stop)
        own_x = x.detach()[of_x].requires_grad_()
        own_y = called(segments, name, own_x, offsets_of([stop - start]))
        assert torch.equal(own_y, together[0][of_y])
        assert torch.equal(torch.autograd.grad(own_y, own_x, gradient[of_y])[0], together[1][of_x])


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", OPS)
def test_half_precision_is_rounded_once(way: str, name: str, dtype: torch.dtype) -> None:
    # A sum in bfloat16 would stay at 256 when it adds 1.
    offsets = offsets_of([900, 0, 20])
    x = (1 + 0.1 * input_of(name, offsets, 3)).detach().to(dtype).requires_grad_()
    y, gradient = value_and_gradient(segments, name, x, offsets)
    exact_x = x.detach().double().requires_grad_()
    exact_y, exact_gradient = value_and_gradient(literal, name, exact_x, offsets)
    assert y.dtype == gradient.dtype == dtype
    unit = torch.finfo(dtype).eps
    torch.testing.assert_close(y.double(), exact_y, rtol=unit, atol=1e-6)
    torch.testing.assert_close(gradient.double(), exact_gradient, rtol=4 * unit, atol=unit)


def test_softmax_of_large_numbers(way: str) -> None:
    x_F = torch.tensor([1e4, 1e4, -1e4, -1e4, -2e4])
    torch.testing.assert_close(
        segments.segment_softmax(x_F, offsets_of([3, 2])), torch.tensor([0.5, 0.5, 0.0, 1.0, 0.0])
    )


@pytest.mark.parametrize("offsets", [[1, 3, 6], [0, 3, 5], [0, 4, 3, 6], []], ids=str)
@pytest.mark.parametrize("name", [*REDUCTIONS, "segment_softmax"])
def test_offsets_that_do_not_fit_are_refused(way: str, name: str, offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="end at the 6 rows"):
        called(segments, name, torch.ones(6), torch.tensor(offsets, dtype=torch.int64))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", OPS)
def test_a_gpu_repeats_itself_and_agrees(name: str) -> None:
    offsets = offsets_of(LENGTHS)
    x = input_of(name, offsets, 64)
    on_gpu = x.detach().cuda().requires_grad_()
    found = value_and_gradient(segments, name, on_gpu, offsets.cuda())
    assert all(map(torch.equal, found, value_and_gradient(segments, name, on_gpu, offsets.cuda())))
    expected = value_and_gradient(segments, name, x, offsets)
    torch.testing.assert_close(tuple(each.cpu() for each in found), expected)


def test_an_unknown_backend_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "ops.backend=torch-scatter"]) == 2
    assert "unknown value of ops.backend 'torch-scatter': did you mean 'torch_scatter'?" in capsys.readouterr().err


def test_a_backend_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch_scatter", None)
    assert main(["tables", "ops.backend=torch_scatter"]) == 2
    text = capsys.readouterr().err.strip()
    assert "not installed; run `make setup-scatter`" in text
    assert len(text.splitlines()) == 1


def test_a_backend_that_was_built_for_another_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch_scatter", raising=False)
    (tmp_path / "torch_scatter.py").write_text("raise OSError('undefined symbol')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RequestError, match="make clean setup-scatter"):
        segments.set_backend("torch_scatter")


def test_the_backend_is_no_key_of_runs() -> None:
    arguments = Arguments.parse(["sgn", "ops.backend=native", "workers=2", "epochs=3"])
    assert arguments.overrides(["sgn"]) == {"training.epochs": 3}
    assert arguments.execution().ops.backend == "native"
    assert arguments.execution().workers == 2


@pytest.mark.parametrize("name", ["segment_mean", "segment_max"])
def test_the_benchmarks_reduce_the_same_either_way(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skeleton_lab.measure.benchmarks.segments.CLIPS", 3)
    benchmark = BENCHMARKS[name](tmp_path)
    torch.testing.assert_close(benchmark.fast(), benchmark.plain())
