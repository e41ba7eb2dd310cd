"""Training sparse ST-GCNs: the generator (section 3.3, Algorithm 1).

Axes: N clips, K classes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from data_modules.layouts import Layout
from data_modules.skeletons import Batch
from skeleton_lab.papers.sparse_stgcn.compaction import compacted
from skeleton_lab.papers.sparse_stgcn.masks import Masks, as_released, cut, fan_ins, is_cut, maskable, random_masks
from skeleton_lab.papers.sparse_stgcn.penalty import compression_penalty, penalty_weight
from skeleton_lab.papers.sparse_stgcn.statistics import RenewingModule
from skeleton_lab.papers.sparse_stgcn.storage import compress_state, expand_state, what_is_left
from skeleton_lab.settings import RunSettings
from skeleton_lab.training.module import Output, Portable, Term, derived_seed

# Of the network's weights in a checkpoint.
PREFIX = "network."


class SparseModule(RenewingModule):
    """Any of the backbones. In the warm-up all of its weights learn; then those that the mask keeps, and the others are
    0.

    Convolutions stay plain: beside a dense network's, a step has one product for the gradient of each weight. What is
    validated, tested and kept is always the sparse network.
    """

    def __init__(self, settings: RunSettings, layout: Layout, classes: int) -> None:
        super().__init__(settings, layout, classes)
        model = settings.model
        # Drawn anew for every run and sparsity: networks that are put together are not one cut ever deeper.
        seed = derived_seed(model.mask_seed, settings.seed, round(model.sparsity * 1e9))
        weights, how = maskable(self.network), (model.sparsity, model.scope, seed)
        is_uniform = model.scores == "uniform"
        masks = random_masks(weights, *how) if is_uniform else as_released(weights, fan_ins(self.network), *how)
        self.masked = list(masks)
        for number, mask in enumerate(masks.values()):
            self.register_buffer(f"mask_{number}", mask, persistent=False)
        self._whole: dict[str, Tensor] = {}

    @property
    def masks(self) -> Masks:
        """By the names of the weights."""
        return {name: self.get_buffer(f"mask_{number}") for number, name in enumerate(self.masked)}

    @property
    def warmup_epochs(self) -> int:
        """How many there are; at least one epoch is left for fine-tuning."""
        epochs = self.settings.training.epochs
        return min(round(self.settings.model.warmup * epochs), epochs - 1)

    @property
    def is_fine_tuning(self) -> bool:
        """Whether the warm-up is over."""
        return self.current_epoch >= self.warmup_epochs

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        if self.is_fine_tuning:  # in each of these epochs: after the first there is nothing left to cut
            optimizer = self.optimizers(use_pl_optimizer=False)
            assert isinstance(optimizer, Optimizer)
            cut(maskable(self.network), self.masks, optimizer)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        if self.is_fine_tuning:
            gradients = {name: weight.grad for name, weight in maskable(self.network).items()}
            cut({name: gradient for name, gradient in gradients.items() if gradient is not None}, self.masks)

    def terms(self, output: Output, batch: Batch) -> list[Term]:
        """Eq. 10 in the warm-up, Eq. 11 after it."""
        model, terms = self.settings.model, super().terms(output, batch)
        factor = penalty_weight(self.current_epoch, self.warmup_epochs, model.penalty, model.penalty_ramp)
        if not factor:
            return terms
        # The same in every process, so that the mean over them is that, whatever it is a mean of.
        return [*terms, Term(factor * compression_penalty(maskable(self.network), self.masks), len(batch.label))]

    def on_validation_epoch_start(self) -> None:
        self._whole = {name: weight.detach().clone() for name, weight in maskable(self.network).items()}
        cut(maskable(self.network), self.masks)
        super().on_validation_epoch_start()

    def on_validation_epoch_end(self) -> None:
        with torch.no_grad():
            for name, weight in maskable(self.network).items():
                weight.copy_(self._whole[name])

    def take_over(self, checkpoint: Path) -> None:
        super().take_over(checkpoint)
        cut(maskable(self.network), self.masks)

    def portable(self, batch: Batch) -> Portable:
        """Without the channels that died with their weights."""
        return compacted(super().portable(batch))

    def measure(self, per_clip: Mapping[str, Tensor]) -> dict[str, float]:
        """Also what is left of the network (storage.py)."""
        return {**super().measure(per_clip), **what_is_left(self.network, self.masks)}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["state_dict"]
        if is_cut({name: state[PREFIX + name] for name in self.masks}, self.masks):
            checkpoint["state_dict"] = compress_state(state, self.masks, PREFIX)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["state_dict"] = expand_state(checkpoint["state_dict"])
