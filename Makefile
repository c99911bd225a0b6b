# make run: set up and show the demo in 3D.  make test: set up and run the tests.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=

.PHONY: run test check setup setup-test libraries clean

run: setup
	$(BIN)/realtime run --source demo $(ARGS)

test: setup-test
	$(BIN)/python -m pytest $(ARGS)

check: setup-test
	$(BIN)/pip install -q -c constraints.txt 'realtime-pose[dev]'
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(ARGS)

setup: $(VENV)/installed
setup-test: $(VENV)/installed-test

$(VENV)/installed: pyproject.toml constraints.txt | libraries
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip
	$(BIN)/pip install -c constraints.txt -e .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/pip install -c constraints.txt -e '.[test]'
	touch $@

# Open3D needs three system libraries that a bare machine may lack
libraries:
	@sh setup-libraries.sh

clean:
	rm -rf $(VENV) build dist *.egg-info
