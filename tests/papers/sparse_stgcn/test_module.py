"""The generator: a warm-up with the penalty, the cut, fine-tuning; and small checkpoints that say the same."""

import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader

from data_modules.collate import PaddedBatch
from data_modules.layouts import NTU25
from skeleton_lab.papers.sparse_stgcn.masks import Masks, is_cut, maskable
from skeleton_lab.papers.sparse_stgcn.module import SparseModule
from skeleton_lab.reproduce.runs import differing
from skeleton_lab.training.losses import classification_loss
from tests.helpers import SMALL, assert_close, padded_batch, parameters, settings_of

MODELS = {
    "sparse_st_gcn": 3_098_832,
    "sparse_aa_gcn": 3_469_520,
    "sparse_ctr_gcn": 1_446_672,
    "sparse_dg_stgcn": 1_701_172,
}
pytestmark = pytest.mark.filterwarnings("ignore")
EPOCHS, WARM = 4, 2
BATCHES = [padded_batch(clips=4, seed=seed) for seed in range(3)]


def module_of(model: str = "sparse_st_gcn", width: float = 0.0625, **changes: Any) -> SparseModule:
    of_model = {f"model.{key}": value for key, value in {"warmup": WARM / EPOCHS, **changes}.items()}
    training = {"training.epochs": EPOCHS, "training.learning_rate": 0.01}
    torch.manual_seed(0)
    return SparseModule(settings_of(model, {**SMALL, "model.width": width, **of_model, **training}), NTU25, 60)


