"""The declared tables: every number that the papers print, and every run behind it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from data_modules.readers import READERS
from skeleton_lab import config
from skeleton_lab.config import compose, declaration
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce import tables
from skeleton_lab.reproduce.fusion import Fusion
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.runs import Planner
from skeleton_lab.reproduce.sources import Source
from skeleton_lab.reproduce.tables import load_table, table_names
from tests.reproduce.test_runs import FakeStore

# Rows × columns of the printed tables, counted in the papers.
PRINTED = {
    "adasgn_tab1": 8 * 3,
    "adasgn_tab2": 2 * 4,
    "adasgn_tab3": 11 * 16,
    "adasgn_tab4": 11 * 4,
    "adasgn_tab5": 9 * 4,
    "adasgn_tab6": 7 * 4,
    "adasgn_fig1": 11 * 2,
    "adasgn_fig3": 10 * 4,
    "adasgn_fig4": 0,
    "star_tab1": 4 * 4,
    "star_tab2": 4 * 3,
    "star_tab3": 9 + 9 + 8,
    "star_tab4": 2 * 4,
    "star_tab5": 2 * 2,
    "star_fig8": 0,
    "star_fig9": 0,
    "star_fig10": 0,
    "star_fig11": 0,
    "sparse_stgcn_tab1": 4 * 5 * 4 + 4,
    "sparse_stgcn_tab2": 4 * 2 * 4,
    "sparse_stgcn_tab3": 59 + 6 * 6,
    "sparse_stgcn_fig1": 4 * 3 * 4,
    "sparse_stgcn_fig3": 0,
    "sparse_stgcn_fig4": 0,
    "sparse_stgcn_fig5": 0,
    "sparse_stgcn_fig6": 0,
    "gca_lstm_tab1": 16 * 2,
    "gca_lstm_tab2": 4 * 2,
    "gca_lstm_tab3": 7,
    "gca_lstm_tab4": 4,
    "gca_lstm_tab5": 10,
    "gca_lstm_tab6": 8,
    "gca_lstm_tab7": 2 * 5,
    "gca_lstm_tab8": 3 * 4,
    "gca_lstm_tab9": 10,
    "gca_lstm_tab10": 7,
    "gca_lstm_tab11": 2 * 2,
    "gca_lstm_fig6": 0,
    "gca_lstm_fig7": 0,
    "gca_lstm_fig8": 0,
    "deform3d_tab1": 14 * 4 + 2 + 2 + 1,
    "deform3d_tab2": 4,
    "deform3d_tab3": 8,
    "deform3d_tab4": 5,
    "deform3d_tab5": 3,
    "deform3d_fig5": 0,
    "deform3d_fig6": 0,
    "deform3d_fig7a": 0,
    "deform3d_fig7b": 0,
    "deform3d_figa1": 0,
    "deform3d_figa2": 0,
    "deform3d_figa3": 0,
    "deform3d_figa4": 0,
    "deform3d_figa5": 0,
    "deform3d_taba1": 0,
    "deform3d_taba2": 0,
    "pareto": 0,
}


@pytest.fixture(scope="module")
def resolved() -> set[str]:
    """What tables ask for in common is looked at once."""
    return set()


def test_every_table_is_checked_here() -> None:
    assert set(table_names()) == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_number_is_declared(name: str) -> None:
    table = load_table(name, "paper")
    assert sum(cell.reported is not None for cell in table.cells) == PRINTED[name]
    assert len({(cell.row, cell.column) for cell in table.cells}) == len(table.cells)
    assert all(cell.metric in METRICS for cell in table.cells)


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("dataset", [None, "shrec2017"])  # test_config.py has every model on every dataset
def test_every_cell_resolves_on_every_dataset(name: str, scale: str, dataset: str | None, resolved: set[str]) -> None:
    table = load_table(name, scale, dataset)
    for shown, request in {repr(request): request for request in table.requests}.items():
        if shown not in resolved:
            compose(request)
            resolved.add(shown)


@pytest.mark.parametrize(
    ("name", "row", "column", "reported"),
    [
        ("adasgn_tab1", "SM1* 9", "CV ACC(%)", 92.3),
        ("adasgn_tab1", "SM0 25", "GFLOPs", 0.160),
        ("adasgn_tab2", "w/ pretrain", "CV GFLOPS", 0.10),
        ("adasgn_tab3", "α=4.0", "CS GFLOPs", 0.07),
        ("adasgn_tab3", "α=20.0", "CV B-25", 4.74),
        ("adasgn_tab3", "fuse", "CS S-1", 100),
        ("adasgn_tab3", "rand", "CV ACC(%)", 91.2),
        ("adasgn_tab4", "ShiftGCN", "CV ACC(%)", 96.5),
        ("adasgn_tab4", "SGN", "CS GFLOPS", 0.80),
        ("adasgn_tab4", "3s-AdaSGN", "CV GFLOPS", 0.15),
        ("adasgn_tab5", "1s-AdaSGN", "CE ACC(%)", 83.6),
        ("adasgn_tab5", "3s-AdaSGN", "CE GFLOPS", 0.26),
        ("adasgn_fig1", "3s-SGN", "CS ACC(%)", 90.0),
        ("adasgn_fig3", "α=8.0", "CV GFLOPs", 0.05),
        ("adasgn_fig3", "SGN", "CV ACC(%)", 94.1),
        ("adasgn_tab6", "3s-AdaSGN", "28G ACC(%)", 94.0),
        ("adasgn_tab6", "1s-SGN", "14G ACC(%)", 94.8),
        ("star_tab1", "ST-TR", "NTU-120 X-subject ACC(%)", 81.9),
        ("star_tab1", "STAR-128", "NTU-60 X-view ACC(%)", 89.0),
        ("star_tab1", "ST-GCN", "NTU-120 X-setup ACC(%)", 71.3),
        ("star_tab2", "ST-TR", "CUDA time (ms)", 1593.05),
        ("star_tab2", "STAR-64", "num. of parameters", 420_000),
        ("star_tab2", "STAR-128", "GMACs", 73.33),
        ("star_tab3", "ST-GCN: ReLU", "Latency (ms)", 4.49),
        ("star_tab3", "ST-GCN: Linear", "Parameters", 15_400),
        ("star_tab3", "ST-TR: Conv2d", "GMACs", 810.57),
        ("star_tab3", "ST-TR: Linear", "Parameters", 30_800),
        ("star_tab3", "STAR-64: MatMul(attention)", "Latency (ms)", 25.27),
        ("star_tab3", "STAR-64: LayerNorm", "Parameters", 1_300),
        ("star_tab4", "STAR (full)", "NTU-60 X-view ACC(%)", 81.9),
        ("star_tab4", "STAR (sparse)", "NTU-120 X-setup ACC(%)", 78.5),
        ("star_tab5", "STAR-sparse", "CUDA time (ms)", 105.7),
        ("star_tab5", "STAR-full", "GMACs", 73.33),
        ("sparse_stgcn_tab1", "ST-GCN", "parameters", 3_100_000),
        ("sparse_stgcn_tab1", "AA-GCN, 0.95", "60-sub ACC(%)", 89.5),
        ("sparse_stgcn_tab1", "CTR-GCN, 0.99", "120-sub ACC(%)", 79.2),
        ("sparse_stgcn_tab1", "DG-STGCN, 0.8", "120-set ACC(%)", 86.5),
        ("sparse_stgcn_tab2", "CTR-GCN, assembled", "60-view ACC(%)", 96.5),
        ("sparse_stgcn_tab2", "AA-GCN", "120-sub ACC(%)", 83.7),
        ("sparse_stgcn_tab3", "MS-G3D", "FineGYM ACC(%)", 92.6),
        ("sparse_stgcn_tab3", "DG-STGCN(S 0.99)", "120-set ACC(%)", 90.4),
        ("sparse_stgcn_tab3", "DG-STGCN(A 0.66)", "Kinetics-400 ACC(%)", 47.5),
        ("sparse_stgcn_fig1", "DG-STGCN, 0.8", "60-sub ACC(%)", 90.1),
        ("gca_lstm_tab1", "STA Model", "CV ACC(%)", 81.2),
        ("gca_lstm_tab1", "GCA-LSTM (direct training)", "CS ACC(%)", 74.3),
        ("gca_lstm_tab2", "Two-stream GCA-LSTM with stepwise training", "CV ACC(%)", 85.1),
        ("gca_lstm_tab3", "ST-LSTM + Global (2)", "CS ACC(%)", 76.6),
        ("gca_lstm_tab4", "GCA-LSTM (coarse-grained only)", "CS ACC(%)", 76.9),
        ("gca_lstm_tab5", "GCA-LSTM (stepwise training)", "leave one out ACC(%)", 99.0),
        ("gca_lstm_tab6", "12 cm", "CS ACC(%)", 92.7),
        ("gca_lstm_tab7", "1", "UT-Kinect ACC(%)", 98.0),
        ("gca_lstm_tab8", "(c), 3", "CS ACC(%)", 69.3),
        ("gca_lstm_tab8", "(d), 2", "CS ACC(%)", 76.1),
        ("gca_lstm_tab9", "GCA-LSTM (stepwise training)", "five folds ACC(%)", 94.9),
        ("gca_lstm_tab10", "Kapsouras et al.", "CS ACC(%)", 98.2),
        ("gca_lstm_tab11", "Averaging", "CV ACC(%)", 83.1),
        ("deform3d_tab1", "VPN++ (3D pose) (R+P, pre-trained)", "NTU120 XSub ACC(%)", 90.7),
        ("deform3d_tab1", "Ours (R+P)", "NTU120 XSet ACC(%)", 91.4),
        ("deform3d_tab2", "Ours (R+P†)", "Gym99 Mean(%)", 90.3),
        ("deform3d_tab3", "Multitask CNN (R+P)", "Penn Top-1(%)", 98.6),
        ("deform3d_tab4", "③ 3D deformable, temporal", "Penn Top-1(%)", 98.2),
        ("deform3d_tab5", "Single token", "Penn Top-1(%)", 97.0),
    ],
)
def test_numbers_stand_where_the_paper_prints_them(name: str, row: str, column: str, reported: float) -> None:
    cells = {(cell.row, cell.column): cell for cell in load_table(name, "paper").cells}
    assert cells[row, column].reported == reported


@pytest.mark.parametrize(("figure", "table"), [("adasgn_fig1", "adasgn_tab4"), ("adasgn_fig3", "adasgn_tab3")])
def test_figures_repeat_what_their_tables_report(figure: str, table: str) -> None:
    printed = {(cell.row, cell.column): cell.reported for cell in load_table(table, "paper").cells}
    for cell in load_table(figure, "paper").cells:
        if cell.row != "SGN" or figure == "adasgn_fig1":
            assert cell.reported == printed[cell.row, cell.column]


def test_pretraining_is_asked_at_the_alpha_of_each_protocol() -> None:
    alphas = {
        cell.group: cell.seeds[0][0].changes["model.alpha"]
        for cell in load_table("adasgn_tab2", "paper").cells
        if cell.row == "w/ pretrain"
    }
    assert alphas == {"CS": 4.0, "CV": 1.0}


@pytest.fixture(scope="module")
def planner() -> Planner:
    """Of NTU RGB+D 60, whose recordings planning does not need."""
    return Planner({"ntu60": Source(READERS["ntu60"], FakeStore(), Path(), is_demo=False)})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def planner_of_two() -> Planner:
    """Of NTU RGB+D 60 and 120."""
    names = ("ntu60", "ntu120")
    return Planner({name: Source(READERS[name], FakeStore(name), Path(), is_demo=False) for name in names})  # type: ignore[arg-type]


def runs(name: str, planner: Planner) -> dict[tuple[str, str], tuple[str, ...]]:
    """The keys of the runs of each row and group, at the paper's scale."""
    return {
        (cell.row, cell.group): tuple(planner.plan(request).key for request in members)
        for cell in load_table(name, "paper").cells
        for members in cell.seeds
    }


