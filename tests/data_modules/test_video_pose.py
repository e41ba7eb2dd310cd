"""Films with the poses in them: the joints stay on what the picture shows, and draws depend on seed, epoch and clip.

Axes: N clips, M persons, T frames, V joints, H rows, W columns.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn

from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.layouts import NTU25, PENN13
from data_modules.prepare import prepare
from data_modules.readers import READERS
from data_modules.sequence import SkeletonSequence
from data_modules.settings import VideoSettings
from data_modules.store import Store, write_store
from data_modules.transcode import small_films
from data_modules.video_pose import VideoPoseBatch, VideoPoseDataModule
from tests.films import BLUE, FRAMES, HEIGHT, RED, WIDTH, XSUB, dots, find_dot, path_of, write_dots, write_film

SETTINGS = VideoSettings(dataset="dots", protocol="xsub", clip_len=4, short_side=120, crop=100)
VIDEOS = ("a.avi", "b.mp4", "pictures/c", "d.mp4", "e.avi", "pictures/f")
SEED = 3


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dots")


@pytest.fixture(scope="module")
def store(root: Path) -> Store:
    """Four recordings train and two test; of each kind of film there is one in either."""
    return write_dots(root, VIDEOS)


def module(store: Store, root: Path, batch_size: int = 2, **options: Any) -> VideoPoseDataModule:
    settings = replace(SETTINGS, **options.pop("settings", {}))
    films = small_films(root / "data", root / "outputs", settings.short_side)
    return VideoPoseDataModule(store, films, XSUB, settings, batch_size, **{"seed": SEED, **options})


def epoch_of(data: VideoPoseDataModule, epoch: int) -> list[VideoPoseBatch]:
    loader = data.train_dataloader()
    loader.batch_sampler.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return list(loader)


def by_position(batches: list[VideoPoseBatch], name: str = "frames") -> dict[int, Tensor]:
    return {int(p): x for batch in batches for p, x in zip(batch.position, getattr(batch, name), strict=True)}


def misses(batches: list[VideoPoseBatch]) -> np.ndarray:
    """(dots,): by how many pixels each visible wrist misses the middle of its dot.

    The right wrist is the dot on the right: red, or blue where the picture is mirrored.
    """
    found = []
    for batch in batches:
        for frames, pixels, visible in zip(batch.frames, batch.pixels[:, 0], batch.visible[:, 0], strict=True):
            for picture, where, there in zip(frames.permute(0, 2, 3, 1).numpy(), pixels, visible, strict=True):
                dots_by_x = sorted([find_dot(picture, 0), find_dot(picture, 2)], key=lambda dot: float(dot[0]))
                for joint, dot in zip((BLUE, RED), dots_by_x, strict=True):
                    if there[joint]:
                        found.append(np.abs(dot - where[joint].numpy()).max())
    assert len(found) > 8
    return np.array(found)


def test_batches_are_what_they_say(store: Store, root: Path) -> None:
    (batch,) = module(store, root, settings={"persons": 2}).test_dataloader()
    assert (batch.frames.dtype, batch.frames.shape) == (torch.uint8, (2, 4, 3, 100, 100))
    assert (batch.pixels.dtype, batch.pixels.shape) == (torch.float32, (2, 2, 4, PENN13.num_joints, 2))
    assert (batch.visible.dtype, batch.visible.shape) == (torch.bool, (2, 2, 4, PENN13.num_joints))
    assert batch.label.tolist() == [0, 1]
    assert batch.position.tolist() == [4, 5]
    assert not batch.visible[:, 1].any()


def test_tests_show_the_middle_of_each_segment(store: Store, root: Path) -> None:
    (batch,) = module(store, root).test_dataloader()
    left, top = (WIDTH - 100) // 2, (HEIGHT - 100) // 2
    for row, seed in enumerate((4, 5)):
        expected = path_of(seed)[[2, 7, 12, 17]] - (left, top)
        np.testing.assert_allclose(batch.pixels[row, 0, :, RED], expected, atol=1e-4)


@pytest.mark.parametrize("short_side", [84, 120, 240])
@pytest.mark.parametrize("flip", [False, True])
def test_joints_stay_on_their_dots_when_films_are_resized_cropped_and_mirrored(
    store: Store, root: Path, short_side: int, flip: bool
) -> None:
    crop = round(short_side * 0.9)
    data = module(store, root, settings={"short_side": short_side, "crop": crop, "flip": flip, "clip_len": 8})
    training = [batch for epoch in range(3) for batch in epoch_of(data, epoch)]
    assert misses(training).max() < 0.5
    assert misses(list(data.test_dataloader())).max() < 0.5
    pictures = [picture.permute(1, 2, 0).numpy() for batch in training for picture in batch.frames[:, 0]]
    mirrored = [find_dot(picture, 0)[0] < find_dot(picture, 2)[0] for picture in pictures]
    assert any(mirrored) is flip
    assert not all(mirrored)


@pytest.mark.parametrize("crop", [48, 160])
def test_joints_stay_on_their_dots_in_squares_around_bodies(store: Store, root: Path, crop: int) -> None:
    """Which are cut out of films of 120 rows, and made smaller or larger."""
    data = module(store, root, settings={"crop": crop, "crop_around": "bodies", "clip_len": 8})
    assert np.median(misses(epoch_of(data, 0))) < 0.5  # some dots are cut
    (batch,) = data.test_dataloader()
    assert misses([batch]).max() < 0.5 * max(1, crop / 120)
    covered = batch.pixels[batch.visible].reshape(len(batch.label), -1, 2)
    reach = (covered.amax(dim=1) - covered.amin(dim=1)).amax(dim=1) / crop
    assert ((reach > 0.7) & (reach < 0.9)).all()


def test_only_sure_joints_inside_the_frame_are_visible(root: Path, tmp_path: Path) -> None:
    sequences = [dots("a.avi", seed) for seed in range(6)]
    for sequence in sequences:
        assert sequence.confidence is not None
        sequence.joints[:, 0, 0] = (2, 60)  # in the picture, outside of the crop
        sequence.joints[:, 0, 3] = (80, 60)  # but nobody is sure
        sequence.joints[:, 0, 4] = (80, 60)
        sequence.confidence[:, 0, [0, 4]] = 0.5
        sequence.confidence[:, 0, 5] = 1  # sure of the corner, which stands for nothing
        sequence.valid[10:] = False
    (batch,) = module(write_store(tmp_path / "store", PENN13, ("confidence",), sequences), root).test_dataloader()
    assert np.flatnonzero(batch.visible[0, 0, 0]).tolist() == [4, BLUE, RED]
    assert not batch.visible[:, :, 2:].any()


def test_draws_depend_on_seed_epoch_and_clip_alone(store: Store, root: Path) -> None:
    settings = {"flip": True, "clip_len": 6}
    once = [by_position(epoch_of(module(store, root, settings=settings), epoch)) for epoch in (0, 1)]
    workers = by_position(epoch_of(module(store, root, settings=settings, workers=2, batch_size=1), 1))
    assert once[1].keys() == workers.keys() == {0, 1, 2, 3}
    assert all(torch.equal(once[1][position], workers[position]) for position in workers)
    assert not any(torch.equal(once[0][position], once[1][position]) for position in workers)
    other = by_position(epoch_of(module(store, root, settings=settings, seed=SEED + 1), 1))
    assert not any(torch.equal(once[1][position], other[position]) for position in other)


def test_films_in_every_form_show_the_same(root: Path, tmp_path: Path) -> None:
    frames = []
    for name in ("film.avi", "film.mp4", "film"):
        write_film(
            root / "forms" / name,
            (np.arange(FRAMES)[:, None, None, None] * 8 + np.zeros((1, HEIGHT, WIDTH, 3))).astype(np.uint8),
        )
        store = write_store(
            tmp_path / name,
            PENN13,
            ("confidence",),
            [dots(f"../forms/{name}".removeprefix("../"), seed) for seed in range(6)],
        )
        data = VideoPoseDataModule(store, small_films(root, tmp_path, 120), XSUB, SETTINGS, 6, SEED)
        (batch,) = data.test_dataloader()
        frames.append(batch.frames.float())
    assert (frames[0] - frames[2]).abs().max() < 3
    assert (frames[1] - frames[2]).abs().max() < 3


def test_recordings_that_begin_later_and_films_of_another_rate(root: Path, tmp_path: Path) -> None:
    """The film shows its frame's number; the recording begins with frame 10 of 30, and the film has 15 frames."""
    frames = (10 * np.arange(15))[:, None, None, None] + np.zeros((1, HEIGHT, WIDTH, 3))
    write_film(tmp_path / "data" / "film", frames.astype(np.uint8))
    sequences = [dots("film", seed, first_frame=10, recorded_frames=30) for seed in range(6)]
    store = write_store(tmp_path / "store", PENN13, (), sequences)
    (batch,) = module(store, tmp_path, settings={"clip_len": FRAMES}).test_dataloader()
    numbers = (batch.frames[0].float().mean(dim=(1, 2, 3)) / 10).round().int().tolist()
    assert numbers == [(10 + time) // 2 for time in range(FRAMES)]


def test_recordings_whose_frames_are_those_of_the_film(root: Path, tmp_path: Path) -> None:
    frames = (8 * np.arange(25))[:, None, None, None] + np.zeros((1, HEIGHT, WIDTH, 3))
    write_film(tmp_path / "data" / "film", frames.astype(np.uint8))
    sequences = [dots("film", seed, first_frame=10, recorded_frames=-1) for seed in range(6)]
    store = write_store(tmp_path / "store", PENN13, (), sequences)
    (batch,) = module(store, tmp_path, settings={"clip_len": FRAMES}).test_dataloader()
    numbers = (batch.frames[0].float().mean(dim=(1, 2, 3)) / 8).round().int().tolist()
    assert numbers == [min(10 + time, 24) for time in range(FRAMES)]


def test_skeletons_in_space_have_pixels(
    make_sequence: Callable[..., SkeletonSequence], root: Path, tmp_path: Path
) -> None:
    def sequence(seed: int) -> SkeletonSequence:
        bare = make_sequence(str(seed), frames=FRAMES, persons=2, seed=seed, subject=seed, label=seed % 2)
        pixels = np.full((FRAMES, 2, 25, 2), 300, np.float32)
        return replace(bare, pixels=pixels, video="a.avi", image_width=640, image_height=480)

    store = write_store(tmp_path / "store", NTU25, ("pixels",), [sequence(seed) for seed in range(6)])
    (batch,) = module(store, root, settings={"persons": 2}).test_dataloader()
    expected = torch.tensor([(300.5 * 160 / 640) - 0.5 - 30, (300.5 * 120 / 480) - 0.5 - 10])
    assert torch.allclose(batch.pixels, expected.expand_as(batch.pixels), atol=1e-4)
    assert batch.visible.all()
    without = write_store(tmp_path / "without", NTU25, (), [sequence(seed) for seed in range(6)])
    with pytest.raises(DataError, match="dots/xsub: nothing says where its joints are seen"):
        module(without, root)


def test_recordings_without_films_are_left_out_and_counted(
    root: Path, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sequences = [dots(("a.avi", "")[seed in (1, 5)], seed) for seed in range(6)]
    some = write_store(tmp_path / "some", PENN13, ("confidence",), sequences)
    with caplog.at_level(logging.WARNING):
        data = module(some, root)
    assert (data.train.tolist(), data.test.tolist()) == ([0, 2, 3], [4])
    assert "dots/xsub: 2 recordings without a usable film are left out" in caplog.text
    none = write_store(tmp_path / "none", PENN13, ("confidence",), [dots("", seed) for seed in range(6)])
    with pytest.raises(
        DataError, match=r"0 training and 0 test recordings have a usable film; put the dataset's films"
    ):
        module(none, root)


def test_poses_alone_need_no_films_and_are_those_of_the_frames(store: Store, root: Path, tmp_path: Path) -> None:
    shown = {"clip_len": 6, "flip": True, "short_side": 90, "crop": 84}
    none = write_store(tmp_path / "none", PENN13, ("confidence",), [dots("", seed) for seed in range(6)])
    alone = module(none, root, settings={**shown, "modality": "pose"})
    filmed = module(store, root, settings=shown)
    for ours, theirs in zip(epoch_of(alone, 2), epoch_of(filmed, 2), strict=True):
        assert ours.frames.shape == (len(theirs.label), 6, 3, 0, 0)
        assert torch.equal(ours.pixels, theirs.pixels)
        assert torch.equal(ours.visible, theirs.visible)


def test_evaluation_may_show_another_number_of_frames(store: Store, root: Path) -> None:
    data = module(store, root, settings={"test_clip_len": 3})
    assert {batch.frames.shape[1] for batch in epoch_of(data, 0)} == {4}
    assert {batch.frames.shape[1] for batch in data.test_dataloader()} == {3}


def test_several_crops_of_a_recording_follow_one_another(store: Store, root: Path) -> None:
    (batch,) = module(store, root, 8, settings={"test_crops": 3, "flip": True}).test_dataloader()
    assert batch.position.tolist() == [4, 4, 4, 5, 5, 5]
    assert not torch.equal(batch.frames[0], batch.frames[1])


@pytest.mark.parametrize("around", ["picture", "bodies"])
def test_crops_of_a_recording_are_cut_out_as_in_any_test(store: Store, root: Path, around: str) -> None:
    still = replace(dots("pictures/c", 4), joints=np.repeat(dots("", 4).joints[:1], FRAMES, axis=0))
    recordings = [*(dots("", seed) for seed in range(4)), still]
    one = write_store(root / f"still-{around}", PENN13, ("confidence",), recordings)
    shown = {"modality": "pose", "crop_around": around}
    (crops,) = module(one, root, 8, settings={**shown, "test_crops": 3}).test_dataloader()
    (usual,) = module(one, root, 8, settings=shown).test_dataloader()
    assert all(torch.equal(crop, usual.pixels[0]) for crop in crops.pixels)


def test_pictures_of_another_shape_than_is_said_end_the_epoch(root: Path) -> None:
    turned = [dots("a.avi", seed, image_width=HEIGHT, image_height=WIDTH) for seed in range(6)]
    data = module(write_store(root / "turned", PENN13, ("confidence",), turned), root)
    problem = r"a\.avi: its pictures are shaped 160x120, those that its joints lie in 120x160 \(image_size\)"
    with pytest.raises(UnreadableRecordingError, match=problem):
        list(data.test_dataloader())


def test_selections_divide_as_those_of_skeletons_do(store: Store, root: Path) -> None:
    data = module(store, root, selection="validation")
    assert len(data.validation) == 1
    assert set(data.train) | set(data.validation) == {0, 1, 2, 3}
    assert module(store, root, selection="test").validation.tolist() == [4, 5]
    assert list(module(store, root).val_dataloader()) == []
    fewer = module(store, root, settings={"train_clips": 2})
    assert sorted(fewer.clips.labels[fewer.train].tolist()) == [0, 1]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"clip_len": 0}, "data.clip_len=0: give a number above 0"),
        ({"crop": 0}, "data.crop=0"),
        ({"crop": 130}, "data.crop=130: give a number up to data.short_side, which is 120"),
        ({"short_side": 121}, "data.short_side=121: give an even number"),
        ({"persons": 0}, "data.persons=0"),
        ({"train_clips": 0}, "data.train_clips=0"),
        ({"least_confidence": float("nan")}, "data.least_confidence=nan"),
        ({"fold": 1}, "dots/xsub has folds 0 to 0: set data.fold to one of them"),
    ],
)
def test_settings_that_cannot_be(store: Store, root: Path, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        module(store, root, settings=settings)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("damage", ["truncated", "missing", "empty"])
def test_a_damaged_film_ends_the_epoch_with_one_error(tmp_path: Path, workers: int, damage: str) -> None:
    store = write_dots(tmp_path, ["0.mp4", "1.mp4", "2.mp4", "3.mp4", "4.mp4", "5.mp4"])
    film = tmp_path / "data" / "2.mp4"
    if damage == "missing":
        film.unlink()
    else:
        film.write_bytes(film.read_bytes()[: 700 if damage == "truncated" else 0])
    data = module(store, tmp_path, workers=workers)
    with pytest.raises(UnreadableRecordingError, match=r"2\.mp4: the film") as error:
        list(data.train_dataloader())
    assert "\n" not in str(error.value)
    assert len(list(data.test_dataloader())) == 1


class Brightness(LightningModule):
    """Classifies by the mean of the frames."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(3, 2)

    def training_step(self, batch: VideoPoseBatch, index: int) -> Tensor:
        return nn.functional.cross_entropy(self.classifier(batch.frames.float().mean(dim=(1, 3, 4))), batch.label)

    def predict_step(self, batch: VideoPoseBatch, index: int) -> Tensor:
        return batch.position

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def test_lightning_trains_and_predicts_with_it(store: Store, root: Path, tmp_path: Path) -> None:
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        use_distributed_sampler=False, default_root_dir=tmp_path,
    )  # fmt: skip
    data = module(store, root)
    trainer.fit(Brightness(), data)
    batches = trainer.predict(Brightness(), data.test_dataloader())
    assert batches is not None
    assert torch.cat(list(batches)).tolist() == [4, 5]


def test_the_dots_in_the_films_of_florence_are_where_the_joints_are(tmp_path: Path) -> None:
    """The tracked joints are drawn into the official films as yellow dots; not of all, and not exactly."""
    data_root = Path(os.environ.get("DATA_ROOT", "unset"))
    if not (data_root / "florence3d" / "rgb").is_dir():
        pytest.skip("needs DATA_ROOT with the folder florence3d and its films in rgb")
    reader = READERS["florence3d"]
    store = prepare(reader, data_root, tmp_path)
    settings = replace(SETTINGS, clip_len=4, short_side=240, crop=240)
    films = small_films(data_root / "florence3d", tmp_path, 240)
    data = VideoPoseDataModule(store, films, reader.protocols["loso"], settings, 8, SEED)
    hits = {shift: [] for shift in (0, 12, -12)}
    for batch in list(data.test_dataloader()):
        red, green, blue = batch.frames.int().unbind(dim=2)
        yellow = (red > 150) & (green > 150) & (blue < 110)
        near = nn.functional.max_pool2d(yellow.float(), 5, 1, 2) > 0
        x, y = batch.pixels[:, 0].round().long().unbind(dim=-1)
        for shift, found in hits.items():
            at_x = (x + shift).clamp(0, 239)
            hit = near.flatten(2).gather(2, y.clamp(0, 239) * 240 + at_x)
            found.append(hit[batch.visible[:, 0]].float())
    hidden = replace(data.clips.settings, drawn_joints="hidden")
    without = VideoPoseDataModule(store, films, reader.protocols["loso"], hidden, 8, SEED)
    for batch in list(without.test_dataloader())[:1]:
        red, green, blue = batch.frames.int().unbind(dim=2)
        assert not ((red > 150) & (green > 150) & (blue < 60)).any()
    share = {shift: float(torch.cat(found).mean()) for shift, found in hits.items()}
    assert share[0] > 0.3
    assert share[0] > 2 * max(share[12], share[-12])
