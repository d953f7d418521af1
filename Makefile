# Needs only make and Python: every target first creates .venv and installs what is missing. The JavaScript is checked where Node is.
PYTHON ?= python3
PORT ?=
HOST ?=
ARGS ?=

BIN := .venv/bin
# Stamps are written last, so an install that was interrupted is repeated.
VENV := .venv/.made
APP := .venv/.installed-app
DEV := .venv/.installed-dev
KERNEL := .venv/etc/ipython/ipython_kernel_config.py

.PHONY: help app class tutorials setup test soak lint js audit check bench bench-full screenshots clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

app: $(APP) ## start the app and open it in the browser; PORT=8600 chooses the port
	$(BIN)/streamlit run app/main.py $(if $(PORT),--server.port=$(PORT)) $(ARGS)

class: $(APP) ## open the app to everyone in the room, with its address and a QR code; HOST and PORT choose the address
	$(BIN)/python -m app.classroom $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

tutorials: $(APP) ## open the notebooks in JupyterLab; ARGS="--no-browser --port=8899" goes to it
	$(BIN)/jupyter lab --ServerApp.root_dir=tutorials \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(ARGS)

setup: $(DEV) ## create .venv with everything that the other targets need

# Two processes that share the files among them, with one core for each; ARGS="-n 0" runs all tests in one.
test: $(DEV) ## run the tests in two processes; ARGS="-k golden" goes to pytest
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: $(DEV) ## run the tests that break things for minutes, as docs/reliability.md explains
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m soak $(ARGS)

lint: $(DEV) ## run ruff, and check the types of the library and of a program that uses it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict --follow-imports=silent docs/examples
	$(BIN)/pyright

js: ## check the types of the JavaScript and run its unit tests: needs Node 20, which the app does not
	@if ! command -v npm >/dev/null || ! npm install --no-package-lock --no-audit --no-fund --loglevel=error >/dev/null; then \
	  echo "js: not checked, because that takes Node with npm, and TypeScript from its registry" >&2; [ "$(CI)" != true ]; \
	else \
	  npm run --silent types && npm test --silent; \
	fi

audit: $(APP) ## look up known weaknesses of what is installed, and list its licences, where the network allows
	@PYTHON="$(PYTHON)" .ci/audit

check: lint js test ## what must hold before a change lands

bench: $(DEV) ## measure hatnet beside its peers for 20 minutes, and write docs/benchmarks.md: best on an idle machine
	$(BIN)/python benchmarks/model.py $(ARGS)

bench-full: $(DEV) ## the same with bfloat16, compiled, large images and trainings, for hours: interrupted, it goes on
	$(BIN)/python benchmarks/model.py --full $(ARGS)

screenshots: $(DEV) ## take the README's screenshots of the running app
	$(BIN)/python benchmarks/screenshots.py $(ARGS)

clean: ## remove caches and build products
	rm -rf .pytest_cache .hypothesis .ruff_cache .mypy_cache build dist *.egg-info
	find . \( -path ./.venv -o -path ./node_modules \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv and node_modules as well
	rm -rf .venv node_modules

# A .venv without pip is what an interrupted creation leaves; venv completes it in place.
$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	  { echo "hatnet needs Python 3.10 or newer, and '$(PYTHON)' is not: name one, for example: make app PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	@touch $@

$(APP): requirements.txt $(VENV) | $(KERNEL)
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt requirements.txt $(VENV) | $(KERNEL)
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $(APP) $@

# Read by every kernel of .venv, wherever it was started from: after a restart, a name that is missing is explained.
$(KERNEL): tutorials/machinery/kernel_config.py | $(VENV)
	@mkdir -p $(@D) && cp $< $@