@pytest.mark.parametrize(
    ("figure_name", "table_name"), [("adasgn_fig1", "adasgn_tab4"), ("adasgn_fig3", "adasgn_tab3")]
)
def test_figures_train_nothing_that_their_tables_do_not(figure_name: str, table_name: str, planner: Planner) -> None:
    table, figure = runs(table_name, planner), runs(figure_name, planner)
    assert {place: table[place] for place in figure} == figure


def test_tables_share_their_runs(planner: Planner) -> None:
    single, pretraining, alphas, comparison = (runs(f"adasgn_tab{number}", planner) for number in (1, 2, 3, 4))
    for group in ("CS", "CV"):
        skipped, zeros = single["SM0 25", group], comparison["1s-SGN", group]
        assert skipped != zeros
        assert comparison["1s-SGN, absent persons skipped", group] == skipped
        assert alphas["SGN, absent persons skipped", group] == skipped
        assert alphas["SGN", group] == zeros == comparison["3s-SGN", group][:1]
        assert comparison["1s-AdaSGN", group] == alphas["α=4.0", group] == comparison["3s-AdaSGN", group][:1]
        assert comparison["3s-AdaSGN, weights 3:3:1", group] == comparison["3s-AdaSGN", group]
        assert comparison["1s-AdaSGN, absent persons skipped", group] == alphas["α=4.0, absent persons skipped", group]
    assert pretraining["w/ pretrain", "CS"] == alphas["α=4.0", "CS"]
    assert pretraining["w/ pretrain", "CV"] == alphas["α=1.0", "CV"]


