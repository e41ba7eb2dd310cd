"""The examples of data_modules/README.md do what stands there.

Axes: T frames, V joints, C = 2 coordinates.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.films import draw_dots, write_film
from tests.own_dataset import CLASSES, movement, write_moves, write_table
from tests.own_dataset import write_description as describe

README = Path(__file__).parents[2] / "data_modules" / "README.md"
POSES, FILMS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def run(example: str, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data_root)
    exec(compile(example.replace("/data", str(data_root)), "example", "exec"), {"__name__": "__main__"})


def test_poses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_moves(tmp_path / "my_moves")
    run(POSES, tmp_path, monkeypatch)
    shown = capsys.readouterr().out
    assert shown.startswith("24 recordings; ")
    frames, clips = re.search(r"torch.Size\(\[(\d+), 9, 3\]\)\ntensor\(\[ *0, (?:.*?)(\d+)\]\)", shown).groups()  # type: ignore[union-attr]
    assert frames == clips


def test_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root = describe(
        tmp_path / "my_films",
        unit="pixels",
        image_size=[160, 120],
        video="{class}/s{subject}_r{replication}.mp4",
    )
    for subject, action in ((subject, action) for subject in (1, 3) for action in CLASSES):
        path = root / action / f"s{subject}_r1.csv"
        write_table(path, 60 + 20 * movement(action)[..., :2], "xy")
        write_film(path.with_suffix(".mp4"), draw_dots(np.full((12, 2), 60.0)))
    run(FILMS, tmp_path, monkeypatch)
    shown = capsys.readouterr().out
    assert "torch.Size([2, 8, 3, 112, 112])" in shown
    assert "torch.Size([2, 1, 8, 9, 2])" in shown
    assert len(list((tmp_path / "outputs" / "films").glob("my_films-128-*/*/*.mp4"))) == 6
