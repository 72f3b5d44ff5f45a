# Everything a contributor types. `make` lists it.

PYTHON ?= python3
STORE ?= store
PORT ?= 8000

BIN := .venv/bin
CODE := conftest.py service models loadtest deploy tests $(wildcard docs/*.py)
# Named after the requirements' content, not their time: a checkout that changes nothing costs nothing.
STAMP := .venv/.installed-$(shell cksum < requirements/dev.txt | tr ' ' '-')
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --quiet

# What others wrote to ask services like ours; each has its own idea of which libraries go together.
CLIENTS := boto kserve mlflow mlserver openapi
QUICK_CLIENTS := boto kserve openapi

EXTRAS := boost fast grpc loadtest onnx spark train

.DEFAULT_GOAL := help
.PHONY: help env run test asgi many bench bench-growth instructions clients clients-short schemathesis chaos chaos-short chaos-long check \
	checks format check-format lint type layers spelling docs check-docs check-docker figures oracles proto requirements clean

help: ## list what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## make .venv with everything that pip can install (PYTHON=python3.12 for another Python)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Percore needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make env PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  $(PYTHON) -m venv --clear .venv
	@echo "Installing what requirements/dev.txt lists into .venv; this takes a minute or two."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@rm -f .venv/.installed-*
	@touch $@

run: env ## train the sample models that are missing and serve them on http://127.0.0.1:8000
	$(BIN)/python -m models train --all --if-missing --store $(STORE)
	@echo "Percore: http://127.0.0.1:$(PORT)/docs (stop with Ctrl-C)"
	@exec $(BIN)/python -m service --store $(STORE) --port $(PORT)

test: env ## run the whole functional suite; with CI=true a skipped test is a failure
	$(BIN)/python -m pytest -m 'not chaos and not clients' --ignore tests/processes \
	  --numprocesses 2 --dist loadfile $(if $(CI),--fail-on-skip) $(PYTEST_ARGS)
	@echo "And alone, what counts processes, memory or answers a second:"
	$(BIN)/python -m pytest -m 'not chaos and not clients' tests/processes \
	  $(if $(CI),--fail-on-skip) $(PYTEST_ARGS)

asgi: export PERCORE_HTTP := asgi
asgi: env ## run the tests of HTTP with every prediction taking uvicorn's way, as none does by default
	$(BIN)/python -m pytest -m 'not clients' --numprocesses 2 --dist loadfile tests/edge \
	  tests/integration/test_http.py tests/integration/test_paths.py tests/integration/test_cors.py \
	  tests/conformance $(if $(CI),--fail-on-skip) $(PYTEST_ARGS)

many: export PERCORE_API_PROCESSES := 2
many: env ## run the tests of HTTP with two API processes on one port (minutes)
	$(BIN)/python -m pytest -m 'not clients' --numprocesses 2 --dist loadfile tests/integration \
	  tests/conformance --ignore tests/integration/test_grpc.py $(PYTEST_ARGS)

clients: $(CLIENTS:%=.venv-clients/%/.installed) ## ask with clients that others wrote, each from an environment of its own
	$(BIN)/python -m pytest -m clients tests/clients tests/conformance tests/house $(if $(CI),--fail-on-skip) $(PYTEST_ARGS)

clients-short: $(QUICK_CLIENTS:%=.venv-clients/%/.installed) ## ask with those of them that are installed quickly
	$(BIN)/python -m pytest -m clients tests/clients tests/house -k 'sagemaker or kserve or python_client' \
	  $(if $(CI),--fail-on-skip) $(PYTEST_ARGS)

.venv-clients/%/.installed: requirements/clients-%.txt | env
	@echo "Installing what $< lists into $(@D)."
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

schemathesis: env ## ask with ten thousand requests made up from the OpenAPI page (minutes)
	SCHEMATHESIS=full $(BIN)/python -m pytest tests/clients/test_schemathesis.py -s -o faulthandler_timeout=0 $(PYTEST_ARGS)

chaos-short: env ## inject a few faults of each kind, in two minutes
	$(BIN)/python -m pytest tests/chaos $(if $(CI),--fail-on-skip) $(PYTEST_ARGS)

chaos: env ## inject faults under load and judge the numbers (20 minutes; on a quiet machine)
	CHAOS=full $(BIN)/python -m pytest tests/chaos -v -o faulthandler_timeout=0 $(PYTEST_ARGS)

chaos-long: env ## an hour of mixed faults; CHAOS_MINUTES=10 for another length
	$(BIN)/python -m tests.chaos.soak

check: export CI := true
check: test asgi clients-short chaos-short checks ## run exactly what CI runs: the tests and every check below

checks: check-format lint type layers spelling check-docs check-docker

format: env ## rewrite the code in the house's format
	$(BIN)/ruff check --quiet --select I --fix $(CODE)
	$(BIN)/ruff format $(CODE)

check-format: env
	$(BIN)/ruff format --check $(CODE)

lint: env ## look for mistakes with ruff
	$(BIN)/ruff check $(CODE)

type: env ## check types with mypy, strictly
	$(BIN)/mypy --explicit-package-bases $(CODE)

layers: env ## check with import-linter who may import whom
	$(BIN)/lint-imports

spelling: env ## look for misspelt words
	$(BIN)/codespell

figures: env ## measure the shipped scenarios again and write their tables (6 minutes; on a quiet machine)
	$(BIN)/python -m models train --all --if-missing --store $(STORE)
	$(BIN)/python docs/measure.py --store $(STORE) $(FIGURES)
	$(BIN)/python docs/generate.py

oracles: env ## hold the simulator to every cell of the tables of queueing theory (half an hour)
	SIMULATOR_ORACLES=all $(BIN)/python -m pytest tests/loadtest/simulator/test_oracles.py \
	  tests/loadtest/simulator/test_more_queues.py --numprocesses 2 -o timeout=1200 \
	  -o faulthandler_timeout=0 $(PYTEST_ARGS)

bench: env ## measure Percore and its peers by turns (PEERS= MODELS= CELLS= RUNS= SECONDS=; on a quiet machine)
	$(BIN)/python -m loadtest bench --peers "$(PEERS)" --models "$(MODELS)" --cells "$(CELLS)" \
	  --runs $(or $(RUNS),3) --seconds $(or $(SECONDS),3) --out docs/figures/bench.json $(BENCH_ARGS)
	$(BIN)/python docs/generate.py

bench-growth: env ## measure how cost grows with rows, connections and models (minutes; on a quiet machine)
	$(BIN)/python -m loadtest growth --only "$(ONLY)" --seconds $(or $(SECONDS),2) \
	  --out docs/figures/growth.json
	$(BIN)/python docs/generate.py

instructions: env ## count the hot path's instructions anew and keep them (needs valgrind)
	$(BIN)/python -m tests.instructions --write

docs: env ## write the generated parts of the docs again
	$(BIN)/python docs/generate.py

check-docs: env ## check that the generated parts of the docs are as the code says
	$(if $(wildcard docs/generate.py),$(BIN)/python docs/generate.py --check,@true)

check-docker: env ## check the Dockerfile against our rules
	$(BIN)/python -m deploy.check_dockerfile Dockerfile

proto: env ## write the gRPC messages again from their .proto
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. service/protocols/grpc/inference.proto

requirements: ## resolve the dependencies again and write requirements/*.txt (needs uv)
	@command -v uv >/dev/null || { echo "make requirements needs uv on the PATH" >&2; exit 1; }
	$(COMPILE) pyproject.toml --output-file requirements/service.txt
	$(COMPILE) --group dev $(foreach extra,$(EXTRAS),--extra $(extra)) pyproject.toml --constraint requirements/service.txt \
	  --output-file requirements/dev.txt
	for client in $(CLIENTS); do \
	  $(COMPILE) --group clients-$$client --output-file requirements/clients-$$client.txt || exit 1; done
	@! grep -n -e '://' -e '^-' requirements/*.txt || { \
	  echo "a requirements file names a place: only names, versions and hashes belong there" >&2; exit 1; }

clean: ## remove caches and the environment; the store stays
	rm -rf .venv .venv-clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
