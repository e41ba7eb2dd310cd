"""Training: losses, stepwise training that survives being killed at every step, and what is counted.

Axes: N clips, M person slots, T frames, V joints, Q streams, K classes.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch.nn import functional as F
from torch.utils.data import DataLoader

from data_modules.collate import PaddedBatch, RaggedBatch
from data_modules.layouts import NTU25
from skeleton_lab.errors import RequestError
from skeleton_lab.measure.breakdown import macs_by_part
from skeleton_lab.measure.macs import Macs, count_macs
from skeleton_lab.papers.gca_lstm.module import GCALSTMModule, STLSTMModule, averaged
from skeleton_lab.reproduce.runs import differing
from skeleton_lab.reproduce.train import BestCheckpoint
from tests.helpers import SMALL, assert_close, padded_batch, settings_of

pytestmark = pytest.mark.filterwarnings("ignore")
EPOCHS, LONG = 6, 18
BATCHES = [padded_batch(clips=4, seed=seed) for seed in range(2)]
VALIDATION = [padded_batch(clips=4, seed=9)]
MODULES = {"st_lstm": STLSTMModule, "gca_lstm": GCALSTMModule, "gca_lstm_two_stream": GCALSTMModule}


def module_of(model: str = "gca_lstm", **changes: Any) -> GCALSTMModule:
    quick = {"training.epochs": EPOCHS, "training.learning_rate": 0.05, "training.selection": "last"}
    patient = {} if model == "st_lstm" else {"model.patience": 0}
    full = {key if "." in key else f"model.{key}": value for key, value in changes.items()}
    torch.manual_seed(0)
    return MODULES[model](settings_of(model, {**SMALL, **quick, **patient, **full}), NTU25, 60)  # type: ignore[return-value]


class Watch(Callback):
    """What each epoch trained, and the training's end before `until`, as if it was killed then."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.iterations: list[int] = []
        self.rates: list[float] = []
        self.momentum: list[bool] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            assert isinstance(pl_module, GCALSTMModule)
            self.iterations.append(pl_module.iterations)
            self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
            self.momentum.append(bool(trainer.optimizers[0].state))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch + 1 >= self.until:
            trainer.should_stop = True


def fit(
    folder: Path, module: GCALSTMModule, until: int = EPOCHS, resume: bool = False, validation: bool = False
) -> Watch:
    watch = Watch(until)
    best = BestCheckpoint(folder, "best", monitor="validation/top1", mode="max", enable_version_counter=False)
    last = ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=module.settings.training.epochs,
        callbacks=[watch, *([best] if validation else []), last],
        logger=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        module,
        loader(BATCHES),
        loader(VALIDATION) if validation else None,
        ckpt_path=folder / "last.ckpt" if resume else None,
        weights_only=True,
    )
    return watch


def loader(batches: list[PaddedBatch]) -> DataLoader:
    """With a generator of its own, as in data_modules/data_module.py: it draws when it begins."""
    return DataLoader(batches, batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]


def assert_same_weights(one: LightningModule, other: LightningModule) -> None:
    for ours, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_steps_train_one_iteration_more_each_and_begin_anew(tmp_path: Path) -> None:
    module = module_of()
    watch = fit(tmp_path, module)
    assert watch.iterations == [0, 0, 1, 1, 2, 2]
    assert watch.rates == pytest.approx([0.05, 0.05 * 0.95] * 3)
    assert watch.momentum == [False, True] * 3
    assert module.iterations == 2


def test_a_step_leaves_alone_what_it_does_not_use(tmp_path: Path) -> None:
    module = module_of()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    changed: list[set[str]] = []
    for until in (2, 4, 6):
        fit(tmp_path, module, until, resume=until > 2)
        now = module.state_dict()
        changed.append({name for name, value in now.items() if not torch.equal(value, before[name])})
    of_steps = ("layer.", "informativeness.0", "refine.0"), ("informativeness.1", "refine.1")
    for step, later in enumerate(of_steps):
        for part in later:
            names = {name for name in before if f"streams.0.{part}" in name}
            assert names
            assert not names & changed[step]
            assert names <= changed[step + 1]
    assert {name for name in before if "first" in name or "start" in name or "classifier" in name} <= changed[0]


