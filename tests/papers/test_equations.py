"""The READMEs of the papers map equations to lines, and the lines say what they are said to."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "skeleton_lab"
READMES = sorted((ROOT / "papers").glob("*/README.md"))
ROW = re.compile(r"^\| .+? \| `([\w/]+\.py):(\d+)` \| `(.+?)` \|$", re.MULTILINE)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_equations_stand_where_they_are_said_to(readme: Path) -> None:
    rows = ROW.findall(readme.read_text(encoding="utf-8"))
    assert rows
    for file, line, text in rows:
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        found = [number for number, content in enumerate(lines, start=1) if text in content]
        assert int(line) in found, f"{file}: `{text}` stands in line {found}, not {line}"
