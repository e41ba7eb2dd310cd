"""What the LightningModules of all papers share: the classification step, predictions, and seeds by epoch.

Axes: N clips, K classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from lightning import LightningModule
from torch import Tensor, nn
from torchmetrics.functional.classification import multiclass_accuracy

from data_modules.collate import Clip, PaddedBatch, RaggedBatch
from data_modules.layouts import Layout
from data_modules.skeletons import Batch
from skeleton_lab.config import Request
from skeleton_lab.errors import RequestError
from skeleton_lab.figures.skeletons import ShownSkeleton, weighed
from skeleton_lab.measure.macs import Macs, Rule
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.losses import classification_loss, smoothed_cross_entropy
from skeleton_lab.training.optimizers import optimizer_and_schedule


@dataclass
class Output:
    """logits (N, K), and whatever else a paper records of each clip: (N, …)."""

    logits: Tensor
    per_clip: dict[str, Tensor] = field(default_factory=dict)


class Term(NamedTuple):
    """Of a loss: a mean over so many things of a batch, clips or others."""

    mean: Tensor
    over: int | Tensor


class Counted(NamedTuple):
    """What a paper's multiply–accumulates of a batch are counted of.

    network: in the form that the paper counts, on the meta device; inputs: what it is called with for the batch, on the
    meta device too; rules: what the paper counts for each type of layer (measure/macs.py).
    """

    network: nn.Module
    inputs: tuple[Any, ...]
    rules: Mapping[type[nn.Module], Rule]


class Portable(NamedTuple):
    """A network in a form that can be exported, whose first result is logits.

    inputs: tensors for a batch, by the names of its arguments; varying: the axes of each whose lengths may be others,
    and what they are of ('clips'); remark: what is to be known of it, none where nothing is.
    """

    network: nn.Module
    inputs: Mapping[str, Tensor]
    varying: Mapping[str, Mapping[int, str]]
    remark: str = ""


class ClassificationModule(LightningModule):
    """A network that classifies clips. A paper says how it is built, what it records, and what else it minimises."""

    # What to call the work that a module of the network does outside of its own layers, such as attention's products.
    parts: ClassVar[Mapping[type[nn.Module], str]] = {}
    # Whether costs are counted of all person slots of a clip; otherwise of one person.
    counts_all_persons: ClassVar[bool] = False
    # What is averaged where several clips of a test recording are shown.
    crop_scores: ClassVar[Literal["logits", "probabilities"]] = "logits"

    network: nn.Module
    # What stands in for the network in prediction; None at all other times, so that no checkpoint holds it.
    inference: nn.Module | None

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.layout = layout
        self.classes = classes
        self.inference = None

    @property
    def selectable(self) -> bool:
        """Whether the weights of this epoch may be the ones that are kept, where an epoch is selected."""
        return True

    @classmethod
    def requires(cls, request: Request, settings: RunSettings) -> dict[str, Request]:
        """The runs that this one starts from, by their roles."""
        return {}

    def start_from(self, checkpoints: Mapping[str, Path]) -> None:
        """Take over weights of the required runs, whose checkpoints are given by role."""

    def take_over(self, checkpoint: Path) -> None:
        """Take over all weights of a trained network of the same settings, to evaluate it."""
        loaded = torch.load(checkpoint, map_location="cpu", weights_only=True)
        self.on_load_checkpoint(loaded)
        self.load_state_dict(loaded["state_dict"])

    def inference_network(self) -> nn.Module | None:
        """The trained network in a form that gives the same outputs with less work, where a paper has one."""
        return None

    def forward(self, batch: Any) -> Output:
        """The batch is one of the data module that the model's data settings ask for."""
        raise NotImplementedError

    def terms(self, output: Output, batch: Any) -> list[Term]:
        """What the loss is the sum of: the smoothed cross-entropy, unless the paper adds to it."""
        loss = classification_loss(output.logits, batch.label, self.settings.training)
        return [Term(loss, len(batch.label))]

    def loss(self, output: Output, batch: Any) -> Tensor:
        """Scalar: that of this batch, whatever other processes have."""
        return torch.stack([term.mean for term in self.terms(output, batch)]).sum()

    def _shares(self, counts: Sequence[int | Tensor]) -> Sequence[float] | Tensor:
        """What the mean of each of these numbers of things weighs here, where the mean over processes is to be that of
        all things: their number over the mean number of a process; 1 in one process alone."""
        if not self.is_shared:
            return [1.0] * len(counts)
        here = torch.stack([torch.as_tensor(count, device=self.device, dtype=torch.float32) for count in counts])
        mean = self.trainer.strategy.reduce(here.clone(), reduce_op="mean")
        return here / torch.as_tensor(mean).clamp(min=torch.finfo(torch.float32).tiny)

    @property
    def is_shared(self) -> bool:
        """Whether several processes train together."""
        return self._trainer is not None and self._trainer.world_size > 1

    def portable(self, batch: Batch) -> Portable:
        """What is exported, and its inputs for this batch. Raises RequestError where it cannot be."""
        raise RequestError(f"{self.settings.name} cannot be exported: none of its forms is a graph of plain operations")

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        """The multiply–accumulates of one clip of one person; `measured` holds what `measure` found on the test set."""
        raise NotImplementedError

    def counted(self, batch: Any) -> Counted:
        """The network and its inputs as the paper counts their multiply–accumulates for this batch."""
        raise NotImplementedError

    def timed_ways(self, clips: int, measured: Mapping[str, float]) -> Mapping[str, Callable[[], object]]:
        """What `skeleton-lab profile` times in turn: `clips` random clips through the network, and what it is best
        compared with; by name, the network in its quickest form first. measured: as `count_macs` takes it."""
        raise NotImplementedError

    def shown(self, batch: Batch, clip: Clip) -> list[ShownSkeleton]:
        """The frames of a batch of one clip as skeletons, with what the network attended to where a paper says what.

        clip: the same frames as positions that are not turned.
        """
        plain_MV = np.zeros(clip.joints_TMVC.shape[1:3], np.float32)
        frames = zip(clip.joints_TMVC, clip.valid_TM, strict=True)
        return [
            weighed(x_MVC, there_M, plain_MV, self.layout, f"frame {t}") for t, (x_MVC, there_M) in enumerate(frames, 1)
        ]

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """Numbers about the test set from what `forward` recorded of each clip, (clips, …)."""
        return {}

    def padded(self, batch: Batch) -> PaddedBatch:
        """The batch of a network that works on clips side by side."""
        if isinstance(batch, RaggedBatch):
            raise RequestError(f"data.collation=ragged: {self.settings.name} works on data.collation=padded")
        return batch

    def on_train_epoch_start(self) -> None:
        # Every epoch has random numbers of its own, so that a resumed run draws what an uninterrupted one would.
        torch.manual_seed(derived_seed(self.settings.seed, self.current_epoch, self.global_rank))

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        output = self(batch)
        terms = self.terms(output, batch)
        # All at once: the processes wait for one another.
        of_clips, *of_terms = self._shares([len(batch.label), *(term.over for term in terms)])
        # The mean over the processes is the loss of their batches taken together.
        loss = torch.stack([share * term.mean for share, term in zip(of_terms, terms, strict=True)]).sum()
        # What is logged is weighted by the clips of each process.
        self._log("train", output, batch, loss / of_clips)
        return loss

    def validation_step(self, batch: Any, batch_index: int) -> None:
        output = self(batch)
        self._log("validation", output, batch, self.validation_loss(output, batch))

    def validation_loss(self, output: Output, batch: Any) -> Tensor:
        """The cross-entropy of what is classified, without smoothing and without what else is trained for."""
        return smoothed_cross_entropy(output.logits, batch.label, 0.0)

    def _log(self, stage: str, output: Output, batch: Any, loss: Tensor) -> None:
        accuracy = 100 * (output.logits.argmax(dim=-1) == batch.label).float().mean()
        values = {f"{stage}/loss": loss.detach(), f"{stage}/top1": accuracy}
        # Lightning takes the mean of the processes' clips as a whole number: of these, it is one.
        clips = len(batch.label) * (self.trainer.world_size if self.is_shared else 1)
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=clips, sync_dist=True)

    def on_predict_start(self) -> None:
        self.inference = self.inference_network()

    def on_predict_end(self) -> None:
        self.inference = None

    def predict_step(self, batch: Any, batch_index: int) -> dict[str, Tensor]:
        output = self(batch)
        recorded = {
            "position": batch.position,
            "label": batch.label,
            "logits": output.logits.float(),
            **output.per_clip,
        }
        return {name: value.cpu() for name, value in recorded.items()}

    def configure_optimizers(self) -> Any:
        return optimizer_and_schedule(self.parameters(), self.settings.training, self._steps_per_epoch)

    def _steps_per_epoch(self) -> int:
        assert self.trainer.max_epochs is not None
        return int(self.trainer.estimated_stepping_batches) // self.trainer.max_epochs


def accuracies(logits_NK: Tensor, labels_N: Tensor) -> dict[str, float]:
    """top1, top5 and the mean, over the classes that there are clips of, of each class's top1; in percent."""
    classes = logits_NK.shape[-1]
    by_class = multiclass_accuracy(logits_NK, labels_N, classes, average="none")
    found = {
        "top1": multiclass_accuracy(logits_NK, labels_N, classes, average="micro"),
        "top5": multiclass_accuracy(logits_NK, labels_N, classes, average="micro", top_k=min(5, classes)),
        "mean_class_top1": by_class[labels_N.unique()].mean(),
    }
    return {name: 100 * value.item() for name, value in found.items()}


def derived_seed(*numbers: int) -> int:
    """One seed out of several numbers, independent for each combination."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
