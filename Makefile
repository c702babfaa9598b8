# Everything a person or a machine does with a checkout. `make` alone lists it.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
HOST ?= 127.0.0.1
PORT ?= 8000
ARGS ?=

BIN := .venv/bin
RUN := .venv/run.stamp
DEV := .venv/dev.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: screens help run test check bench quality docs texts format pins clean

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

run: $(RUN) ## Serve a demo merchant on http://127.0.0.1:8000 (HOST=… PORT=… change that)
	@exec $(BIN)/treuepass serve --demo --host $(HOST) --port $(PORT)

test: $(DEV) ## Run the whole suite (ARGS="tests/passes/ledger -k undo" for a part of it)
	@$(BIN)/python -m checks.machine chromium
	@$(BIN)/python -m pytest -n 2 $(ARGS)

check: $(DEV) ## Check style, types, directions of imports, migrations, catalogues, generated docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m checks

bench: $(DEV) ## Run the benchmarks and print a table with ratios
	@$(BIN)/python -m benchmarks $(ARGS)

quality: $(DEV) ## Measure what needs Node, Java or Firefox: vnu, Lighthouse, real pushes
	@$(BIN)/python -m checks.quality $(ARGS)

screens: $(DEV) ## Take the pictures of the pages anew
	@$(BIN)/python -m checks.screens

docs: $(DEV) ## Write the generated documents anew
	@$(BIN)/python -m checks.docs

texts: $(DEV) ## Add new texts to the catalogues, to be translated, and drop unused ones
	@$(BIN)/python -m checks.catalogues

format: $(DEV) ## Bring the code into shape: imports, layout
	@$(BIN)/ruff check --select I --fix --quiet .
	@$(BIN)/ruff format .

pins: $(DEV) ## Renew the pinned versions; takes none younger than a week
	@$(BIN)/python -m checks.pins

clean: ## Remove what make made; data in var/ stays
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

$(RUN): constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; PYTHON=/path/to/python names one." >&2; exit 1; }
	@echo "Setting up .venv from constraints.txt; this takes a minute, once."
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r constraints.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): constraints-dev.txt $(RUN)
	@echo "Adding the tools for tests and checks from constraints-dev.txt."
	@$(PIP) --require-hashes -r constraints-dev.txt
	@touch $@
