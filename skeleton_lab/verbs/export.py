"""`skeleton-lab export RUN_OR_MODEL`: a trained network as torch.export's program and as ONNX, both checked."""

from dataclasses import asdict

from rich.console import Console

from skeleton_lab.errors import unknown
from skeleton_lab.files import write_json
from skeleton_lab.reproduce.exported import export
from skeleton_lab.reproduce.finished import find_finished
from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.predict import trained_on

OWN_KEYS = ("dataset", "format")
FORMATS = ("both", "pt2")
# What of the settings of data makes no difference to a clip that is evaluated.
NOT_OF_A_CLIP = (
    *("dataset", "protocol", "fold", "train_clips", "test_crops"),
    *("rotation_degrees", "scale_spread", "noise_metres", "noise_on"),
)


def run(arguments: Arguments) -> int:
    arguments.refuse_others(OWN_KEYS)
    kind = arguments.take("format") or FORMATS[0]
    if kind not in FORMATS:
        raise unknown("value of format", kind, FORMATS)
    session = arguments.session()
    finished = find_finished(arguments.name("model or run"), session.output_dir, arguments.take("dataset"))
    reader = trained_on(finished, arguments)
    module, folder = finished.module(reader), session.output_dir / "exported" / finished.name
    folder.mkdir(parents=True, exist_ok=True)
    with session.console.status(f"exporting {finished.name}"):
        files = export(module, folder, with_onnx=kind == "both")
    console = Console()
    for each in files:
        line = f"{each.path}: any number of {' and of '.join(each.varying)}; logits differ by {each.difference:.0e}"
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if files[0].remark:
        console.print(files[0].remark, soft_wrap=True, markup=False, highlight=False)
    data = finished.settings.data
    write_json(
        folder / "network.json",
        {
            "model": finished.settings.name,
            "run": finished.name,
            "classes": list(finished.protocol(reader).classes),
            "joints": list(reader.layout.joints),
            "inputs": {each.path.name: list(each.inputs) for each in files},
            "varying": list(files[0].varying),
            "clip": {key: value for key, value in asdict(data).items() if key not in NOT_OF_A_CLIP},
        },
    )
    console.print(f"what goes in and comes out: {folder / 'network.json'}", soft_wrap=True, markup=False)
    return 0
