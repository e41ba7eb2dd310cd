"""Finished runs as trained networks, for what is measured or drawn of them later."""

from dataclasses import dataclass
from pathlib import Path

from data_modules.data_module import DividedDataModule
from skeleton_lab.reproduce.runs import Run, RunFolder, folder_of
from skeleton_lab.reproduce.train import build_module, data_module
from skeleton_lab.settings import ExecutionSettings
from skeleton_lab.training.module import ClassificationModule


@dataclass(frozen=True)
class Trained:
    """A finished run's module with its weights, in evaluation, and its data."""

    run: Run
    module: ClassificationModule
    data: DividedDataModule

    @property
    def classes(self) -> tuple[str, ...]:
        return self.run.source.reader.protocols[self.run.settings.data.protocol].classes


def is_there(folder: RunFolder) -> bool:
    """Whether a run is finished and its weights, which take most of the room, have not been deleted since."""
    return folder.is_finished and folder.checkpoint.exists()


def load(run: Run, output_dir: Path) -> Trained:
    """Raises FileNotFoundError where the run is not finished."""
    data = data_module(run, ExecutionSettings())
    module = build_module(run.settings, data)
    module.take_over(folder_of(run, output_dir).checkpoint)
    return Trained(run, module.eval(), data)
