"""Every model as a program of its own: the same logits, for other numbers of clips and, where it says so, of frames."""

from pathlib import Path

import numpy as np
import pytest
import torch

from skeleton_lab.backbones.module import BackboneModule
from skeleton_lab.cli import main
from skeleton_lab.errors import RequestError
from skeleton_lab.measure.random_batch import random_batch
from skeleton_lab.ops.lattice import Lattice, by_cells
from skeleton_lab.ops.lattice_export import by_slices
from skeleton_lab.reproduce import exported
from skeleton_lab.reproduce.exported import export
from tests.finished_runs import write_finished
from tests.helpers import settled

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(
    ("model", "varying"),
    [("sgn", ("clips",)), ("adasgn", ("clips",)), ("star_64", ("frames",)), ("st_lstm", ("clips",))],
)
def test_the_program_gives_what_the_network_gives(model: str, varying: tuple[str, ...], tmp_path: Path) -> None:
    _, module = write_finished(tmp_path, model)
    (checked,) = export(module, tmp_path, with_onnx=False)
    assert checked.varying == varying
    assert checked.difference < 1e-4
    # What was written, of clips that the exporter has not seen.
    lengths = [50] if varying == ("frames",) else [48] * 3
    data = module.settings.data
    batch = random_batch(data, module.layout, lengths, data.persons)
    program = torch.export.load(tmp_path / "network.pt2").module()
    with torch.no_grad():
        found, wanted = program(**module.portable(batch).inputs), module(batch).logits
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        *("sgn", "adasgn_single", "adasgn", "star_64", "st_gcn", "st_tr_s", "st_tr_t", "aa_gcn", "ctr_gcn", "dg_stgcn"),
        *("sparse_st_gcn", "sparse_aa_gcn", "sparse_ctr_gcn", "sparse_dg_stgcn", "ticket_st_gcn", "ticket_ctr_gcn"),
        *("star_128", "st_lstm", "gca_lstm", "gca_lstm_two_stream"),
    ],
)
def test_every_model_as_onnx(model: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason='onnxruntime is not installed: pip install -e ".[export]"')
    pytest.importorskip("onnxscript", reason='onnxscript is not installed: pip install -e ".[export]"')
    _, module = write_finished(tmp_path, model)
    if isinstance(module, BackboneModule):
        # With statistics of batches such as these: untrained, some let next to nothing through.
        data = module.settings.data
        batch = random_batch(data, module.layout, [48] * 8, data.persons)
        settled(module.network, *module.portable(batch).inputs.values())
    files = export(module, tmp_path, with_onnx=True)
    assert [each.path.suffix for each in files] == [".pt2", ".onnx"]
    assert len(list(tmp_path.glob("network.*"))) == 2


@pytest.mark.parametrize(("columns", "gated"), [(5, False), (5, True), (6, False)])
@pytest.mark.parametrize("size", [(3, 4), (4, 1), (1, 3)])
def test_the_lattice_by_slices_is_that_cell_by_cell(size: tuple[int, int], columns: int, gated: bool) -> None:
    lattice, generator = Lattice(*size), torch.Generator().manual_seed(0)
    x_SNA = torch.randn(lattice.cells, 2, 5 * 3, generator=generator)
    weights = [torch.randn(3, columns * 3, generator=generator) for _ in range(2)]
    gate_SN = torch.rand(lattice.cells, 2, generator=generator) if gated else None
    np.testing.assert_allclose(
        by_slices(x_SNA, *weights, lattice, gate_SN), by_cells(x_SNA, *weights, lattice, gate_SN), atol=1e-6
    )


def test_what_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, module = write_finished(tmp_path, "sgn")
    monkeypatch.setattr(exported, "TOLERANCE", -1.0)
    with pytest.raises(RequestError, match="differ by"):
        export(module, tmp_path, with_onnx=False)
    assert not list(tmp_path.glob("network*"))


def test_random_actions_are_refused(tmp_path: Path) -> None:
    _, module = write_finished(tmp_path, "adasgn", model__policy="random", model__pretrained=False)
    with pytest.raises(RequestError, match="draws its actions at random"):
        export(module, tmp_path, with_onnx=False)


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = write_finished(tmp_path, "sgn")
    assert main(["export", "sgn", "format=pt2", f"output_dir={tmp_path}"]) == 0
    assert "any number of clips" in capsys.readouterr().out
    written = tmp_path / "exported" / folder.path.name
    assert sorted(path.name for path in written.iterdir()) == ["network.json", "network.pt2"]
    assert main(["export", "sgn", "format=onx", f"output_dir={tmp_path}"]) == 2
    assert "unknown value of format" in capsys.readouterr().err


def test_onnx_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    _, module = write_finished(tmp_path, "sgn")
    monkeypatch.setattr(exported, "import_module", missing)
    with pytest.raises(RequestError, match=r"onnxscript is not installed: `\.venv/bin/pip install -c constraints\.txt"):
        export(module, tmp_path, with_onnx=True)


def test_networks_of_films_are_refused_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = {"model__width": 0.125, "model__blocks": 1, "model__heads": 2}
    write_finished(tmp_path, "deform3d", "penn_action", **small)
    assert main(["export", "deform3d", f"output_dir={tmp_path}"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "looks at films" in line
