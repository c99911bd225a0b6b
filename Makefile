# make run: set up and show the demo in 3D.  make test: set up and run the tests.  make check: lint, types, walls, tests.
# make slim: a smaller installation, without what Open3D asks for and the viewer never imports.
# make compiled: a quicker one, a copy with its arithmetic in C; make editable: the checkout itself again.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=

.PHONY: run test lint check slim compiled editable setup setup-test setup-dev libraries clean

run: setup
	$(BIN)/realtime run --source demo $(ARGS)

# Two at a time but for what streams, which wants the machine to itself.
SIDE_BY_SIDE = tests/unit tests/parity tests/replay tests/packaging tests/previous \
    $(addprefix tests/integration/, assets calibrate export files library model takes)
test: setup-test
ifeq ($(ARGS),)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE:%=--ignore %)
else
	$(BIN)/python -m pytest $(ARGS)
endif

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

# Of Open3D's plots in notebooks and web pages. 'pip check' names them from then on; 'make setup' after 'make clean'
# brings them back.
slim: setup
	$(BIN)/pip uninstall -q -y dash plotly narwhals flask werkzeug ipywidgets jupyterlab_widgets widgetsnbextension \
	    nbformat jupyter_core ipython jedi parso prompt_toolkit wcwidth

# A copy of the checkout as it is now: changes to it have no effect until this is made again, or 'make editable'.
compiled: setup
	$(BIN)/pip install -q -c constraints.txt setuptools mypy
	REALTIME_COMPILE=1 $(BIN)/pip install --no-deps --no-build-isolation --force-reinstall .

editable: setup
	$(BIN)/pip install --no-deps -e .

setup: $(VENV)/installed
setup-test: $(VENV)/installed-test
setup-dev: $(VENV)/installed-dev

$(VENV)/installed: pyproject.toml constraints.txt | libraries
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip
	$(BIN)/pip install -c constraints.txt -e .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/pip install -c constraints.txt -e '.[test]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed-test
	$(BIN)/pip install -c constraints.txt -e '.[dev]'
	touch $@

# Open3D needs three system libraries that a bare machine may lack
libraries:
	@sh setup-libraries.sh

clean:
	rm -rf $(VENV) build dist *.egg-info
