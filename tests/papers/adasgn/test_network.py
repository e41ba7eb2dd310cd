"""AdaSGN's network: published counts, the policy, and its invariances.

Axes: P persons, T frames, V joints, C channels, A actions.
"""

import pytest
import torch

from data_modules.layouts import HAND22, NTU25, Layout
from skeleton_lab.papers.adasgn.network import AdaSGN, JointTransform, build_sgn, pooling_matrix
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings, SGNSettings
from tests.helpers import assert_close, parameters, shaken


def small(**changes: object) -> AdaSGN:
    return shaken(AdaSGN(AdaSGNSettings(width=1 / 16, **changes), NTU25, 60, 20))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("layout", "classes", "count"), [(NTU25, 60, 1_757_856), (HAND22, 14, 1_733_852), (HAND22, 28, 1_741_034)]
)
def test_parameter_count(layout: Layout, classes: int, count: int) -> None:
    assert parameters(AdaSGN(AdaSGNSettings(), layout, classes, 20)) == count


@pytest.mark.parametrize(
    ("joints", "size", "count"),
    [
        (1, "small", 524_257),
        (9, "small", 525_065),
        (25, "small", 526_681),
        (1, "big", 689_249),
        (9, "big", 690_057),
        (25, "big", 691_673),
    ],
)
def test_single_model_parameter_count(joints: int, size: str, count: int) -> None:
    settings = SGNSettings(joints=joints, size=size, joint_transform="learned")  # type: ignore[arg-type]
    assert parameters(build_sgn(settings, NTU25, 60, 20)) == count


@pytest.mark.parametrize("layout", [NTU25, HAND22])
def test_pooling_matrices_average(layout: Layout) -> None:
    for joints in layout.joint_levels:
        matrix = pooling_matrix(layout, joints)
        assert matrix.shape == (layout.num_joints, joints)
        assert_close(matrix.sum(dim=0), torch.ones(joints))
    one_joint = JointTransform(layout, 1)(torch.randn(3, layout.num_joints, 3))
    assert one_joint.shape == (3, 1, 3)


def test_one_joint_is_the_mean() -> None:
    x = torch.randn(4, 25, 3)
    assert_close(JointTransform(NTU25, 1)(x), x.mean(dim=1, keepdim=True))


def test_a_number_of_joints_without_groups_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 9, 25\) joints, not 7"):
        pooling_matrix(NTU25, 7)


def test_actions_are_one_hot_and_their_feature_is_the_chosen_one() -> None:
    network = small().eval()
    x_PTVC = torch.randn(3, 20, 25, 3)
    decision, features_PTAC = network(x_PTVC), network.all_features(x_PTVC)
    assert_close(decision.actions.sum(dim=-1), torch.ones(3, 20))
    chosen = torch.stack(
        [torch.stack([features_PTAC[p, t, int(decision.actions[p, t].argmax())] for t in range(20)]) for p in range(3)]
    )
    assert_close(decision.logits, network.classifier(network.temporal(chosen)))


def test_evaluation_takes_the_likeliest_action_and_repeats_itself() -> None:
    network = small().eval()
    x_PTVC = torch.randn(3, 20, 25, 3)
    likeliest = network.policy(network.all_features(x_PTVC)[:, :, 0]).argmax(dim=-1)
    assert torch.equal(network(x_PTVC).actions.argmax(dim=-1), likeliest)
    assert torch.equal(network(x_PTVC).logits, network(x_PTVC).logits)


def test_the_released_habit_samples_in_evaluation() -> None:
    network = small(evaluation_actions="sampled").eval()
    x_PTVC = torch.randn(3, 20, 25, 3)
    assert not torch.equal(network(x_PTVC).actions, network(x_PTVC).actions)


def test_the_policy_learns_through_its_discrete_choice() -> None:
    network = small()
    features = network.all_features(torch.randn(3, 20, 25, 3)).detach()
    network.decide(features).logits.square().sum().backward()
    assert network.policy.conv.weight.grad is not None
    assert network.policy.conv.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.spatial.parameters())


def test_actions_that_nobody_takes_need_no_graph() -> None:
    network, x_PTVC = small().double(), torch.randn(3, 20, 25, 3, dtype=torch.float64)
    with torch.no_grad():
        network.policy.conv.bias.copy_(torch.tensor([20.0, -20, 20, -20, -20, 20]))
    found = []
    for decide in (lambda: network(x_PTVC), lambda: network.decide(network.all_features(x_PTVC))):
        torch.manual_seed(0)
        network.zero_grad()
        decision = decide()
        decision.logits.square().sum().backward()
        found.append((decision, {name: parameter.grad for name, parameter in network.named_parameters()}))
    (ours, gradients), (complete, expected) = found
    assert ours.actions.detach().sum(dim=(0, 1)).bool().tolist() == [True, False, True, False, False, True]
    assert torch.equal(ours.logits, complete.logits)
    for name, gradient in gradients.items():
        reference = torch.zeros(1, dtype=torch.float64) if expected[name] is None else expected[name]
        assert_close(torch.zeros_like(reference) if gradient is None else gradient, reference, 1e-9)
    assert gradients["spatial.4.graph_convs.0.own.weight"] is None
    assert expected["spatial.4.graph_convs.0.own.weight"] is not None


def test_sampling_follows_the_probabilities_whatever_the_temperature() -> None:
    network = small()
    features = torch.zeros(200, 20, 16)
    expected = network.policy.conv.bias.softmax(dim=0)
    for temperature in (5.0, 0.02):
        network.temperature.fill_(temperature)
        torch.manual_seed(0)
        shares = network.choose(features).detach().mean(dim=(0, 1))
        assert_close(shares, expected, 0.03)


def test_a_policy_can_start_from_the_most_expensive_action() -> None:
    network = AdaSGN(AdaSGNSettings(width=1 / 16, policy_start="largest"), NTU25, 60, 20).eval()
    features = torch.rand(4, 20, 16) + 0.5
    assert (network.choose(features).argmax(dim=-1) == 5).all()
    assert parameters(network) == parameters(AdaSGN(AdaSGNSettings(width=1 / 16), NTU25, 60, 20))


def test_random_and_all() -> None:
    x_PTVC = torch.randn(40, 20, 25, 3)
    random, every = small(policy="random").eval(), small(policy="all").eval()
    assert_close(random(x_PTVC).actions.mean(dim=(0, 1)), torch.full((6,), 1 / 6), 0.06)
    decision = every(x_PTVC)
    assert (decision.actions == 1).all()
    fused = every.all_features(x_PTVC).sum(dim=2)
    assert_close(decision.logits, every.classifier(every.temporal(fused)), 1e-4)


def test_a_person_does_not_depend_on_the_others_of_the_batch() -> None:
    network = small().eval()
    x_PTVC = torch.randn(4, 20, 25, 3)
    assert_close(network(x_PTVC).logits[2:], network(x_PTVC[2:]).logits)
