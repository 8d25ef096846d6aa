# `make demo` shows the product at work, `make test` proves it. Everything else helps those who work on it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HARNESS := tests/dashboards/harness
BENCH   :=
SOAK    := 3600
# Tests wait for servers more than they compute: one more than a small machine has cores.
SIDE_BY_SIDE ?= 3

.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v=sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else "Python %d.%d is too old: install 3.11 or newer, or name one: make PYTHON=python3.12" % v)'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || scripts/debian-packages python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/.install: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test]'
	@touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test,dashboards,lint]'
	@touch $@

install: $(VENV)/.install  ## the commands, in .venv/bin

demo: install  ## a simulated instance, the exporter, and a scripted incident
	$(BIN)/campaign-exporter demo

test: $(VENV)/.test  ## all tests, on real servers
	@scripts/debian-packages promtool:prometheus amtool:prometheus-alertmanager \
		/usr/lib/postgresql/*/bin/initdb:postgresql /usr/sbin/pgbouncer:pgbouncer systemd-analyze:systemd
	$(BIN)/python -m pytest --numprocesses=$(SIDE_BY_SIDE) --dist=loadfile -m "not alone and not drill"
	$(BIN)/python -m pytest -m "alone and not drill"

fuzz: $(VENV)/.test  ## the tests of properties, with thousands of examples drawn at random
	$(BIN)/python -m pytest --numprocesses=auto -m hypothesis --hypothesis-profile=fuzz --timeout=900 tests/unit

lint: $(VENV)/.lint  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.lint  ## let ruff write the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

rules: install  ## write the rules for Prometheus and docs/alerts.md from alerts/values.yaml
	$(BIN)/python scripts/generate_rules.py

mutants: $(VENV)/.test  ## change one thing of a rule after the other: do its tests notice?
	@scripts/debian-packages promtool:prometheus
	$(BIN)/python scripts/mutants.py

docs: install  ## write the generated documents anew, and the pictures of dashboards
	$(BIN)/python scripts/generate_docs.py
	$(MAKE) dashboards-pictures

dashboards: $(VENV)/.test  ## write grafana/dashboards from grafana/campaign_dashboards
	$(BIN)/python scripts/generate_dashboards.py

dashboards-test: $(VENV)/.dashboards $(HARNESS)/dist/index.html  ## draw each dashboard with Grafana's libraries, in a browser
	$(BIN)/python -m pytest tests/dashboards

dashboards-pictures: $(VENV)/.dashboards $(HARNESS)/dist/index.html
	$(BIN)/python scripts/draw_dashboards.py

$(VENV)/.dashboards: pyproject.toml $(VENV)/.test
	@scripts/debian-packages promtool:prometheus /usr/bin/chromium:chromium node:nodejs npm:npm \
		/usr/share/fonts/opentype/inter:fonts-inter /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf:fonts-noto-color-emoji
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test,dashboards]'
	@touch $@

$(HARNESS)/node_modules/.package-lock.json: $(HARNESS)/package-lock.json $(VENV)/.dashboards
	cd $(HARNESS) && npm ci --no-progress --silent
	@touch $@

$(HARNESS)/dist/index.html: $(HARNESS)/node_modules/.package-lock.json $(wildcard $(HARNESS)/*.* $(HARNESS)/src/*)
	cd $(HARNESS) && npm run --silent build

bench: $(VENV)/.bench  ## what it costs, side by side with others, and whether that holds; docs/benchmarks.md (an hour)
	$(BIN)/python benchmarks/guessing_flood.py
	$(BIN)/python -m benchmarks $(BENCH)

soak: $(VENV)/.bench  ## whether its memory grows: make soak SOAK=3600, in seconds
	$(BIN)/python -m benchmarks --only soak --soak $(SOAK)

# query-exporter wants libraries of its own.
$(VENV)/.bench: pyproject.toml $(VENV)/.test
	@scripts/debian-packages /usr/lib/postgresql/*/bin/initdb:postgresql prometheus-sql-exporter:prometheus-sql-exporter \
		prometheus-postgres-exporter:prometheus-postgres-exporter
	$(PYTHON) -m venv $(VENV)/query-exporter
	$(VENV)/query-exporter/bin/pip install --quiet --disable-pip-version-check 'query-exporter>=5,<6' 'psycopg[binary]>=3.2.4'
	@touch $@

drill: $(VENV)/.test  ## each alert from its fault to the pager, on real processes; docs/time-to-page.md (half an hour)
	@scripts/debian-packages promtool:prometheus amtool:prometheus-alertmanager /usr/lib/postgresql/*/bin/initdb:postgresql
	$(BIN)/python -m pytest tests/drill -m drill

matrix:  ## the tests with other Pythons and PostgreSQLs, rules and routes with other engines; what is missing is counted
	@scripts/matrix
	@scripts/engines

picture: install  ## draw the demo for the README anew (three minutes)
	$(BIN)/python scripts/draw_demo.py

.PHONY: help install demo test fuzz lint format rules mutants docs dashboards dashboards-test dashboards-pictures bench soak drill matrix picture
