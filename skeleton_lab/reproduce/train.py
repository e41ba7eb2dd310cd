"""Training one run: from its settings to a folder with everything that tables ask for.

Axes: N clips of the test set, K classes.
"""

import logging
import math
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger
from lightning.pytorch.plugins import TorchCheckpointIO
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import Tensor, distributed

from data_modules.data_module import DividedDataModule
from data_modules.divisions import WHOLE, Part
from data_modules.settings import VideoSettings
from data_modules.skeletons import SkeletonDataModule
from data_modules.video_pose import VideoPoseDataModule
from skeleton_lab.errors import RequestError
from skeleton_lab.files import write_whole
from skeleton_lab.registry import MODELS
from skeleton_lab.reproduce.runs import TRAINED, Predictions, Run, RunFolder
from skeleton_lab.reproduce.tracking import tell, wandb_logger
from skeleton_lab.settings import ExecutionSettings, RunSettings
from skeleton_lab.training.module import ClassificationModule, accuracies, derived_seed
from skeleton_lab.training.provenance import provenance

log = logging.getLogger(__name__)

EpochReport = Callable[[int, int], None]

# Drawn for evaluation, so that random actions are the same however often training was interrupted.
EVALUATION = 10**6


class ReportEpochs(Callback):
    """Tell someone how far the training is: (epochs done, epochs in all)."""

    def __init__(self, report: EpochReport) -> None:
        self.report = report

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.report(trainer.current_epoch + 1, trainer.max_epochs or 0)


