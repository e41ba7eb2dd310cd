"""Lottery tickets: scores alone are trained, and the best of them say what is kept."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from data_modules.layouts import NTU25
from skeleton_lab.config import Request
from skeleton_lab.papers.sparse_stgcn.masks import maskable, sparsity_of
from skeleton_lab.papers.sparse_stgcn.module import SparseModule
from skeleton_lab.papers.sparse_stgcn.tickets import DENSE, TicketModule, kept, straight_through
from tests.helpers import SMALL, padded_batch, settings_of

MODELS = ["ticket_st_gcn", "ticket_ctr_gcn"]


def module_of(model: str = "ticket_st_gcn", **changes: Any) -> TicketModule:
    full = {f"model.{key}": value for key, value in changes.items()}
    torch.manual_seed(0)
    return TicketModule(settings_of(model, {**SMALL, **full}), NTU25, 60)


@pytest.mark.parametrize("scope", ["layer", "block", "global"])
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.95])
def test_the_best_are_kept(scope: Any, sparsity: float) -> None:
    scores = {f"blocks.{block}.{layer}.weight": torch.randn(8, 5, 1, 1) for block in range(2) for layer in "ab"}
    masks = kept(scores, sparsity, scope)
    assert sparsity_of(masks) == pytest.approx(sparsity)
    groups = {"layer": [[name] for name in scores], "global": [list(scores)]}
    for members in groups.get(scope, [list(scores)[:2], list(scores)[2:]]):
        inside = torch.cat([scores[name][masks[name]] for name in members])
        outside = torch.cat([scores[name][~masks[name]] for name in members])
        assert len(outside) == round(sparsity * (len(inside) + len(outside)))
        assert not len(outside) or inside.min() > outside.max()


def test_gradients_go_straight_to_all_scores() -> None:
    score = torch.randn(4, 3, 1, 1, requires_grad=True)
    mask = straight_through({"w": score}, kept({"w": score.detach()}, 0.5, "layer"))["w"]
    assert set(mask.detach().unique().tolist()) == {0.0, 1.0}
    weight = torch.randn_like(score)
    (mask * weight).sum().backward()
    assert torch.equal(score.grad, weight)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", MODELS)
def test_scores_alone_learn(model: str) -> None:
    module, batch = module_of(model), padded_batch()
    before = {name: value.clone() for name, value in module.network.named_parameters()}
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    module.loss(module(batch), batch).backward()
    optimizer.step()
    assert all(torch.equal(value, before[name]) for name, value in module.network.named_parameters())
    # In CTR-GCN the factor before all that is compared begins at 0.
    assert sum(bool(score.grad is not None and score.grad.any()) for score in module.scores) > len(module.scores) / 2


@pytest.mark.parametrize("model", MODELS)
def test_joints_hear_of_one_another_in_a_random_network(model: str) -> None:
    block = module_of(model, start="random").eval().network.get_submodule("blocks.0")
    x_PCTV = torch.randn(4, 3, 8, 25)
    moved_PCTV = x_PCTV.clone()
    moved_PCTV[..., 3] += 1  # the head
    with torch.no_grad():
        difference_V = (block(moved_PCTV) - block(x_PCTV)).abs().amax(dim=(0, 1, 2))
    assert difference_V[2] > 0.01 * difference_V[3]  # the neck


def test_it_is_the_network_with_masked_weights() -> None:
    module, batch = module_of(sparsity=0.9).eval(), padded_batch()
    found = module(batch).logits
    masks = module.masks()
    with torch.no_grad():
        for name, weight in maskable(module.network).items():
            weight.mul_(masks[name])
    present = batch.mask.any(dim=-1)
    torch.testing.assert_close(found, module.network(batch.x, present))
    assert module.measure({"persons": torch.ones(1)})["kept_weights"] == pytest.approx(10, abs=0.1)


def test_a_trained_start_is_the_dense_network_of_the_same_form(tmp_path: Path) -> None:
    request = Request("ticket_ctr_gcn", "ntu60", "xsub", "paper", {"model.temporal": "six_branches", "seed": 3})
    module = module_of("ticket_ctr_gcn")
    settings = settings_of("ticket_ctr_gcn", {**SMALL, "model.temporal": "six_branches"})
    asked = TicketModule.requires(request, settings)[DENSE]
    assert asked.model == "sparse_ctr_gcn"
    assert asked.changes["model.sparsity"] == 0
    assert asked.changes["model.temporal"] == "six_branches"
    assert asked.changes["model.width"] == SMALL["model.width"]
    assert asked.changes["seed"] == 3
    dense = SparseModule(settings_of("sparse_ctr_gcn", {**SMALL, "model.sparsity": 0.0}), NTU25, 60)
    torch.save({"state_dict": dense.state_dict()}, tmp_path / "dense.ckpt")
    module.start_from({DENSE: tmp_path / "dense.ckpt"})
    for ours, theirs in zip(module.network.state_dict().values(), dense.network.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_random_start_needs_no_run() -> None:
    request = Request("ticket_st_gcn", "ntu60", "xsub", "paper", {"model.start": "random"})
    assert TicketModule.requires(request, settings_of("ticket_st_gcn", {"model.start": "random"})) == {}


def test_tickets_are_tested_with_the_statistics_of_all_training_clips() -> None:
    """Of training clips in one batch, the batch's own."""
    module, batch = module_of(sparsity=0.9), padded_batch()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    module.settings.training.epochs = 1
    Trainer(accelerator="cpu", max_epochs=1, **quiet).fit(module, DataLoader([batch], batch_size=None))
    recomputed = module.eval()(batch).logits
    with torch.no_grad():
        trained_with = module.train()(batch).logits
    # Variances of evaluation have one clip less below the line.
    torch.testing.assert_close(recomputed, trained_with, rtol=0.02, atol=0.02 * trained_with.abs().max().item())
