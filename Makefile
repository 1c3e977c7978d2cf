# Everything below works from a fresh clone with python3.11 or newer and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help demo test lint check coverage kill-storm memory proofs clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / - /'

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "scraper needs python3.11 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(READY)  ## serve the bundled shop on loopback, crawl it, show the result
	$(BIN)/scraper demo

test: $(READY)  ## all tests but the slow proofs; under 5 minutes
	$(BIN)/python -m pytest -m "not slow"

lint: $(READY)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

coverage: $(READY)  ## the tests with a report of what they reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not slow"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

check: lint test  ## all that CI runs

kill-storm: $(READY)  ## crawls killed with SIGKILL at random moments: nothing lost, nothing twice
	$(BIN)/python -m tests.proofs.kill_storm $(ARGS)

memory: $(READY)  ## peak memory on 20,000 pages against 2,000
	$(BIN)/python -m tests.proofs.memory $(ARGS)

proofs: kill-storm memory  ## all proofs that take minutes
	$(BIN)/python -m pytest -m slow

clean:  ## remove the environment and what tools left
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage* dist build