class Watch(Callback):
    """What is cut at the end of each epoch, and the training's end before `until`, as if it was killed then."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.cut: list[bool] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, SparseModule)
        self.cut.append(is_cut(maskable(pl_module.network), pl_module.masks))
        trainer.should_stop = trainer.current_epoch + 1 >= self.until


def fit(
    folder: Path,
    module: SparseModule,
    until: int = EPOCHS,
    resume: bool = False,
    batches: Sequence[PaddedBatch] = BATCHES,
) -> Watch:
    watch = Watch(until)
    last = ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        callbacks=[watch, last],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        module,
        DataLoader(batches, batch_size=None),
        ckpt_path=folder / "last.ckpt" if resume else None,
        weights_only=True,
    )
    return watch


def outside(module: SparseModule) -> list[Tensor]:
    return [weight[~module.masks[name]] for name, weight in maskable(module.network).items()]


@pytest.mark.parametrize("model", MODELS)
def test_it_is_dense_in_the_warm_up_and_exactly_sparse_after_it(model: str, tmp_path: Path) -> None:
    module = module_of(model, sparsity=0.9)
    before = {name: weight.detach().clone() for name, weight in maskable(module.network).items()}
    assert fit(tmp_path, module).cut == [False, False, True, True]
    for name, weight in maskable(module.network).items():
        assert int((weight != 0).sum()) <= round(0.1 * weight.numel())
        assert not weight[~module.masks[name]].any()
    kept = [
        weight[module.masks[name]] - before[name][module.masks[name]]
        for name, weight in maskable(module.network).items()
    ]
    assert torch.cat(kept).count_nonzero() > 0


@pytest.mark.parametrize("until", [1, 2, 3])
def test_a_killed_training_goes_on_as_if_nothing_had_been(until: int, tmp_path: Path) -> None:
    """Before the switch of phases, at it, and after it."""
    whole = module_of(sparsity=0.95)
    fit(tmp_path / "whole", whole)
    fit(tmp_path / "killed", module_of(sparsity=0.95), until)
    resumed = module_of(sparsity=0.95)
    fit(tmp_path / "killed", resumed, resume=True)
    for ours, theirs in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_what_is_cut_off_is_forgotten_by_the_optimiser_too(tmp_path: Path) -> None:
    module = module_of(sparsity=0.9)
    fit(tmp_path, module)
    optimizer = module.optimizers(use_pl_optimizer=False)
    for name, weight in maskable(module.network).items():
        assert not optimizer.state[weight]["momentum_buffer"][~module.masks[name]].any()  # type: ignore[union-attr]


def lag(module: SparseModule, batch: PaddedBatch) -> float:
    """How far running means are from those of a batch, where normalisation magnifies them the most."""
    found = []

    def compare(norm: nn.BatchNorm2d, given: tuple[Tensor]) -> None:
        assert norm.running_mean is not None
        found.append((given[0].mean(dim=(0, 2, 3)) - norm.running_mean).abs().max().item() / norm.eps**0.5)

    norms = [layer for layer in module.network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.0
        norm.register_forward_pre_hook(compare)
    with torch.no_grad():
        module.train()(batch)
    return max(found)


def test_evaluation_normalises_as_the_finished_network_does(tmp_path: Path) -> None:
    """Of training clips in one batch the recomputed means are those of the batch; running ones lag behind."""
    lags = {}
    for statistics in ("recomputed", "running"):
        module = module_of(width=0.25, sparsity=0.9, norm_statistics=statistics)
        fit(tmp_path / statistics, module, batches=BATCHES[:1])
        lags[statistics] = lag(module, BATCHES[0])
    assert lags["recomputed"] < 0.01 < 0.1 < lags["running"]


def test_a_selected_epoch_has_the_statistics_of_its_sparse_network(tmp_path: Path) -> None:
    class Keep(Callback):
        def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    module, loader = module_of(width=0.25, sparsity=0.9), DataLoader(BATCHES[:1], batch_size=None)
    module.settings.training.selection = "validation"
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    Trainer(accelerator="cpu", max_epochs=EPOCHS, callbacks=[Keep()], num_sanity_val_steps=0, **quiet).fit(
        module, loader, loader
    )
    for epoch in (0, EPOCHS - 1):
        selected = module_of(width=0.25, sparsity=0.9)
        selected.take_over(tmp_path / f"{epoch}.ckpt")
        assert lag(selected, BATCHES[0]) < 0.01


def test_masks_of_other_sparsities_and_seeds_are_independent() -> None:
    """Four networks that are put together are not one that was cut four times."""
    lenient, strict = (module_of(sparsity=sparsity, width=0.5).masks for sparsity in (0.6, 0.95))
    name = max(lenient, key=lambda each: lenient[each].numel())
    both = (lenient[name] & strict[name]).sum() / strict[name].sum()
    assert both == pytest.approx(0.4, abs=0.1)
    seeds = [SparseModule(settings_of("sparse_st_gcn", {**SMALL, "seed": seed}), NTU25, 60).masks for seed in (1, 2)]
    assert any(not torch.equal(seeds[0][each], seeds[1][each]) for each in seeds[0])


def test_the_penalty_shrinks_what_will_be_cut(tmp_path: Path) -> None:
    norms = {}
    for penalty in (0.0, 1.0):
        module = module_of(penalty=penalty, penalty_ramp="constant")
        fit(tmp_path / str(penalty), module, until=WARM)
        norms[penalty] = torch.cat(outside(module)).norm()
    assert norms[1.0] < 0.9 * norms[0.0]


def test_the_loss_of_each_phase() -> None:
    module, batch = module_of(penalty_ramp="constant"), BATCHES[0]
    output = module(batch)
    plain = classification_loss(output.logits, batch.label, module.settings.training)
    blocks: dict[str, Tensor] = {}
    for name, weight in maskable(module.network).items():
        block = name.split(".")[1]
        blocks[block] = blocks.get(block, torch.tensor(0.0)) + weight[~module.masks[name]].square().sum()
    assert_close(module.loss(output, batch), plain + sum(square.sqrt() for square in blocks.values()))
    module._trainer = type("At", (), {"current_epoch": WARM, "world_size": 1})()
    assert_close(module.loss(output, batch), plain)


def test_the_sparse_network_is_validated_while_the_whole_one_learns() -> None:
    module = module_of(sparsity=0.9, norm_statistics="running")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.on_validation_epoch_start()
    assert is_cut(maskable(module.network), module.masks)
    module.on_validation_epoch_end()
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def checkpoint_of(module: SparseModule) -> tuple[bytes, dict[str, Any]]:
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    file = io.BytesIO()
    torch.save(checkpoint, file)
    return file.getvalue(), checkpoint


@pytest.mark.parametrize("sparsity", [0.6, 0.95])
def test_a_sparse_checkpoint_is_small_and_the_same_bit_by_bit(sparsity: float, tmp_path: Path) -> None:
    module = module_of(sparsity=sparsity, width=1.0, norm_statistics="running")
    dense, _ = checkpoint_of(module)
    module.on_validation_epoch_start()  # cuts
    small, _ = checkpoint_of(module)
    left = module.measure({"persons": torch.ones(1)})
    assert len(small) / len(dense) == pytest.approx(left["stored_state"] / 100, abs=0.01)
    assert left["stored_weights"] == pytest.approx(100 * (1 - sparsity) + 100 / 32, abs=0.1)
    if sparsity == 0.95:
        assert left["stored_weights"] < 100 / 8
        assert len(small) < len(dense) / 8
    (tmp_path / "small.ckpt").write_bytes(small)
    other = module_of(sparsity=sparsity, width=1.0)
    other.take_over(tmp_path / "small.ckpt")
    for ours, theirs in zip(other.state_dict().values(), module.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_dense_checkpoint_is_as_it_was() -> None:
    module = module_of(sparsity=0.0)
    _, checkpoint = checkpoint_of(module)
    assert all(isinstance(value, Tensor) for value in checkpoint["state_dict"].values())
    left = module.measure({"persons": torch.ones(1)})
    assert left["stored_state"] == left["kept_parameters"] == 100


def test_weights_of_the_warm_up_are_cut_when_they_are_taken_over(tmp_path: Path) -> None:
    """Where an epoch is selected, it may be one of the warm-up: it was validated cut."""
    module = module_of(sparsity=0.9)
    torch.save({"state_dict": module.state_dict()}, tmp_path / "best.ckpt")
    other = module_of(sparsity=0.9)
    other.take_over(tmp_path / "best.ckpt")
    assert is_cut(maskable(other.network), other.masks)


@pytest.mark.parametrize(("model", "count"), MODELS.items())
def test_what_is_left(model: str, count: int) -> None:
    """Spec, section 2.2: the shares that are kept of all parameters, of these networks."""
    module = module_of(model, width=1.0, sparsity=0.95)
    assert parameters(module.network) == count
    left = module.measure({"persons": torch.ones(1)})
    assert left["kept_weights"] == pytest.approx(5, abs=0.01)
    expected = {"sparse_st_gcn": 6.4, "sparse_aa_gcn": 6.4, "sparse_ctr_gcn": 8.5, "sparse_dg_stgcn": 10.1}[model]
    assert left["kept_parameters"] == pytest.approx(expected, abs=0.3)
    assert left["parameters_left"] == pytest.approx(left["kept_parameters"] * count / 100)
    assert left["dead_layers"] == 0


def test_the_released_scores_take_layers_away() -> None:
    """At 95 % all temporal convolutions of ST-GCN's last blocks, in the global scope."""
    module = module_of(width=1.0, sparsity=0.95, scores="released", scope="global")
    assert module.measure({"persons": torch.ones(1)})["dead_layers"] >= 6
    masks: Masks = module.masks
    dead = [name for name, mask in masks.items() if not mask.any()]
    assert all("temporal" in name for name in dead)


def test_a_dense_network_is_the_same_run_whatever_is_said_of_masks() -> None:
    def identity(**changes: Any) -> dict[str, Any]:
        return differing(module_of(sparsity=0.0, **changes).settings)

    assert identity() == identity(mask_seed=3, penalty=0.5, scope="global", warmup=0.0)
    assert differing(module_of(warmup=0.0).settings) == differing(module_of(warmup=0.0, penalty=0.0).settings)
    assert asdict(module_of(sparsity=0.8).settings) != asdict(module_of(sparsity=0.6).settings)


def test_one_epoch_is_left_for_fine_tuning() -> None:
    assert module_of(warmup=0.99).warmup_epochs == EPOCHS - 1
