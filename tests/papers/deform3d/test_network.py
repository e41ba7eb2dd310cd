"""The network of the 3D deformable transformer: its size, what it does not depend on, and its variants.

Axes: N clips, M persons, T frames, V joints, R joints of all persons, H rows, W columns, C channels, D coordinates.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from skeleton_lab.measure.literal.deform3d import joint_tokens, token_at
from skeleton_lab.ops import checkpointing
from skeleton_lab.papers.deform3d.module import with_scores
from skeleton_lab.papers.deform3d.network import Deform3D
from skeleton_lab.papers.deform3d.tokens import Positions, joint_features, joint_places
from tests.helpers import assert_close, parameters
from tests.papers.deform3d.helpers import CLASSES, CROP, FRAMES, Inputs, inputs, settings, small

VARIANTS: list[dict[str, Any]] = [
    {},
    {"modality": "rgb"},
    {"modality": "pose"},
    {"deformable_attention": False},
    {"joint_attention": False, "temporal_attention": False},
    {"joint_attention": False},
    {"temporal_attention": False},
    {"modal_tokens": "single"},
    {"modal_tokens": "none"},
    {"modal_tokens": "single", "modality": "pose"},
    {"modal_tokens": "none", "modality": "rgb"},
    {"merge": "after", "pre_ln": False},
    {"absent_persons": "zeros", "joint_embedding": False},
    {"pairing": "same", "joint_window": 5, "joint_stride": 5},
    {"pairing": "all", "offset_unit": "token", "pose_features": "stem", "normalise_heatmaps": True},
    {"kernel": 7, "blocks": 2, "joint_places": True},
]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)
BACKBONE = 3_096_512


def attention(channels: int = 256) -> int:
    """Projections, a feed-forward network of four times the width, and a norm before either."""
    return 4 * (channels**2 + channels) + (2 * 4 * channels**2 + 5 * channels) + 2 * 2 * channels


def expected(modality: str = "both", joints: int = 13, frames: int = 12, classes: int = 15, blocks: int = 3) -> int:
    search = 256 * (7**3 + 1) + 2 * 256 + 3 * 256
    fuse = 2 * 256 * 256 + 256
    films = BACKBONE + (frames + 28**2) * 256
    poses = {"both": 64, "pose": 4, "rgb": 0}[modality]
    of_poses = (poses + 1) * 256 + (joints + frames) * 256
    block = {"both": 3 * attention() + search + fuse, "rgb": 2 * attention() + search, "pose": 2 * attention()}
    modal = {"both": 3, "rgb": 2, "pose": 2}[modality]
    begin = (films if modality != "pose" else 0) + (of_poses if poses else 0) + modal * frames * 256
    return begin + blocks * block[modality] + 2 * 256 + (modal * 256 + 1) * classes


@pytest.mark.parametrize(("modality", "count"), [("both", 11_114_447), ("rgb", 8_321_231), ("pose", 4_760_591)])
def test_parameter_count(modality: str, count: int) -> None:
    with torch.device("meta"):
        network = Deform3D(settings(modality, 12), modality, 13, 15, 12, 224)
    assert parameters(network) == expected(modality) == count


def test_joints_of_two_persons_and_more_classes_are_what_ntu_adds() -> None:
    with torch.device("meta"):
        network = Deform3D(settings("both", 12), "both", 50, 60, 12, 224)
    assert parameters(network) == expected(joints=50, classes=60)


@every_variant
def test_every_variant_learns_in_all_its_parts(variant: dict[str, Any]) -> None:
    network = small(**variant).train()
    logits = network(*inputs())
    assert logits.shape == (3, CLASSES)
    torch.nn.functional.cross_entropy(logits, torch.arange(3)).backward()
    still = [name for name, each in network.named_parameters() if each.grad is None or not each.grad.abs().sum() > 0]
    assert all(is_idle(name, network) for name in still), still


def is_idle(name: str, network: Deform3D) -> bool:
    """What only leads to tokens that are not classified: of the last block, or all of poses that nothing looks at."""
    last = network.blocks[-1]
    if last.joint is None and last.temporal is None and name.startswith("joint_tokens."):
        return True
    if not name.startswith(f"blocks.{len(network.blocks) - 1}"):
        return False
    before_time = last.temporal is None and (".joint." in name or ".deformable." in name)
    return before_time or name.endswith("keys.bias")  # what all keys have in common makes no difference


@every_variant
def test_clips_do_not_depend_on_one_another(variant: dict[str, Any]) -> None:
    network, batch = small(**variant), inputs()
    alone = network(*(each[1:2] for each in batch))
    assert_close(network(*batch)[1:2], alone, 1e-9)


@every_variant
def test_what_is_not_seen_does_not_matter(variant: dict[str, Any]) -> None:
    """Where a joint that is not seen would be, nor, in a clip of one person, who else would be there."""
    network, batch = small(**variant), inputs()
    moved = torch.where(batch.visible[..., None], batch.pixels, float("nan"))
    assert_close(network(batch.frames, moved, batch.visible), network(*batch), 1e-9)


def test_masked_joints_are_not_looked_at() -> None:
    """Who is absent may have any embedding; a zero skeleton has not."""
    for absent_persons, matters in (("masked", False), ("zeros", True)):
        network, batch = small(absent_persons=absent_persons), inputs()
        before = network(*batch)
        with torch.no_grad():
            network.joint_tokens.joint[13:] += torch.randn(13, 8)
        changed = (network(*batch) - before).abs().amax(dim=1) > 1e-9
        assert changed.tolist() == [True, matters, matters]


@every_variant
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_any_number_of_frames_can_be_shown(variant: dict[str, Any], frames: int) -> None:
    logits = small(**variant)(*inputs(frames=frames))
    assert logits.shape == (3, CLASSES)
    assert logits.isfinite().all()


@every_variant
def test_scores_need_not_be_stored(variant: dict[str, Any]) -> None:
    network, batch = small(**variant), inputs()
    assert_close(network(*batch), with_scores(network)(*batch), 1e-9)


def test_merging_after_the_feed_forward_network_is_another_network_where_windows_overlap() -> None:
    batch = inputs()
    for stride in (4, 2):
        before, after = (
            small(merge=merge, time_stride=stride, joint_stride=stride)(*batch) for merge in ("before", "after")
        )
        assert not torch.allclose(before, after)
    whole = {"time_window": FRAMES, "joint_window": 26}
    assert_close(small(merge="before", **whole)(*batch), small(merge="after", **whole)(*batch), 1e-9)


def test_joint_tokens_are_those_of_whole_heat_maps() -> None:
    features = torch.randn(2, 3, 9, 11, 4, dtype=torch.float64, requires_grad=True)
    at = (torch.rand(2, 3, 5, 2, dtype=torch.float64) * 14 - 2).requires_grad_()
    found = joint_features(features, at, sigma=1.3, normalise=False)
    for clip in range(2):
        for frame in range(3):
            x, y = at[clip, frame].unbind(-1)
            plain = joint_tokens(features[clip, frame].movedim(-1, 0), x, y, 1.3)
            assert_close(found[clip, frame], plain, 1e-12)
    few = features[:1, :1, :4, :4], at[:1, :1]
    assert torch.autograd.gradcheck(lambda f, a: joint_features(f, a, 1.3, True), few)


def test_where_joints_are_does_not_depend_on_where_and_how_large_the_body_is() -> None:
    at, visible = 30 * torch.rand(2, 4, 5, 2), torch.rand(2, 4, 5) < 0.7
    places = joint_places(at, visible)
    assert_close(joint_places(2.5 * at + torch.tensor([7.0, -3.0]), visible), places, 1e-4)
    assert not places[~visible].any()
    assert places.shape == (2, 4, 5, 4)


def test_motion_is_from_one_frame_to_the_next_where_a_joint_is_in_both() -> None:
    at = torch.zeros(1, 3, 2, 2)
    at[0, :, 0, 0] = torch.tensor([0.0, 1.0, 3.0])
    visible = torch.tensor([[[True, True], [True, True], [True, False]]])
    places = joint_places(at, visible)
    unit = places[0, 1, 0, 2]
    assert unit > 0
    assert_close(places[0, :, :, 2], torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]) * unit)


def test_normalised_heat_maps_make_means() -> None:
    features = torch.full((1, 1, 9, 11, 2), 3.0)
    at = torch.tensor([[[[0.0, 0.0], [5.0, 4.0], [10.5, 8.0]]]])
    assert_close(joint_features(features, at, 2.0, True), torch.full((1, 1, 3, 2), 3.0))


def test_the_picture_at_a_joint_makes_its_token() -> None:
    """A change of the picture changes the tokens of joints near it and no others."""
    network, batch = small(), inputs(clips=1)
    pixels = torch.zeros_like(batch.pixels)
    pixels[:, 0, :, 3] = torch.tensor([8.0, 50.0], dtype=torch.float64)  # column, row
    pixels[:, 0, :, 4] = torch.tensor([50.0, 8.0], dtype=torch.float64)
    visible = torch.ones_like(batch.visible)
    changed = batch.frames.clone()
    changed[..., 47:54, 5:12] = 255 - changed[..., 47:54, 5:12]
    before, after = (network.tokens(frames, pixels, visible).pose for frames in (batch.frames, changed))
    differs_R = (before - after).abs().amax(dim=(0, 1, 3))
    assert differs_R[3] > 100 * differs_R[4]


def test_the_search_begins_with_the_regular_grid_and_finds_what_its_offsets_say() -> None:
    deformable = small(kernel=3).blocks[0].deformable
    z_NTHWC = torch.randn(1, 5, 8, 8, 8, dtype=torch.float64)
    modal = torch.randn(1, 5, 2, 8, dtype=torch.float64)
    places = deformable.search(z_NTHWC)
    assert places.shape == (1, 3, 6, 6, 3)
    found = deformable._found(z_NTHWC, modal, places)
    for place, token in zip(places.flatten(1, 3)[0, ::17].tolist(), found[0, ::17], strict=False):
        assert_close(token, token_at(z_NTHWC[0].movedim(-1, 0), *place), 1e-9)
    with torch.no_grad():
        deformable.search.offsets.weight.zero_()
    regular = torch.linspace(-1, 1, 6, dtype=torch.float64)
    assert_close(deformable.search(z_NTHWC)[0, 0, 0, :, 0], regular, 1e-12)
    assert_close(deformable.search(z_NTHWC)[0, 0, :, 0, 1], regular, 1e-12)


@pytest.mark.parametrize(("kernel", "shape"), [(7, (6, 22, 22)), (1, (12, 28, 28))])
def test_the_kernel_says_how_many_tokens_are_found(kernel: int, shape: tuple[int, ...]) -> None:
    search = small(kernel=kernel).blocks[0].deformable.search
    assert search(torch.randn(1, 12, 28, 28, 8, dtype=torch.float64)).shape[1:4] == shape


def test_positions_between_those_that_are_learned() -> None:
    positions = Positions(3, 2)
    with torch.no_grad():
        positions.vectors.copy_(torch.tensor([[[0.0, 4.0], [1.0, 2.0], [2.0, 0.0]]]))
    assert torch.equal(positions(3), positions.vectors)
    assert_close(positions(5)[0, :, 0], torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0]))


def gradients(network: Deform3D, batch: Inputs) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    torch.manual_seed(0)
    network.zero_grad()
    logits = network(*batch)
    logits.square().sum().backward()
    statistics = [each.clone() for name, each in network.named_buffers() if "running" in name]
    return logits, [each.grad.clone() for each in network.parameters() if each.grad is not None], statistics


def test_checkpointing_changes_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, found = inputs(), []
    for is_on in (False, True):
        monkeypatch.setattr(checkpointing, "_is_on", is_on)
        found.append(gradients(small(blocks=2, dropout=0.3).train(), batch))
    for kept, computed_again in zip(*found, strict=True):
        for a, b in zip(kept, computed_again, strict=True):
            assert_close(a, b, 1e-9)


def test_half_precision_is_near() -> None:
    network, batch = small().float(), inputs()
    whole = network(batch.frames, batch.pixels.float(), batch.visible)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(batch.frames, batch.pixels.float(), batch.visible)
    assert (half.float() - whole).abs().max() < 0.05 * whole.abs().max()


def test_places_are_pixels_of_frames() -> None:
    """The film's tokens stand 8 pixels from one another, as many as fit."""
    assert small().positions.place.shape[2:4] == (CROP // 8, CROP // 8)
    with torch.device("meta"):
        odd = Deform3D(settings("rgb"), "rgb", 13, 2, FRAMES, 90)
    frames = torch.zeros(1, FRAMES, 3, 90, 90, dtype=torch.uint8, device="meta")
    nobody = torch.zeros(1, 1, FRAMES, 13, dtype=torch.bool, device="meta")
    assert odd(frames, torch.zeros(*nobody.shape, 2, device="meta"), nobody).shape == (1, 2)
