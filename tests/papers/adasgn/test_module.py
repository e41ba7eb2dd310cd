"""Training AdaSGN: its losses, phases and schedules, and who is counted.

Axes: N clips, A actions.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from data_modules.layouts import NTU25
from skeleton_lab.config import Request, compose
from skeleton_lab.errors import RequestError
from skeleton_lab.papers.adasgn.inference import SkippingAdaSGN
from skeleton_lab.papers.adasgn.latency import SKIPPING
from skeleton_lab.papers.adasgn.module import SHARED_FEATURES, AdaSGNModule, SGNModule
from skeleton_lab.training.module import ClassificationModule, Output
from tests.helpers import SMALL, assert_close, padded_batch, part, settings_of, shaken


def module_of(model: str, **changes: object) -> ClassificationModule:
    full = {f"model.{key}": value for key, value in changes.items()}
    kind = AdaSGNModule if model == "adasgn" else SGNModule
    return kind(settings_of(model, {**SMALL, **full}), NTU25, 60)


def begin_epoch(module: ClassificationModule, epoch: int) -> None:
    module._trainer = SimpleNamespace(current_epoch=epoch, global_rank=0)  # type: ignore[assignment]
    module.on_train_epoch_start()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch.manual_seed(0)
    SHARED_FEATURES.clear()


@pytest.mark.parametrize(("epoch", "temperature"), [(0, 4.78), (9, 3.19), (29, 1.30), (59, 0.336), (119, 0.0226)])
def test_temperature(epoch: int, temperature: float) -> None:
    module = module_of("adasgn", temperature_decay=0.95599748)  # exp(−0.045)
    begin_epoch(module, epoch)
    assert module.network.temperature.item() == pytest.approx(temperature, rel=0.005)


def test_temperature_as_printed() -> None:
    module = module_of("adasgn", temperature_schedule="as_printed")
    begin_epoch(module, 1)
    assert module.network.temperature.item() == pytest.approx(5 * 0.096**2)
    begin_epoch(module, 100)
    assert torch.isfinite(module(padded_batch()).logits).all()


@pytest.mark.parametrize(("epoch", "alpha"), [(0, 0.0), (2, 1.6), (5, 4.0), (50, 4.0)])
def test_alpha_grows_over_the_first_epochs(epoch: int, alpha: float) -> None:
    module = module_of("adasgn")
    begin_epoch(module, epoch)
    assert module.alpha.item() == pytest.approx(alpha)


def test_phases() -> None:
    module = module_of("adasgn", frozen_epochs=30)
    for epoch, trained in ((0, False), (29, False), (30, True)):
        begin_epoch(module, epoch)
        spatial = {p.requires_grad for p in module.network.spatial.parameters()}
        matrices = {p.requires_grad for p in module.network.joint_transforms.parameters()}
        assert spatial == matrices == {trained}
        assert all(p.requires_grad for p in module.network.policy.parameters())


def test_without_pretraining_only_the_matrices_are_frozen() -> None:
    module = module_of("adasgn", pretrained=False)
    begin_epoch(module, 0)
    assert all(p.requires_grad for p in module.network.spatial.parameters())
    assert not any(p.requires_grad for p in module.network.joint_transforms.parameters())


def test_the_matrix_of_a_single_model_is_frozen_at_first() -> None:
    module = module_of("adasgn_single", joints=9)
    for epoch, trained in ((0, False), (30, True)):
        begin_epoch(module, epoch)
        assert module.network.joint_transform.matrix.requires_grad == trained


@pytest.mark.parametrize(("kind", "divisor"), [("mean_over_actions", 5), ("sum_over_actions", 1)])
def test_efficiency_loss(kind: str, divisor: int) -> None:
    module = module_of("adasgn", efficiency_loss=kind)
    actions = torch.tensor([[10.0, 0, 0, 0, 0, 10], [0, 20, 0, 0, 0, 0]])
    output = Output(torch.zeros(2, 60), {"actions": actions, "skeletons": torch.tensor([20, 20])})
    gmacs = module.gmacs_A
    expected = (0.5 * gmacs[1] + 0.25 * gmacs[5]) / divisor
    assert_close(module.efficiency_loss(output), expected)


def test_the_loss_is_accuracy_plus_alpha_times_efficiency() -> None:
    module, batch = module_of("adasgn"), padded_batch()
    output = module(batch)
    module.alpha.fill_(0.0)
    accuracy = module.loss(output, batch)
    module.alpha.fill_(3.0)
    assert_close(module.loss(output, batch) - accuracy, 3 * module.efficiency_loss(output))


@pytest.mark.parametrize("model", ["sgn", "adasgn"])
def test_absent_persons_change_nothing(model: str) -> None:
    module = shaken(module_of(model)).eval()
    batch = padded_batch()
    expected = module(batch).logits
    batch.x[~batch.mask] = 1e3
    assert_close(module(batch).logits, expected)
    one_slot = part(batch, slice(0, None, 2))
    one_slot.x, one_slot.mask = one_slot.x[:, :1], one_slot.mask[:, :1]
    assert_close(module(one_slot).logits, expected[::2], 1e-4)


def test_absent_persons_are_not_among_the_action_shares() -> None:
    module = shaken(module_of("adasgn")).eval()
    recorded = module(padded_batch()).per_clip
    assert recorded["skeletons"].tolist() == [20, 40] * 3
    assert_close(recorded["actions"].sum(dim=1), recorded["skeletons"].float())
    shares = [share for name, share in module.measure(recorded).items() if name.startswith("share_")]
    assert len(shares) == 6
    assert sum(shares) == pytest.approx(100)


def test_the_released_habit_runs_zero_skeletons() -> None:
    module = shaken(module_of("adasgn", absent_persons="zeros")).eval()
    assert module(padded_batch()).per_clip["skeletons"].tolist() == [40] * 6


def test_shares_are_split_by_who_is_there() -> None:
    module = shaken(module_of("adasgn", absent_persons="zeros")).eval()
    recorded = module(padded_batch()).per_clip
    found = module.measure(recorded)
    # 6 clips of two slots, 3 of them with one person: 9 persons are there, 3 are not.
    for action in range(6):
        split = (9 * found[f"present_share_{action}"] + 3 * found[f"absent_share_{action}"]) / 12
        assert found[f"share_{action}"] == pytest.approx(split)
    masked = shaken(module_of("adasgn")).eval()
    without = masked.measure(masked(padded_batch()).per_clip)
    assert not any(name.startswith("absent_share") for name in without)
    assert without["present_share_5"] == without["share_5"]
    assert found["present_share_5"] == pytest.approx(without["share_5"])


def test_cost_of_a_clip_and_of_a_person_who_is_there() -> None:
    shares = dict.fromkeys((f"share_{action}" for action in range(6)), 0.0)
    module = module_of("adasgn", absent_persons="zeros")
    taken = {"actions": torch.tensor([[20.0, 0, 0, 0, 0, 20]]), "skeletons": torch.tensor([40])}
    there = {"present_actions": torch.tensor([[0.0, 0, 0, 0, 0, 20]]), "present_skeletons": torch.tensor([20])}
    found = module.measure({**taken, **there})
    cheap, dear = (module.count_macs({**shares, f"share_{action}": 100}).all / 1e9 for action in (0, 5))
    assert found["gmacs_per_present_person"] == pytest.approx(dear, rel=1e-6)
    assert found["gmacs_per_clip"] == pytest.approx(cheap + dear, rel=1e-6)
    sgn = module_of("sgn")
    one = sgn.count_macs({}).all / 1e9
    spent = sgn.measure({"persons": torch.tensor([1, 2])})
    assert spent == pytest.approx({"gmacs_per_clip": 1.5 * one, "gmacs_per_present_person": one})


@pytest.mark.parametrize("model", ["sgn", "adasgn"])
def test_prediction_takes_the_quick_form_and_leaves_nothing_of_it(model: str) -> None:
    module, batch = shaken(module_of(model)).eval(), padded_batch()
    names, expected = set(module.state_dict()), module(batch)
    module.on_predict_start()
    assert module.inference is not None
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = module(batch)
    assert_close(found.logits, expected.logits, 1e-4)
    assert all(torch.equal(found.per_clip[name], expected.per_clip[name]) for name in expected.per_clip)
    module.on_predict_end()
    assert set(module.state_dict()) == names


@pytest.mark.parametrize("model", ["sgn", "adasgn"])
def test_a_clip_does_not_depend_on_its_batch(model: str) -> None:
    module, batch = shaken(module_of(model)).eval(), padded_batch()
    assert_close(module(batch).logits[2:], module(part(batch, slice(2, None))).logits, 1e-4)


def test_the_second_stage_starts_from_the_single_models(tmp_path: Path) -> None:
    module = module_of("adasgn")
    checkpoints, singles = {}, []
    for number, (joints, size) in enumerate((j, s) for j in (1, 9, 25) for s in ("small", "big")):
        single = shaken(module_of("adasgn_single", joints=joints, size=size), seed=number)
        checkpoints[f"{size}-{joints}"] = tmp_path / f"{number}.ckpt"
        torch.save({"state_dict": single.state_dict()}, checkpoints[f"{size}-{joints}"])
        singles.append(single.network)
    before = module.network.temporal.state_dict()["layers.0.weight"].clone()
    module.start_from(checkpoints)
    for single, spatial, transform in zip(
        singles, module.network.spatial, module.network.joint_transforms, strict=True
    ):
        x, y = torch.randn(4, 25, 3), torch.randn(4, 25, 3)
        inputs = (transform(x), transform(y))
        assert_close(spatial.eval()(*inputs), single.spatial.eval()(*inputs))
        assert torch.equal(transform.matrix, single.joint_transform.matrix)
    assert torch.equal(module.network.temporal.state_dict()["layers.0.weight"], before)


def test_temperature_and_alpha_live_in_the_checkpoint() -> None:
    module = module_of("adasgn")
    begin_epoch(module, 40)
    other = module_of("adasgn")
    other.load_state_dict(module.state_dict())
    assert other.network.temperature == module.network.temperature
    assert other.alpha == module.alpha == 4.0


def test_policies_share_the_features_of_frozen_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (shaken(module_of("adasgn", share_features=True, alpha=alpha)) for alpha in (0, 9))
    batch = padded_batch()
    for module in (first, second):
        module.train()
        begin_epoch(module, 0)
    computed = first.frozen_features(batch, batch.x[:, 0])
    assert not first.network.spatial.training
    assert_close(computed, first.network.all_features(batch.x[:, 0]), 2e-3)
    monkeypatch.setattr(second.network, "all_features", lambda x: pytest.fail("computed twice"))
    assert torch.equal(second.frozen_features(batch, batch.x[:, 0]), computed)


def test_every_draw_has_features_of_its_own() -> None:
    module = shaken(module_of("adasgn", share_features=True))
    batch = padded_batch()
    for training, epoch in ((True, 0), (True, 1), (False, 1)):  # evaluation shares nothing
        module.train(training)
        begin_epoch(module, epoch)
        module.train(training)
        module.frozen_features(batch, batch.x[:, 0])
    assert len(SHARED_FEATURES) == 2


def test_nothing_is_shared_without_pretraining() -> None:
    module = module_of("adasgn", share_features=True, pretrained=False)
    begin_epoch(module, 0)
    module(padded_batch()).logits.sum().backward()
    assert not SHARED_FEATURES
    assert all(parameter.grad is not None for parameter in module.network.spatial[0].graph_convs.parameters())


def test_weight_decay_reaches_what_no_skeleton_takes() -> None:
    module = shaken(module_of("adasgn", pretrained=False, frozen_epochs=0))
    begin_epoch(module, 1)
    with torch.no_grad():
        module.network.policy.conv.bias.copy_(torch.tensor([50.0, 0, 0, 0, 0, 50]))
    module(padded_batch()).logits.sum().backward()
    weight = module.network.spatial[3].graph_convs[0].own.weight
    assert weight.grad is None
    module.on_before_optimizer_step(torch.optim.Adam(module.parameters()))
    assert not weight.grad.any()
    assert all(parameter.grad is not None for parameter in module.network.parameters())


@pytest.mark.parametrize(("policy", "share"), [("all", 100), ("random", 100 / 6)])
def test_a_policy_that_learns_nothing_costs_what_it_always_costs(policy: str, share: float) -> None:
    module = module_of("adasgn", policy=policy)
    given = {f"share_{action}": share for action in range(6)}
    assert module.count_macs({}) == module.count_macs(given)


def test_without_anybody_nothing_is_said_of_who_is_there() -> None:
    module = shaken(module_of("adasgn", absent_persons="zeros")).eval()
    batch = padded_batch()
    batch.mask[:] = False
    found = module.measure(module(batch).per_clip)
    assert "gmacs_per_clip" in found
    assert not any("present" in name for name in found)


def test_alpha_without_a_warm_up() -> None:
    module = module_of("adasgn", alpha_warmup_epochs=0)
    begin_epoch(module, 0)
    assert module.alpha == 4.0


@pytest.mark.parametrize(
    ("model", "changes", "problem"),
    [
        ("sgn", {"model.dropout": 1.5}, "model.dropout=1.5: give a number from 0 to less than 1"),
        ("sgn", {"data.stream": "joint_bone_motion"}, "data.stream=joint_bone_motion: this network sees three numbers"),
        ("sgn", {"data.sampling": "all"}, "data.sampling=all: this network works on clips of one length"),
        ("adasgn", {"data.collation": "ragged"}, "data.collation=ragged: this network works on data.collation=padded"),
        ("adasgn", {"model.alpha_warmup_epochs": -1}, "model.alpha_warmup_epochs=-1: give a number from 0"),
        ("adasgn", {"model.alpha": float("nan")}, "model.alpha=nan: give a number from 0"),
        ("adasgn", {"model.temperature": -1.0}, "model.temperature=-1.0: give a number above 0"),
        ("st_tr_s", {"model.drop_keys": 1.0}, "model.drop_keys=1.0: give a number from 0 to less than 1"),
        ("st_gcn", {"model.dropout": -1.0}, "model.dropout=-1.0: give a number from 0 to less than 1"),
    ],
)
def test_settings_that_cannot_be(model: str, changes: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        compose(Request(model, "ntu60", "xsub", "paper", changes))


def test_single_models_are_as_wide() -> None:
    request = Request("adasgn", "ntu60", "xsub", "paper", overrides={"adasgn.model.width": 0.5})
    required = AdaSGNModule.requires(request, compose(request))
    assert {compose(each).model.width for each in required.values()} == {0.5}


def test_where_all_actions_are_taken_all_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[torch.Tensor] = []
    monkeypatch.setattr(SkippingAdaSGN, "forward", lambda self, x_PTVC, actions_PTA: taken.append(actions_PTA))
    for policy, every in (("all", True), ("learned", False)):
        module_of("adasgn", policy=policy).timed_ways(2, {})[SKIPPING]()
        assert bool((taken.pop() == 1).all()) is every