def test_star_tables_share_their_runs(planner_of_two: Planner) -> None:
    accuracy, attention, curves = (runs(f"star_{name}", planner_of_two) for name in ("tab1", "tab4", "fig11"))
    for group in ("NTU-60 X-subject", "NTU-60 X-view", "NTU-120 X-subject", "NTU-120 X-setup"):
        assert attention["STAR (sparse)", group] == accuracy["STAR-128", group] != attention["STAR (full)", group]
        assert len(accuracy["ST-TR", group]) == 2
    assert curves["STAR-64", "X-subject"] != accuracy["STAR-64", "NTU-60 X-subject"]


def test_rows_of_ours_differ_from_the_papers_in_what_they_say(planner: Planner) -> None:
    alphas, comparison = runs("adasgn_tab3", planner), runs("adasgn_tab4", planner)
    variants = ("α=4.0", "α=4.0, absent persons skipped", "α=4.0, actions sampled at test time")
    assert len({alphas[row, "CS"] for row in variants}) == 3
    assert comparison["SGN", "CS"] != comparison["1s-SGN", "CS"]


def test_single_models_leave_absent_persons_out_whoever_builds_on_them(planner: Planner) -> None:
    single, pretraining = load_table("adasgn_tab1", "paper").requests, load_table("adasgn_tab2", "paper").requests
    starred = {planner.plan(request).key for request in single if request.model == "adasgn_single"}
    assert {each.key for request in pretraining for each in planner.plan(request).requires.values()} == starred


