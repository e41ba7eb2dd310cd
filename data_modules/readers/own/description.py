"""dataset.yaml, in which users describe their own recordings: every key is checked, every mistake is one line."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from data_modules.errors import DESCRIPTION, DataError, did_you_mean
from data_modules.layouts import Layout, layout_of
from data_modules.readers.own.splits import Split, split_of
from data_modules.readers.own.template import NUMBERS, Template
from data_modules.readers.own.yaml_file import load_yaml
from data_modules.settings import SkeletonSettings, settings_problems

FILE = DESCRIPTION
UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "pixels": 1.0}
NEEDED = ("unit", "joints", "bones", "classes")
KEYS = (
    *("title", "fps", *NEEDED, "parts", "mirrored"),
    *("files", "video", "frames_from", "image_size", "settings", "splits"),
)
JOINT_SETTINGS = ("centre_joint", "scale_bone", "align_up", "align_right")
SETTINGS = tuple(field.name for field in fields(SkeletonSettings) if field.name not in ("dataset", "protocol"))

DEFAULT_FPS = 30.0
MAX_FPS = 10_000
FEWEST_JOINTS, MAX_JOINTS = 3, 1_000
MAX_SIDE = 100_000  # of a picture, pixels
NAME = re.compile(r"\w[\w-]*")


@dataclass(frozen=True, eq=False)
class Description:
    """What dataset.yaml says.

    fps: None where it says nothing. metres: what a number in the files is multiplied by. frames_from: the number of a
    film's first frame in .csv files. image_size: (width, height), (0, 0) where there is none. settings: of the data
    section, joints as numbers. splits: none where it names none.
    """

    root: Path
    title: str
    fps: float | None
    metres: float
    layout: Layout
    classes: tuple[str, ...]
    files: Template
    video: Template | None
    frames_from: int
    image_size: tuple[int, int]
    settings: dict[str, Any]
    splits: tuple[Split, ...]


def describe(root: Path) -> Description:
    """What `root`/dataset.yaml says; read anew when the file changes.

    Raises DataError, naming the key, for a mistake.
    """
    path = root / FILE
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return _describe(root, (found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=64)
def _describe(root: Path, _written: tuple[int, int]) -> Description:
    path = root / FILE
    if not NAME.fullmatch(root.name):
        raise DataError(f"{root}: a dataset is called as its folder: rename it with letters, digits, _ and - alone")
    try:
        return _checked(root, load_yaml(path))
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise DataError(f"{path}{line}: {error.problem or error.context or 'not understood as YAML'}") from error
    except (RecursionError, yaml.YAMLError, OverflowError) as error:
        text = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path}: cannot be read ({text}); write it as plain text in UTF-8") from error
    except ValueError as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}") from error


def _checked(root: Path, found: Any) -> Description:
    if not isinstance(found, dict):
        raise ValueError(f"write keys and values, such as `unit: metres`; needed are {', '.join(NEEDED)}")
    for key in found:
        if key not in KEYS:
            raise ValueError(f"unknown key {_quote(key)}; {did_you_mean(str(key)[:40], KEYS)}")
    for key in NEEDED:
        if found.get(key) is None:
            raise ValueError(f"the key {key!r} is missing")
    given = {key: value for key, value in found.items() if value is not None}
    unit = given["unit"]
    if not isinstance(unit, str) or unit not in UNITS:
        raise ValueError(f"unit: {_quote(unit)} is no unit; {did_you_mean(str(unit)[:40], UNITS)}")
    layout = _layout(root.name, given, 2 if unit == "pixels" else 3)
    classes = _names("classes", given["classes"], fewest=2)
    files = _template("files", given.get("files", "{class}/{name}"), lambda text: Template(text, classes))
    if "class" not in files.names:
        raise ValueError("files: the template needs {class}, which says what a recording shows")
    video = given.get("video")
    return Description(
        root=root,
        title=_text("title", given.get("title", root.name)),
        fps=_fps(given["fps"]) if "fps" in given else None,
        metres=UNITS[unit],
        layout=layout,
        classes=classes,
        files=files,
        video=None if video is None else _template("video", video, lambda text: Template(text, classes, files.names)),
        frames_from=_frames_from(given),
        image_size=_image_size(given, unit),
        settings=_settings(given.get("settings", {}), layout),
        splits=_splits(given.get("splits", {}), files),
    )


def _layout(name: str, given: dict[str, Any], dimensions: int) -> Layout:
    joints = _names("joints", given["joints"], fewest=1)
    if len(joints) > MAX_JOINTS:
        raise ValueError(f"joints: {len(joints)} are more than a skeleton can have here ({MAX_JOINTS})")
    if len(joints) < FEWEST_JOINTS:
        raise ValueError(
            f"joints: {len(joints)} are too few: name at least {FEWEST_JOINTS}, for AdaSGN looks at a skeleton "
            "in three numbers of joints"
        )
    bones = given["bones"]
    if not isinstance(bones, list) or not bones:
        raise ValueError("bones: write chains of joints outwards from the root, such as [[hips, chest, head]]")
    chains = [_names("bones", one, fewest=1) for one in bones]
    mirrored = given.get("mirrored")
    pairs = None if mirrored is None else _pairs(mirrored, joints)
    _check_joints("bones", chain.from_iterable(chains), joints)
    try:
        layout = layout_of(name, joints, {one[-1]: [one] for one in chains}, dimensions, pairs)
    except ValueError as error:
        raise ValueError(
            f"bones: {error}; write them outwards from the root, each begun at a joint before it"
        ) from None
    return replace(layout, parts=_parts(given["parts"], joints)) if "parts" in given else layout


def _pairs(mirrored: Any, joints: Sequence[str]) -> list[tuple[str, str]]:
    if not isinstance(mirrored, list):
        raise ValueError("mirrored: write pairs of joints, such as [[left_hand, right_hand]]")
    pairs = [_names("mirrored", pair, fewest=2) for pair in mirrored]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("mirrored: every pair has two joints")
    named = list(chain.from_iterable(pairs))
    _check_joints("mirrored", named, joints)
    _check_unique("mirrored", named)
    return [(left, right) for left, right in pairs]


def _parts(parts: Any, joints: Sequence[str]) -> dict[str, tuple[int, ...]]:
    if not isinstance(parts, dict) or not parts:
        raise ValueError("parts: write names with lists of joints, such as {arm: [shoulder, hand]}")
    named = {
        _text("parts", part): _names(f"parts.{str(part)[:40]}", members, fewest=1) for part, members in parts.items()
    }
    members = list(chain.from_iterable(named.values()))
    _check_joints("parts", members, joints)
    _check_unique("parts", members)
    missing = [joint for joint in joints if joint not in members]
    if missing:
        raise ValueError(f"parts: {missing[0]!r} is in none of them; every joint belongs to one")
    return {part: tuple(sorted(joints.index(joint) for joint in members)) for part, members in named.items()}


def _fps(value: Any) -> float:
    if not _is_number(value) or not 0 < value <= MAX_FPS:
        raise ValueError(f"fps: {_quote(value)} is no number of frames per second (above 0, up to {MAX_FPS})")
    return float(value)


def _frames_from(given: dict[str, Any]) -> int:
    value = given.get("frames_from", 0)
    if type(value) is not int or value not in (0, 1):
        raise ValueError(f"frames_from: {_quote(value)} is neither 0 nor 1, the number of a film's first frame in .csv")
    if "frames_from" in given and "video" not in given:
        raise ValueError("frames_from: it says how films are counted, but there is no `video`; leave it out")
    return value


def _image_size(given: dict[str, Any], unit: str) -> tuple[int, int]:
    size = given.get("image_size")
    if size is None:
        if unit == "pixels" or "video" in given:
            raise ValueError("the key 'image_size' is missing: [width, height] of the picture in pixels")
        return 0, 0
    whole = isinstance(size, list) and len(size) == 2 and all(_is_number(one) and one == int(one) for one in size)
    if not whole or not all(0 < one <= MAX_SIDE for one in size):
        raise ValueError(f"image_size: {_quote(size)} is no [width, height] in pixels")
    return int(size[0]), int(size[1])


def _settings(settings: Any, layout: Layout) -> dict[str, Any]:
    """The data section, joints as numbers. Unless it says otherwise, the origin is the root, or a picture's middle."""
    if not isinstance(settings, dict):
        raise ValueError("settings: write keys and values, such as {persons: 2}")
    found: dict[str, Any] = {"centre_joint": layout.root, "origin": "joint" if layout.dimensions == 3 else "image"}
    for key, value in settings.items():
        if key not in SETTINGS:
            raise ValueError(f"settings: unknown key {_quote(key)}; {did_you_mean(str(key)[:40], SETTINGS)}")
        found[key] = _joint_numbers(f"settings.{key}", value, layout.joints) if key in JOINT_SETTINGS else value
    try:
        merged = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(SkeletonSettings(layout.name, "")), found))
    except (OmegaConfBaseException, TypeError) as error:
        raise ValueError(f"settings.{getattr(error, 'full_key', None) or '…'}: {error}") from error
    assert isinstance(merged, SkeletonSettings)
    for problem in settings_problems(merged, layout):
        raise ValueError(f"settings: {problem.removeprefix('data.')}")
    return {key: getattr(merged, key) for key in found}


