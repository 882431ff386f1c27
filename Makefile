# The ConvNCF workbench. `make` lists the targets; each does its own set-up (tools/setup.sh, which does nothing twice).

PY := .venv/bin/python
ARGS :=
WORKERS := 3
PYTEST = $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Where bytecode is not to be written, each process of the tests would compile every file anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install app demo test check full lint screenshots parity bench notebooks lab clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

install: ## set up .venv with every pinned dependency (PYTHON=… picks the interpreter)
	@sh tools/setup.sh

app: install ## queue the demo runs and open the app on localhost
	@$(PY) -m convncf demo
	@$(PY) -m streamlit run app/main.py $(ARGS)

demo: install ## queue the demo runs, unless they exist
	@$(PY) -m convncf demo $(ARGS)

test: install ## linters, types and the tests, browser and all: what to run before you hand in
	sh tools/beside.sh $(PYTEST) -m "not full"

check: WORKERS := 2 # no test waits for a browser
check: install ## the inner loop: linters, types, and the tests that need neither a browser nor long
	sh tools/beside.sh $(PYTEST) -m "not full and not browser and not slow"

full: install ## what takes longer: every notebook, trainings, and properties with 200 examples each
	$(PYTEST) -m "full or hypothesis" --hypothesis-profile=thorough

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

screenshots: install ## photograph every page, light and dark, 1280 and 800 wide (ARGS="--home DIR --out DIR")
	$(PY) -m tools.screenshots $(ARGS)

parity: install ## record RecBole's numbers in an environment of its own, for the parity test
	sh tools/parity.sh $(ARGS)

bench: install ## time training and ranking side by side with RecBole (ARGS="--quick", ARGS="--write" for docs/speed.md)
	sh tools/recbole.sh
	$(PY) -m benchmarks.speed --json $(ARGS)

notebooks: install ## run the notebooks and store them with their output (ARGS="notebooks/NAME.py …" for some of them)
	$(PY) -m tools.notebooks $(ARGS)

lab: install ## open JupyterLab on the notebooks (ARGS="--no-browser --port 8890")
	@$(PY) -m jupyter lab --notebook-dir=notebooks $(ARGS)

clean: ## remove what tools have made, but not .venv
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +
