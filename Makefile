# make run, make test: the two commands that do all set-up. See README.md.
SHELL := /bin/bash
PY := .venv/bin/python
# interop tests side by side: they wait for most of their time
INTEROP := 2
SOURCES := gateway media sip twiml tests bench examples

.PHONY: setup run test demo check bench fuzz lock format

setup: .venv/.run

.venv/.run: requirements.lock pyproject.toml $(wildcard media/*.[ch] gateway/*.c)
	@scripts/setup requirements.lock
	@touch $@

.venv/.test: requirements-test.lock .venv/.run
	@scripts/setup requirements-test.lock
	@touch $@

run: setup
	@$(PY) scripts/run.py

demo: setup
	@.venv/bin/trunkline demo

test: .venv/.test
	@scripts/test-system
	@$(PY) -m pytest -q -n auto tests --ignore tests/interop --ignore tests/rules
	@$(PY) -m pytest -q -n $(INTEROP) --dist worksteal tests/interop -m "not alone"
	@$(PY) -m pytest -q tests/interop -m alone

check: .venv/.test
	@.venv/bin/ruff format --check $(SOURCES) scripts
	@.venv/bin/ruff check $(SOURCES) scripts
	@.venv/bin/mypy
	@$(PY) scripts/verbs.py --check
	@$(PY) -m pytest -q tests/rules

bench: .venv/.test
	@for b in bench/bench_*.py; do $(PY) $$b || exit 1; done

# make fuzz SECONDS=600: each target that long, one after the other
fuzz: .venv/.test
	@for t in datagram dialog stream values sdp digest identity certificate; do $(PY) -m tests.fuzz.run $$t --seconds $(or $(SECONDS),60) || exit 1; done

format: .venv/.test
	@.venv/bin/ruff format $(SOURCES) scripts
	@.venv/bin/ruff check --fix $(SOURCES) scripts

lock:
	uv pip compile pyproject.toml --extra examples --generate-hashes --no-header --no-annotate -q \
		-o requirements.lock --python-version 3.11
	uv pip compile pyproject.toml --extra examples --extra test --extra phone --generate-hashes --no-header \
		--no-annotate -q -o requirements-test.lock --python-version 3.11
