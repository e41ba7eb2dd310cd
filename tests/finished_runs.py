"""Finished runs whose networks were never trained: for the tests of what is done with trained ones."""

from pathlib import Path
from typing import Any

import torch

from data_modules.readers import reader_for
from skeleton_lab.config import Request, compose, default_protocol
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import RunFolder
from skeleton_lab.training.module import ClassificationModule

NARROW = {
    "star_64": {"model.width": 0.25, "model.heads": 2},
    "gca_lstm": {"model.width": 0.0625, "data.clip_len": 6},
    "gca_lstm_two_stream": {"model.width": 0.0625, "data.clip_len": 6},
    "st_lstm": {"model.width": 0.0625, "data.clip_len": 6},
}


def write_finished(
    output_dir: Path, model: str, dataset: str = "ntu60", key: str = "0123456789ab", **changes: Any
) -> tuple[RunFolder, ClassificationModule]:
    """A run folder below output_dir as `skeleton-lab train` leaves it, and its module; of a small network."""
    full = {name.replace("__", "."): value for name, value in changes.items()}
    request = Request(
        model,
        dataset,
        default_protocol(dataset),
        "demo",
        {**NARROW.get(model, {"model.width": 0.0625}), "data.train_clips": None, **full},
    )
    settings, reader = compose(request), reader_for(dataset)
    torch.manual_seed(0)
    classes = len(reader.protocols[settings.data.protocol].classes)
    module: ClassificationModule = MODELS[model].module_class()(settings, reader.layout, classes).eval()
    folder = RunFolder(output_dir / "runs" / f"{model}-{reader.name}-{settings.data.protocol}-{key}")
    folder.path.mkdir(parents=True)
    folder.write_settings(settings)
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder.checkpoint)
    folder.write_result({}, {})
    return folder, module
