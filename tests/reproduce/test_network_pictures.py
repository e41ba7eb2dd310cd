"""What trained networks attend to, drawn of finished runs; their networks are untrained, and name one class always."""

from pathlib import Path

import pytest
import torch
from torch import nn

from skeleton_lab.config import Request
from skeleton_lab.reproduce.assemble import Planned
from skeleton_lab.reproduce.cells import Cell
from skeleton_lab.reproduce.network_pictures import informativeness, mean_informativeness, policy_choices
from skeleton_lab.reproduce.pictured import Pictured
from skeleton_lab.reproduce.report import Result
from skeleton_lab.reproduce.runs import Planner, folder_of
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.tables import Table
from skeleton_lab.reproduce.train import build_module, data_module
from skeleton_lab.settings import ExecutionSettings

CHANGES = {
    "adasgn": {"model.pretrained": False, "model.share_features": False},
    "gca_lstm": {"data.clip_len": 6},
    "gca_lstm_two_stream": {"data.clip_len": 6},
}


def finished(model: str, source: Source, output_dir: Path) -> Pictured:
    """A figure of one such run, whose network says of every clip what the first of the test set is."""
    changes = {"model.width": 0.0625, **CHANGES[model]}
    run = Planner({"ntu60": source}).plan(Request(model, "ntu60", "xsub", "demo", changes))
    data = data_module(run, ExecutionSettings())
    module = build_module(run.settings, data)
    label = data.clips.labels[data.test[0]]
    for layer in module.network.modules():
        if isinstance(layer, nn.Linear) and layer.out_features == len(source.reader.protocols["xsub"].classes):
            with torch.no_grad():
                layer.bias[label] += 1000
    folder = folder_of(run, output_dir)
    folder.path.mkdir(parents=True)
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder.checkpoint)
    folder.write_result({}, {})
    cell = Cell("a network", "ACC(%)", "CS", "top1", None, 0.0)
    table = Table("some_fig1", "gca_lstm", "figure", "A title", "ntu60", "ntu60", "demo", (cell,))
    return Pictured(Result(table, (), "demo data", {}), (Planned(cell, ((run,),)),), output_dir)


@pytest.mark.parametrize("model", ["gca_lstm", "gca_lstm_two_stream"])
def test_recognised_clips_are_drawn_for_every_iteration(model: str, demo_source: Source, tmp_path: Path) -> None:
    figure = informativeness(finished(model, demo_source, tmp_path))
    assert figure is not None
    assert len(figure.axes) >= 2  # of two iterations
    assert any(axes.collections or axes.lines for axes in figure.axes)


def test_the_mean_of_all_clips_is_drawn_by_joint(demo_source: Source, tmp_path: Path) -> None:
    figure = mean_informativeness(finished("gca_lstm", demo_source, tmp_path))
    assert figure is not None
    named = {label.get_text() for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    assert set(demo_source.reader.layout.joints) <= named


def test_the_joints_that_a_policy_chose_are_drawn(demo_source: Source, tmp_path: Path) -> None:
    figure = policy_choices(finished("adasgn", demo_source, tmp_path))
    assert figure is not None
    assert any(axes.collections or axes.lines for axes in figure.axes)