def test_the_policy_of_the_released_cross_setup_configuration_starts_from_the_largest() -> None:
    for request in load_table("adasgn_tab5", "paper").requests:
        largest = (request.model, request.protocol) == ("adasgn", "xset")
        assert request.changes.get("model.policy_start") == ("largest" if largest else None)


def test_what_all_rows_set_gives_way_to_a_row() -> None:
    for cell in load_table("adasgn_tab3", "paper").cells:
        for (request,) in cell.seeds:
            absent_persons = "masked" if "absent persons skipped" in cell.row else "zeros"
            assert request.changes["model.absent_persons"] == absent_persons


def test_an_override_may_change_what_all_rows_have_in_common_and_nothing_else() -> None:
    assert "model.absent_persons" not in load_table("adasgn_tab2", "paper").varied
    assert load_table("adasgn_tab2", "paper").varied == {"model.pretrained", "model.alpha", "seed"}
    assert {"model.absent_persons", "model.evaluation_actions"} <= load_table("adasgn_tab3", "paper").varied
    assert {"data.stream", "data.test_crops"} <= load_table("adasgn_tab4", "paper").varied


def test_columns_of_ours_are_of_what_is_measured_of_a_model() -> None:
    cells = load_table("adasgn_tab4", "paper").cells
    assert all(not cell.ours for cell in cells if cell.is_quoted)
    assert {cell.row for cell in cells if cell.metric == "absent_share_0"} == {
        cell.row for cell in cells if "AdaSGN" in cell.row
    }
    assert all(cell.reported is None for cell in cells if cell.ours or cell.row_is_ours)
    assert {cell.metric for cell in cells if cell.row == "1s-SGN"} == {
        *("top1", "gmacs_as_paper"),
        *("gmacs_all", "gmacs_per_clip", "gmacs_per_present_person", "latency_ms"),
    }


@pytest.fixture
def fresh_declarations() -> Iterator[None]:
    config.declaration.cache_clear()
    yield
    config.declaration.cache_clear()


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("dataset: ntu60", "dataset: ntu60\nfootnote: one", "table adasgn_tab2: unknown key footnote"),
        ("name: GFLOPS,", "name: GFLOPS, tolerence: 1,", "column GFLOPS: unknown key tolerence"),
        ("metric: top1", "metric: top11", "did you mean 'top1'"),
        ("name: w/o pretrain,", "name: w/o pretrain, ours: true,", "a row of ours has no numbers that a paper reports"),
        ("0.07, 92.2, 0.10]", "0.07, 92.2, 0.10, 5]", "reports more numbers than it has columns"),
    ],
)
def test_a_mistake_in_a_declaration_is_named(
    before: str, after: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_declarations: None
) -> None:
    declarations = shutil.copytree(config.DECLARATIONS, tmp_path / "experiments")
    path = declarations / "tables" / "adasgn_tab2.yaml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    monkeypatch.setattr(config, "DECLARATIONS", declarations)
    with pytest.raises(RequestError, match=re.escape(problem)):
        load_table("adasgn_tab2", "paper")


