"""dataset.yaml: what it says, and the one line for each mistake in it."""

from pathlib import Path
from typing import Any

import pytest

from data_modules.errors import DataError
from data_modules.readers.own.description import KEYS, describe
from data_modules.readers.own.template import Template
from tests.own_dataset import CLASSES, DESCRIPTION, JOINTS, write_description


def test_what_it_says(tmp_path: Path) -> None:
    parts = {"trunk": JOINTS[:3], "limbs": JOINTS[3:]}
    settings = {"persons": 2, "centre_joint": "chest", "scale_bone": ["hips", "chest"]}
    found = describe(write_description(tmp_path / "own", parts=parts, settings=settings))
    assert (found.title, found.fps, found.metres, found.classes) == ("my moves", 25.0, 0.01, tuple(CLASSES))
    assert found.settings == {"persons": 2, "origin": "joint", "centre_joint": 1, "scale_bone": [0, 1]}
    assert found.layout.parts == {"trunk": (0, 1, 2), "limbs": (3, 4, 5, 6, 7, 8)}
    assert found.layout.parents == (0, 0, 1, 1, 3, 1, 5, 0, 0)
    assert found.layout.mirrored == ((3, 5), (4, 6), (7, 8))
    assert found.layout.joint_levels[0] == 1
    assert found.layout.joint_levels[-1] == 9


def test_what_is_assumed(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"title": None, "fps": None, "files": None, "splits": None}
    found = describe(write_description(tmp_path / "own", **changes, unit="pixels", image_size=[640, 480]))
    assert (found.title, found.fps, found.files.text, found.splits) == ("own", None, "{class}/{name}", ())
    assert (found.layout.dimensions, found.image_size) == (2, (640, 480))
    assert found.settings == {"centre_joint": 0, "origin": "image"}
    assert list(found.layout.parts) == ["head", "left_hand", "right_hand", "left_foot", "right_foot"]


