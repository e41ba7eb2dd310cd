"""Sweeps: every combination is a run that a table asks for."""

from itertools import product
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from skeleton_lab.config import Request, compose
from skeleton_lab.reproduce.tables import load_table

SWEEPS = sorted((Path(__file__).parents[1] / "sweeps").glob("*.yaml"))
# What a sweep's runs are asked for by.
TABLES = ("sparse_stgcn_tab1", "sparse_stgcn_fig4", "sparse_stgcn_fig5")


@pytest.fixture(scope="module")
def of_tables() -> list[object]:
    requests = {repr(request): request for table in TABLES for request in load_table(table, "paper").requests}
    return [compose(request) for request in requests.values()]


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_run_of_a_sweep_is_one_of_a_table(path: Path, of_tables: list[object]) -> None:
    sweep = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(sweep, dict)
    verb, model, *fixed, given = sweep["command"][1:]
    assert (verb, given) == ("train", "${args_no_hyphens}")
    place = dict(argument.split("=") for argument in fixed)
    grid = {key: parameter["values"] for key, parameter in sweep["parameters"].items()}
    for values in product(*grid.values()):
        changes = {**dict(zip(grid, values, strict=True)), "seed": 1}
        run = compose(Request(model, place["dataset"], place["protocol"], "paper", changes))
        assert run in of_tables
