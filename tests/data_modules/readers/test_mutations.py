"""Damaged files of every dataset end in one clear error that names a file: in bounded time and memory, running no code.

`make test` tries a few mutations of every dataset; `make test-slow` ten thousand over all of them.
"""

import math
import os
import pickle
import random
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from data_modules.demo import FOLDERS, write_demo
from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.readers import READERS, reader_for
from data_modules.readers.reader import Reader
from data_modules.sequence import SkeletonSequence
from tests.own_dataset import write_moves

CLIPS = 12
FEW, MANY = 30, 10_000
# What one damaged file may cost. The time is generous: other programs may run on the machine.
SECONDS = 10.0
BYTES = 2_000_000_000
ODD_NUMBERS = ("nan", "inf", "-inf", "1e999", "-1", "0", "99999999999", "1_000", "0x10", "", "abc", "1.2.3", "½")

Mutation = Callable[[bytes, random.Random], bytes]


class Code:
    """What must never run: unpickled, it makes a file."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.sentinel),)


def truncated(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 4, 64))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def spliced(content: bytes, rng: random.Random) -> bytes:
    start, end = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[:start] + rng.choice((b"", content[: rng.randrange(200)], b"\0" * 50, b"\xff\xfe")) + content[end:]


def with_huge_numbers(content: bytes, rng: random.Random) -> bytes:
    """As sizes and counts in binary files."""
    at = rng.randrange(len(content))
    return content[:at] + rng.choice((b"\xff\xff\xff\x7f", b"\xff" * 8, b"\0" * 4)) + content[at + 4 :]


def with_an_odd_token(content: bytes, rng: random.Random) -> bytes:
    """As counts, coordinates and labels in text files."""
    separator = rng.choice((b" ", b"\n", b",", b"[", b":"))
    tokens = content.split(separator)
    tokens[rng.randrange(len(tokens))] = rng.choice(ODD_NUMBERS).encode()
    return separator.join(tokens)


def with_lines_moved(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines[at] if rng.random() < 0.5 else lines.pop(at)
    lines.insert(to, line)
    return b"\n".join(lines)


def in_another_encoding(content: bytes, rng: random.Random) -> bytes:
    return content.decode("latin1").encode(rng.choice(("utf-16", "utf-32", "utf-8-sig")))


MUTATIONS: tuple[Mutation, ...] = (
    truncated,
    flipped,
    spliced,
    with_huge_numbers,
    with_an_odd_token,
    with_lines_moved,
    in_another_encoding,
)


def others(sentinel: Path) -> list[bytes]:
    """Whole files of another kind, hostile ones among them."""
    code = [pickle.dumps(Code(sentinel), protocol) for protocol in (0, 2, 5)]
    array = np.array([Code(sentinel)], dtype=object)
    return [b"", b"\0", b"\n\n", b"{}", b"[]", b"null", b"[" * 100_000, *code, pickle.dumps({"annotations": array})]


@contextmanager
def bounded() -> Iterator[None]:
    """Fail where more than BYTES are asked for, by making the system refuse them, or more than SECONDS pass."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + BYTES, hard))
    start = time.monotonic()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert time.monotonic() - start < SECONDS


def read(reader: Reader, root: Path, damaged: Path) -> None:
    """Read the damaged file, or everything where it is one that readings look into."""
    assert reader.protocols
    reader.extras_in(root / reader.folder)
    paths = reader.find(root)
    for path in [damaged] if damaged in paths else paths:
        try:
            for found in reader.read(path):
                if isinstance(found, SkeletonSequence):
                    assert np.isfinite(found.joints).all()
                    assert found.valid.any()
                    assert math.isfinite(found.fps)
                else:
                    raise found
        except UnreadableRecordingError as error:
            assert error.path.name in str(error)
            assert str(error).count("\n") == 0


def mutate(name: str, root: Path, times: int, tmp_path: Path) -> None:
    """Damage the dataset's files in turn, `times` times in all, and read each.

    name: of the dataset, or the path of a user's own one, whose reader is made anew from its damaged description.
    """
    reader = reader_for(name)
    files = [*reader.find(root), *reader.companions(root / reader.folder)]
    files = [path for path in files if path.is_file()]
    sentinel = tmp_path / "code_has_run"
    strangers = others(sentinel)
    for seed in range(times):
        rng = random.Random(seed)
        damaged = rng.choice(files)
        content = damaged.read_bytes()
        whole = rng.random() < 0.1 or not content
        mutation = rng.choice(MUTATIONS)
        damaged.write_bytes(rng.choice(strangers) if whole else mutation(content, rng))
        try:
            with bounded():
                read(reader_for(name), root, damaged)
        except DataError as error:  # of a list or a label file; the line must say of which
            assert damaged.name in str(error) or damaged.parent.name in str(error), str(error)
        except BaseException as error:
            kept = shutil.copy(damaged, tmp_path / damaged.name)
            raise AssertionError(f"seed {seed}, {mutation.__name__}, kept as {kept}: {error!r}") from error
        finally:
            damaged.write_bytes(content)
        assert not sentinel.exists()


@pytest.fixture
def demo_root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_demo(request.param, tmp_path / "data", clips=CLIPS, seed=0)


@pytest.mark.parametrize(("dataset", "demo_root"), [(name, name) for name in FOLDERS], indirect=["demo_root"])
def test_damaged_files(dataset: str, demo_root: Path, tmp_path: Path) -> None:
    mutate(dataset, demo_root, FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "demo_root"), [(name, name) for name in FOLDERS], indirect=["demo_root"])
def test_many_damaged_files(dataset: str, demo_root: Path, tmp_path: Path) -> None:
    mutate(dataset, demo_root, math.ceil(MANY / len(FOLDERS)), tmp_path)


@pytest.fixture
def own_root(tmp_path: Path) -> Path:
    """A few recordings, .npz and .csv, so that a third of the damage is done to dataset.yaml."""
    root = write_moves(tmp_path / "data" / "my_moves")
    recordings = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "dataset.yaml")
    for path in recordings[2:]:
        path.unlink()
    return root


def test_damaged_files_of_users(own_root: Path, tmp_path: Path) -> None:
    mutate(str(own_root), own_root.parent, 3 * FEW, tmp_path)


@pytest.mark.slow
def test_many_damaged_files_of_users(own_root: Path, tmp_path: Path) -> None:
    mutate(str(own_root), own_root.parent, MANY // 4, tmp_path)


def test_every_dataset_is_damaged() -> None:
    assert set(FOLDERS) == set(READERS)
