"""Training ST-LSTM and GCA-LSTM: losses, stepwise training, and what they cost.

Axes: N clips, M person slots, T frames, V joints, C channels, Q streams, K classes.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from data_modules.collate import Clip
from data_modules.layouts import Layout
from data_modules.settings import channels_of
from data_modules.skeletons import Batch
from skeleton_lab.backbones.st_lstm import STLSTM, LatticeRecurrence
from skeleton_lab.errors import RequestError
from skeleton_lab.figures.skeletons import ShownSkeleton, from_least_to_most
from skeleton_lab.measure.macs import Macs, count_macs
from skeleton_lab.ops.lattice import by_cells
from skeleton_lab.ops.lattice_export import by_slices
from skeleton_lab.papers.gca_lstm.attention import drawn, relative_informativeness
from skeleton_lab.papers.gca_lstm.macs import PARTS, RULES
from skeleton_lab.papers.gca_lstm.network import GCALSTM
from skeleton_lab.papers.gca_lstm.settings import GCALSTMSettings
from skeleton_lab.papers.gca_lstm.stepwise import Progress, Steps
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.losses import classification_loss
from skeleton_lab.training.module import ClassificationModule, Counted, Output, Portable, Term
from skeleton_lab.training.optimizers import optimizer_and_schedule


class LatticeModule(ClassificationModule):
    """A network (N, M, T, V, C) whose persons stand side by side, as zeros where they are absent."""

    parts: ClassVar[Mapping[type[nn.Module], str]] = PARTS
    counts_all_persons: ClassVar[bool] = True
    network_type: ClassVar[type[nn.Module]]

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        data = settings.data
        channels = channels_of(data.stream)
        self.network = self.network_type(settings.model, layout, classes, channels, data.persons, data.clip_len)

    def forward(self, batch: Batch) -> Output:
        return Output(self.network(self.padded(batch).x))

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        clip = self.settings.model.gradient_clip
        if clip:
            nn.utils.clip_grad_value_(self.parameters(), clip)

    def portable(self, batch: Batch) -> Portable:
        """Any number of clips; their frames are those of the lattice."""
        network = deepcopy(self.network)
        for layer in network.modules():
            if isinstance(layer, LatticeRecurrence):
                layer.compute = by_slices
        return Portable(Averaged(network), {"x_NMTVC": self.padded(batch).x}, {"x_NMTVC": {0: "clips"}})

    def counted(self, batch: Batch) -> Counted:
        return self._counted(len(batch.label))

    def _counted(self, clips: int) -> Counted:
        return Counted(deepcopy(self.network).to("meta"), (torch.zeros(self._shape(clips), device="meta"),), RULES)

    def count_macs(self, measured: Mapping[str, float]) -> Macs:
        """Of a clip with all its persons, who are not computed one by one."""
        return count_macs(*self._counted(clips=1))

    def _shape(self, clips: int) -> tuple[int, ...]:
        data = self.settings.data
        return clips, data.persons, data.clip_len, self.layout.num_joints, channels_of(data.stream)

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """What is spent on a clip."""
        return {"gmacs_per_clip": self.count_macs({}).all / 1e9 * self.settings.data.test_crops}

    def timed_ways(self, clips: int, measured: Mapping[str, float]) -> Mapping[str, Callable[[], Any]]:
        """`clips` clips through the network, diagonal by diagonal and, as the equations are written, cell by cell."""
        network, device = self.network.eval(), next(self.network.parameters()).device
        plain = deepcopy(network)
        for layer in plain.modules():
            if isinstance(layer, LatticeRecurrence):
                layer.compute = by_cells
        x_NMTVC = torch.randn(self._shape(clips), generator=torch.Generator().manual_seed(0)).to(device)
        run = torch.inference_mode()
        return {"diagonal by diagonal": run(lambda: network(x_NMTVC)), "cell by cell": run(lambda: plain(x_NMTVC))}


class STLSTMModule(LatticeModule):
    """ST-LSTM, and "ST-LSTM + Global" (1) and (2)."""

    network_type = STLSTM

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        if settings.model.representation == "local" and settings.training.label_smoothing:
            raise RequestError(
                f"training.label_smoothing={settings.training.label_smoothing}: not where every cell classifies "
                "(model.representation=local); give 0"
            )
        super().__init__(settings, layout, classes)

    def terms(self, output: Output, batch: Batch) -> list[Term]:
        if self.settings.model.representation == "local":
            return [Term(self.validation_loss(output, batch), len(batch.label))]
        return super().terms(output, batch)

    def validation_loss(self, output: Output, batch: Batch) -> Tensor:
        """Where every cell classifies, the mean of their cross-entropies."""
        if self.settings.model.representation == "local":
            return F.nll_loss(output.logits, batch.label)
        return super().validation_loss(output, batch)


@dataclass(kw_only=True)
class StreamsOutput(Output):
    """streams: the logits of each, (Q, N, K)."""

    streams: Tensor


class GCALSTMModule(LatticeModule):
    """GCA-LSTM of one stream or two, trained directly or stepwise."""

    network_type = GCALSTM
    network: GCALSTM

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        model: GCALSTMSettings = settings.model
        training = settings.training
        if model.patience and training.selection == "last":
            raise RequestError(
                f"model.patience={model.patience}: a step ends by its validation loss, and there are no validation "
                "clips; take training.selection=validation or model.patience=0"
            )
        self.stepwise = model.stepwise
        self.steps = Steps(model.attention_iterations if model.stepwise else 0, training.epochs, model.patience)
        self.progress = Progress()

    def forward(self, batch: Batch) -> StreamsOutput:
        streams_QNK = self.network(self.padded(batch).x, self.iterations)
        return StreamsOutput(averaged(streams_QNK), streams=streams_QNK)

    def shown(self, batch: Batch, clip: Clip) -> list[ShownSkeleton]:
        """What the last iteration found informative."""
        if not self.settings.model.attention_iterations:
            return super().shown(batch, clip)
        r_TV = relative_informativeness(self.network, self.padded(batch).x)[0, -1]
        return drawn(clip, from_least_to_most(r_TV.numpy()), self.layout)

    @property
    def iterations(self) -> int:
        """How many are computed: while a stepwise training goes on those that are trained, else all."""
        fits = self._trainer is not None and self._trainer.state.fn == "fit"
        return self.progress.step if self.stepwise and fits else self.settings.model.attention_iterations

    @property
    def selectable(self) -> bool:
        """Of a stepwise training, the last step's epochs: the others do not train the whole network."""
        return self.progress.step == self.steps.last

    def terms(self, output: Output, batch: Batch) -> list[Term]:
        """The sum over the streams, each with its own classifier."""
        assert isinstance(output, StreamsOutput)
        losses = [classification_loss(logits_NK, batch.label, self.settings.training) for logits_NK in output.streams]
        return [Term(torch.stack(losses).sum(), len(batch.label))]

    def configure_optimizers(self) -> Any:
        # Of a step: where a schedule asks for the number of epochs, for those of the step.
        training = replace(self.settings.training, epochs=self.steps.share(self.steps.last))
        return optimizer_and_schedule(self.parameters(), training, self._steps_per_epoch)

    def on_train_start(self) -> None:
        self._stop_where_finished(self.current_epoch)

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        now = self.steps.at(self.current_epoch, self.progress)
        if now.step != self.progress.step:
            self._begin_anew()
        self.progress = now

    def _begin_anew(self) -> None:
        """Optimiser and schedule as they were at first: what an earlier step's gradients were like says little now."""
        fresh = self.configure_optimizers()
        optimizer, schedule = self.optimizers(use_pl_optimizer=False), self.lr_schedulers()
        assert isinstance(optimizer, Optimizer)
        optimizer.load_state_dict(fresh["optimizer"].state_dict())
        schedule.load_state_dict(fresh["lr_scheduler"]["scheduler"].state_dict())  # type: ignore[union-attr]

    def on_train_epoch_end(self) -> None:
        found = self.trainer.callback_metrics.get("validation/loss")
        if found is not None:
            self.progress = self.progress.seen(found.item())
        self._stop_where_finished(self.current_epoch + 1)

    def _stop_where_finished(self, epochs_done: int) -> None:
        if self.steps.is_finished(epochs_done, self.progress):
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["progress"] = asdict(self.progress)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.progress = Progress(**checkpoint["progress"])


class Averaged(nn.Module):
    """A network whose streams, where it has several, are averaged."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_NMTVC: Tensor) -> Tensor:
        found = self.network(x_NMTVC)
        return averaged(found) if isinstance(self.network, GCALSTM) else found


def averaged(streams_QNK: Tensor) -> Tensor:
    """The logarithms of the streams' mean probabilities, (N, K); a single stream's logits as they are."""
    if len(streams_QNK) == 1:
        return streams_QNK[0]
    return streams_QNK.float().softmax(dim=-1).mean(dim=0).clamp(min=torch.finfo(torch.float32).tiny).log()
