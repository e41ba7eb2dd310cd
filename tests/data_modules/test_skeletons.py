"""Which clips train, validate and test, and that what is drawn depends on the seed, the epoch and the clip alone."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn

from data_modules.collate import PaddedBatch, RaggedBatch
from data_modules.divisions import Draw
from data_modules.errors import DataError
from data_modules.layouts import LAYOUTS, NTU25
from data_modules.readers import READERS
from data_modules.readers.folds import fold_by
from data_modules.readers.reader import Fold, Index, Protocol
from data_modules.sequence import SkeletonSequence
from data_modules.settings import Sampling, Selection, SkeletonSettings, Stream
from data_modules.skeletons import Clips, SkeletonDataModule
from data_modules.store import Store, write_store
from skeleton_lab.measure.literal.preparation import Draws, prepare_clip

MakeSequence = Callable[..., SkeletonSequence]
SUBJECTS = 30
TRAIN_SUBJECTS = 20
PER_SUBJECT = 3
TRAIN = TRAIN_SUBJECTS * PER_SUBJECT
TEST = (SUBJECTS - TRAIN_SUBJECTS) * PER_SUBJECT
CLASSES = ("sit", "stand", "wave", "fall")
XSUB = Protocol(CLASSES, fold_by(lambda index: index.subject < TRAIN_SUBJECTS))
SETTINGS = SkeletonSettings(
    dataset="noise", protocol="xsub", clip_len=6, persons=2, scale_bone=[0, 1], rotation_degrees=17
)
SEED = 5


@pytest.fixture(scope="module")
def store(make_sequence: MakeSequence, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Half of the recordings show the first action, a third the second; fine labels count within a subject."""
    labels = (0, 1, 0, 2, 0, 1, 0, 1, 0, 1, 0, 3)
    sequences = [
        make_sequence(
            f"recording {number}",
            frames=9 + number % 7,
            persons=1 + number % 2,
            gaps=0.2,
            seed=number,
            label=labels[number % len(labels)],
            fine_label=number % PER_SUBJECT,
            subject=number // PER_SUBJECT,
        )
        for number in range(SUBJECTS * PER_SUBJECT)
    ]
    return write_store(tmp_path_factory.mktemp("noise") / "store", NTU25, (), sequences)


def module(store: Store, protocol: Protocol = XSUB, batch_size: int = 8, **options: Any) -> SkeletonDataModule:
    settings = replace(SETTINGS, **options.pop("settings", {}))
    return SkeletonDataModule(store, protocol, settings, batch_size, **{"seed": SEED, **options})


def epoch_of(data: SkeletonDataModule, epoch: int) -> list[PaddedBatch | RaggedBatch]:
    loader = data.train_dataloader()
    loader.batch_sampler.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return list(loader)


def order(batches: list[Any]) -> list[int]:
    return torch.cat([batch.position for batch in batches]).tolist()


def by_position(batches: list[Any]) -> dict[int, Tensor]:
    return {int(position): x for batch in batches for position, x in zip(batch.position, batch.x, strict=True)}


def assert_equal(first: dict[int, Tensor], second: dict[int, Tensor]) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(first[position], second[position]) for position in first)


def literally(store: Store, position: int, **settings: Any) -> tuple[np.ndarray, np.ndarray]:
    """A test clip and who is there, by plain loops."""
    return prepare_clip(store.sequence(position), store.layout, replace(SETTINGS, **settings), (0, 0), Draws())


def subjects(store: Store, positions: np.ndarray) -> set[int]:
    return set(store.index.subject[positions].tolist())


# Which clips


def test_last_trains_on_all_and_validates_on_none(store: Store) -> None:
    data = module(store, selection="last")
    assert (len(data.train), len(data.validation), len(data.test)) == (TRAIN, 0, TEST)
    assert subjects(store, data.train) == set(range(TRAIN_SUBJECTS))
    assert subjects(store, data.test) == set(range(TRAIN_SUBJECTS, SUBJECTS))
    assert list(data.val_dataloader()) == []
    assert data.num_classes == len(CLASSES)


