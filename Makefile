# Everything a developer runs. `make` alone says what there is.
#
# Needs GNU make and Python 3.11 or newer; all else is installed into .venv from the pinned, hashed sets in
# requirements/. A set is installed once, and again when its pins or pyproject.toml change.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := $(VENV)/demo.installed
DEV := $(VENV)/dev.installed

# Variables a caller may set: make test ARGS="tests/unit -k scope", make demo CHECK=1, make lock UPGRADE=1
ARGS ?=
CHECK ?=
UPGRADE ?=
WORKERS ?= auto

.PHONY: help demo test check lint types layers docs doctest changelog bench fuzz faults format lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO) ## Show it: User API, ToDo API and ToDo web on this machine (CHECK=1 runs the story and prints each step)
	@$(BIN)/jotary demo $(if $(CHECK),--check) $(ARGS)

test: $(DEV) ## Run every test, those in a real browser too (ARGS="tests/unit -k scope" for some)
	@$(BIN)/python tools/find_secret_service.py && $(BIN)/python tools/find_programs.py && \
	JOTARY_CHROMIUM="$$($(BIN)/python tools/find_chromium.py)" && export JOTARY_CHROMIUM && \
	$(BIN)/pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile $(ARGS)

check: lint types layers docs doctest changelog ## Check style, types, the direction of imports, and the docs

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(DEV)
	$(BIN)/mypy

# Its cache does not see that a module has come or gone.
layers: $(DEV)
	$(BIN)/lint-imports --no-logo --no-cache

docs: $(DEV) ## Build the documentation into docs/_build/html
	$(BIN)/sphinx-build --nitpicky --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

doctest: $(DEV)
	$(BIN)/sphinx-build --nitpicky --fail-on-warning --keep-going --quiet -b doctest docs docs/_build/doctest

changelog: $(DEV)
	$(BIN)/towncrier build --draft --version next > /dev/null

bench: $(DEV) ## Measure against peers and against the bare limits, side by side
	$(BIN)/python -m bench $(ARGS)

fuzz: $(DEV) ## Fire a million hostile tokens at all that reads tokens, and search for more by coverage (ARGS="--help")
	$(BIN)/python -m fuzz $(ARGS)

faults: $(DEV) ## Inject every fault into real servers, and count what breaks (ARGS="kill --quick" for some)
	$(BIN)/python -m faults $(ARGS)

format: $(DEV) ## Format the code, and fix what can be fixed safely
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# The sets are resolved for every platform and every supported Python; the others are parts of the development one.
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --system-certs --constraints requirements/constraints.txt $(if $(UPGRADE),--upgrade)

lock: $(DEV) ## Pin the requirements again after pyproject.toml changed (UPGRADE=1 takes the newest)
	$(COMPILE) --all-extras --group dev --output-file requirements/dev.txt
	$(COMPILE) --extra demo --group build --constraints requirements/dev.txt --output-file requirements/demo.txt
	$(COMPILE) --extra server --extra postgres --extra otel --group build --constraints requirements/dev.txt \
		--output-file requirements/server.txt

clean: ## Remove everything that make made
	rm -rf $(VENV) build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src examples tests tools bench fuzz faults -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment whose Python has gone is made anew, and then every set is installed again.
$(BIN)/python:
	@python="$$(tools/find_python.sh)" && echo "Making $(VENV) with $$python" && \
	{ "$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; }

$(VENV)/%.installed: requirements/%.txt pyproject.toml $(BIN)/python
	$(PIP) install --require-hashes --requirement $<
	$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@