def test_another_dataset_brings_its_joints_and_protocols_but_not_the_papers_numbers() -> None:
    table = load_table("adasgn_tab1", "paper", "shrec2017")
    assert "SM1* 11" in table.unique("row")
    assert "14G ACC(%)" in table.unique("column")
    assert all(cell.reported is None for cell in table.cells)
    joints = {request.changes.get("model.joints") for request in table.requests}
    assert joints == {None, "1", "11", "22"}


def test_seeds_multiply_the_runs() -> None:
    cell = load_table("adasgn_tab3", "paper", seeds=[1, 2, 3]).cells[0]
    assert [members[0].changes["seed"] for members in cell.seeds] == [1, 2, 3]


def test_streams_are_fused_by_row() -> None:
    cells = [cell for cell in load_table("adasgn_tab6", "paper").cells if cell.row == "3s-SGN"]
    assert [request.changes["data.stream"] for request in cells[0].seeds[0]] == ["joint", "bone", "joint_motion"]
    assert cells[0].fusion.weights == (1.0, 1.0, 1.0)
    weighed = [cell for cell in load_table("adasgn_tab6", "paper").cells if cell.row == "3s-SGN, weights 3:3:1"]
    assert weighed[0].seeds == cells[0].seeds
    assert weighed[0].fusion.weights == (3, 3, 1)


def test_a_fusion_goes_over_all_values_of_its_keys() -> None:
    cells = [cell for cell in load_table("sparse_stgcn_tab3", "paper").cells if cell.row == "DG-STGCN(A 0.66)"]
    (members,) = cells[0].seeds
    found = {(request.changes["data.stream"], request.changes["model.sparsity"]) for request in members}
    assert len(members) == len(found) == 16
    assert cells[0].fusion == Fusion((1.0,) * 16, "probabilities")


def test_a_fusion_over_seeds_is_one_whatever_seeds_are_asked_for() -> None:
    rows = load_table("sparse_stgcn_tab2", "paper", seeds=[5, 6]).cells
    cell = next(cell for cell in rows if cell.row == "ST-GCN, four dense seeds")
    (members,) = cell.seeds
    assert [request.changes["seed"] for request in members] == [1, 2, 3, 4]


def test_a_scale_may_run_fewer_protocols_unless_one_is_asked_for() -> None:
    table = load_table("sparse_stgcn_tab1", "demo")
    assert {cell.left_out for cell in table.cells if cell.group == "60-sub"} == {False}
    assert {cell.left_out for cell in table.cells if cell.group in ("60-view", "120-sub", "120-set")} == {True}
    assert table.recordings == ["ntu60"]
    assert table.footnotes[-1].endswith("protocol=xview or ntu120/xsub or ntu120/xset.")
    asked = load_table("sparse_stgcn_tab1", "demo", protocol="ntu120/xset")
    assert asked.recordings == ["ntu120"]
    assert not any(cell.left_out for cell in (*asked.cells, *load_table("sparse_stgcn_tab1", "paper").cells))


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(RequestError, match="unknown table 'adasgn_tab77': did you mean 'adasgn_tab"):
        load_table("adasgn_tab77", "paper")


def test_one_protocol_alone_can_be_asked_for() -> None:
    whole, half = load_table("adasgn_tab1", "paper"), load_table("adasgn_tab1", "paper", protocol="xview")
    assert {request.protocol for request in half.requests} == {"xview"}
    assert half.unique("column") == [column for column in whole.unique("column") if not column.startswith("CS ")]
    expected = {(cell.row, cell.column): cell.reported for cell in whole.cells}
    assert all(cell.reported == expected[cell.row, cell.column] for cell in half.cells)
    with pytest.raises(RequestError, match="unknown protocol of table adasgn_tab1 'xvie': did you mean 'xview'"):
        load_table("adasgn_tab1", "paper", protocol="xvie")


def test_a_group_that_the_table_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = OmegaConf.create(OmegaConf.to_yaml(declaration("tables", "adasgn_tab2")))
    declared.rows[1].by_group = {"CW": {"model.alpha": 1.0}}
    monkeypatch.setattr(tables, "declaration", lambda kind, name: declared)
    with pytest.raises(RequestError, match="by_group names CW, which the table does not have"):
        load_table("adasgn_tab2", "paper")
