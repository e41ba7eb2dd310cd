"""What the program says of itself, and what a shell may offer."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skeleton_lab.cli import _parser, main
from skeleton_lab.completion import candidates, complete
from skeleton_lab.reproduce.tables import table_names
from skeleton_lab.verbs import VERBS


def test_without_words_it_says_which_verbs_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: skeleton-lab {verb} ")
    assert f"\n  skeleton-lab {verb}" in shown
    assert ("--plot" in shown) == ("plot" in VERBS[verb].options)


def test_help_does_not_wait_for_pytorch() -> None:
    code = "import sys, skeleton_lab.cli, skeleton_lab.completion; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


@pytest.mark.parametrize(
    ("verb", "before", "prefix", "some"),
    [
        ("reproduce", [], "adasgn_tab", {"adasgn_tab1", "adasgn_tab6"}),
        ("reproduce", ["pareto"], "dataset=sh", {"dataset=shrec2017"}),
        ("reproduce", ["pareto"], "see", {"seeds="}),
        ("train", [], "gca", {"gca_lstm", "gca_lstm_two_stream"}),
        ("train", ["adasgn"], "al", {"alpha=", "alpha_warmup_epochs="}),
        ("train", ["adasgn"], "scale=", {"scale=demo", "scale=paper"}),
        ("export", ["sgn"], "format=p", {"format=pt2"}),
        ("doctor", [], "my_", {"my_moves"}),
        ("sweep", [], "star", {"star_attention"}),
        ("train", ["sgn"], "alpha", set()),
    ],
)
def test_words_that_may_come_next(
    verb: str, before: list[str], prefix: str, some: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_moves").mkdir()
    (tmp_path / "my_moves" / "dataset.yaml").write_text("")
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    found = candidates(verb, before, prefix)
    assert some <= set(found)
    assert bool(found) == bool(some)
    assert all(each.startswith(prefix) for each in found)


def test_the_shell_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("argcomplete", reason="argcomplete is not installed")
    line, answer = "skeleton-lab report star_t", io.StringIO()
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    monkeypatch.setenv("_ARGCOMPLETE_IFS", "\n")
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    os.environ.pop("_ARGCOMPLETE_STDOUT_FILENAME", None)
    complete(_parser(VERBS["report"]), answer)
    assert answer.getvalue().split() == [name for name in table_names() if name.startswith("star_t")]
