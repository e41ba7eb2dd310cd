# Every target brings what it needs: no other command has to be run before it.
#   make reproduce TABLE=adasgn_tab3 SCALE=paper DATA_ROOT=/data ARGS="training.precision=bf16-mixed"

PYTHON ?= python3
VENV ?= .venv
TABLE ?= adasgn_tab3
MODEL ?= sgn
SCALE ?= demo

READY := $(VENV)/.ready
SCATTER := $(VENV)/.scatter
LAB := $(VENV)/bin/skeleton-lab
# Empty values say nothing: the program then takes its defaults, or DATA_ROOT and OUTPUT_DIR from the environment.
WHERE = scale=$(SCALE) "data_root=$(DATA_ROOT)" "output_dir=$(OUTPUT_DIR)" jobs=$(JOBS) devices=$(DEVICES) nodes=$(NODES) $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup setup-scatter reproduce report runs tables train sweep agent predict prepare doctor bench test test-slow test-scatter lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that is needed, at the tested versions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

setup-scatter: $(SCATTER) ## add torch-scatter, which is built here (about 5 minutes)

$(SCATTER): $(READY)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
	@# pip's cache would hand out what was built for another torch.
	$(VENV)/bin/python -m pip install --disable-pip-version-check -c constraints.txt --no-cache-dir \
		--no-build-isolation -e ".[scatter]"
	@touch $@

reproduce: $(READY) ## train what TABLE=adasgn_tab3 misses, and print it beside the paper's numbers
	@$(LAB) reproduce $(TABLE) "dataset=$(DATASET)" protocol=$(PROTOCOL) seeds=$(SEEDS) $(WHERE)

report: $(READY) ## print TABLE=… from the runs that are finished; without one, a page that lists all tables
	@$(LAB) report $(if $(filter file,$(origin TABLE)),,$(TABLE) "dataset=$(DATASET)" protocol=$(PROTOCOL) seeds=$(SEEDS)) $(WHERE)

runs: $(READY) ## list the finished runs
	@$(LAB) runs "output_dir=$(OUTPUT_DIR)"

tables: $(READY) ## list the tables
	@$(LAB) tables

train: $(READY) ## train MODEL=sgn on DATASET=… and its PROTOCOL=…
	@$(LAB) train $(MODEL) "dataset=$(DATASET)" protocol=$(PROTOCOL) seeds=$(SEEDS) $(WHERE)

sweep: $(READY) ## run all combinations of SWEEP=… (sweeps/README.md); with a W&B login, through agents
	@$(LAB) sweep $(SWEEP) "dataset=$(DATASET)" protocol=$(PROTOCOL) seeds=$(SEEDS) $(WHERE)

agent: $(READY) ## help with a sweep that is registered at W&B, SWEEP_ID=entity/project/id
	@$(LAB) agent $(SWEEP_ID) "data_root=$(DATA_ROOT)" "output_dir=$(OUTPUT_DIR)" jobs=$(JOBS)

predict: $(READY) ## what the newest trained MODEL=sgn makes of INPUT=…, recordings or folders of them
	@$(LAB) predict $(MODEL) $(INPUT) "dataset=$(DATASET)" $(WHERE)

prepare: $(READY) ## read the official files of DATASET=… below DATA_ROOT=…
	@$(LAB) prepare $(DATASET) $(WHERE)

doctor: $(READY) ## look for damage in DATASET=…
	@$(LAB) doctor $(DATASET) $(WHERE)

bench: $(READY) ## time what is fast here beside its plain twin, about three minutes; NAME=parse times one
	@$(LAB) bench $(if $(filter environment,$(origin NAME)),,$(NAME)) $(ARGS)

test: $(READY) ## the tests; those of real recordings run where DATA_ROOT holds them
	$(VENV)/bin/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

test-slow: $(READY) ## the tests that take minutes
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,export]"
	$(VENV)/bin/python -m pytest -m slow

test-scatter: $(SCATTER) ## the tests of ops/segments.py, on torch-scatter too; builds that first
	@$(VENV)/bin/python -c "import torch_scatter"
	$(VENV)/bin/python -m pytest tests/ops/test_segments.py

lint: $(READY) ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean: ## remove .venv and caches; outputs/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache *.egg-info
