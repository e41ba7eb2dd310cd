"""A store gives back what was written, and nothing else."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import DataError
from data_modules.layouts import NTU25
from data_modules.sequence import SkeletonSequence
from data_modules.store import Problem, Store, open_store, write_store

MakeSequence = Callable[..., SkeletonSequence]
EXTRAS = ("confidence", "pixels")
FILES = ("joints.f32", "valid.u1", "confidence.f32", "pixels.f32", "index/label.npy")
PROBLEM = Problem("b.skeleton", "b.skeleton, line 3: expected a joint", "fetch it again")


@pytest.fixture(scope="session")
def sequences(make_sequence: MakeSequence) -> list[SkeletonSequence]:
    return [
        make_sequence("one", frames=7, persons=1, seed=1, label=4, subject=9, camera=2, setup=3, replication=1),
        make_sequence("another one", frames=1, persons=3, seed=2, label=0, fine_label=5, split="train", fps=60.0),
        make_sequence("with gaps", frames=30, persons=2, gaps=0.4, seed=3, label=2, split="test"),
    ]


@pytest.fixture
def rich(sequences: list[SkeletonSequence]) -> list[SkeletonSequence]:
    """The same sequences with confidence and places in a film."""
    rng = np.random.default_rng(0)
    return [
        replace(
            sequence,
            confidence=rng.random(sequence.joints.shape[:3], np.float32),
            pixels=rng.random((*sequence.joints.shape[:3], 2), np.float32),
            video=f"films/{sequence.sample_id}.avi",
        )
        for sequence in sequences
    ]


def assert_holds(store: Store, sequences: list[SkeletonSequence]) -> None:
    assert len(store) == len(store.index) == len(sequences)
    for position, sequence in enumerate(sequences):
        frames = store.sequence(position)
        np.testing.assert_array_equal(frames.joints_TMVC, sequence.joints, strict=True)
        np.testing.assert_array_equal(frames.valid_TM, sequence.valid, strict=True)
        for column, values in vars(store.index).items():
            assert values[position] == getattr(sequence, column), column


def assert_holds_extras(store: Store, sequences: list[SkeletonSequence]) -> None:
    assert_holds(store, sequences)
    for position, sequence in enumerate(sequences):
        frames = store.sequence(position)
        np.testing.assert_array_equal(frames.confidence_TMV, sequence.confidence)
        np.testing.assert_array_equal(frames.pixels_TMVC, sequence.pixels)


def test_what_is_written_is_read(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    written = write_store(tmp_path / "store", NTU25, (), sequences)
    for store in (written, open_store(tmp_path / "store"), open_store(tmp_path / "store", verify=True)):
        assert_holds(store, sequences)
        assert vars(store.layout) == vars(NTU25)
        assert store.frames.tolist() == [7, 1, 30]
        assert store.persons.tolist() == [1, 3, 2]
        assert store.digest == written.digest
        assert store.problems == ()


def test_a_view_of_other_arrays_is_written_as_it_reads(tmp_path: Path, make_sequence: MakeSequence) -> None:
    whole = make_sequence(frames=8, persons=2, gaps=0.3)
    every_other = SkeletonSequence(
        joints=whole.joints[::2, ::-1], valid=whole.valid[::2, ::-1], label=0, sample_id="a", layout=NTU25, fps=15.0
    )
    assert_holds(write_store(tmp_path / "store", NTU25, (), [every_other]), [every_other])


def test_problems_are_kept(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    write_store(tmp_path / "store", NTU25, (), [PROBLEM, *sequences, PROBLEM])
    store = open_store(tmp_path / "store")
    assert store.problems == (PROBLEM, PROBLEM)
    assert_holds(store, sequences)


def test_the_digest_is_the_contents(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    digest = write_store(tmp_path / "store", NTU25, (), sequences).digest
    assert write_store(tmp_path / "elsewhere" / "other name", NTU25, (), sequences).digest == digest
    assert write_store(tmp_path / "store", NTU25, (), sequences).digest == digest
    assert write_store(tmp_path / "reordered", NTU25, (), sequences[::-1]).digest != digest
    assert write_store(tmp_path / "fewer", NTU25, (), sequences[:2]).digest != digest


@pytest.mark.parametrize("change", ["float", "valid", "label", "sample_id"])
def test_the_smallest_change_changes_the_digest(tmp_path: Path, sequences: list[SkeletonSequence], change: str) -> None:
    first = sequences[0]
    known = {**vars(first), "joints": first.joints.copy(), "valid": first.valid.copy()}
    if change == "float":
        known["joints"][-1, 0, 24, 2] = np.nextafter(known["joints"][-1, 0, 24, 2], np.float32(9))
    elif change == "valid":
        known["valid"][-1, 0] = False
    else:
        known[change] = {"label": 5, "sample_id": "onf"}[change]
    digests = [
        write_store(tmp_path / name, NTU25, (), [one, *sequences[1:]]).digest
        for name, one in (("as it was", first), ("changed", SkeletonSequence(**known)))
    ]
    assert digests[0] != digests[1]


def test_it_is_memory_mapped_and_read_only(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    store = write_store(tmp_path / "store", NTU25, (), sequences)
    joints, valid = store.sequence(2).joints_TMVC, store.sequence(2).valid_TM
    for array in (store.joints_RVC, store.valid_R, store.offsets, *vars(store.index).values()):
        assert isinstance(array.base, np.memmap), "every worker and rank would have a copy"
    assert np.shares_memory(joints, store.joints_RVC)
    with pytest.raises(ValueError, match="read-only"):
        joints[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        valid[0] = False


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", [*FILES, "store.json"])
@pytest.mark.parametrize("damage", [_truncate, _empty, Path.unlink])
def test_a_damaged_store_is_refused(
    tmp_path: Path, rich: list[SkeletonSequence], name: str, damage: Callable[[Path], None]
) -> None:
    path = write_store(tmp_path / "store", NTU25, EXTRAS, rich).path
    damage(path / name)
    for verify in (True, False):
        with pytest.raises(DataError, match="missing or damaged"):
            open_store(path, verify)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused(tmp_path: Path, rich: list[SkeletonSequence], name: str) -> None:
    path = write_store(tmp_path / "store", NTU25, EXTRAS, rich).path
    _flip_a_byte(path / name)
    with pytest.raises(DataError, match="missing or damaged"):
        open_store(path)


@pytest.mark.parametrize("text", ["[]", "null", "3", '{"format": 1}', '{"format": 0, "digest": ""}'])
def test_another_description_is_refused(tmp_path: Path, sequences: list[SkeletonSequence], text: str) -> None:
    path = write_store(tmp_path / "store", NTU25, (), sequences).path
    (path / "store.json").write_text(text)
    with pytest.raises(DataError, match="missing or damaged"):
        open_store(path)


def test_a_description_of_other_arrays_is_refused(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    path = write_store(tmp_path / "store", NTU25, (), sequences).path
    description = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps({**description, "extras": ["pixels"]}))
    with pytest.raises(DataError, match="missing or damaged"):
        open_store(path)


def test_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no folder")
    for name in ("absent", "empty", "file"):
        with pytest.raises(DataError, match="missing or damaged"):
            open_store(tmp_path / name)


def test_a_damaged_store_gives_way_to_a_new_one(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    path = write_store(tmp_path / "store", NTU25, (), sequences).path
    _truncate(path / "joints.f32")
    assert_holds(write_store(path, NTU25, (), sequences), sequences)


@pytest.mark.parametrize("found", [[], [PROBLEM]], ids=["nothing", "problems alone"])
def test_not_one_usable_sequence_is_an_error(tmp_path: Path, found: list[Problem]) -> None:
    with pytest.raises(DataError, match="not one usable recording") as error:
        write_store(tmp_path / "store", NTU25, (), found)
    assert all(problem.problem in str(error.value) for problem in found)
    assert not list(tmp_path.iterdir())


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    def breaking_off() -> Iterator[SkeletonSequence]:
        yield sequences[0]
        raise KeyboardInterrupt

    write_store(tmp_path / "store", NTU25, (), sequences)
    for name in ("store", "new"):
        with pytest.raises(KeyboardInterrupt):
            write_store(tmp_path / name, NTU25, (), breaking_off())
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert_holds(open_store(tmp_path / "store"), sequences)


WRITER = """
import os, pickle, sys
from pathlib import Path
from data_modules.layouts import NTU25
from data_modules.store import write_store
sequences = pickle.load(sys.stdin.buffer)
write_store(Path(sys.argv[1]), NTU25, ("confidence", "pixels"), (one if one else os._exit(9) for one in sequences))
"""


def test_further_arrays_are_kept_where_they_are_asked_for(
    tmp_path: Path, sequences: list[SkeletonSequence], rich: list[SkeletonSequence]
) -> None:
    store = write_store(tmp_path / "store", NTU25, EXTRAS, [plain := sequences[2], *rich])
    np.testing.assert_array_equal(store.sequence(1).confidence_TMV, rich[0].confidence)
    np.testing.assert_array_equal(store.sequence(1).pixels_TMVC, rich[0].pixels)
    of_plain = store.sequence(0)
    assert (of_plain.confidence_TMV == plain.valid[..., None]).all()
    assert not of_plain.pixels_TMVC.any()
    assert write_store(tmp_path / "without", NTU25, (), rich).sequence(1).pixels_TMVC is None


def test_ragged_reading_leaves_out_who_is_not_there(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    store = write_store(tmp_path / "store", NTU25, (), sequences)
    positions = [2, 0, 2, 1]
    joints, offsets = store.ragged(positions)
    expected = [
        sequences[position].joints[:, person][sequences[position].valid[:, person]]
        for position in positions
        for person in range(sequences[position].valid.shape[1])
    ]
    np.testing.assert_array_equal(joints, np.concatenate(expected))
    np.testing.assert_array_equal(np.diff(offsets), [sequences[position].valid.sum() for position in positions])


def test_a_touched_store_is_checked_again(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    path = write_store(tmp_path / "store", NTU25, (), sequences).path
    os.utime(path / "joints.f32", ns=(1, 1))
    assert_holds(open_store(path), sequences)
    copied = shutil.copytree(path, tmp_path / "copied", copy_function=shutil.copyfile)
    assert_holds(open_store(copied), sequences)


def test_what_a_killed_writer_leaves_is_never_seen(tmp_path: Path, rich: list[SkeletonSequence]) -> None:
    path = tmp_path / "store"
    killed = subprocess.run([sys.executable, "-c", WRITER, path], input=pickle.dumps([*rich, None]), check=False)
    assert killed.returncode == 9
    assert list(tmp_path.iterdir()), "the writer was killed before it began"
    with pytest.raises(DataError, match="missing or damaged"):
        open_store(path)
    assert_holds_extras(write_store(path, NTU25, EXTRAS, rich), rich)


def test_processes_that_write_at_the_same_time_are_harmless(tmp_path: Path, rich: list[SkeletonSequence]) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "store")]
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: subprocess.run(command, input=pickle.dumps(rich), check=False), range(3)))
    assert [process.returncode for process in ended] == [0, 0, 0]
    assert_holds_extras(open_store(tmp_path / "store", verify=True), rich)
    assert [child.name for child in tmp_path.iterdir()] == ["store"]


def test_a_second_writer_that_finishes_first_is_harmless(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    path = tmp_path / "store"

    def overtaken() -> Iterator[SkeletonSequence]:
        yield from sequences
        faster.append(write_store(path, NTU25, (), sequences))

    faster: list[Store] = []
    slower = write_store(path, NTU25, (), overtaken())
    for store in (slower, *faster, open_store(path)):
        assert_holds(store, sequences)
    assert [child.name for child in tmp_path.iterdir()] == ["store"]


def test_writers_at_the_same_time_are_harmless(tmp_path: Path, sequences: list[SkeletonSequence]) -> None:
    path = tmp_path / "store"
    with ThreadPoolExecutor(4) as pool:
        for store in pool.map(lambda _: write_store(path, NTU25, (), sequences), range(40)):
            assert_holds(store, sequences)
    assert_holds(open_store(path), sequences)
    assert [child.name for child in tmp_path.iterdir()] == ["store"]
