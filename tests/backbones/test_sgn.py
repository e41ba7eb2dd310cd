"""SGN against its published counts, a plain formulation, and the invariances it must have.

Axes: P persons, T frames, R = P·T skeletons, V joints, C channels.
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from data_modules.layouts import HAND22, NTU25
from skeleton_lab.backbones.sgn import SGN, GraphConv, SpatialModule, skeleton_features, velocities
from tests.helpers import assert_close, parameters, shaken, unlearned


@pytest.mark.parametrize(
    ("joints", "classes", "count"), [(25, 60, 691_048), (25, 120, 721_828), (22, 14, 667_222), (22, 28, 674_404)]
)
def test_parameter_count(joints: int, classes: int, count: int) -> None:
    assert parameters(SGN(joints, classes)) == count


@pytest.mark.parametrize(
    ("joints", "big", "small"),
    [
        (1, 310_476, 145_484),
        (9, 311_084, 146_092),
        (25, 312_300, 147_308),
        (11, 311_236, 146_244),
        (22, 312_072, 147_080),
    ],
)
def test_spatial_module_parameter_count(joints: int, big: int, small: int) -> None:
    assert parameters(SpatialModule(joints, "big")) == big
    assert parameters(SpatialModule(joints, "small")) == small


def plain_spatial_module(module: SpatialModule, position_RVC: Tensor, velocity_RVC: Tensor) -> Tensor:
    """One skeleton at a time, one joint at a time, as the paper writes it; in evaluation mode."""

    def embedded(embedding: torch.nn.Module, joints_VC: Tensor) -> Tensor:
        norm, (first, _, second, _) = embedding.norm, embedding.layers
        flat = F.batch_norm(joints_VC.reshape(1, -1), norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return F.relu(second(F.relu(first(flat.reshape(joints_VC.shape)))))

    features = []
    for position_VC, velocity_VC in zip(position_RVC, velocity_RVC, strict=True):
        dynamics = embedded(module.position, position_VC) + embedded(module.velocity, velocity_VC)
        x_VC = torch.cat([dynamics, module.joint_type()], dim=1)
        joints = range(len(x_VC))
        theta, phi = module.graph.theta(x_VC), module.graph.phi(x_VC)
        graph = [torch.softmax(torch.stack([theta[i] @ phi[j] for j in joints]), dim=0) for i in joints]
        for conv in module.graph_convs:
            mixed = [sum(graph[i][j] * x_VC[j] for j in joints) for i in joints]
            sums = torch.stack([conv.neighbours(mixed[i]) + conv.own(x_VC[i]) for i in joints])
            norm = conv.norm
            x_VC = F.relu(F.batch_norm(sums, norm.running_mean, norm.running_var, norm.weight, norm.bias))
        features.append(x_VC.amax(dim=0))
    return torch.stack(features)


@pytest.mark.parametrize("size", ["small", "big"])
def test_spatial_module_equals_the_plain_formulation(size: str) -> None:
    module = shaken(SpatialModule(5, size, width=1 / 16)).double().eval()
    inputs = [torch.randn(3, 5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    fast, plain = module(*inputs), plain_spatial_module(module, *inputs)
    assert_close(fast, plain, 1e-10)
    weight = torch.randn_like(fast)
    for ours, reference in zip(
        torch.autograd.grad((fast * weight).sum(), inputs),
        torch.autograd.grad((plain * weight).sum(), inputs),
        strict=True,
    ):
        assert_close(ours, reference, 1e-10)


def test_velocities_start_at_zero() -> None:
    x_PTVC = torch.randn(2, 4, 5, 3)
    found = velocities(x_PTVC)
    assert (found[:, 0] == 0).all()
    for frame in range(1, 4):
        assert_close(found[:, frame], x_PTVC[:, frame] - x_PTVC[:, frame - 1])


def test_graph_convolutions_start_as_per_joint_layers() -> None:
    layers = [layer for layer in SpatialModule(5).modules() if isinstance(layer, GraphConv)]
    assert layers
    assert all((layer.neighbours.weight == 0).all() for layer in layers)
    assert all((layer.own.weight != 0).any() for layer in layers)


def test_a_person_does_not_depend_on_the_others_of_the_batch() -> None:
    network = shaken(SGN(25, 60, width=1 / 16)).eval()
    x_PTVC = torch.randn(4, 20, 25, 3)
    assert_close(network(x_PTVC)[2:], network(x_PTVC[2:]))


def test_a_skeleton_does_not_depend_on_other_frames_but_for_its_velocity() -> None:
    module = shaken(SpatialModule(25, width=1 / 16)).eval()
    x_PTVC = torch.randn(1, 6, 25, 3)
    changed = x_PTVC.clone()
    changed[:, 5] += 1
    assert_close(skeleton_features(module, changed)[:, :5], skeleton_features(module, x_PTVC)[:, :5])


def test_every_parameter_that_matters_gets_a_gradient() -> None:
    network = shaken(SGN(HAND22.num_joints, 14, width=1 / 16))
    network(torch.randn(4, 20, 22, 3)).square().sum().backward()
    # φ's bias adds the same to every entry of a row, which softmax does not see.
    assert unlearned(network) == {"spatial.graph.phi.bias"}


def test_the_published_width_is_the_default() -> None:
    assert parameters(SGN(NTU25.num_joints, 60)) == parameters(SGN(NTU25.num_joints, 60, width=1.0))
