# Everything a person does with this project, in one word each. `make` alone lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long test-slow test-spark lint bench lab docs site clean

help: ## list the words
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[development]'
	@touch $(STAMP)

install: $(STAMP) ## create .venv and install the package with what its tests need

demo: $(STAMP) ## build the demo organisations, run the notebooks, leave reports/index.html
	@$(BIN)/ldresearch demo

test: $(STAMP) ## run the tests, a process for each core
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-long: $(STAMP) ## run the other tests: whole runs, worlds of known truth
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m 'long and not slow'

test-slow: $(STAMP) ## run the simulations that take longest
	$(BIN)/python -m pytest -m slow

test-spark: $(STAMP) ## ask every measure in DuckDB and in Spark; needs Java 17
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[spark]'
	$(BIN)/python -m pytest -m slow tests/contracts/test_engines.py

lint: $(STAMP) ## check style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## measure speed side by side with the peers, into benchmarks/RESULTS.md
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[development,benchmarks]'
	$(BIN)/python benchmarks/bench.py $(BENCH)

lab: $(STAMP) ## open the notebooks in JupyterLab
	@$(BIN)/ldresearch lab

docs: $(STAMP) ## write the pages that are generated from the code
	$(BIN)/python docs/generate.py

site: docs ## make the site of the documents in build/site, offline, its links checked
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/site
	@echo build/site/index.html

clean: ## remove what can be made again; data from your own sources stay
	rm -rf $(VENV) data/demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