@pytest.mark.parametrize(
    ("model", "until"), [*(("gca_lstm", until) for until in range(1, EPOCHS)), ("gca_lstm_two_stream", 2)]
)
def test_a_killed_training_goes_on_as_if_nothing_had_been(model: str, until: int, tmp_path: Path) -> None:
    """Within every step, and between any two."""
    whole = module_of(model)
    fit(tmp_path / "whole", whole)
    fit(tmp_path / "killed", module_of(model), until)
    resumed = module_of(model)
    watch = fit(tmp_path / "killed", resumed, resume=True)
    assert watch.iterations == [0, 0, 1, 1, 2, 2][until:]
    assert_same_weights(resumed, whole)


def patient(**changes: Any) -> GCALSTMModule:
    """The loss on random clips rises soon, so that steps end early."""
    changes = {"training.selection": "validation", "patience": 1, "training.epochs": LONG, **changes}
    return module_of(**{"forget_bias": [0.0, 0.5], **changes})


def test_steps_that_end_by_their_validation_loss_are_resumed_too(tmp_path: Path) -> None:
    whole = patient()
    steps = fit(tmp_path / "whole", whole, LONG, validation=True).iterations
    assert sorted(steps) == steps
    assert set(steps) == {0, 1, 2}
    assert len(steps) < LONG
    for until in {1, steps.index(1), steps.index(2), steps.index(2) + 1, len(steps)}:
        folder = tmp_path / str(until)
        fit(folder, patient(), until, validation=True)
        resumed = patient()
        assert fit(folder, resumed, LONG, resume=True, validation=True).iterations == steps[until:]
        assert_same_weights(resumed, whole)


def test_the_best_epoch_is_one_of_the_last_step(tmp_path: Path) -> None:
    """Others do not train all of the network, however well they do."""
    module = patient()
    watch = fit(tmp_path, module, LONG, validation=True)
    best = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert watch.iterations[best["epoch"]] == 2
    assert best["progress"]["step"] == 2
    other = patient()
    other.take_over(tmp_path / "best.ckpt")
    assert other.iterations == 2


def test_direct_training_trains_all_iterations_from_the_start(tmp_path: Path) -> None:
    watch = fit(tmp_path, module_of(stepwise=False))
    assert watch.iterations == [2] * EPOCHS
    assert watch.rates == pytest.approx([0.05 * 0.95**epoch for epoch in range(EPOCHS)])


def test_patience_needs_validation_clips() -> None:
    with pytest.raises(RequestError, match=r"model\.patience=2: a step ends by its validation loss"):
        module_of(patience=2)


def test_the_loss_is_that_of_each_stream() -> None:
    module, batch = module_of("gca_lstm_two_stream").eval(), BATCHES[0]
    output = module(batch)
    fine, coarse = module.network(batch.x)
    assert_close(module.loss(output, batch), F.cross_entropy(fine, batch.label) + F.cross_entropy(coarse, batch.label))
    assert_close(output.logits.softmax(dim=-1), (fine.softmax(dim=-1) + coarse.softmax(dim=-1)) / 2)
    single = module_of().eval()
    assert_close(single.loss(single(batch), batch), F.cross_entropy(single.network(batch.x)[0], batch.label))


def test_averages_of_very_unlikely_classes_are_finite() -> None:
    assert averaged(torch.tensor([[[0.0, 300.0]], [[0.0, 200.0]]])).isfinite().all()


def test_where_every_cell_classifies_their_losses_are_averaged() -> None:
    module, batch = module_of("st_lstm").eval(), BATCHES[0]
    network = module.network
    h_SND = network.second(network.first(network.cells(batch.x)))
    losses = [F.cross_entropy(network.classifier(h_ND), batch.label) for h_ND in h_SND]
    assert_close(module.loss(module(batch), batch), torch.stack(losses).mean())
    whole = module_of("st_lstm", representation="mean").eval()
    assert_close(whole.loss(whole(batch), batch), F.cross_entropy(whole.network(batch.x), batch.label))


def test_gradients_are_clipped_element_by_element() -> None:
    module = module_of(gradient_clip=0.25)
    for value in module.parameters():
        value.grad = torch.full_like(value, -3.0)
    module.on_before_optimizer_step(torch.optim.SGD(module.parameters(), 0.1))
    assert all((value.grad == -0.25).all() for value in module.parameters())


