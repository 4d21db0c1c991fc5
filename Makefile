# Two commands do everything on a fresh machine with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench docs screenshots clean

# On a terminal the workbench opens, with a guest streaming; elsewhere a few frames are streamed.
demo: $(VENV)/.installed
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/vmedia-bench tui --demo; else $(BIN)/vmedia-bench demo; fi

test: $(VENV)/.test-installed
	$(BIN)/python -m pytest

lint: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed
	$(BIN)/python -m tests.benchmarks

docs: $(VENV)/.installed
	$(BIN)/python -m vmedia_bench.wire.layouts.document > docs/protocol.md
	$(BIN)/python -m vmedia_bench.control.document > docs/api.md
	$(BIN)/python -m vmedia_bench.cli.reference > docs/cli.md

screenshots: $(VENV)/.test-installed
	$(BIN)/python -m tests.tui.screenshots

clean:
	rm -rf $(VENV) .cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "the venv module is missing: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test-installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.installed