@pytest.mark.parametrize("seed", range(5))
def test_validation_is_a_tenth_of_the_training_subjects(store: Store, seed: int) -> None:
    data = module(store, selection="validation", seed=seed)
    training, validation, test = (subjects(store, part) for part in (data.train, data.validation, data.test))
    assert len(validation) == TRAIN_SUBJECTS // 10
    assert training | validation == set(range(TRAIN_SUBJECTS))
    assert training.isdisjoint(validation)
    assert test == set(range(TRAIN_SUBJECTS, SUBJECTS))
    assert len(data.train) + len(data.validation) == TRAIN
    assert order(list(data.val_dataloader())) == data.validation.tolist()


def test_the_seed_decides_who_validates(store: Store) -> None:
    chosen = [tuple(module(store, selection="validation", seed=seed).validation) for seed in (0, 0, 1, 2, 3)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 2


def test_sequences_validate_where_subjects_are_not_known(make_sequence: MakeSequence, tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", NTU25, (), [make_sequence(str(n), seed=n, label=n % 4) for n in range(50)])
    protocol = Protocol(CLASSES, fold_by(lambda index: np.arange(len(index)) < 40))
    data = module(store, protocol, selection="validation")
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 10)
    assert sorted([*data.train, *data.validation]) == list(range(40))


def test_the_papers_habit_watches_the_test_set(store: Store) -> None:
    data = module(store, selection="test")
    assert data.validation.tolist() == data.test.tolist()
    assert len(data.train) == TRAIN
    assert_equal(by_position(list(data.val_dataloader())), by_position(list(data.test_dataloader())))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [4, 10, 26, TRAIN - 1])
def test_train_clips_are_balanced_over_classes(store: Store, count: int, seed: int) -> None:
    labels = store.index.label
    data = module(store, seed=seed, settings={"train_clips": count})
    taken = np.bincount(labels[data.train], minlength=4)
    there = np.bincount(labels[:TRAIN], minlength=4)
    assert len(set(data.train.tolist())) == taken.sum() == count
    assert set(data.train) <= set(range(TRAIN))
    # Only a class that has no more clips may have fewer than the others.
    assert all(one >= max(taken) - 1 or one == most for one, most in zip(taken, there, strict=True))
    assert len(data.test) == TEST


def test_more_train_clips_than_there_are_takes_all(store: Store) -> None:
    for count in (None, TRAIN, 1000):
        assert module(store, settings={"train_clips": count}).train.tolist() == list(range(TRAIN))


def test_fewer_train_clips_leave_validation_whole(store: Store) -> None:
    few, all_ = (module(store, selection="validation", settings={"train_clips": count}) for count in (12, None))
    assert few.validation.tolist() == all_.validation.tolist()
    assert set(few.train) <= set(all_.train)
    assert len(few.train) == 12


@pytest.mark.parametrize("fold", [-1, 1, 7])
def test_a_fold_that_is_not_there_is_refused(store: Store, fold: int) -> None:
    with pytest.raises(DataError, match=r"noise/xsub has folds 0 to 0: set data.fold"):
        module(store, settings={"fold": fold})


@pytest.mark.parametrize("nobody", ["train", "test"])
def test_a_fold_without_recordings_is_refused(store: Store, nobody: str) -> None:
    protocol = Protocol(CLASSES, fold_by(lambda index: np.full(len(index), nobody == "test")))
    with pytest.raises(DataError, match="files are missing"):
        module(store, protocol)


def test_each_fold_is_its_own(store: Store) -> None:
    def thirds(index: Index) -> list[Fold]:
        third = np.arange(len(index)) % 3
        return [Fold(np.flatnonzero(third != fold), np.flatnonzero(third == fold)) for fold in range(3)]

    for fold in range(3):
        data = module(store, Protocol(CLASSES, thirds), settings={"fold": fold})
        assert set(data.test % 3) == {fold}
        assert set(data.train % 3) == {0, 1, 2} - {fold}


