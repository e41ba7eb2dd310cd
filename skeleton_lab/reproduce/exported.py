"""Trained networks as files that run without this program: torch.export's and ONNX, each checked on random clips."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from data_modules.settings import VideoSettings
from data_modules.skeletons import Batch
from skeleton_lab.errors import RequestError
from skeleton_lab.files import write_whole
from skeleton_lab.measure.random_batch import random_batch
from skeleton_lab.training.module import ClassificationModule, Portable

# What logits may differ by from the network's own; of logits above 1, as a share of the largest one. Those of hundreds
# differ by as much in float32 and float64.
TOLERANCE = 1e-4
# Of the clips that it is exported with; it is checked with fewer and, where that may vary, longer ones too.
CLIPS, OTHER_CLIPS, LONGER = 3, 2, 5
# Recordings of so many frames become clips as the settings say.
FRAMES = 48


@dataclass(frozen=True)
class Checked:
    """A written file; inputs: what it is called with, in order; difference: the most that its logits differed by;
    varying: what may have other lengths; remark: what is to be known of its network."""

    path: Path
    inputs: tuple[str, ...]
    difference: float
    varying: tuple[str, ...]
    remark: str


def export(module: ClassificationModule, folder: Path, with_onnx: bool) -> list[Checked]:
    """Write network.pt2 and, if asked for, network.onnx. Raises RequestError where they do not agree with the network
    to 10⁻⁴ on clips of several lengths, or the network cannot be exported."""
    data = module.settings.data
    if isinstance(data, VideoSettings):
        raise RequestError(f"{module.settings.name} looks at films, and only networks of skeletons can be exported")
    onnx = _onnx() if with_onnx else None
    first = random_batch(data, module.layout, [FRAMES] * (1 if data.collation == "ragged" else CLIPS), persons=1)
    with torch.no_grad():
        portables = [module.portable(first)]
        batches = [first, _other(module, "frames" in _varying(portables[0]))]
        portables.append(module.portable(batches[1]))
        expected = [module(batch).logits for batch in batches]
        program = _program(portables[0])
    found = [_pt2(program, portables, expected, folder / "network.pt2")]
    if onnx is not None:
        found.append(_to_onnx(program, portables, expected, folder / "network.onnx", onnx))
    return found


def _other(module: ClassificationModule, may_be_longer: bool) -> Batch:
    """Clips of another number, of all persons that there can be, and longer ones where they may be."""
    data = module.settings.data
    frames = [FRAMES + LONGER] * (1 if data.collation == "ragged" else OTHER_CLIPS)
    longer = replace(data, clip_len=data.clip_len + LONGER) if may_be_longer else data
    return random_batch(longer, module.layout, frames, data.persons)


def _varying(portable: Portable) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for axes in portable.varying.values() for name in axes.values()))


def _program(portable: Portable) -> ExportedProgram:
    shapes = {name: dict.fromkeys(portable.varying.get(name, {}), Dim.DYNAMIC) for name in portable.inputs}
    with _quiet(), _refusing():
        return torch.export.export(
            portable.network.eval(), (), kwargs=dict(portable.inputs), dynamic_shapes=shapes, strict=False
        )


def _pt2(program: ExportedProgram, portables: list[Portable], expected: list[Tensor], path: Path) -> Checked:
    write_whole(path, lambda scratch: torch.export.save(program, scratch))
    loaded = torch.export.load(path).module()
    return _checked(path, tuple(portables[0].inputs), portables, expected, lambda inputs: loaded(**inputs))


def _to_onnx(
    program: ExportedProgram, portables: list[Portable], expected: list[Tensor], path: Path, runtime: Any
) -> Checked:
    with _quiet(), _refusing(), tempfile.TemporaryDirectory() as scratch:
        names = [_onnx_name(name) for name in portables[0].inputs]
        written = torch.onnx.export(program, dynamo=True, verbose=False, input_names=names, output_names=["logits"])
        assert written is not None
        written.save(Path(scratch) / path.name)
        write_whole(path, lambda whole: whole.write_bytes((Path(scratch) / path.name).read_bytes()))
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.from_numpy(session.run(None, {_onnx_name(name): x.numpy() for name, x in inputs.items()})[0])

    return _checked(path, tuple(names), portables, expected, run)


def _onnx_name(name: str) -> str:
    """Without its axes, which ONNX would write in small letters."""
    return name.partition("_")[0]


def _checked(
    path: Path,
    names: tuple[str, ...],
    portables: list[Portable],
    expected: list[Tensor],
    run: Callable[[Mapping[str, Tensor]], Tensor],
) -> Checked:
    with torch.no_grad():
        found = [run(portable.inputs) for portable in portables]
    difference = max(float((one - other).abs().max()) for one, other in zip(found, expected, strict=True))
    largest = max(float(one.abs().max()) for one in expected)
    if not difference <= TOLERANCE * max(1.0, largest):
        path.unlink()
        raise RequestError(f"{path.name}: its logits differ by {difference:.1e} from the network's; nothing is kept")
    return Checked(path, names, difference, _varying(portables[0]), portables[0].remark)


def _onnx() -> Any:
    """onnxruntime. Raises RequestError where it, or what writes ONNX, is not installed."""
    try:
        import_module("onnxscript")
        return import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise RequestError(
            f'{error.name} is not installed: `.venv/bin/pip install -c constraints.txt -e ".[export]"`, or take '
            "format=pt2, which needs nothing"
        ) from error


@contextmanager
def _refusing() -> Iterator[None]:
    """What PyTorch cannot export is told in a line; it has no end of errors for that."""
    try:
        yield
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RequestError(f"PyTorch {torch.__version__} cannot export this network: {first}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters tell their developers a lot."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        logging.getLogger("onnxscript").setLevel(logging.ERROR)
        yield
