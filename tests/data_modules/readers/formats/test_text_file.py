"""Reading text files: never more than fits, and of what is no text the right line."""

import os
from pathlib import Path

import pytest

from data_modules.errors import UnreadableRecordingError
from data_modules.readers import READERS
from data_modules.readers.formats.raw_file import MAX_BYTES, read_bytes
from data_modules.readers.formats.text_file import decoded, is_whole_number, open_text


def test_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"1 2 3\n")
    assert read_bytes(path, 6) == b"1 2 3\n"
    with pytest.raises(UnreadableRecordingError, match=r"a\.txt: larger than the 5 bytes that such a file may have"):
        read_bytes(path, 5)
    os.truncate(path, MAX_BYTES + 1)
    with pytest.raises(UnreadableRecordingError, match=f"larger than the {MAX_BYTES} bytes"):
        open_text(path)


@pytest.mark.parametrize(
    ("dataset", "place"),
    [
        ("ntu60", "nturgb+d_skeletons/S001C001P001R001A001.skeleton"),
        ("ut_kinect", "joints/joints_s01_e01.txt"),
        ("berkeley_mhad", "SkeletalData/skl_s01_a01_r01.bvh"),
        ("florence3d", "Florence_dataset_WorldCoordinates.txt"),
        ("sbu_kinect", "s01s02/01/001/skeleton_pos.txt"),
        ("shrec2017", "gesture_1/finger_1/subject_1/essai_1/skeletons_world.txt"),
        ("nw_ucla", "all_sqe/a01_s01_e00_v01.json"),
        ("penn_action", "labels/0001.mat"),
    ],
)
def test_every_reader_has_one(tmp_path: Path, dataset: str, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, 2**40)  # takes no room on the disk
    (path.parent / "actionLabel.txt").symlink_to(path)  # of UT-Kinect, which is read first
    with pytest.raises(UnreadableRecordingError, match=r"larger than the \d+ bytes"):
        list(READERS[dataset].read(path))


@pytest.mark.parametrize(("encoding", "mark"), [("ascii", b""), ("utf-8-sig", b""), ("utf-8-sig", b"\xef\xbb\xbf")])
def test_the_line_of_what_is_no_text(encoding: str, mark: bytes) -> None:
    """However far down it stands."""
    assert decoded(Path("a.csv"), mark + b"1\n2", encoding) == "1\n2"
    with pytest.raises(UnreadableRecordingError, match=r"line 20001: expected .*, found the byte 0xff") as caught:
        decoded(Path("a.csv"), mark + b"123456\n" * 20_000 + b"\xff", encoding, remedy="mend it")
    assert caught.value.remedy == "mend it"


@pytest.mark.parametrize(
    ("token", "whole"),
    [
        ("0", True),
        ("007", True),
        ("999999999", True),
        ("1234567890", False),
        ("-1", False),
        ("", False),
        ("1_0", False),
    ],
)
def test_whole_numbers(token: str, whole: bool) -> None:
    assert is_whole_number(token) == whole


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(UnreadableRecordingError, match="is no file"):
            read_bytes(tmp_path / name)
    with pytest.raises(UnreadableRecordingError, match="No such file"):
        read_bytes(tmp_path / "absent")
