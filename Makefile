# What one needs: `make` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3

.PHONY: help setup demo test test-all check format

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: .venv/bin/python ## make .venv, or bring it up to date
	.venv/bin/pip install -q -r requirements-dev.txt

.venv/bin/python:
	$(PYTHON) -m venv .venv

demo: setup ## run everything with six demo channels and a sandbox for the outside
	.venv/bin/python manage.py up --demo

test: setup ## run the tests that take no longer than a moment
	.venv/bin/pytest -m "not slow and not broker and not browser"

test-all: setup ## run every test that needs no other server
	.venv/bin/pytest

check: ## check everything that CI checks
	.ci/run

format: setup ## put right what a formatter can
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	.venv/bin/djangofmt templates
	.venv/bin/biome check --write static