# Spec: 84 MMAC of the first layer, 41 for the inputs of the second, once; 82 for each of its iterations.
CELLS, LINKS, CHANNELS = 500, 2 * 500 - 45, 128
FIRST = CELLS * 6 * 5 * CHANNELS + LINKS * CHANNELS * 5 * CHANNELS
INPUTS, ITERATION = CELLS * CHANNELS * 5 * CHANNELS, LINKS * CHANNELS * 5 * CHANNELS
OF_UNITS, OF_MEMORY = CELLS * CHANNELS * CHANNELS, CHANNELS * CHANNELS + CELLS * CHANNELS
START, REFINE, CLASSIFIER = CELLS * CHANNELS * CHANNELS, 2 * CHANNELS * CHANNELS, CHANNELS * 60
COMMON = FIRST + INPUTS + 2 * (ITERATION + REFINE) + CLASSIFIER


@pytest.mark.parametrize(
    ("changes", "macs"),
    [
        ({}, COMMON + START + 2 * (OF_UNITS + OF_MEMORY)),
        ({"start": "mean"}, COMMON + 2 * (OF_UNITS + OF_MEMORY)),
        ({"share_across": True}, COMMON + START + OF_UNITS + 2 * OF_MEMORY),
        ({"share_within": False}, COMMON + START + 2 * (OF_UNITS + OF_MEMORY + (CELLS - 1) * CHANNELS**2)),
    ],
    ids=str,
)
def test_every_product_is_counted(changes: dict[str, Any], macs: int) -> None:
    module = module_of(width=1.0, **changes)
    assert module.count_macs({}) == Macs(macs, macs)
    if not changes:
        assert module.measure({})["gmacs_per_clip"] == pytest.approx(macs / 1e9)
        counted = module.counted(padded_batch(clips=3))
        assert count_macs(*counted) == Macs(3 * macs, 3 * macs)
        by_part = macs_by_part(*counted, module.parts)
        assert by_part["MatMul"].all == 3 * 3 * ITERATION
        assert set(by_part) == {"MatMul", "Linear"}


@pytest.mark.parametrize("model", MODULES)
def test_what_is_timed_gives_the_same(model: str) -> None:
    ways = module_of(model).timed_ways(2, {})
    fast, plain = (call() for call in ways.values())
    assert next(iter(ways)) == "diagonal by diagonal"
    assert_close(fast, plain)  # type: ignore[arg-type]


def test_ragged_clips_are_refused() -> None:
    zeros = torch.zeros(4, 25, 3)
    with pytest.raises(RequestError, match=r"gca_lstm works on data\.collation=padded"):
        module_of()(RaggedBatch(zeros, torch.tensor([0, 4]), torch.zeros(4), torch.zeros(1), torch.zeros(1)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 0}, "model.channels=0: give a number above 0"),
        ({"dropout": 1.0}, "model.dropout=1.0: give a number from 0 to less than 1"),
        ({"gradient_clip": -1.0}, "model.gradient_clip=-1.0: give a number from 0"),
        ({"forget_bias": [1.0]}, "give two numbers, of the first and of the second layer"),
        ({"attention_iterations": -1}, "model.attention_iterations=-1: give a number from 0"),
        ({"patience": -1}, "model.patience=-1: give a number from 0"),
        ({"data.collation": "ragged"}, "this network works on data.collation=padded"),
        ({"data.sampling": "all"}, "this network works on clips of one length"),
    ],
)
def test_values_that_no_network_can_have(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        module_of(**changes)


def test_what_is_the_same_run_has_the_same_key() -> None:
    def identity(**changes: Any) -> dict[str, Any]:
        return differing(module_of(**changes).settings)

    one = {"attention_iterations": 1}
    assert identity(**one, share_across=True) == identity(**one)
    none = {"attention_iterations": 0}
    assert identity(**none, attention="soft", share_within=False, stepwise=True) == identity(**none, stepwise=False)
    assert identity(share_across=True) != identity()
    patience = {"stepwise": False, "training.selection": "validation"}
    assert identity(**patience, patience=3) == identity(**patience)


def test_it_runs_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    module, batch = module_of("gca_lstm_two_stream").eval(), BATCHES[0]
    wanted = module(batch).logits
    found = module.cuda().network(batch.x.cuda())
    assert_close(averaged(found).cpu(), wanted, 1e-3)
    found.sum().backward()
