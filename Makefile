# bunri: `make demo` runs the whole job on the embedded data set, `make test` passes the tests.
# Both make .venv and install what they need by themselves.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ENGINES := $(CURDIR)/.engines
AUDIT := $(CURDIR)/.audit
LOCKS := bunri engines
FRAMEWORKS := effdet ultralytics mmdetection detectron2

.PHONY: install locked lock audit sbom demo test check lint types layers pytest engines test-engines test-cluster docs format clean

# Everything that runs on this machine: bunri itself, the torchvision engine and the checks' tools.
install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[torchvision,dev]'
	touch $(STAMP)

# The same, but of every package the version and the very files that the lock names.
locked: locks/bunri.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement locks/bunri.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(STAMP)

# Tools that look after what bunri is made of, apart from it.
$(AUDIT)/.installed: pyproject.toml
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet $$($(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['audit'])")
	touch $@

# locks/*.txt: versions that are there and still fit stay.
lock: install $(AUDIT)/.installed
	PATH=$(AUDIT)/bin:$$PATH $(BIN)/python tools/lock.py

# Whether the locks fit what asks for them, and whether faults of what they name are known (asks the package index).
audit: install $(AUDIT)/.installed
	$(BIN)/python -m pytest -q tests/test_locks.py
	$(AUDIT)/bin/pip-audit --disable-pip --require-hashes $(patsubst %,--requirement locks/%.txt,$(LOCKS))

# The list of materials (CycloneDX) with hashes, in build/sbom, made from the locks.
sbom: $(AUDIT)/.installed
	mkdir -p build/sbom
	for lock in $(LOCKS); do $(AUDIT)/bin/cyclonedx-py requirements locks/$$lock.txt --pyproject pyproject.toml --output-reproducible -o build/sbom/$$lock.cdx.json; done

# The whole job: render a data set, train, predict out of fold, evaluate, fuse, submit, report.
demo: install
	$(BIN)/bunri demo --out demo_out

test: check

# One command is the truth: style, types, direction of imports, tests with warnings as errors.
check: lint types layers pytest

lint: install
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks

types: install
	$(BIN)/mypy

layers: install
	$(BIN)/lint-imports

# With every framework; the long tests of the engines are apart.
pytest: install engines
	BUNRI_ENGINES=$(ENGINES) $(BIN)/python -m pytest

# The four frameworks beside torchvision, in one environment, from PyPI; about 7 GB. Tests of engines find it by BUNRI_ENGINES.
engines: $(ENGINES)/.installed

$(ENGINES)/.installed: src/bunri/engines/catalogue.py pyproject.toml | $(STAMP)
	BUNRI_ENGINES=$(ENGINES) $(BIN)/bunri engines install $(FRAMEWORKS) --into $(ENGINES)/all
	touch $@

# The long tests of every engine: each must learn a few photos by heart.
test-engines: install engines
	BUNRI_ENGINES=$(ENGINES) $(BIN)/python -m pytest -m engines

# The docs site in site/, built without a network; open site/index.html. Its search works over HTTP: `.venv/bin/mkdocs serve`.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

# The long tests of the cluster: Ray with a head and two nodes on this machine, one of them killed.
test-cluster: install
	$(BIN)/python -m pytest -m cluster

format: install
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

clean:
	rm -rf $(VENV) $(ENGINES) $(AUDIT) demo_out site .mypy_cache .ruff_cache .pytest_cache
