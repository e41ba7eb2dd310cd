"""A user's own dataset: what its files may hold, how it is divided, and damaged and hostile files."""

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_modules import prepare as prepare_module
from data_modules.errors import DataError, DatasetMissingError, UnreadableRecordingError
from data_modules.prepare import prepare
from data_modules.readers import known_as, reader_for
from data_modules.readers.own import OwnReader, own_reader
from data_modules.readers.reader import Index
from data_modules.readers.unlabelled import read_unlabelled
from data_modules.sequence import SkeletonSequence
from data_modules.settings import SkeletonSettings
from tests.helpers import only
from tests.own_dataset import JOINTS, movement, write_arrays, write_description, write_moves, write_table

IN_PIXELS = {"unit": "pixels", "image_size": [640, 480]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_moves(tmp_path / "my_moves")


def read(path: Path) -> SkeletonSequence:
    """One recording, by the reader of the folder two levels up."""
    return only(own_reader(path.parents[1]).read(path))


def index_of(reader: OwnReader, root: Path) -> Index:
    sequences = [only(reader.read(path)) for path in reader.files(root)]
    names = ("sample_id", "label", "fps", "subject", "camera", "setup", "replication")
    return Index.of(**{name: np.array([getattr(each, name) for each in sequences]) for name in names})


def test_both_kinds_of_files_are_read(root: Path) -> None:
    reader = own_reader(root)
    paths = reader.find(Path("anywhere"))
    assert len(paths) == 24
    sequences = {each.sample_id: each for path in paths for each in map(only, [reader.read(path)])}
    assert list(sequences) == sorted(sequences)
    # The second class's first subject: its seeds follow the eight recordings of the first.
    for sample, seed in (("squat/s1_r0", 8), ("squat/s1_r1", 9)):
        sequence = sequences[sample]
        assert (sequence.label, sequence.subject, sequence.replication, sequence.camera) == (1, 1, seed - 8, -1)
        assert (sequence.fps, sequence.layout.joints) == (25.0, tuple(JOINTS))
        assert sequence.valid.all()
        np.testing.assert_allclose(sequence.joints[:, 0], movement("squat", 10 + seed % 5, seed), rtol=1e-5)


@pytest.mark.parametrize(("unit", "factor"), [("metres", 1.0), ("centimetres", 0.01), ("millimetres", 0.001)])
def test_units(tmp_path: Path, unit: str, factor: float) -> None:
    path = write_arrays(write_description(tmp_path / "own", unit=unit) / "wave" / "s1_r1.npz", joints=movement("wave"))
    np.testing.assert_allclose(read(path).joints[:, 0], factor * movement("wave"), rtol=1e-6)


def test_several_persons_with_everything_that_may_be_known(tmp_path: Path) -> None:
    folder = write_description(tmp_path / "own", unit="metres") / "wave"
    joints = np.stack([movement("wave"), movement("kick"), np.zeros((12, 9, 3))], axis=1)
    joints[4, 0] = np.nan
    valid = np.ones((12, 3), bool)
    valid[7, 1] = False
    confidence, pixels = np.full((12, 3, 9), 0.5), np.full((12, 3, 9, 2), 7.0)
    pixels[0, 0, 0] = np.nan
    arrays = {"joints": joints, "valid": valid, "confidence": confidence, "pixels": pixels}
    sequence = read(write_arrays(folder / "s1_r1.npz", **arrays))
    assert sequence.valid.shape == (12, 2)  # the third is never there
    assert np.argwhere(~sequence.valid).tolist() == [[4, 0], [7, 1]]
    assert not sequence.joints[~sequence.valid].any()
    assert sequence.confidence is not None
    assert sequence.pixels is not None
    assert (sequence.confidence[sequence.valid] == 0.5).all()
    assert sequence.pixels[0, 0, 0].tolist() == [0, 0]
    assert own_reader(folder.parent).extras_in(folder.parent) == ("confidence", "pixels")


def test_a_table_of_two_persons_in_pixels(tmp_path: Path) -> None:
    folder = write_description(tmp_path / "own", **IN_PIXELS) / "wave"
    folder.mkdir()
    columns = [f"{joint}_{axis}" for joint in reversed(JOINTS) for axis in ("confidence", "y", "x")]
    rows = [",".join(["time", "person", *columns, " frame"])]
    for frame, person in ((103, 7), (100, 7), (101, 4), (103, 4)):
        cells = [f"{value}" for joint in reversed(range(9)) for value in (0.25, 200 + joint, 100 + frame)]
        rows.append(",".join(["0:01", f"{person}", *cells, f"{frame}.0"]))
    rows.append(",".join(["", "4", *[""] * 27, "102"]))
    (folder / "s1_r1.csv").write_text("\ufeff" + "\r\n".join(rows) + "\r\n\r\n", encoding="utf-8")
    sequence = read(folder / "s1_r1.csv")
    assert sequence.valid.T.tolist() == [[False, True, False, True], [True, False, False, True]]
    assert sequence.joints[3, 0].tolist() == [[203, 200 + joint] for joint in range(9)]
    assert (sequence.image_width, sequence.image_height) == (640, 480)
    assert sequence.confidence is not None
    assert set(sequence.confidence[sequence.valid].ravel()) == {0.25}


def test_films_are_found(tmp_path: Path) -> None:
    root = write_moves(tmp_path / "own", video="films/{class}_{subject}.mp4", image_size=[640, 480])
    before = set(own_reader(root).companions(root))
    (root / "films").mkdir()
    (root / "films" / "kick_2.mp4").write_bytes(b"")
    found = {only(own_reader(root).read(path)).video for path in own_reader(root).files(root)}
    assert found == {"", "films/kick_2.mp4"}
    assert set(own_reader(root).companions(root)) - before == {root / "films" / "kick_2.mp4"}


def test_the_frames_of_a_table_are_those_of_its_film(tmp_path: Path) -> None:
    root = write_moves(tmp_path / "own", video="{class}{subject}", image_size=[64, 48], frames_from=1)
    (root / "wave1").mkdir()
    for name, expected in (("s1_r0.npz", (0, 0)), ("s1_r1.csv", (0, -1)), ("s2_r1.csv", (0, 0))):
        assert (read(root / "wave" / name).first_frame, read(root / "wave" / name).recorded_frames) == expected
    write_table(root / "wave" / "s1_r1.csv", movement("wave"), first=11)
    assert read(root / "wave" / "s1_r1.csv").first_frame == 10
    write_table(root / "wave" / "s1_r1.csv", movement("wave"), first=0)
    with pytest.raises(UnreadableRecordingError, match=r"begins with frame 0, but .* are counted from 1") as caught:
        read(root / "wave" / "s1_r1.csv")
    assert "`frames_from`" in caught.value.remedy


def test_a_file_of_nobodys_is_read_as_one_of_the_dataset(tmp_path: Path) -> None:
    root = write_moves(tmp_path / "own", video="{class}/s{subject}_r{replication}.avi", image_size=[64, 48])
    table = write_table(root / "wave" / "s1_r1.csv", movement("wave"), first=11)
    arrays = write_arrays(root / "wave" / "s2_r0.npz", joints=movement("wave"), pixels=np.ones((12, 9, 2)))
    for path in (table, arrays):
        path.with_suffix(".avi").touch()
        known, unlabelled = read(path), only(read_unlabelled(path, own_reader(root)))
        assert isinstance(unlabelled, SkeletonSequence)
        for name in ("first_frame", "recorded_frames", "image_width", "fps"):
            assert getattr(unlabelled, name) == getattr(known, name)
        np.testing.assert_array_equal(unlabelled.joints, known.joints)
        assert (unlabelled.pixels is None) == (known.pixels is None)


def test_settings_of_a_protocol(tmp_path: Path) -> None:
    settings = {"persons": "2", "scale_bone": ["hips", "chest"]}
    reader = own_reader(write_moves(tmp_path / "own", settings=settings))
    found = reader.settings_for("by_subject")
    assert found == SkeletonSettings("own", "by_subject", persons=2, scale_bone=[0, 1])
    assert found.scale_bone is not reader.settings_for("by_subject").scale_bone
    with pytest.raises(DataError, match="own has no protocol 'by_subjects'; did you mean 'by_subject'"):
        reader.settings_for("by_subjects")


def test_own_files_are_mended_and_not_fetched(tmp_path: Path) -> None:
    root = write_description(tmp_path / "own")
    assert UnreadableRecordingError(root / "films" / "a.mp4", "damaged").remedy == "left out; mend or replace this file"
    assert "official source" in UnreadableRecordingError(tmp_path / "a.mp4", "damaged").remedy


def test_the_folder_is_the_dataset(root: Path, tmp_path: Path) -> None:
    reader = reader_for(str(root))
    assert reader.name == "my_moves"
    assert reader_for(known_as(reader)) is reader
    taken = write_moves(tmp_path / "ntu60")
    with pytest.raises(DataError, match="ntu60 is the name of another dataset; rename the folder"):
        reader_for(str(taken))
    with pytest.raises(DataError, match="rename it with letters, digits"):
        reader_for(str(write_moves(tmp_path / "my moves!")))
    with pytest.raises(DatasetMissingError, match=r"looked for \{class\}/s\{subject\}_r\{replication\}"):
        own_reader(write_description(tmp_path / "empty")).find(tmp_path)


def test_a_changed_description_is_read_again(root: Path) -> None:
    assert reader_for(str(root)).layout.dimensions == 3
    write_description(root, **IN_PIXELS)
    os.utime(root / "dataset.yaml", ns=(1, 1))
    assert reader_for(str(root)).layout.dimensions == 2


def test_processes_prepare_it_too(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "wave" / "s1_r0.npz").write_bytes(b"no archive")
    alone = prepare(reader_for(str(root)), tmp_path, tmp_path / "alone")
    monkeypatch.setattr(prepare_module, "WORTH_PROCESSES", 1)
    together = prepare(reader_for(str(root)), tmp_path, tmp_path / "together")
    assert together.digest == alone.digest
    assert (len(together), len(together.problems)) == (23, 1)


def test_a_name_that_is_no_text_is_said_and_the_others_are_used(root: Path) -> None:
    name = os.fsdecode(b"s1_r\xe9.npz")
    (root / "wave" / "s1_r0.npz").rename(root / "wave" / name)
    store = prepare(reader_for(str(root)), root, root.parent / "outputs")
    assert len(store) == 23
    (problem,) = store.problems
    assert problem.problem.endswith("the name is not UTF-8")
    assert problem.sample == "wave/s1_r\\udce9.npz"


def test_folders_may_be_links(root: Path, tmp_path: Path) -> None:
    before = [path.relative_to(root) for path in own_reader(root).files(root)]
    (root / "wave").rename(tmp_path / "elsewhere")
    (root / "wave").symlink_to(tmp_path / "elsewhere")
    (root / "wave" / "around").symlink_to(root)
    assert [path.relative_to(root) for path in own_reader(root).files(root)] == before


def test_an_empty_folder_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    root = write_description(tmp_path / "own")
    with pytest.raises(DataError, match=r"no own recordings in .*Put them there\.$"):
        own_reader(root).find(tmp_path)


def test_names_that_do_not_fit_are_said(root: Path) -> None:
    for name in ("waving/s1_r0.npz", "wave/s1.csv", "wave/sone_r1.csv"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
        with pytest.raises(UnreadableRecordingError, match="does not fit the template"):
            only(own_reader(root).read(root / name))
    assert root / "waving" / "s1_r0.npz" in own_reader(root).find(root)
    write_table(root / "wave" / "s1_r0.csv", movement("wave"))
    with pytest.raises(UnreadableRecordingError, match=r"the same recording is there as \.npz"):
        read(root / "wave" / "s1_r0.csv")


@pytest.mark.parametrize(
    ("rule", "test_samples"),
    [
        ({"test": {"subject": [3, 4]}}, lambda sample: sample[-4] in "34"),
        ({"test": {"subject": [3, 4], "replication": [1]}}, lambda sample: sample[-4] in "34" and sample[-1] == "1"),
        ({"train": {"subject": [1]}}, lambda sample: sample[-4] != "1"),
        ({"test": ["wave/*", "kick/s1_r0"]}, lambda sample: sample.startswith("wave") or sample == "kick/s1_r0"),
    ],
)
def test_rules(root: Path, rule: dict, test_samples: Callable[[str], bool]) -> None:
    write_description(root, splits={"mine": rule})
    os.utime(root / "dataset.yaml", ns=(2, 2))
    reader = own_reader(root)
    index = index_of(reader, root)
    (fold,) = reader.protocols["mine"].folds(index)
    assert set(index.sample_id[fold.test]) == {sample for sample in index.sample_id if test_samples(sample)}
    assert sorted([*fold.train, *fold.test]) == list(range(len(index)))


def test_rules_for_both_sides_leave_the_others_out(root: Path) -> None:
    write_description(root, splits={"mine": {"train": {"subject": [1]}, "test": {"subject": [4]}}})
    reader = own_reader(root)
    index = index_of(reader, root)
    (fold,) = reader.protocols["mine"].folds(index)
    assert (set(index.subject[fold.train]), set(index.subject[fold.test])) == ({1}, {4})
    write_description(root, splits={"other": {"train": {"subject": [1]}, "test": ["*/s1_r1"]}})
    with pytest.raises(DataError, match=r"splits\.other: .*s1_r1 is in both train and test"):
        own_reader(root).protocols["other"].folds(index)


def test_without_rules_one_subject_is_left_out(root: Path, tmp_path: Path) -> None:
    write_description(root, splits=None)
    reader = own_reader(root)
    index = index_of(reader, root)
    folds = reader.protocols["loso"].folds(index)
    assert [set(index.subject[fold.test]) for fold in folds] == [{1}, {2}, {3}, {4}]
    assert all(not set(index.subject[fold.test]) & set(index.subject[fold.train]) for fold in folds)
    alone = write_moves(tmp_path / "alone", files="{class}/{name}", splits=None)
    index = index_of(own_reader(alone), alone)
    (fold,) = own_reader(alone).protocols["every_third"].folds(index)
    assert np.bincount(index.label[fold.test]).tolist() == [2, 2, 2]
    assert fold.test.tolist()[:2] == [2, 5]


def npy(header: bytes, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return buffer.getvalue()


class Hostile:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple:
        return (os.mkdir, ("hostile",))


def objects() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, joints=np.array([Hostile()], dtype=object))
    return buffer.getvalue()


HUGE = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }\n"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "cannot be read as .npz"),
        (b"PK\x03\x04 and then nothing", "cannot be read as .npz"),
        (archive(joint=npy(HUGE % b"3")), "it has an array 'joint'; did you mean 'joints'"),
        (archive(poses=npy(HUGE % b"3")), "it has no array 'joints'; there are: poses"),
        (archive(joints=npy(HUGE % b"100000000000, 9, 3")), "over 33,554,432 numbers"),
        (archive(joints=npy(HUGE % b"-5, 9, 3")), "or no recording"),
        (archive(joints=npy(HUGE % b"5, 9, 3", bytes(99))), "not as large as its shape"),
        (archive(joints=npy(HUGE % b"5, 9, 3", bytes(10**7))), "not as large as its shape"),
        (archive(joints=npy(b"{'descr': 'V999999999999', 'fortran_order': False, 'shape': (1,), }\n")), "joints"),
        (archive(joints=npy(b"{'descr': '<U5', 'fortran_order': False, 'shape': (0,), }\n")), "not numbers"),
        (archive(joints=npy(b"__import__('os').mkdir('hostile')\n")), "joints cannot be read"),
        (archive(joints=npy(b"(" * 5000)), "joints cannot be read"),
        (archive(joints=b"\x93NUMPY\x09\x00"), "joints cannot be read"),
        (objects(), "joints holds object, not numbers"),
    ],
    ids=range(14),
)
def test_hostile_archives(tmp_path: Path, data: bytes, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_description(tmp_path / "own") / "wave" / "s1_r1.npz"
    path.parent.mkdir()
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableRecordingError, match=problem) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "hostile").exists()


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"joints": np.ones((5, 8, 3))}, r"joints is \(5, 8, 3\), not \(T, 9, 3\)"),
        ({"joints": np.ones((5, 9, 2))}, "dataset.yaml names 9 joints in 3 dimensions"),
        ({"joints": np.ones((0, 9, 3))}, r"joints is \(0, 9, 3\)"),
        ({"joints": np.ones(9)}, r"joints is \(9,\)"),
        ({"joints": np.ones((5, 9, 3)), "valid": np.ones(4)}, r"valid is \(4,\), not \(5,\)"),
        ({"joints": np.ones((5, 9, 3)), "confidence": np.ones((5, 9, 1))}, r"confidence is .*, not \(5, 9\)"),
        ({"joints": np.ones((5, 9, 3)), "pixel": np.ones((5, 9, 2))}, "did you mean 'pixels'"),
        ({"joints": np.zeros((5, 9, 3))}, "nobody is there in any of the 5 frames"),
        ({"joints": np.full((5, 9, 3), np.nan)}, "nobody is there"),
        ({"joints": np.full((5, 9, 3), 1e300)}, "a coordinate is too large"),
        ({"joints": np.ones((5, 9, 3), complex)}, "complex128, not numbers"),
    ],
    ids=range(11),
)  # fmt: skip
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict, problem: str) -> None:
    path = write_arrays(write_description(tmp_path / "own") / "wave" / "s1_r1.npz", **arrays)
    with pytest.raises(UnreadableRecordingError, match=problem):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_single_missing_joint_is_named(tmp_path: Path, value: float) -> None:
    joints = movement("wave")
    joints[3, 2, 1] = value
    path = write_arrays(write_description(tmp_path / "own") / "wave" / "s1_r1.npz", joints=joints)
    with pytest.raises(UnreadableRecordingError, match="frame 3: the joint 'head' has no finite position") as caught:
        read(path)
    assert "fill it in" in caught.value.remedy
    path.unlink()
    table = write_table(path.with_suffix(".csv"), joints, first=50)
    with pytest.raises(UnreadableRecordingError, match="frame 53: the joint 'head'"):
        read(table)


