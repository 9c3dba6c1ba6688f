# make run: compile an example config and serve SIP with it.   make test: run the tests.   Both do all set-up themselves.
PYTHON ?= python3
VENV ?= .venv
LISTEN ?= udp:127.0.0.1:5060
CONFIG ?= examples/cfg/phones.cfg
PYTEST_ARGS ?=
# Most tests wait for servers that they started, so that more than one a core pays.
JOBS ?= $(shell expr 2 '*' $$(nproc))
BENCH ?= forward
FUZZ ?= 1000000

BIN := $(VENV)/bin
SOURCES := $(shell find runtime serc templates -type f ! -name '*.pyc' ! -name '*.so' ! -name _parser.py) hatch_build.py hatch_native.py README.md LICENSE

# The build under test is a matter of the import path: site-packages holds the native one, this directory the pure one.
# Without PYTHONSAFEPATH, "python -m" would prefer the directory.
# Tests start hundreds of processes: each finds byte code, whatever the environment says about writing it.
NATIVE_BUILD := env -u PYTHONDONTWRITEBYTECODE -u PYTHONPATH PYTHONSAFEPATH=1 SER_BUILD=native
PURE_BUILD := env -u PYTHONDONTWRITEBYTECODE -u PYTHONSAFEPATH PYTHONPATH=$(CURDIR) SER_BUILD=pure
BYTE_CODE := $(PURE_BUILD) $(BIN)/python -m compileall -q -j 0 runtime serc templates

.PHONY: run test test-native test-pure coverage check lint native bench fuzz clean distclean help
.DELETE_ON_ERROR:

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {gsub(/\$$\(VENV\)/, "$(VENV)"); printf "make %-12s %s\n", $$1, $$2}' Makefile

# The database of a CONFIG that has one and names none.
DATABASE := $(or $(SER_DB_URL),sqlite:$(CURDIR)/build/ser.sqlite)
# Where the phones are on UDP they may be on TCP as well.
LISTENERS := $(sort $(LISTEN) $(LISTEN:udp:%=tcp:%))
HOST := $(firstword $(subst :, ,$(LISTEN:udp:%=%)))

run: native  ## compile CONFIG and serve SIP with it on LISTEN, in the foreground
	@mkdir -p build
	@echo "Starting $(CONFIG) on $(LISTENERS); Ctrl-C ends it. When it listens, try from a second terminal:"
	@echo "    $(BIN)/serc $(CONFIG) -o -    # the Python that runs"
	@if command -v sipsak >/dev/null; then echo "    sipsak -vv -s sip:$(LISTEN:udp:%=%)"; fi
	@echo "    python3 examples/options.py sip:$(LISTEN:udp:%=%)"
	@if SER_DB_URL='$(DATABASE)' $(BIN)/serctl db url --config $(CONFIG) >build/database 2>/dev/null; then \
	    SER_DB_URL='$(DATABASE)' $(BIN)/serctl db create --config $(CONFIG) >/dev/null || exit 1; \
	    echo "Its users are in $$(cat build/database). Add some, and point phones at it:"; \
	    echo "    $(BIN)/serctl add alice@$(HOST)$(if $(SER_DB_URL),, --db sqlite:build/ser.sqlite)"; \
	fi
	@echo
	@SER_DB_URL='$(DATABASE)' $(BIN)/ser -f $(CONFIG) -D -E $(LISTENERS:%=-l %)

# The second build is tested also if the first one fails.
test: native  ## run the tests in both builds; what is not compiled in the pure one only
	@failed=""; \
	for build in native pure; do \
	    echo "== tests, $$build build"; $(MAKE) --no-print-directory test-$$build || failed="$$failed $$build"; \
	done; \
	for build in $$failed; do echo "failed: the tests of the $$build build" >&2; done; \
	test -z "$$failed"

# worksteal keeps the tests of a file together. With the distributions by group, scope or file pytest-xdist waits for ever
# for the tests of a process that has crashed.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-native: native  ## run the tests in the native build
	@$(NATIVE_BUILD) $(PYTEST) $(PYTEST_ARGS)

test-pure: native  ## run the tests from this source; PYTEST_ARGS names a few: PYTEST_ARGS=tests/sip
	@$(BYTE_CODE)
	@$(PURE_BUILD) $(PYTEST) $(PYTEST_ARGS)

coverage: native  ## the tests of the pure build with the share of lines that they run, held to a floor
	@$(BYTE_CODE)
	$(PURE_BUILD) $(PYTEST) --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

check: lint test  ## all that a change must pass: black, ruff, mypy --strict, floors, tests in both builds

lint: $(VENV)/.tools  ## black, ruff, mypy --strict
	$(BIN)/black --quiet --check --diff .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --strict
	$(BIN)/mypy --strict hatch_build.py hatch_native.py tests examples

native: $(VENV)/.native  ## install into $(VENV), with native code if there is a C compiler; only what changed is made again

# Everything that building, running and testing need, so that a rebuild needs no network.
$(VENV)/.tools: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); q = p["project"]; \
	    print(*p["build-system"]["requires"], *q["dependencies"], *q["optional-dependencies"]["test"], sep="\n")' > $(VENV)/requirements.txt
	@echo "Installing the tools into $(VENV); about half a minute."
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --requirement $(VENV)/requirements.txt
	@touch $@

$(VENV)/.native: $(VENV)/.tools $(SOURCES)
	@echo "Installing into $(VENV). The first time takes some minutes, five on two cores; later only what has changed is compiled."
	@SER_BUILD_DIR=build/native SER_PROGRESS=/proc/$$$$/fd/2 $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-build-isolation --no-deps --force-reinstall .
	@$(BIN)/python -P -c 'import os; from runtime.build import NATIVE; print("built: native code" if NATIVE else \
	    "built: pure Python, correct but slow. Native code is made %s: rm $(VENV)/.native; make native" % ("without SER_PURE" \
	    if os.environ.get("SER_PURE", "0") not in ("", "0") else "where a C compiler and the headers of Python are (gcc, python3-dev)"))'
	@touch $@

bench: native  ## CPU time per message beside Kamailio (package kamailio); BENCH=options, call, start, compile
	env -u PYTHONPATH -u PYTHONSAFEPATH $(BIN)/python -m bench $(BENCH)

fuzz: native  ## FUZZ messages through scripts that edit; what is found is kept in tests/fuzz/findings
	env PYTHONPATH=tests PYTHONSAFEPATH=1 $(BIN)/python -m fuzz.fuzzing --messages $(FUZZ)

# Where `make run` keeps its users is no product of a build.
clean:  ## remove what was built, but not the database of make run
	if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name '*.sqlite*' -exec rm -rf {} +; fi
	rm -rf dist $(VENV)/.native .mypy_cache .pytest_cache serc/reading/_parser.py
	find runtime serc tests bench -name __pycache__ -prune -exec rm -rf {} +

distclean: clean  ## and the virtual environment
	rm -rf $(VENV)
