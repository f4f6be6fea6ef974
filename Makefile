# What people use: make demo, make up, make test, make check. Each target makes .venv first if it has to.
PYTHON ?= python3
CONVERSATIONS ?= 1000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.PHONY: demo up rehearse test conversations nightly check screenshots rules format lock clean

demo: $(READY)  ## six stories on the embedded stack
	$(BIN)/python -m ops demo

up: $(READY)  ## the same stack, kept running
	$(BIN)/python -m ops up

rehearse: $(READY)  ## a customer's journey with a moved clock: make rehearse JOURNEY=silence
	$(BIN)/python -m ops rehearse $(or $(JOURNEY),--list)

test: $(READY)  ## every test
	$(BIN)/python -m pytest

conversations: $(READY)  ## so many random conversations, both sides' ledgers compared: CONVERSATIONS=1000 CONVERSATIONS_SEED=7
	CONVERSATIONS=$(CONVERSATIONS) $(BIN)/python -m pytest -s tests/e2e/test_random_conversations.py

nightly: $(READY)  ## 20,000 sequences of the case machine, 1,000 random conversations
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest tests/domain/test_cases_machine.py tests/domain/test_understanding.py
	$(MAKE) conversations CONVERSATIONS=1000

check: $(READY)  ## lint, format, types, import contracts, a test for every rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.rules --check

screenshots: $(READY)  ## a picture of every page, light, dark and on a phone, in var/screenshots; needs Debian's chromium
	$(BIN)/python -m tests.screens

rules: $(READY)  ## every rule of docs/rules.md, and the tests that prove it
	$(BIN)/python -m tests.rules

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

lock:  ## needs uv on the PATH; the lock names no host
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock

clean:
	rm -rf $(VENV) var
