# Every target makes the environment that it runs in, from pinned versions, where it is missing. Another Python needs
# another environment: `make test PYTHON3=python3.13 VENV=.venv313`.
VENV := .venv
PYTHON3 := python3.11
PYTHON := $(VENV)/bin/python
OUT := demo
DATASET := street_blocks
DEMO_OPTIONS :=
# A file's tests share what is costly to make, and stay together.
TWO_PROCESSES := --numprocesses 2 --dist loadfile
# What takes longest is shown, so that a slow test is seen by whoever wrote it.
SLOWEST := --durations 10 --durations-min 3
NOTEBOOKS := --nbmake --nbmake-timeout=400

export TF_CPP_MIN_LOG_LEVEL := 3
export PYTHONPATH :=
# On two cores, what more threads of two processes would do is to take turns.
unit large notebook: export TF_NUM_INTRAOP_THREADS := 1
unit large notebook: export TF_NUM_INTEROP_THREADS := 1

.PHONY: demo test test-all lint contract unit large notebook jax docs wheel hooks parity lock audit

demo: $(VENV)/installed
	rm -rf "$(OUT)"
	$(VENV)/bin/hierseg demo --out "$(OUT)" --dataset $(DATASET) $(DEMO_OPTIONS)

# What a change must pass before it is proposed: twelve minutes on two cores.
test: lint contract unit

# The rest, which CI runs too.
test-all: docs large notebook jax

lint: $(VENV)/installed
	$(PYTHON) -m ruff check --quiet .
	$(PYTHON) -m ruff format --check --quiet .

contract: $(VENV)/installed
	$(VENV)/bin/lint-imports --no-cache

unit: $(VENV)/installed
	$(PYTHON) -m pytest $(TWO_PROCESSES) $(SLOWEST)

# Tests that take more than a few seconds: whole training runs, runs that are killed and continued, every network of
# the papers fitted, saved and exported, KerasHub's segmenters, and the wheel in a fresh environment.
large: $(VENV)/installed
	$(PYTHON) -m pytest $(TWO_PROCESSES) $(SLOWEST) -m large

notebook: $(VENV)/installed
	$(PYTHON) -m pytest $(TWO_PROCESSES) $(NOTEBOOKS) notebooks

# What is promised for JAX, everything that is written in keras.ops, with its large tests.
jax: $(VENV)/installed
	KERAS_BACKEND=jax $(PYTHON) -m pytest $(TWO_PROCESSES) -m "large or not large" \
		tests/tree/ops_test.py tests/losses tests/metrics tests/decoding tests/models tests/distribution/processes_test.py

# Features beside those of timm, whose PyTorch the other tests do not need.
parity: $(VENV)/installed
	$(PYTHON) -m pip install --quiet torch==2.13.0 timm
	$(PYTHON) -m pytest --capture=no tests/parity/timm_parity.py

# The wheel, in `dist/`. Setuptools would pack what is left of an earlier build.
wheel: $(VENV)/installed
	rm -rf build dist
	$(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir dist .

# Lints and formats what is committed, before it is.
hooks: $(VENV)/installed
	$(PYTHON) -m pip install --quiet --constraint constraints.txt pre-commit
	$(VENV)/bin/pre-commit install

# The documentation as a website. Whatever a page or a docstring gets wrong is an error.
docs: $(VENV)/installed
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict

# Every file is compared with the hash in the lock file before it is installed.
$(VENV)/installed: setup.cfg pyproject.toml requirements.lock
	$(PYTHON3) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --require-hashes --requirement requirements.lock
	$(PYTHON) -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The lock file of the extras that `make` needs, in the versions of `constraints.txt`.
lock: $(VENV)/installed
	$(PYTHON) -m pip install --quiet uv
	$(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--constraint constraints.txt --extra test --extra hub --extra audit --output-file requirements.lock setup.cfg

# Known vulnerabilities of the pinned versions.
audit: $(VENV)/installed
	$(PYTHON) .ci/audit.py requirements.lock