class BestCheckpoint(ModelCheckpoint):
    """Of the epochs whose weights may be kept."""

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        module = trainer.lightning_module
        assert isinstance(module, ClassificationModule)
        return module.selectable and super().check_monitor_top_k(trainer, current)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The folder may have moved since: Lightning would forget the best epoch of another folder."""
        here = Path(self.dirpath or "")
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved = {name: str(here / Path(state_dict[name]).name) for name in paths if state_dict[name]}
        best = {str(here / Path(path).name): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": best, "dirpath": self.dirpath})


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are written whole or not at all. Lightning itself copies them from the folder for temporary
    files, which may lie on another disk, over the last good one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        def write(scratch: Path) -> None:
            with scratch.open("wb") as file:  # given a path, torch would write its name into the file
                torch.save(checkpoint, file)

        write_whole(Path(path), write)


def train(
    run: Run,
    folder: RunFolder,
    required: Mapping[str, Path],
    execution: ExecutionSettings,
    report: EpochReport = lambda done, total: None,
) -> None:
    """Train a run, from where it was interrupted if it was, evaluate it on the test set, and write its result.

    required: the checkpoints of the runs it starts from, by role. A run that evaluates another in another way trains
    nothing and takes over that one's weights. Of several processes that train it together (workers.py), the first one
    writes and reports.
    """
    quieten()
    origin, clock = provenance(), time.monotonic()
    settings = run.settings
    folder.path.mkdir(parents=True, exist_ok=True)
    trainer = _trainer(settings, folder, execution, report)
    if trainer.is_global_zero:
        folder.write_settings(settings)
    data = data_module(run, execution, Part(trainer.global_rank, trainer.world_size))
    torch.manual_seed(derived_seed(settings.seed))
    module = build_module(settings, data)
    resumed = False
    if run.trains:
        module.start_from(required)
        resumed = _fit(trainer, module, data, folder)
    else:
        module.take_over(required[TRAINED])
    recorded = predict(trainer, module, data)
    if not recorded["logits"].isfinite().all():
        raise RequestError("its training came apart: the network answers NaN; try a lower training.learning_rate")
    trainer.save_checkpoint(folder.checkpoint, weights_only=True)
    if trainer.is_global_zero:
        # The seconds are those since the last start; `resumed` says whether there were earlier ones.
        seconds = round(time.monotonic() - clock, 1)
        timing = {"seconds": seconds, "resumed": resumed, "processes": trainer.world_size}
        metrics = measure(module, recorded)
        _keep(folder, metrics, _predictions(recorded, data), {**_identity(run, data), **origin, **timing})
        for logger in trainer.loggers if execution.wandb else ():
            tell(logger, metrics)


def _keep(
    folder: RunFolder, metrics: Mapping[str, float], predictions: Predictions, provenance: Mapping[str, Any]
) -> None:
    """Write what is found, the result last, which says that the run is finished; and clear away what led to it."""
    folder.write_predictions(predictions)
    folder.write_result(metrics, provenance)
    for of_earlier_attempt in (folder.path / "error.txt", folder.failure):
        of_earlier_attempt.unlink(missing_ok=True)
    shutil.rmtree(folder.resume, ignore_errors=True)


def _fit(trainer: Trainer, module: ClassificationModule, data: DividedDataModule, folder: RunFolder) -> bool:
    """Train to the end and keep the selected weights; returns whether an earlier start was gone on with."""
    interrupted = folder.resume / "last.ckpt"
    resumed = _is_whole(interrupted)
    trainer.fit(module, data, ckpt_path=interrupted if resumed else None, weights_only=True)
    if module.settings.training.selection != "last":
        module.take_over(folder.resume / "best.ckpt")
    return resumed


def _is_whole(checkpoint: Path) -> bool:
    """Whether the checkpoint is there and can be read; a torn one would end every later start of the run."""
    if not checkpoint.exists():
        return False
    try:
        torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):  # says nothing of what is in it
        raise
    except Exception as error:  # a damaged file may raise RuntimeError, EOFError, UnpicklingError …
        log.warning("%s cannot be read (%s): the training begins anew", checkpoint, str(error).partition("\n")[0])
        return False
    return True


def _identity(run: Run, data: DividedDataModule) -> dict[str, Any]:
    """What was run, on what, and what it builds on."""
    settings = run.settings
    return {
        "seed": settings.seed,
        "scale": settings.scale,
        "dataset": settings.data.dataset,
        "protocol": settings.data.protocol,
        "fold": settings.data.fold,
        "train_clips": len(data.train),
        "test_clips": len(data.test),
        "requires": {role: each.name for role, each in run.requires.items()},
        "data": run.source.label,
        "data_digest": run.source.store.digest,
    }


def data_module(run: Run, execution: ExecutionSettings, part: Part = WHOLE) -> DividedDataModule:
    """The clips of a run, of skeletons or of films."""
    settings, source = run.settings, run.source
    protocol, training = source.reader.protocols[settings.data.protocol], settings.training
    how = training.batch_size, settings.seed, training.selection, execution.workers, part
    if isinstance(settings.data, VideoSettings):
        films = source.films(settings.data.short_side)
        return VideoPoseDataModule(source.store, films, protocol, settings.data, *how)
    return SkeletonDataModule(source.store, protocol, settings.data, *how)


def build_module(settings: RunSettings, data: DividedDataModule) -> ClassificationModule:
    return MODELS[settings.name].module_class()(settings, data.clips.layout, data.num_classes)


def predict(trainer: Trainer, module: ClassificationModule, data: DividedDataModule) -> dict[str, Tensor]:
    """What the module records of every test recording, in the order of the test set: {name: (N, …)}.

    Where several clips of a recording were shown, the mean of what was recorded of them; of logits, where the module
    says so, the logarithm of the mean probabilities. Each of several processes sees a part of the recordings, and is
    given what all of them recorded.
    """
    torch.manual_seed(derived_seed(module.settings.seed, EVALUATION, trainer.global_rank))
    batches = trainer.predict(module, data.test_dataloader()) or []
    if trainer.world_size > 1:
        parts: list[Any] = [None] * trainer.world_size
        distributed.all_gather_object(parts, batches)
        batches = [batch for part in parts for batch in part]
    recorded = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    return recorded if data.test_crops == 1 else _mean_of_crops(recorded, data.test_crops, module.crop_scores)


def _mean_of_crops(recorded: Mapping[str, Tensor], crops: int, scores: str) -> dict[str, Tensor]:
    """One row for each recording, whose crops follow one another: (N·crops, …) → (N, …)."""
    by_crop = {name: value.unflatten(0, (-1, crops)) for name, value in recorded.items()}
    means = {name: value.float().mean(dim=1) for name, value in by_crop.items()}
    if scores == "probabilities":
        means["logits"] = by_crop["logits"].float().log_softmax(dim=-1).logsumexp(dim=1) - math.log(crops)
    return {**means, **{name: by_crop[name][:, 0] for name in ("position", "label")}}


def measure(module: ClassificationModule, recorded: Mapping[str, Tensor]) -> dict[str, float]:
    """Every number that a table can ask of a run; its cost is that of all crops of a recording."""
    metrics = accuracies(recorded["logits"], recorded["label"])
    metrics |= module.measure(recorded)
    macs = module.count_macs(metrics).scaled(module.settings.data.test_crops)
    metrics["parameters"] = sum(parameter.numel() for parameter in module.network.parameters())
    metrics |= {"gmacs_as_paper": macs.as_paper / 1e9, "gmacs_all": macs.all / 1e9}
    return metrics


def _predictions(recorded: Mapping[str, Tensor], data: DividedDataModule) -> Predictions:
    assert data.clips.store is not None
    sample_id = data.clips.store.index.sample_id[recorded["position"].numpy()]
    return Predictions(sample_id, recorded["label"].numpy(), recorded["logits"].numpy())


def _trainer(settings: RunSettings, folder: RunFolder, execution: ExecutionSettings, report: EpochReport) -> Trainer:
    together = execution.devices * execution.nodes > 1
    if not together:  # whatever a launcher of many programs says of this one
        rank_zero_only.rank = 0  # type: ignore[attr-defined]
    return Trainer(
        accelerator=execution.accelerator,
        devices=execution.devices,
        num_nodes=execution.nodes,
        # Phases of training leave parameters out that other phases train.
        strategy=DDPStrategy(find_unused_parameters=True) if together else "auto",
        plugins=[LightningEnvironment(), WholeCheckpoints()],
        precision=settings.training.precision,
        max_epochs=settings.training.epochs,
        callbacks=[*_checkpoints(settings, folder), ReportEpochs(report)],
        logger=_loggers(settings, folder, execution),
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _checkpoints(settings: RunSettings, folder: RunFolder) -> list[ModelCheckpoint]:
    """One to resume from, after every epoch; one of the best epoch where one is selected."""
    last = ModelCheckpoint(folder.resume, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    if settings.training.selection == "last":
        return [last]
    # In this order: the checkpoint to resume from must hold what the other has found.
    best = BestCheckpoint(folder.resume, "best", monitor="validation/top1", mode="max", enable_version_counter=False)
    return [best, last]


def _loggers(settings: RunSettings, folder: RunFolder, execution: ExecutionSettings) -> list[Logger]:
    """Metrics of every epoch as CSV, a file for each start of the run; on request W&B, offline unless logged in."""
    loggers: list[Logger] = [CSVLogger(folder.path, name="epochs")]
    if execution.wandb:
        loggers.append(wandb_logger(settings, folder))
    return loggers


def quieten() -> None:
    """Lightning's advice is about training by hand; the executor speaks for itself."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
