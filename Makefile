# The two commands of the README are `make demo` and `make test`. Everything else is for working on Pellucid.
PYTHON ?= python3
# Where pip looks for torch besides its usual index: https://download.pytorch.org/whl/cpu has the small build without CUDA.
TORCH_INDEX ?=
BIN := .venv/bin
DEMO := runs/demo-$(shell date +%Y%m%d-%H%M%S)
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: demo test check format bench clean

demo: .venv/.installed  ## train a small net on real digits, open the sealed test part once, say where the report is
	$(BIN)/pellucid train digits --out $(DEMO)
	$(BIN)/pellucid evaluate $(DEMO) --split test

test: .venv/.dev  ## all tests that need neither a network nor minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal

check: .venv/.dev  ## what CI runs: format, lint, types, then the tests (import rows are one of them)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.dev  ## speed beside other loops, drawn; evaluation; a busy neighbour; a hundred kills: half an hour
	-$(BIN)/python benchmarks/race.py
	-$(BIN)/python benchmarks/answering.py
	-$(BIN)/python benchmarks/under_load.py
	$(BIN)/python benchmarks/kills.py

.venv/.python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Pellucid needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 demo")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/.installed: .venv/.python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

.venv/.dev: .venv/.installed
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv runs dist
