# Every target prepares .venv by itself: Python 3.11 or newer and make are all that a machine needs.
# `make help` lists the targets and the variables.

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:

ARGS ?=
WORKERS ?= 3
MINUTES ?= 60
SECONDS ?= 300
SEED ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK_TOOL := uv==0.13.9
LOCK_VENV := .venv-lock

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python3 ...` overrules the search.
PYTHON ?= $(shell for candidate in python3 python3.13 python3.12 python3.11 python; do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	echo "$$candidate"; break; fi; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install dev test lint format soak bench contract docs translations audit lock clean

help: ## list the targets and the variables
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Variables (make TARGET NAME=VALUE):"
	@echo "  ARGS      further arguments of the program that the target runs:"
	@echo "              make dev ARGS='--port 9000'"
	@echo "              make test ARGS='tests/keys -k rotate'   (part of the suite: coverage is shown, not demanded)"
	@echo "  WORKERS   processes that 'make test' spreads the tests over (now $(WORKERS))"
	@echo "  MINUTES   how long 'make soak' runs (now $(MINUTES))"
	@echo "  SECONDS   how long 'make contract' tries (now $(SECONDS))"
	@echo "  SEED      what decides the faults of 'make soak', to repeat a run (otherwise random; it is printed first)"
	@echo "  PYTHON    the Python 3.11+ that makes .venv (now $(if $(PYTHON),$(PYTHON),none was found))"
	@echo
	@echo "Environment:"
	@echo "  OIDC_TEST_DATABASE_URL   a PostgreSQL for the tests, instead of the one they bring themselves"
	@echo "  OIDC_TEST_CHROMIUM       the browser that drives the pages, when it is not found by its usual names"

install: $(STAMP) ## make .venv and install everything into it, as locked

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "No Python 3.11 or newer was found. Install one, or name it: make install PYTHON=/path/to/python3" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is not Python 3.11 or newer." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' || { \
		echo "$(PYTHON) lacks the venv module (Debian and Ubuntu: install python3-venv)." >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(STAMP): requirements-dev.lock pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

dev: $(STAMP) ## run the server on this machine, with demo users and clients
	$(BIN)/oidc-server dev $(ARGS)

lint: $(STAMP) ## check style, formatting, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports

format: $(STAMP) ## sort imports and format the code
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

# Otherwise each of the many servers that the tests start might compile the package anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: lint ## lint, then the whole suite with branch coverage (95 % at least)
	@echo "Tests over $(WORKERS) processes, with branch coverage:"
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --cov --cov-report=term $(if $(ARGS),--cov-fail-under=0 $(ARGS))

soak: $(STAMP) ## run the server under load and random faults for an hour, and hold it to every promise
	@$(BIN)/python -W 'ignore:XDG_RUNTIME_DIR is not set' -m tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(STAMP) ## measure the token endpoint and its neighbours, and whether answers tell who has an account
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -m bench.alike

contract: $(STAMP) ## try for SECONDS to get an answer that the OpenAPI document does not describe
	$(BIN)/python -m tests.contract.check $(SECONDS)

docs: $(STAMP) ## write the pages that follow from the code, and build all into site/, refusing any warning
	$(BIN)/python -m oidc_server.commands.reference docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

translations: $(STAMP) ## compile what was translated (*.po) into what the server reads (*.mo)
	$(BIN)/pybabel compile --directory oidc_server/translations

audit: $(STAMP) ## look up known vulnerabilities of the locked versions (needs the internet)
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements.lock $(ARGS)

# The index settings of whoever runs this must not reach the files: they name packages, versions and hashes only.
COMPILE = env -u UV_FIND_LINKS -u PIP_FIND_LINKS $(LOCK_VENV)/bin/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' $(ARGS)

lock: $(LOCK_VENV)/bin/uv ## renew the lock files (ARGS=--upgrade for newer versions)
	$(COMPILE) --extra granian --extra kafka --extra postgres --extra redis --output-file requirements.lock pyproject.toml
	$(COMPILE) --all-extras --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	echo hatchling | $(COMPILE) --constraint requirements-dev.lock --output-file requirements-build.lock -

$(LOCK_VENV)/bin/uv:
	"$(PYTHON)" -m venv $(LOCK_VENV)
	$(LOCK_VENV)/bin/python -m pip install --quiet '$(LOCK_TOOL)'

clean: ## remove .venv, caches and what was built; databases and keys stay
	rm -rf $(VENV) $(LOCK_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf site build dist htmlcov .coverage .coverage.*
	find oidc_server tests migrations bench examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
