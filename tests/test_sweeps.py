"""Sweeps: every combination is a run that a table asks for, under the same key."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from skeleton_lab.cli import main
from skeleton_lab.config import Request
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.executor import Outcome
from skeleton_lab.reproduce.runs import Planner, Run
from skeleton_lab.reproduce.session import Session
from skeleton_lab.reproduce.sources import Source, prepared
from skeleton_lab.reproduce.sweeps import Sweep, load_sweep, sweep_names
from skeleton_lab.reproduce.tables import load_table
from skeleton_lab.verbs import sweep
from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.train import requested_runs
from tests.helpers import only

SPARSE = ["sparse_stgcn_tab1", "sparse_stgcn_fig4", "sparse_stgcn_fig5"]
TABLES = {
    "adasgn_alpha": ["adasgn_tab3"],
    "deform3d_stride": ["deform3d_fig7a", "deform3d_fig7b"],
    "gca_lstm_sharing": ["gca_lstm_tab8"],
    "gca_lstm_start": ["gca_lstm_tab11"],
    "star_attention": ["star_tab4"],
    **{f"sparse_{backbone}": SPARSE for backbone in ("st_gcn", "aa_gcn", "ctr_gcn", "dg_stgcn")},
}
# Runs that no table asks for: fewer hops than the paper's; of deform3d, a stride in clips of 12 frames, and all but the
# usual window and stride in others.
OURS = {"star_attention": 2, "deform3d_stride": 9}
DIVISIONS = {("ntu60", "xsub"), ("penn_action", "official")}


@pytest.fixture(scope="module")
def sources(demo_outputs: Path, demo_source: Source) -> dict[str, Source]:
    penn_action = prepared("penn_action", None, demo_outputs, "demo", demo_clips=24)
    return {"ntu60": demo_source, "penn_action": penn_action}


def keys(sources: dict[str, Source], requests: list[Request]) -> set[str]:
    planner = Planner(sources)
    return {planner.plan(request).key for request in requests if (request.dataset, request.protocol) in DIVISIONS}


def requests(sweep: Sweep, *words: str) -> list[Request]:
    return [only(requested_runs(Arguments.parse([*command[1:], *words]))) for command in sweep.commands()]


def test_every_sweep_is_checked() -> None:
    assert set(TABLES) == set(sweep_names())


@pytest.mark.parametrize("name", TABLES)
def test_every_run_of_a_sweep_is_one_of_a_table(name: str, sources: dict[str, Source]) -> None:
    asked = keys(sources, [each for table in TABLES[name] for each in load_table(table, "paper").requests])
    swept = keys(sources, requests(load_sweep(name), "scale=paper"))
    assert len(swept - asked) == OURS.get(name, 0)
    assert len(swept & asked) > 1


def test_words_of_the_user_win() -> None:
    sweep = load_sweep("gca_lstm_start").with_words(["protocol=xview", "stepwise=true", "epochs=3"])
    for request in requests(sweep):
        assert request.protocol == "xview"
        assert (request.overrides["model.stepwise"], request.overrides["training.epochs"]) == (True, 3)


@pytest.mark.parametrize("word", ["start=mean", "model.start=mean", "gca_lstm.model.start=mean"])
def test_words_do_not_name_what_a_sweep_goes_through(word: str) -> None:
    with pytest.raises(RequestError, match="gca_lstm_start goes through values of its own"):
        load_sweep("gca_lstm_start").with_words([word])


def changed(**changes: object) -> Sweep:
    sweep = load_sweep("adasgn_alpha")
    return Sweep(sweep.name, {**sweep.declared, **changes})


def test_a_random_sweep_draws_some_of_its_grid() -> None:
    every = [tuple(command) for command in load_sweep("adasgn_alpha").commands()]
    drawn = [tuple(command) for command in changed(method="random", run_cap=4).commands()]
    assert len(set(drawn)) == 4
    assert set(drawn) < set(every)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"method": "bayes"}, "method: bayes needs a W&B login"),
        ({"parameters": {"model.alpha": {"min": 0.0, "max": 8.0}}}, "model.alpha has no list of values"),
    ],
)
def test_what_only_wandb_can_draw_is_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        changed(**changes).commands()


def test_an_unknown_sweep_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="did you mean 'adasgn_alpha'"):
        load_sweep("adasgn_alfa")


def test_a_sweep_of_films_has_them(monkeypatch: pytest.MonkeyPatch, demo_outputs: Path) -> None:
    asked: list[Run] = []

    def execute(session: Session, runs: Iterable[Run]) -> Outcome:
        asked.extend(runs)
        return Outcome()

    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setattr(sweep, "is_logged_in", lambda: False)
    monkeypatch.setattr(Session, "execute", execute)
    assert main(["sweep", "deform3d_stride", "demo_clips=24", "seeds=1,2", f"output_dir={demo_outputs}"]) == 0
    assert len(asked) == 2 * 17
    assert "" not in asked[0].source.store.index.video.tolist()
