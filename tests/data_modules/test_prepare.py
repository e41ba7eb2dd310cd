"""Recordings are prepared once, all of them, and again only when they or the store changed."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from data_modules.demo import write_demo
from data_modules.errors import DataError, DatasetMissingError
from data_modules.prepare import prepare
from data_modules.readers import READERS
from data_modules.store import Store
from tests.helpers import only

READER = READERS["demo"]
CLIPS = 6


class Readings:
    """A progress callback that counts."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo("demo", tmp_path_factory.mktemp("few"), clips=CLIPS, seed=0)


@pytest.fixture
def root(few: Path, tmp_path: Path) -> Path:
    """Recordings that a test may change."""
    return Path(shutil.copytree(few, tmp_path / "data"))


def recordings(root: Path) -> list[Path]:
    return READER.find(root)


def truncate(recording: Path) -> None:
    lines = recording.read_text().splitlines()
    recording.write_text("\n".join(lines[: len(lines) // 2]))


def assert_same(store: Store, other: Store) -> None:
    assert store.digest == other.digest
    assert store.problems == other.problems
    np.testing.assert_array_equal(store.joints_RVC, other.joints_RVC)
    np.testing.assert_array_equal(store.index.sample_id, other.index.sample_id)


def test_the_store_holds_what_the_reader_reads(root: Path, tmp_path: Path) -> None:
    read = Readings()
    store = prepare(READER, root, tmp_path / "outputs", read)
    assert store.path.parent == tmp_path / "outputs" / "prepared"
    assert read.calls == [(done, CLIPS) for done in range(1, CLIPS + 1)]
    for position, path in enumerate(recordings(root)):
        sequence = only(READER.read(path))
        frames = store.sequence(position)
        joints, valid = frames.joints_TMVC, frames.valid_TM
        np.testing.assert_array_equal(joints, sequence.joints)
        np.testing.assert_array_equal(valid, sequence.valid)
        assert store.index.sample_id[position] == sequence.sample_id
        assert store.index.label[position] == sequence.label


def test_a_bad_recording_is_counted_and_stops_nothing(root: Path, tmp_path: Path) -> None:
    whole = prepare(READER, root, tmp_path / "outputs")
    bad = recordings(root)[2]
    truncate(bad)
    read = Readings()
    store = prepare(READER, root, tmp_path / "outputs", read)
    assert read.calls[-1] == (CLIPS, CLIPS)
    assert len(store) == CLIPS - 1
    assert store.index.sample_id.tolist() == [*whole.index.sample_id[:2], *whole.index.sample_id[3:]]
    (problem,) = store.problems
    assert problem.sample == f"{bad.parent.name}/{bad.name}"
    assert f"{bad}, line " in problem.problem
    assert problem.remedy


def test_nothing_but_bad_recordings_is_an_error(root: Path, tmp_path: Path) -> None:
    for path in recordings(root):
        path.write_text("")
    with pytest.raises(DataError, match="not one usable recording") as error:
        prepare(READER, root, tmp_path / "outputs")
    assert recordings(root)[0].name in str(error.value)


def test_a_missing_dataset_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / READER.folder).mkdir(parents=True)
    for data_root in (tmp_path / "absent", tmp_path / "elsewhere"):
        with pytest.raises(DatasetMissingError) as error:
            prepare(READER, data_root, tmp_path / "outputs")
        for part in (READER.looked_for, str(data_root / READER.folder), "DATA_ROOT"):
            assert part in str(error.value)
    assert not (tmp_path / "outputs").exists()


def test_what_is_prepared_is_not_read_again(root: Path, tmp_path: Path) -> None:
    first, again, elsewhere = Readings(), Readings(), Readings()
    store = prepare(READER, root, tmp_path / "outputs", first)
    assert_same(prepare(READER, root, tmp_path / "outputs", again), store)
    assert_same(prepare(READER, root, tmp_path / "other outputs", elsewhere), store)
    assert (len(first.calls), len(again.calls), len(elsewhere.calls)) == (CLIPS, 0, CLIPS)


@pytest.mark.parametrize("change", ["another time", "another size", "one fewer", "one more"])
def test_changed_recordings_are_prepared_anew(root: Path, tmp_path: Path, change: str) -> None:
    first, *_, last = recordings(root)
    before = prepare(READER, root, tmp_path / "outputs")
    if change == "another time":
        os.utime(first, (1e9, 1e9))
    elif change == "another size":
        written = first.stat().st_mtime_ns
        first.write_text(first.read_text() + "\n")
        os.utime(first, ns=(written, written))
    elif change == "one fewer":
        last.unlink()
    else:
        shutil.copy(last, last.with_name("S002C002P002R002A003.skeleton"))
    read = Readings()
    after = prepare(READER, root, tmp_path / "outputs", read)
    assert len(read.calls) == len(after) == len(recordings(root))
    assert after.path != before.path
    # The digest is of the content: an unchanged recording with another time makes the same data.
    assert (after.digest == before.digest) is change.startswith("another")


@pytest.mark.parametrize("name", ["joints.f32", "valid.u1", "index/label.npy", "store.json"])
def test_a_damaged_store_is_rebuilt(root: Path, tmp_path: Path, name: str) -> None:
    whole = prepare(READER, root, tmp_path / "outputs")
    file = whole.path / name
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    read = Readings()
    rebuilt = prepare(READER, root, tmp_path / "outputs", read)
    assert len(read.calls) == CLIPS
    assert rebuilt.path == whole.path
    assert rebuilt.digest == whole.digest
    assert name == "store.json" or file.read_bytes() == content


def test_processes_make_the_same_store(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truncate(recordings(root)[4])
    alone, together = Readings(), Readings()
    monkeypatch.setattr("data_modules.prepare.WORTH_PROCESSES", CLIPS + 1)
    one = prepare(READER, root, tmp_path / "one", alone)
    monkeypatch.setattr("data_modules.prepare.WORTH_PROCESSES", 1)
    assert_same(prepare(READER, root, tmp_path / "many", together), one)
    assert alone.calls == together.calls


def test_two_at_once_prepare_once(root: Path, tmp_path: Path) -> None:
    read = Readings()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: prepare(READER, root, tmp_path / "outputs", read), range(2))
    assert len(read.calls) == CLIPS
    assert_same(first, second)


def test_what_other_machines_are_writing_is_left_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = prepare(READER, root, tmp_path / "outputs")
    scratch = store.path.with_name(f".{store.path.name}.another")
    (scratch / "index").mkdir(parents=True)
    os.utime(scratch, (1, 1))
    for abandoned_after, is_left in ((60, True), (0, False)):
        monkeypatch.setattr("data_modules.leftovers.ABANDONED_AFTER", abandoned_after)
        shutil.rmtree(store.path)
        prepare(READER, root, tmp_path / "outputs")
        assert scratch.exists() is is_left


SCRIPT = """
from pathlib import Path
from data_modules import prepare as module
from data_modules.readers import READERS

module.WORTH_PROCESSES = 1
{guard}print(len(module.prepare(READERS["demo"], Path({root!r}), Path({outputs!r}))))
"""


@pytest.mark.parametrize("guard", ['if __name__ == "__main__": ', ""])
def test_scripts_need_a_guard(root: Path, tmp_path: Path, guard: str) -> None:
    """Without one they end with a line that says so: they do not wait for ever."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(guard=guard, root=str(root), outputs=str(tmp_path / "outputs")))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    if guard:
        assert done.stdout == f"{CLIPS}\n"
    else:
        assert done.returncode == 1
        assert "DataError: a process that reads recordings was killed" in done.stderr
        assert "must do so below `if __name__" in done.stderr.splitlines()[-1]