def test_labels_are_those_of_the_protocol(store: Store) -> None:
    fine = Protocol(("a", "b", "c"), XSUB.folds, label="fine_label")
    for protocol, column in ((XSUB, store.index.label), (fine, store.index.fine_label)):
        for batch in module(store, protocol).test_dataloader():
            assert batch.label.tolist() == column[batch.position.numpy()].tolist()


# What is drawn


@pytest.mark.parametrize(("collation", "sampling"), [("padded", "segments"), ("ragged", "segments"), ("ragged", "all")])
def test_workers_change_nothing(store: Store, collation: str, sampling: Sampling) -> None:
    chosen = {"collation": collation, "sampling": sampling, "scale_spread": 0.1, "noise_metres": 0.01}
    alone, helped = (epoch_of(module(store, workers=workers, settings=chosen), epoch=3) for workers in (0, 2))
    assert order(alone) == order(helped)
    assert all(torch.equal(one.x, other.x) for one, other in zip(alone, helped, strict=True))


@pytest.mark.parametrize("sampling", [sampling for sampling in get_args(Sampling) if sampling != "all"])
def test_a_draw_does_not_depend_on_what_else_is_drawn(store: Store, sampling: Sampling) -> None:
    chosen = {"sampling": sampling, "scale_spread": 0.1, "noise_metres": 0.01}
    expected = by_position(epoch_of(module(store, settings=chosen), epoch=2))
    fewer = by_position(epoch_of(module(store, batch_size=7, settings={**chosen, "train_clips": 20}), epoch=2))
    assert len(fewer) == 20
    assert_equal(fewer, {position: expected[position] for position in fewer})
    data = module(store, settings=chosen)
    for epoch in (0, 1):
        epoch_of(data, epoch)
    assert_equal(by_position(epoch_of(data, 2)), expected)


def test_epochs_and_seeds_differ(store: Store) -> None:
    epochs = [epoch_of(module(store, seed=seed), epoch) for seed, epoch in ((SEED, 0), (SEED, 1), (SEED + 1, 0))]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert order(epochs[first]) != order(epochs[second])
        one, other = by_position(epochs[first]), by_position(epochs[second])
        assert one.keys() == other.keys()
        assert not any(torch.equal(one[position], other[position]) for position in one)


def test_every_clip_has_draws_of_its_own(make_sequence: MakeSequence, tmp_path: Path) -> None:
    """Two recordings of the same content look different."""
    twins = [make_sequence(f"twin {number}", frames=40, subject=number) for number in range(2)]
    other = make_sequence("other", subject=TRAIN_SUBJECTS)
    store = write_store(tmp_path / "store", NTU25, (), [*twins, other])
    for degrees in (0.0, 17.0):
        first, second = by_position(epoch_of(module(store, settings={"rotation_degrees": degrees}), 0)).values()
        assert not torch.equal(first, second)


def test_every_clip_is_drawn_once_in_an_epoch(store: Store) -> None:
    assert sorted(order(epoch_of(module(store), epoch=4))) == list(range(TRAIN))


