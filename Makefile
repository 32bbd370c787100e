# Every target sets up what it needs: a virtual environment in .venv, made anew when
# pyproject.toml changes.

VENV ?= .venv
BIN := $(VENV)/bin
DEMO := captures/sip-binding-30s
SIZE ?= 100M
SECONDS ?= 900
TARGETS ?=

.PHONY: demo test lint types imports lab captures bench fuzz docs site wheel fmt clean

demo: $(VENV)/.installed
	@$(BIN)/sipdiag compare --fail-on never $(DEMO)/good.pcap $(DEMO)/bad.pcap

test: lint types imports
	$(BIN)/python -m pytest

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/mypy

imports: $(VENV)/.developing
	$(BIN)/lint-imports

# Needs root, network namespaces and Asterisk; says what is missing and skips.
lab: $(VENV)/.developing
	$(BIN)/python -m pytest -m lab -rs tests

# Makes the captures of every case anew, in the lab.
captures: $(VENV)/.developing
	$(BIN)/python -m tests.lab run --out captures

bench: $(VENV)/.developing
	$(BIN)/python -m tests.bench --size $(SIZE) $(BENCH)

# Fuzzes every parser and reader with atheris, SECONDS each (make fuzz SECONDS=60 TARGETS="sdp iax2");
# says what is missing and stops.
fuzz: $(VENV)/.fuzzing
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(TARGETS)

# What is generated: the findings' pages, the JSON Schema, the manual page, pictures.
docs: $(VENV)/.developing
	$(BIN)/python -m docs.generate

# The documentation as a site, in build/site; it loads nothing from elsewhere.
site: $(VENV)/.developing
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "$(CURDIR)/build/site/index.html"

# Installs the wheel where nothing else is, and tries it; needs a package index.
wheel: $(VENV)/.developing
	$(BIN)/python -m pytest -m wheel -rs tests/packaging

fmt: $(VENV)/.developing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	sh .ci/venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed

# Without atheris (Linux on x86-64 has wheels) the fuzzers say so themselves.
$(VENV)/.fuzzing: $(VENV)/.developing
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]' && touch $@
