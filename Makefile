# The commands of this repository. Each makes what it needs first; `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

BIN := .venv/bin
READY := .venv/.ready
TESTS ?= tests
# Of three processes two have a lab each, whose tests mostly wait; the other computes meanwhile.
PARALLEL ?= -n 3
ARGS ?=
export PYTHON ?= python3

.PHONY: help
help: ## say what there is
	@echo 'make TARGET, where TARGET is one of'
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14
	echo 'ARGS="-k rollback" goes to pytest, TESTS=tests/unit chooses what it runs, PYTHON=… the interpreter of .venv.'

.PHONY: demo
demo: $(READY) ## three incidents in a simulated cluster, on this screen; under a minute, no cluster, no root, no Go
	@$(BIN)/remediator demo

.PHONY: lab-demo
lab-demo: lab-parts ## the same three on a real Kubernetes control plane on this machine
	@$(BIN)/remediator demo --lab

.PHONY: test
test: lab-parts ## the whole suite, also against real servers; 13 minutes more where the lab has to be built first
	@$(BIN)/python -m pytest $(PARALLEL) $(TESTS) $(ARGS)

.PHONY: test-fast
test-fast: $(READY) ## what needs no real servers
	@$(BIN)/python -m pytest $(PARALLEL) $(TESTS) -m 'not lab' $(ARGS)

.PHONY: image
image: $(READY) ## the image as an OCI archive in dist/, without a container engine, and tried; root, Debian 12
	@$(BIN)/python -m tests.lab packages buildah
	image/build
	$(BIN)/python -m pytest -q tests/image

.PHONY: e2e
e2e: $(READY) ## the image on a real node (containerd, kubelet, kube-proxy), end to end; root
	@$(BIN)/python -m tests.e2e $(ARGS)

.PHONY: lint
lint: $(READY) ## form, rules, types, and which module may import which
	@failed=0
	for check in 'ruff check --quiet' 'ruff format --check --quiet' 'pyright' 'lint-imports --no-logo'; do
		echo "lint: $$check"
		$(BIN)/$$check || failed=1
	done
	exit $$failed

.PHONY: format
format: $(READY) ## bring all files into form
	@$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format --quiet

.PHONY: monitoring
monitoring: $(READY) ## make the Grafana dashboard and the PrometheusRule from their sources
	@$(BIN)/python monitoring/generate.py

.PHONY: chart
chart: $(READY) ## make what of the Helm chart follows from its schema, from the product, and from monitoring/
	@$(BIN)/python -m helm.generate

.PHONY: lab
lab: lab-parts ## start the real control plane and monitoring, print their addresses (`make lab-down` ends them)
	@$(BIN)/python -m tests.lab up

.PHONY: lab-down
lab-down: $(READY) ## end what `make lab` started
	@$(BIN)/python -m tests.lab down

.PHONY: bench
bench: lab-parts ## measure against the goals, ratios within one run
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: soak
soak: $(READY) ## the properties over very many examples, a million damaged webhooks, and 100,000 simulated incident-hours; hours
	@$(BIN)/python -m tests.simulate --seeds 2000
	$(BIN)/python -m tests.simulate --crowd --hours 16 --until 100000 --processes 2
	FUZZ=1000000 $(BIN)/python -m pytest tests/fuzz -o faulthandler_timeout=0
	$(BIN)/python -m pytest $(TESTS) -m 'hypothesis and not lab' --hypothesis-profile=soak $(ARGS)

.PHONY: simulate
simulate: $(READY) ## the real controller in a world that fails in every way, for a hundred seeds; ARGS="--seeds 9 --seed 1"
	@$(BIN)/python -m tests.simulate --seeds 100 $(ARGS)

.PHONY: faults
faults: lab-parts ## eleven faults at five moments of a remediation, on real servers, counted in the audit log; half an hour
	@$(BIN)/python -m tests.faults $(ARGS)

.PHONY: mutants
mutants: $(READY) ## plant bugs, each of which the simulation or a test must find
	@$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: clean
clean: ## remove all that was made here; built programs of the lab stay in the user's cache
	@if [[ -e $(READY) ]]; then $(BIN)/python -m tests.lab down || true; fi
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: setup
setup: $(READY) ## only make the virtual environment

.PHONY: lab-parts
lab-parts: $(READY)
	@$(BIN)/python -m tests.lab packages
	$(BIN)/python -m tests.lab build

$(READY): pyproject.toml uv.lock .ci/setup
	@.ci/setup
	touch $@
