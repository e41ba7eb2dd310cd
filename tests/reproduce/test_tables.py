"""The declared tables: every number that the papers print, and every run behind it."""

import pytest

from skeleton_lab.config import compose
from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.metrics import METRICS
from skeleton_lab.reproduce.tables import load_table, table_names

# Rows × columns of the printed tables, counted in the papers.
PRINTED = {"adasgn_tab1": 8 * 3, "adasgn_tab2": 2 * 4, "adasgn_tab3": 11 * 16, "adasgn_tab6": 7 * 4}


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
@pytest.mark.parametrize("dataset", [None, "demo", "ntu120", "shrec2017"])
def test_every_cell_resolves_on_every_dataset(name: str, scale: str, dataset: str | None) -> None:
    table = load_table(name, scale, dataset)
    requests = {repr(request): request for cell in table.cells for members in cell.seeds for request in members}
    for request in requests.values():
        compose(request)


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
        ("adasgn_tab6", "3s-AdaSGN", "28G ACC(%)", 94.0),
        ("adasgn_tab6", "1s-SGN", "14G ACC(%)", 94.8),
    ],
)
def test_numbers_stand_where_the_paper_prints_them(name: str, row: str, column: str, reported: float) -> None:
    cells = {(cell.row, cell.column): cell for cell in load_table(name, "paper").cells}
    assert cells[row, column].reported == reported


def test_pretraining_is_asked_at_the_alpha_of_each_protocol() -> None:
    alphas = {
        cell.group: cell.seeds[0][0].changes["model.alpha"]
        for cell in load_table("adasgn_tab2", "paper").cells
        if cell.row == "w/ pretrain"
    }
    assert alphas == {"CS": 4.0, "CV": 1.0}


def test_another_dataset_brings_its_joints_and_protocols_but_not_the_papers_numbers() -> None:
    table = load_table("adasgn_tab1", "paper", "shrec2017")
    assert "SM1* 11" in table.unique("row")
    assert "14G ACC(%)" in table.unique("column")
    assert all(cell.reported is None for cell in table.cells)
    joints = {request.changes.get("model.joints") for cell in table.cells for (request,) in cell.seeds}
    assert joints == {None, "1", "11", "22"}


def test_seeds_multiply_the_runs() -> None:
    cell = load_table("adasgn_tab3", "paper", seeds=[1, 2, 3]).cells[0]
    assert [members[0].changes["seed"] for members in cell.seeds] == [1, 2, 3]


def test_streams_are_fused_by_row() -> None:
    cells = [cell for cell in load_table("adasgn_tab6", "paper").cells if cell.row == "3s-SGN"]
    assert [request.changes["data.stream"] for request in cells[0].seeds[0]] == ["joint", "bone", "joint_motion"]
    assert cells[0].weights == (1.0, 1.0, 1.0)


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(RequestError, match="unknown table 'adasgn_tab7': did you mean 'adasgn_tab"):
        load_table("adasgn_tab7", "paper")
