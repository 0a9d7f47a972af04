# The two commands: `make repro` and `make test`. Everything they need is set up on the way.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# stages and DVC call `python`: it must be the one of the virtual environment
export PATH := $(abspath $(BIN)):$(PATH)
# DVC's own analytics stay off
export DVC_NO_ANALYTICS := 1

.PHONY: help setup repro studies demo experiments review site test lint lock clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

setup: $(READY)  ## virtual environment with locked requirements

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "error: Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@# the lock is complete: with --no-deps pip resolves nothing, and a release made since cannot confuse it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r requirements.txt
	@$(BIN)/python -m pip check --disable-pip-version-check
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--no-index -e .
	@$(BIN)/python -m ser.cli offline
	@touch $(READY)

# the trap: a shell that Ctrl-C ends at once would leave its command no time to say what is kept
repro: setup  ## run all systems on the real corpora (on synthetic voices if none can be reached)
	@trap 'exit 130' INT; python -m ser.cli sources; status=$$?; \
	if [ $$status -eq 0 ]; then python -m ser.cli repro && python -m ser.cli readme; \
	elif [ $$status -eq 3 ]; then $(MAKE) --no-print-directory demo; \
	else exit $$status; fi

studies: setup  ## run the studies, which train models of their own
	@python -m ser.cli repro studies/dvc.yaml

demo: setup  ## run the pipeline on synthetic voices, beside the tracked results
	@python -m demo.run

experiments: setup  ## experiments: what was changed, and UAR of the headline systems
	@dvc exp show --only-changed --hide-workspace --drop '.*/|UAR|Created' --keep 'UAR\.(ravdess|emodb|emovo)$$'

BASE ?= main
HEAD ?= workspace
review: setup  ## review HEAD (the workspace) against BASE (main): review/review.html and .md
	@python -m ser.cli review $(BASE) $(HEAD)

site: setup  ## build the documentation as a site, in .site/html
	@python -m website.build

test: setup  ## lint, types and the whole test suite
	@ruff check .
	@ruff format --check .
	@mypy
	@# in the order of tests/graph/conftest.py: xdist's own hands out files of few tests last, however long
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup  ## correct style where that can be done by machine
	@ruff check --fix .
	@ruff format .

lock: setup  ## compile requirements.in to requirements.txt for Python 3.11 to 3.13
	@python -m pip install --quiet uv
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		requirements.in -o requirements.txt

clean:  ## remove the demo's copy and the tools' caches
	rm -rf .demo .site review .pytest_cache .mypy_cache .ruff_cache .hypothesis
