# `make demo` and `make test` make their own environment, from pinned versions, where it is missing.
VENV := .venv
PYTHON3 := python3.11
PYTHON := $(VENV)/bin/python
OUT := demo
DATASET := street_blocks
DEMO_OPTIONS :=
# A file's tests share what is costly to make, and stay together.
TWO_PROCESSES := --numprocesses 2 --dist loadfile
NOTEBOOKS := --nbmake --nbmake-timeout=400

export TF_CPP_MIN_LOG_LEVEL := 3
export PYTHONPATH :=
# On two cores, what more threads of two processes would do is to take turns.
unit unit_and_notebook notebook large: export TF_NUM_INTRAOP_THREADS := 1
unit unit_and_notebook notebook large: export TF_NUM_INTEROP_THREADS := 1

.PHONY: demo test lint contract unit notebook unit_and_notebook jax large parity docs

demo: $(VENV)/installed
	rm -rf "$(OUT)"
	$(VENV)/bin/hierseg demo --out "$(OUT)" --dataset $(DATASET) $(DEMO_OPTIONS)

test: lint contract unit_and_notebook jax

lint: $(VENV)/installed
	$(PYTHON) -m ruff check --quiet .
	$(PYTHON) -m ruff format --check --quiet .

contract: $(VENV)/installed
	$(VENV)/bin/lint-imports --no-cache

unit: $(VENV)/installed
	$(PYTHON) -m pytest $(TWO_PROCESSES)

# Both in one go: the notebooks, which take longest, come first, and no process waits for the other's last test.
unit_and_notebook: $(VENV)/installed
	$(PYTHON) -m pytest $(TWO_PROCESSES) --no-loadscope-reorder $(NOTEBOOKS) notebooks tests

# What is promised for JAX: everything that is written in keras.ops.
jax: $(VENV)/installed
	KERAS_BACKEND=jax $(PYTHON) -m pytest $(TWO_PROCESSES) tests/tree/ops_test.py tests/losses tests/metrics tests/decoding tests/models

notebook: $(VENV)/installed
	$(PYTHON) -m pytest $(TWO_PROCESSES) $(NOTEBOOKS) notebooks

# What takes a quarter of a minute or more: every network of the papers fitted, saved and exported, long runs, and the
# segmenters of KerasHub, which no other test needs.
large: $(VENV)/installed
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --editable ".[hub]"
	$(PYTHON) -m pytest $(TWO_PROCESSES) -m large

# Features beside those of timm, whose PyTorch the other tests do not need.
parity: $(VENV)/installed
	$(PYTHON) -m pip install --quiet torch==2.13.0 timm
	$(PYTHON) -m pytest --capture=no tests/parity/timm_parity.py

# The documentation as a website. Whatever a page or a docstring gets wrong is an error.
docs: $(VENV)/installed
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON3) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@