def _joint_numbers(key: str, value: Any, joints: Sequence[str]) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return [_joint_number(key, one, joints) for one in value]
    return _joint_number(key, value, joints)


def _joint_number(key: str, value: Any, joints: Sequence[str]) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{key}: {_quote(value)} is no joint")
    _check_joints(key, [value], joints)
    return joints.index(value)


def _splits(splits: Any, files: Template) -> tuple[Split, ...]:
    if not isinstance(splits, dict):
        raise ValueError("splits: write names with rules, such as {by_subject: {test: {subject: [3, 4]}}}")
    for name in splits:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f"splits: {_quote(name)} is no name; use letters, digits, _ and -")
    columns = [column for column in NUMBERS if column in files.names]
    return tuple(split_of(name, rule, columns) for name, rule in splits.items())


def _template(key: str, value: Any, make: Callable[[str], Template]) -> Template:
    try:
        return make(_text(key, value))
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(f"{key}: ") else f"{key}: {text}") from None


def _names(key: str, value: Any, fewest: int) -> tuple[str, ...]:
    """A list of names, no two of them the same."""
    if not isinstance(value, list) or len(value) < fewest:
        raise ValueError(
            f"{key}: write a list of {'names' if fewest < 2 else 'at least two names'}, such as [one, two]"
        )
    names = tuple(_text(key, one) for one in value)
    _check_unique(key, names)
    return names


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key}: {_quote(value)} is no name to YAML; put it in quotes")
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise ValueError(f"{key}: {_quote(value)} is no name; it is empty, or has blanks around it")
    return value


def _check_joints(key: str, named: Iterable[str], joints: Sequence[str]) -> None:
    for joint in named:
        if joint not in joints:
            raise ValueError(f"{key}: no joint is called {joint!r:.60}; {did_you_mean(joint, joints)}")


def _check_unique(key: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{key}: {name!r:.60} stands twice")
        seen.add(name)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _quote(value: Any) -> str:
    return f"{value!r:.60}"