class Listener(LightningModule):
    """Learns nothing and remembers the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1)
        self.heard: dict[int, list[PaddedBatch]] = {}

    def training_step(self, batch: PaddedBatch) -> Tensor:
        self.heard.setdefault(self.current_epoch, []).append(batch)
        return self.network(torch.zeros(1)).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_lightning_draws_every_epoch_anew(store: Store, tmp_path: Path) -> None:
    listener = Listener()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(listener, datamodule=module(store, batch_size=20))
    for epoch in (0, 1):
        expected = epoch_of(module(store, batch_size=20), epoch)
        assert order(listener.heard[epoch]) == order(expected)
        assert_equal(by_position(listener.heard[epoch]), by_position(expected))


def test_evaluation_draws_nothing(store: Store) -> None:
    """In the order of the store, from the starts of the segments, and never turned."""
    data, other_seed = module(store, workers=0), module(store, workers=2, seed=SEED + 1)
    first, again = (list(data.test_dataloader()) for _ in range(2))
    assert order(first) == data.test.tolist()
    assert_equal(by_position(first), by_position(again))
    assert_equal(by_position(first), by_position(list(other_seed.test_dataloader())))
    for position, x in by_position(first).items():
        expected, _ = literally(store, position)
        np.testing.assert_allclose(x[: expected.shape[1]], expected.swapaxes(0, 1), atol=1e-5)


def test_training_clips_are_turned_no_further_than_asked(store: Store) -> None:
    drawn = {
        degrees: by_position(epoch_of(module(store, settings={"rotation_degrees": degrees}), epoch=0))
        for degrees in (0.0, 5.0)
    }
    for position, still in drawn[0.0].items():
        turned = drawn[5.0][position]
        torch.testing.assert_close(turned.norm(dim=-1), still.norm(dim=-1), rtol=1e-4, atol=1e-5)
        lengths = still.norm(dim=-1) * turned.norm(dim=-1)
        cosines = (still * turned).sum(-1)[lengths > 0] / lengths[lengths > 0]
        # Three turns of at most 5 degrees each turn nothing by more than 15.
        assert cosines.min() >= np.cos(np.deg2rad(15.1))
        assert cosines.min() < 1 - 1e-6


@pytest.mark.parametrize("stream", ["bone", "bone_motion", "joint_motion"])
def test_streams_are_turned_like_their_positions(store: Store, stream: Stream) -> None:
    """Bones and motion are those of the aligned skeletons."""
    chosen = {"align_up": [0, 20], "align_right": [20, 4], "stream": stream}
    for position, x in by_position(list(module(store, settings=chosen).test_dataloader())).items():
        expected, _ = literally(store, position, **chosen)
        np.testing.assert_allclose(x[: expected.shape[1]], expected.swapaxes(0, 1), atol=1e-4)


def test_clips_are_aligned_by_their_first_frame(store: Store) -> None:
    aligned = module(store, settings={"align_up": [0, 20], "align_right": [20, 4]})
    for position in aligned.test[:5]:
        first = torch.from_numpy(aligned.clips[Draw(int(position))].joints_TMVC[0, 0])
        up, right = first[20] - first[0], first[4] - first[20]
        torch.testing.assert_close(up / up.norm(), torch.tensor([0.0, 0, 1]), rtol=0, atol=1e-4)
        torch.testing.assert_close(right[:2] / right[:2].norm(), torch.tensor([1.0, 0]), rtol=0, atol=1e-4)


def test_drawn_bones_are_those_of_the_drawn_joints(store: Store) -> None:
    pairs = {"align_up": [0, 20], "align_right": [20, 4]}
    joints, bones = (
        by_position(epoch_of(module(store, settings={**pairs, "stream": stream}), epoch=1))
        for stream in ("joint", "bone")
    )
    for position, x in joints.items():
        torch.testing.assert_close(x - x[:, :, list(NTU25.parents)], bones[position], rtol=1e-4, atol=1e-4)


# Noise


def test_noise_comes_on_top_of_the_same_frames(store: Store) -> None:
    """In metres and before centring: the centre joint itself is noisy, and so moves all the others."""
    clean, noisy = (
        Clips(store, store.index.label, replace(SETTINGS, scale_bone=None, noise_metres=metres), SEED)
        for metres in (0.0, 0.05)
    )
    added = []
    for position in range(TRAIN):
        for epoch in (None, 1):
            one, other = (clips[Draw(position, epoch)] for clips in (clean, noisy))
            np.testing.assert_array_equal(one.valid_TM, other.valid_TM)
            assert not other.joints_TMVC[~other.valid_TM].any()
            added.append((other.joints_TMVC - one.joints_TMVC)[one.valid_TM][:, 1:].ravel())
    # The noise of a joint and that of the centre joint, both with this deviation.
    assert np.concatenate(added).std() == pytest.approx(0.05 * 2**0.5, rel=0.05)


@pytest.mark.parametrize(("noise_on", "train", "test"), [("train", 1, 0), ("test", 0, 1), ("both", 1, 1)])
def test_noise_is_where_it_is_asked_for(store: Store, noise_on: str, train: bool, test: bool) -> None:
    chosen = {"noise_metres": 0.05, "noise_on": noise_on}
    clean, noisy = module(store), module(store, settings=chosen)
    for loader, expected in (
        (lambda data: epoch_of(data, 1), train),
        (lambda data: list(data.test_dataloader()), test),
    ):
        first, second = by_position(loader(clean)), by_position(loader(noisy))
        assert [bool((first[position] != second[position]).any()) for position in first] == [expected] * len(first)


@pytest.mark.parametrize(("selection", "noisy"), [("validation", False), ("test", True)])
def test_noise_in_the_test_is_not_in_held_out_clips(store: Store, selection: str, noisy: bool) -> None:
    chosen = {"noise_metres": 0.05, "noise_on": "test"}
    first, second = (
        by_position(list(module(store, settings=settings, selection=selection).val_dataloader()))
        for settings in ({}, chosen)
    )
    assert first
    assert [bool((first[position] != second[position]).any()) for position in first] == [noisy] * len(first)


def test_noise_is_drawn_anew_in_every_epoch_and_once_for_evaluation(store: Store) -> None:
    settings = replace(SETTINGS, noise_metres=0.05, sampling="all", rotation_degrees=0.0)
    clips, other_seed = (Clips(store, store.index.label, settings, seed) for seed in (SEED, SEED + 1))
    draws = [Draw(3, 0), Draw(3, 1), Draw(3), Draw(4, 0)]
    shown = [*(clips[draw] for draw in draws), other_seed[Draw(3)]]
    first = [clip.joints_TMVC[0, 0] for clip in shown]
    assert not any(np.array_equal(first[i], first[j]) for i in range(5) for j in range(i))
    np.testing.assert_array_equal(clips[Draw(3)].joints_TMVC, shown[2].joints_TMVC)
    np.testing.assert_array_equal(clips[Draw(3, 0)].joints_TMVC, shown[0].joints_TMVC)


# Pictures

FLAT = LAYOUTS["coco17"]


def flat_store(folder: Path, widths: tuple[int, ...] = (640, 640, 320)) -> Store:
    """A nose that stands on the right edge of every picture."""
    sequences = [
        SkeletonSequence(
            joints=np.full((8, 1, 17, 2), [width, 100], np.float32),
            valid=np.ones((8, 1), np.bool_),
            label=0,
            sample_id=f"film {number}",
            layout=FLAT,
            fps=25.0,
            image_width=width,
            image_height=200,
        )
        for number, width in enumerate(widths)
    ]
    return write_store(folder, FLAT, (), sequences)


def test_each_picture_has_its_own_size(tmp_path: Path) -> None:
    store = flat_store(tmp_path / "store")
    clips = Clips(store, store.index.label, SkeletonSettings(origin="image"), SEED)
    for position in range(3):
        assert (clips[Draw(position)].joints_TMVC == np.array([1, 0, 1], np.float32)).all()


def test_a_picture_of_unknown_size_is_named(tmp_path: Path) -> None:
    store = flat_store(tmp_path / "store", (640, 0, 0))
    with pytest.raises(DataError, match=r"not known for 2 of 3 recordings, such as film 1; take data.origin=joint"):
        Clips(store, store.index.label, SkeletonSettings(origin="image"), SEED)
    Clips(store, store.index.label, SkeletonSettings(origin="joint"), SEED)


def test_clips_refuse_what_cannot_be(store: Store) -> None:
    with pytest.raises(DataError, match=r"data.centre_joint=30"):
        module(store, settings={"centre_joint": 30})


# Batches


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(9, 4, [4, 4]), (10, 4, [4, 4, 2]), (8, 4, [4, 4]), (1, 4, [1]), (4, 1, [1, 1, 1, 1]), (3, 8, [3])],
)
def test_one_leftover_clip_is_dropped_in_training(store: Store, count: int, batch_size: int, sizes: list[int]) -> None:
    data = module(store, batch_size=batch_size, settings={"train_clips": count})
    assert [len(batch.label) for batch in epoch_of(data, 0)] == sizes
    assert len(data.train_dataloader()) == len(sizes)


@pytest.mark.parametrize("selection", ["validation", "test"])
def test_no_clip_is_dropped_in_evaluation(store: Store, selection: Selection) -> None:
    for batch_size in (5, TEST - 1):
        data = module(store, batch_size=batch_size, selection=selection)
        assert order(list(data.test_dataloader())) == data.test.tolist()
        assert order(list(data.val_dataloader())) == data.validation.tolist()


@pytest.mark.parametrize("persons", [1, 2, 3])
@pytest.mark.parametrize("sampling", get_args(Sampling))
@pytest.mark.parametrize("stream", ["joint", "bone_motion", "joint_bone_motion"])
def test_both_collations_show_the_same_people(store: Store, persons: int, sampling: Sampling, stream: Stream) -> None:
    chosen = {"persons": persons, "sampling": sampling, "stream": stream}
    padded, ragged = (
        list(module(store, settings={**chosen, "collation": collation}).test_dataloader())
        for collation in ("padded", "ragged")
    )
    for one, other in zip(padded, ragged, strict=True):
        frames = SETTINGS.clip_len if sampling != "all" else int(store.frames[one.position.numpy()].max())
        assert one.x.shape[1:] == (persons, frames, 25, 9 if stream == "joint_bone_motion" else 3)
        assert torch.equal(one.x[one.mask], other.x)
        assert not one.x[~one.mask].any()


def test_a_ragged_batch_of_all_frames_is_the_recordings(store: Store) -> None:
    """As STAR reads them: every frame that anybody is in, as it was recorded."""
    chosen = {"sampling": "all", "origin": "none", "scale_bone": None, "collation": "ragged"}
    for batch in module(store, settings=chosen).test_dataloader():
        joints, offsets = store.ragged(batch.position.tolist())
        np.testing.assert_array_equal(batch.x, joints)
        assert batch.offsets.tolist() == offsets.tolist()


def test_persons_beyond_the_slots_change_nothing(make_sequence: MakeSequence, tmp_path: Path) -> None:
    """Neither the frames nor the draws of those who are shown."""
    crowd = make_sequence("crowd", frames=20, persons=4, gaps=0.3)
    pair = replace(crowd, joints=crowd.joints[:, :2], valid=crowd.valid[:, :2])
    stores = [write_store(tmp_path / str(n), NTU25, (), [one]) for n, one in enumerate((crowd, pair))]
    for sampling in get_args(Sampling):
        settings = replace(SETTINGS, sampling=sampling, noise_metres=0.02)
        shown = [Clips(store, store.index.label, settings, SEED)[Draw(0, 4)] for store in stores]
        np.testing.assert_array_equal(shown[0].joints_TMVC, shown[1].joints_TMVC)
        np.testing.assert_array_equal(shown[0].valid_TM, shown[1].valid_TM)


def test_workers_are_sent_no_recordings(store: Store) -> None:
    clips = module(store).clips
    sent = pickle.dumps(clips)
    assert len(sent) < store.joints_RVC.nbytes / 20
    np.testing.assert_array_equal(pickle.loads(sent)[Draw(7, 3)].joints_TMVC, clips[Draw(7, 3)].joints_TMVC)


@pytest.fixture
def demo(demo_store: Store) -> SkeletonDataModule:
    return SkeletonDataModule(demo_store, READERS["demo"].protocols["xview"], SETTINGS, batch_size=8, seed=0)


def test_the_demo_goes_all_the_way(demo: SkeletonDataModule, demo_store: Store) -> None:
    assert len(demo.train) + len(demo.test) == len(demo_store) == 40
    assert demo.num_classes == 60
    for batch in [*epoch_of(demo, 0), *demo.test_dataloader()]:
        assert batch.x.shape[1:] == (2, 6, 25, 3)
        assert torch.isfinite(batch.x).all()
        assert batch.mask[:, 0].all()
        assert not batch.x[~batch.mask].any()
        assert batch.x[batch.mask].any(-1).any(-1).all()
        assert 0 <= batch.label.min() <= batch.label.max() < 60
