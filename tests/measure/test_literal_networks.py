"""The literal networks compute what their fast twins compute, forwards and backwards.

Axes: P persons, T frames, V joints, C channels, A actions, K classes.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_modules.layouts import HAND22, NTU25, Layout
from skeleton_lab.backbones import sgn
from skeleton_lab.measure.literal import adasgn as literal_adasgn
from skeleton_lab.measure.literal import sgn as literal_sgn
from skeleton_lab.measure.literal.sgn import Size, as_literal, take_weights
from skeleton_lab.papers.adasgn.network import AdaSGN, JointTransform
from skeleton_lab.papers.adasgn.settings import AdaSGNSettings
from tests.helpers import assert_close, parameters, shaken

WIDTH, FRAMES, CLASSES = 1 / 16, 6, 7
TOLERANCE = 1e-9


def sgn_pair(joints: int, size: Size) -> tuple[nn.Module, nn.Module]:
    network = sgn.SGN(joints, CLASSES, FRAMES, size, WIDTH, dropout=0)
    literal = literal_sgn.SGN(joints, CLASSES, FRAMES, size, WIDTH, dropout=0)
    return same(network, literal)


def adasgn_pair(layout: Layout = NTU25) -> tuple[nn.Module, literal_adasgn.AdaSGN]:
    network = AdaSGN(AdaSGNSettings(width=WIDTH, dropout=0), layout, CLASSES, FRAMES)
    literal = literal_adasgn.AdaSGN(layout, CLASSES, FRAMES, WIDTH, dropout=0)
    same(network, literal)
    return network, literal


def same(network: nn.Module, literal: nn.Module) -> tuple[nn.Module, nn.Module]:
    shaken(network).double()
    take_weights(literal.double(), network)
    return network, literal


def clips(joints: int, persons: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(persons, FRAMES, joints, 3, generator=generator, dtype=torch.float64)


def assert_same_everywhere(
    network: nn.Module, literal: nn.Module, logits: Callable[[nn.Module, Tensor], Tensor], x_PTVC: Tensor
) -> None:
    """Logits, the gradients of input and parameters, and the running statistics afterwards."""
    label_P = torch.arange(len(x_PTVC))
    found = []
    for one in (network, literal):
        x = x_PTVC.clone().requires_grad_()
        torch.manual_seed(2)
        logits_PK = logits(one, x)
        F.cross_entropy(logits_PK, label_P).backward()
        found.append((logits_PK, x.grad))
    for ours, theirs in zip(*found, strict=True):
        assert ours is not None
        assert ours.abs().max() > 0
        assert_close(ours, theirs, TOLERANCE)
    assert_all_close(as_literal(gradients(network), literal), gradients(literal))
    assert_all_close(as_literal(network.state_dict(), literal), literal.state_dict())


def gradients(network: nn.Module) -> dict[str, Tensor]:
    """By name; zero for a parameter that the logits do not depend on, such as the graph's of a single joint."""
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in network.named_parameters()
    }