def test_the_readme_names_every_key_and_its_examples_are_right(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[4] / "data_modules" / "README.md").read_text(encoding="utf-8")
    assert not [key for key in KEYS if f"`{key}`" not in readme]
    described, splits = (block.partition("```")[0] for block in readme.split("```yaml\n")[1:])
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "dataset.yaml"
    path.write_text(described, encoding="utf-8")
    assert [split.name for split in describe(path.parent).splits] == ["by_subject"]
    more = described.partition("splits:")[0].replace("r{replication}", "c{camera}")
    path.write_text(more + splits, encoding="utf-8")
    assert [split.name for split in describe(path.parent).splits] == ["by_subject", "by_view", "by_name", "loso"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"jonts": JOINTS}, "unknown key 'jonts'; did you mean 'joints'"),
        ({"classes": None}, "the key 'classes' is missing"),
        ({"unit": "meters"}, "unit: 'meters' is no unit; did you mean 'metres'"),
        ({"unit": 3}, "unit: 3 is no unit"),
        ({"unit": "pixels"}, "the key 'image_size' is missing"),
        ({"unit": "pixels", "image_size": [640, -1]}, "image_size: .* is no"),
        ({"fps": 0}, "fps: 0 is no number of frames per second"),
        ({"fps": "fast"}, "fps: 'fast' is no number"),
        ({"title": ["a"]}, r"title: \['a'\] is no name"),
        ({"joints": "hips"}, "joints: write a list"),
        ({"joints": JOINTS[:2]}, "joints: 2 are too few: name at least 3"),
        ({"frames_from": 2}, "frames_from: 2 is neither 0 nor 1"),
        ({"frames_from": True}, "frames_from: True is neither 0 nor 1"),
        ({"frames_from": 1}, "frames_from: .* there is no `video`"),
        ({"joints": [*JOINTS, "hips"]}, "joints: 'hips' stands twice"),
        ({"joints": [*JOINTS, "tail"]}, "bones: no chain leads to 'tail'"),
        ({"joints": [str(number) for number in range(1001)]}, "joints: 1001 are more than"),
        ({"bones": [["hips", "chst"]]}, "bones: no joint is called 'chst'; did you mean 'chest'"),
        ({"bones": [["hips", "chest"], ["head", "left_elbow"]]}, "bones: .*'head' is not connected"),
        ({"bones": {}}, "bones: write chains"),
        ({"bones": ["hips"]}, "bones: write a list"),
        ({"mirrored": [["left_hand"]]}, "mirrored: "),
        ({"mirrored": [["left_hand", "right_hnd"]]}, "mirrored: .*did you mean 'right_hand'"),
        ({"parts": {"all": JOINTS[1:]}}, "parts: 'hips' is in none of them"),
        ({"parts": {"all": [*JOINTS], "again": ["hips"]}}, "parts: 'hips' stands twice"),
        ({"classes": ["wave"]}, "classes: write a list of at least two names"),
        ({"classes": [True, "wave"]}, "classes: True is no name to YAML; put it in quotes"),
        ({"files": "{clas}/{name}"}, r"files: \{clas\} is no placeholder here; did you mean 'class'"),
        ({"files": "s{subject}"}, r"files: the template needs \{class\}"),
        ({"files": "{class/{name}"}, "files: "),
        ({"files": "../{class}"}, "files: write a path inside the dataset's folder"),
        ({"video": "films/{camera}.mp4", "image_size": [2, 2]}, r"video: \{camera\} is no placeholder here"),
        ({"video": "films/{subject}.mp4"}, "the key 'image_size' is missing"),
        ({"settings": {"person": 2}}, "settings: unknown key 'person'; did you mean 'persons'"),
        ({"settings": {"persons": "two"}}, "settings.persons: "),
        ({"settings": {"persons": 0}}, "settings: persons=0: give a number above 0"),
        ({"settings": {"centre_joint": "hip"}}, "settings.centre_joint: no joint is called 'hip'; did you mean 'hips'"),
        ({"settings": {"scale_bone": ["hips", {"a": 1}]}}, r"settings.scale_bone: \{'a': 1\} is no joint"),
        ({"settings": {"persons": {"a": 1}}}, "settings"),
        ({"settings": {"dataset": "other"}}, "settings: unknown key 'dataset'"),
        ({"splits": ["by_subject"]}, "splits: write names with rules"),
        ({"splits": {"by subject": {"test": ["x"]}}}, "splits: 'by subject' is no name"),
        ({"splits": {"mine": {"tests": {"subject": [1]}}}}, "splits.mine: unknown key 'tests'; did you mean 'test'"),
        ({"splits": {"mine": {"test": {"subjects": [1]}}}}, "splits.mine.test: 'subjects' .*did you mean 'subject'"),
        ({"splits": {"mine": {"test": {"subject": 3}}}}, r"splits.mine.test.subject: write a list of whole numbers"),
        ({"splits": {"mine": {"test": {"camera": [1]}}}}, r"`files` has no placeholder \{camera\}"),
        ({"splits": {"mine": {"leave_one_out": "setup"}}}, r"`files` has no placeholder \{setup\}"),
        ({"splits": {"mine": {"leave_one_out": "subject", "test": ["x"]}}}, "leave_one_out stands alone"),
        ({"splits": {"mine": {"test": [3]}}}, "splits.mine.test: write"),
    ],
    ids=str,
)
def test_mistakes_are_one_line_that_names_the_key(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    root = write_description(tmp_path / "own", **changes)
    with pytest.raises(DataError, match=problem) as caught:
        describe(root)
    text = str(caught.value)
    assert text.startswith(str(root / "dataset.yaml"))
    assert "\n" not in text
    assert len(text) < len(str(root)) + 300


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "write keys and values"),
        (b"- joints", "write keys and values"),
        (b"joints: [hips", "dataset.yaml, line 1: "),
        (b"title: one\nunit: metres\ntitle: two\n", "dataset.yaml, line 3: 'title' stands twice"),
        (b"a: &a [x]\nb: [*a, *a]\n", "dataset.yaml, line 2: references"),
        (b"a: !!python/object/apply:os.mkdir [hostile]\n", "dataset.yaml, line 1: could not determine"),
        (b"joints: \xff\xfe\n", "cannot be read|UTF-8"),
        (b"a: " + b"[" * 100_000, "cannot be read|line 1"),
        (b"a: 2020-13-45\n", "dataset.yaml: "),
        (b"# " + b"x" * (1 << 20) + b"\n", "larger than the 1048576 bytes"),
    ],
    ids=range(10),
)
def test_damaged_and_hostile_descriptions(
    tmp_path: Path, text: bytes, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "dataset.yaml").write_bytes(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=problem) as caught:
        describe(tmp_path / "own")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "hostile").exists()


def test_every_key_of_the_tests_is_a_key() -> None:
    assert set(DESCRIPTION) <= set(KEYS)


def test_templates() -> None:
    template = Template("{class}/{class}_s{subject}_{name}", ["wave", "wave_both", "a.b"])
    assert template.match("wave/wave_s03_x") == {"class": "wave", "subject": "03", "name": "x"}
    assert template.match("wave_both/wave_both_s1_y") == {"class": "wave_both", "subject": "1", "name": "y"}
    assert template.match("wave/wave_both_s1_y") is None
    assert template.match("aXb/aXb_s1_y") is None
    assert template.match("wave/wave_s1_y/z") is None
    assert template.fill({"class": "wave", "subject": "03", "name": "x"}) == "wave/wave_s03_x"
