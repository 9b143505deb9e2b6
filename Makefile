# Every target does its own set-up and can be interrupted and run again.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

# The stamp's name holds the lock file's digest: another lock makes another stamp.
VENV_STAMP := $(VENV)/stamp-$(shell cat requirements/dev.txt pyproject.toml | sha256sum | cut -c1-12)
$(VENV_STAMP):
	@echo "python environment: $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

venv: $(VENV_STAMP) ## the Python environment, from the hash-pinned lock file

generate: venv ## crds/ and docs/reference.md, from the models
	$(BIN)/python -m taskfleet.crds

lint: venv ## ruff, mypy --strict, import-linter, generated files up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy operator/taskfleet worker-image/taskfleet_worker tests
	$(BIN)/lint-imports
	$(BIN)/python -m taskfleet.crds --check

unit: venv ## the tests that need no cluster
	$(BIN)/pytest tests/unit

lock: venv ## renew the lock files from requirements/*.in
	@for f in operator dev worker go; do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	    --python-version 3.11 --custom-compile-command "make lock" --upgrade requirements/$$f.in -o requirements/$$f.txt; done

.PHONY: help venv generate lint unit lock