def assert_all_close(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(
            tensor, theirs[name], rtol=TOLERANCE, atol=TOLERANCE, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("size", ["small", "big"])
@pytest.mark.parametrize("joints", [1, 9, 25])
def test_sgn_equals_the_literal_one(joints: int, size: Size, training: bool) -> None:
    network, literal = sgn_pair(joints, size)
    network.train(training)
    literal.train(training)
    assert_same_everywhere(network, literal, lambda one, x: one(x), clips(joints))


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("layout", [NTU25, HAND22], ids=lambda layout: layout.name)
def test_adasgn_equals_the_literal_one(layout: Layout, training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # AdaSGN chooses in float32 whatever it computes in; here both choose in float64, with the same noise.
    monkeypatch.setattr(Tensor, "float", Tensor.double)
    network, literal = adasgn_pair(layout)
    network.train(training)
    literal.train(training)

    def logits(one: nn.Module, x_PTVC: Tensor) -> Tensor:
        return one(x_PTVC)[0] if one is literal else one(x_PTVC).logits

    assert_same_everywhere(network, literal, logits, clips(layout.num_joints))


def test_the_policy_of_both_gets_a_gradient_only_while_training() -> None:
    _, literal = adasgn_pair()
    for training in (True, False):
        literal.train(training).zero_grad()
        literal(clips(25))[0].square().sum().backward()
        assert (literal.policy.conv.weight.grad is not None) is training


def test_both_take_the_same_actions_in_evaluation() -> None:
    network, literal = adasgn_pair()
    x_PTVC = clips(25, persons=8)
    actions = literal.eval()(x_PTVC)[1]
    assert torch.equal(network.eval()(x_PTVC).actions, actions)
    assert actions.sum(dim=(0, 1)).count_nonzero() > 1


@pytest.mark.parametrize("given", [True, False], ids=["given", "chosen"])
def test_frame_by_frame_equals_computing_everything(given: bool) -> None:
    _, literal = adasgn_pair()
    x_PTVC = clips(25, persons=5)
    drawn_PT = torch.arange(5 * FRAMES).view(5, FRAMES) % 6
    actions = F.one_hot(drawn_PT, 6).double() if given else None
    everything, taken = literal.eval()(x_PTVC, actions)
    by_frame, taken_by_frame = literal.infer_by_frame(x_PTVC, actions)
    assert_close(by_frame, everything, TOLERANCE)
    assert torch.equal(taken_by_frame, taken)
    if given:
        assert torch.equal(taken.argmax(dim=-1), drawn_PT)


def test_frame_by_frame_computes_nothing_that_is_not_taken() -> None:
    _, literal = adasgn_pair()
    called = []
    for action, spatial in enumerate(literal.eval().spatial):
        spatial.register_forward_hook(lambda _, inputs, __, action=action: called.append((action, inputs[0].shape[-1])))
    drawn_PT = torch.tensor([[0, 3, 5, 0, 5, 0]])
    literal.infer_by_frame(clips(25, persons=1), F.one_hot(drawn_PT, 6).double())
    assert called == [*[(0, 1)] * FRAMES, (3, 1), (5, 1), (5, 1)]


def test_frame_by_frame_refuses_to_train() -> None:
    _, literal = adasgn_pair()
    with pytest.raises(RuntimeError, match="eval"):
        literal.train().infer_by_frame(clips(25))


@pytest.mark.parametrize(
    ("joints", "classes", "count"), [(25, 60, 691_048), (25, 120, 721_828), (22, 14, 667_222), (22, 28, 674_404)]
)
def test_sgn_parameter_count(joints: int, classes: int, count: int) -> None:
    assert parameters(literal_sgn.SGN(joints, classes)) == count


@pytest.mark.parametrize(("joints", "big", "small"), [(1, 310_476, 145_484), (9, 311_084, 146_092)])
def test_spatial_module_parameter_count(joints: int, big: int, small: int) -> None:
    assert parameters(literal_sgn.SpatialModule(joints, "big")) == big
    assert parameters(literal_sgn.SpatialModule(joints, "small")) == small


@pytest.mark.parametrize(
    ("layout", "classes", "count"), [(NTU25, 60, 1_757_856), (HAND22, 14, 1_733_852), (HAND22, 28, 1_741_034)]
)
def test_adasgn_parameter_count(layout: Layout, classes: int, count: int) -> None:
    assert parameters(literal_adasgn.AdaSGN(layout, classes)) == count


def test_both_start_alike() -> None:
    torch.manual_seed(0)
    network, literal = sgn.SGN(25, 60), literal_sgn.SGN(25, 60)
    theirs = literal.state_dict()
    for name, ours in as_literal(network.state_dict(), literal).items():
        if ours.is_floating_point() and ours.numel() > 1000:
            assert_close(ours.std(), theirs[name].std(), 0.1)
    assert not any(conv.neighbours.weight.any() for conv in literal.spatial.graph_convs)


@pytest.mark.parametrize("layout", [NTU25, HAND22], ids=lambda layout: layout.name)
def test_matrices_start_as_the_same_means(layout: Layout) -> None:
    for joints in layout.joint_levels:
        matrix = literal_adasgn.JointTransform(layout, joints).matrix
        assert torch.equal(matrix, JointTransform(layout, joints).matrix)