def test_a_missing_joint_is_of_the_person_whom_the_table_names(tmp_path: Path) -> None:
    folder = write_description(tmp_path / "own") / "wave"
    folder.mkdir()
    header = ",".join(["frame", "person", *(f"{joint}_{axis}" for joint in JOINTS for axis in "xyz")])
    whole = ["1.5"] * 27
    rows = [",".join([frame, person, *whole]) for frame, person in (("0", "4"), ("0", "7"), ("1", "4"))]
    (folder / "s1_r1.csv").write_text("\n".join([header, *rows, ",".join(["1", "7", "", "", "", *whole[3:]])]))
    with pytest.raises(UnreadableRecordingError, match=f"frame 1, person 7: the joint '{JOINTS[0]}'"):
        read(folder / "s1_r1.csv")


HEADER = ",".join(["frame", *(f"{joint}_{axis}" for joint in JOINTS for axis in "xyz")])
ROW = ",".join(["1.5"] * 27)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: the file is empty"),
        (HEADER, "line 1: there are no rows"),
        (HEADER.replace(",", ";"), "line 1: the columns are divided by ';'; write commas"),
        (HEADER.replace(",", "\t"), "line 1: the columns are divided by tabs; write commas"),
        (f"{HEADER}\n0,{ROW.replace('.', ',')}", "line 2: .* found 55; write commas between columns, and points in"),
        (f'{HEADER}\n0,{ROW[:-3]}"0,49"', "line 2: expected numbers, but '0,49' is none; write commas .* points in"),
        (HEADER.replace("head_x", "haed_x"), "line 1: there is no column 'head_x'; did you mean 'haed_x'"),
        (HEADER.replace("frame,", "number,"), "line 1: there is no column 'frame'"),
        (f"{HEADER},head_x", "line 1: two columns are called 'head_x'"),
        (f"{HEADER},head_confidance\n0,{ROW},1", "did you mean 'head_confidence'"),
        (f"{HEADER}\n0,{ROW}\n1,{ROW},9", "line 3: expected 28 values as the header has, found 29$"),
        (f"{HEADER}\n0,{ROW}\n1,{ROW[:-3]}one", "line 3: expected numbers, but 'one' is none"),
        (f"{HEADER}\n0.5,{ROW}", "line 2: expected a whole number as frame, found '0.5'"),
        (f"{HEADER}\nnan,{ROW}", "line 2: expected a whole number as frame"),
        (f"{HEADER}\n0,{ROW}\n\n0,{ROW}", "line 4: frame 0 stands twice"),
        (f"{HEADER}\n0,{ROW}\n9000000000000,{ROW}", "`frame` counts frames, not time"),
        (f'{HEADER}\n0,"{ROW}', "line 2"),
        (f"{HEADER}\n0,{'9' * 10**6}", "line 2: a line of 1,000,002 characters"),
    ],
    ids=lambda text: text[-30:],
)  # fmt: skip
def test_damaged_tables(tmp_path: Path, text: str, problem: str) -> None:
    path = write_description(tmp_path / "own") / "wave" / "s1_r1.csv"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableRecordingError, match=problem) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < len(str(path)) + 200


