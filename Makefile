# kvguard. `make demo` and `make test` set up everything they need on a machine with Python 3.11+, Node.js 20+ and make.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench bench-faults check fmt docs requirements clean setup-demo setup-test

BIN := .venv/bin
# A folder that does not exist yet is not an error of the type checker's.
TYPED := $(wildcard shared functions cli emulator tools bench tests function_app.py)
# Run once more on what Azure runs: Python 3.13 with azure-functions 2.
ON_AZURES_PYTHON := $(wildcard $(addprefix tests/,domain rules engine reporting service functions))
PYTEST := -m pytest -n 2 --dist loadgroup --durations=15

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup-demo setup-test: setup-%:
	@python=$$(sh tools/preflight.sh) && "$$python" -m tools.bootstrap $*

demo: setup-demo ## set up everything and run the story on the local Azure
	@$(BIN)/python -m tools.demo

test: setup-test check ## set up everything and run what CI runs
	$(BIN)/python $(PYTEST)
	.venv-worker/bin/python $(PYTEST) -q $(ON_AZURES_PYTHON)

bench: setup-demo ## measure: cold start, memory, evaluation up to 100,000 vaults (BENCH=--check fails beyond the budget)
	@$(BIN)/python -m bench $(BENCH)

bench-faults: setup-demo ## the same faults for kvguard and Cloud Custodian, a few minutes (BENCH=--write puts the table into docs)
	@$(BIN)/python -m bench.faults $(BENCH)

check: setup-demo ## formatting, lint, types, layers, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports
	$(if $(wildcard tools/docs.py),$(BIN)/python -m tools.docs --check)

fmt: setup-demo ## format and apply lint fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup-demo ## write the generated documents
	$(BIN)/python -m tools.docs

requirements: setup-demo ## compile the hashed requirement files from pyproject.toml (UPGRADE=--upgrade for newer ones)
	$(BIN)/python -m tools.requirements $(UPGRADE)

clean: ## remove what make has made
	rm -rf .venv .venv-worker .tools node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
