# One screen of verbs. `make` alone lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
export ORT_DISABLE_TELEMETRY := 1

COMPOSE ?= docker compose
export COMPOSE

.DEFAULT_GOAL := help
.PHONY: help setup run test check unit docs lock benchmarks reliability reliability-smoke notebooks servers browser instruments dashboards clean up down backup restore deploy load images test-platform test-delivery

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

setup: .venv/ready ## virtual environment .venv with the locked dependencies

run: .venv/ready ## set up, then take a simulated bank to a running service
	@exec $(BIN)/tidegate run

test: check unit ## set up, check style, types and layers, run the tests

check: .venv/ready ## style, types, layers
	$(BIN)/ruff check src tests benchmarks docs deploy
	$(BIN)/ruff format --check src tests benchmarks docs deploy
	$(BIN)/mypy
	$(BIN)/mypy deploy/grafana
	$(BIN)/lint-imports

unit: .venv/ready ## the tests alone, several files at a time
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

docs: .venv/ready ## write the generated pages (command line, settings, table spec)
	$(BIN)/python docs/generate.py

benchmarks: .venv/ready ## print the figures of docs/benchmarks.md (minutes; DATA=folder of the real table)
	$(BIN)/python benchmarks/parity.py $(if $(DATA),--data $(DATA)/bank_churners.csv)
	$(BIN)/python benchmarks/serving.py $(if $(DATA),--data $(DATA)/bank_churners.csv)
	$(BIN)/python benchmarks/scoring.py $(if $(DATA),--data $(DATA)/bank_churners.csv)

reliability: .venv/ready ## print the figures of docs/reliability.md (an hour; DATA=folder of the real table, ONLY="kills swaps")
	$(BIN)/python benchmarks/reliability.py $(if $(DATA),--data $(DATA)/bank_churners.csv) $(if $(ONLY),--only $(ONLY))

reliability-smoke: .venv/ready ## the same with few of everything (five minutes)
	$(BIN)/python benchmarks/reliability.py --smoke $(if $(ONLY),--only $(ONLY))

servers: .venv/ready ## test against real servers on loopback (MLflow, PostgreSQL, SeaweedFS), and that nothing phones home (some minutes)
	$(BIN)/pytest -m servers -rs tests/integration tests/unit/ledger tests/e2e

instruments: .venv/ready ## test alerts and dashboards on Prometheus and Alertmanager of Debian (some minutes)
	$(BIN)/pytest -m instruments -rs tests/instruments

dashboards: .venv/ready ## write Grafana's dashboards from deploy/grafana/boards
	cd deploy/grafana && ../../$(BIN)/python -m boards.write

notebooks: .venv/ready ## execute the notebooks: on the simulator, and on the real table where TIDEGATE_REAL_DATA names it (minutes)
	$(BIN)/ruff check notebooks
	$(BIN)/ruff format --check notebooks
	$(BIN)/pytest -m notebooks tests/notebooks

browser: .venv/ready ## open every page of a live run in Chromium; screenshots in build/screenshots (minutes)
	$(BIN)/pytest -m browser tests/browser

images: ## build the images of the containers (TAG=dev)
	$(COMPOSE) build

up: ## the platform in containers: secrets once, then everything healthy (docs/operations.md)
	@deploy/secrets "$${TIDEGATE_SECRETS:-secrets}"
	$(COMPOSE) up --detach --wait --wait-timeout 1800 $(UP)

down: ## stop the containers; what they know stays (VOLUMES=1 removes it)
	$(COMPOSE) down --remove-orphans $(if $(VOLUMES),--volumes)

backup: ## all of the platform into a new folder, while it runs (TO=folder)
	@deploy/backup "$(TO)"

restore: ## an empty platform becomes what a backup holds, and starts (FROM=folder, ERASURES=newer register)
	@deploy/restore "$(FROM)" "$(ERASURES)"

deploy: ## other images without a failed request, back where they do not become healthy (TAG=tag)
	@deploy/roll "$(TAG)"

load: ## traffic for the dashboards: random customers through the gateway (RATE=20 a second, SECONDS=300)
	@python3 deploy/load.py --rate $(or $(RATE),20) --seconds $(or $(SECONDS),300)

test-platform: .venv/ready ## engine, images, containers and their tests (root; 25 minutes)
	.ci/platform platform

test-delivery: .venv/ready build/tools/ready ## the Jenkinsfile's delivery onto such a platform, and the way back from a bad one (root; 15 minutes)
	.ci/platform delivery

COMPILE = $(BIN)/uv pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-header --no-annotate -q
lock: .venv/ready ## resolve the dependencies anew into locks/
	$(COMPILE) --all-extras -o locks/all.txt
	$(COMPILE) --extra train --extra serve --extra monitor --extra ui --extra dev -c locks/all.txt -o locks/dev.txt
	$(COMPILE) --extra serve -c locks/all.txt -o locks/serve.txt
	$(COMPILE) --extra train --extra serve --extra monitor -c locks/all.txt -o locks/worker.txt
	$(COMPILE) --extra ui -c locks/all.txt -o locks/ui.txt
	$(COMPILE) --extra tracking -c locks/all.txt -o locks/mlflow.txt
	$(COMPILE) --extra images -c locks/all.txt -o locks/images.txt

include deploy/pipeline/pipeline.mk

clean: ## remove the virtual environment and caches (never a home)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist

.venv/ready: locks/dev.txt pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed: apt-get install python3 (Debian 12), or make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' \
	  || { echo "The module venv is missing: apt-get install python3-venv"; exit 2; }
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null \
	  || { echo "The system library libgomp1 is missing: apt-get install libgomp1"; exit 2; }
	$(PYTHON) -m venv .venv
# The lock is complete, so nothing is left to resolve; with hashes pip would refuse the extra in `pandas[parquet]`, which evidently asks for.
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r locks/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