def test_tables_in_another_encoding(tmp_path: Path) -> None:
    path = write_table(write_description(tmp_path / "own") / "wave" / "s1_r1.csv", movement("wave"))
    whole = path.read_bytes()
    path.write_bytes(whole + b"\xff\xfe1")
    with pytest.raises(UnreadableRecordingError, match="line 14: expected text in UTF-8"):
        read(path)
    os.truncate(path, 2**40)  # takes no room on the disk
    with pytest.raises(UnreadableRecordingError, match="larger than the") as caught:
        read(path)
    assert "write it as .npz" in caught.value.remedy


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_random_damage_ends_in_one_clear_error(tmp_path: Path, suffix: str) -> None:
    path = write_description(tmp_path / "own") / "wave" / f"s1_r1{suffix}"
    if suffix == ".npz":
        write_arrays(path, joints=movement("wave"), confidence=np.ones((12, 9)))
    else:
        write_table(path, movement("wave"))
    whole, refused = path.read_bytes(), 0
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole[: rng.integers(len(whole))] if rng.random() < 0.2 else whole)
        for at in rng.integers(len(data), size=rng.integers(1, 8)) if data else ():
            data[at] = rng.integers(256)
        path.write_bytes(bytes(data))
        try:
            sequence = read(path)
        except UnreadableRecordingError as error:
            refused += 1
            assert str(path) in str(error)
            assert "\n" not in str(error)
        else:
            assert np.isfinite(sequence.joints).all()
    assert refused > 100
