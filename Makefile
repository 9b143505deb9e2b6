# Every target does its own set-up and can be interrupted and run again.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

define NEEDS_PYTHON
{ echo "Python 3.11 or newer with its venv module is missing: apt-get install --no-install-recommends python3-venv"; \
  [ "$$(id -u)" = 0 ] && apt-get install --yes --no-install-recommends python3-venv; }
endef

# The stamp's name holds the lock file's digest: another lock makes another stamp.
VENV_STAMP := $(VENV)/stamp-$(shell sha256sum < requirements/dev.txt | cut -c1-12)
$(VENV_STAMP):
	@echo "python environment: $(VENV)"
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' || $(NEEDS_PYTHON)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Environments with Celery; it cannot live beside the operator's own dependencies.
OLD_CELERIES := 5.3 5.4 5.5 5.6
CELERY_53 := .venvs/celery-5.3
CELERY_57 := .venvs/celery-5.7
celery_stamp = .venvs/celery-$(1)/stamp-$(shell cat $(2) requirements/worker-tests.txt | sha256sum | cut -c1-12)
define celery_venv
$(call celery_stamp,$(1),$(2)):
	@echo "python environment: .venvs/celery-$(1)"
	@$$(PYTHON) -m venv --clear .venvs/celery-$(1)
	@.venvs/celery-$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
	@.venvs/celery-$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/worker-tests.txt
	@touch $$@
endef
$(eval $(call celery_venv,5.7,requirements/worker.txt))
$(foreach v,$(OLD_CELERIES),$(eval $(call celery_venv,$(v),requirements/worker-$(v).txt)))
CELERY_53_STAMP := $(call celery_stamp,5.3,requirements/worker-5.3.txt)
CELERY_57_STAMP := $(call celery_stamp,5.7,requirements/worker.txt)
$(eval $(call celery_venv,peers,requirements/peers.txt))
PEERS_STAMP := $(call celery_stamp,peers,requirements/peers.txt)
$(eval $(call celery_venv,fuzz,requirements/fuzz.txt))
FUZZ_STAMP := $(call celery_stamp,fuzz,requirements/fuzz.txt)
$(eval $(call celery_venv,django,examples/django/requirements.txt))
DJANGO_STAMP := $(call celery_stamp,django,examples/django/requirements.txt)
OLD_CELERY_STAMPS := $(foreach v,$(OLD_CELERIES),$(call celery_stamp,$(v),requirements/worker-$(v).txt))

DOCS_STAMP := .venvs/docs/stamp-$(shell sha256sum < requirements/docs.txt | cut -c1-12)
$(DOCS_STAMP):
	@echo "python environment: .venvs/docs"
	@$(PYTHON) -m venv --clear .venvs/docs
	@.venvs/docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

# On the oldest and the newest Celery. The other suites mostly wait, for minutes each: they are `make test-runtime`.
RUNTIME_SMOKE := $(addprefix tests/runtime/,test_start.py test_left_to_the_app.py test_launchers.py test_option_variables.py test_pools.py test_ends.py test_other_apps.py test_give_back.py test_task_ends.py test_intake.py test_outcomes.py test_traces.py test_chart_test.py test_fetch.py fetch/test_script.py fetch/test_kills.py brokers/test_smoke.py)

# Most tests wait for a cluster. Those that share one follow each other (tests/conftest.py), beside the others.
LANES := --numprocesses 5

# The tools that build the page of `kubectl taskfleet ui`; the built page is in the repository.
UI_STAMP := ui/node_modules/stamp-$(shell sha256sum < ui/package-lock.json | cut -c1-12)
$(UI_STAMP):
	@echo "tools for the page: ui/node_modules"
	@cd ui && npm ci --silent --ignore-scripts
	@touch $@

##@ Every day

help: ## list the targets
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV_STAMP) ## the Python environment, from the hash-pinned lock file

lint: venv ## style, types, imports, security, generated files, chart, workflows and prose, each by its linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy operator/taskfleet worker-image/taskfleet_worker tests
	PYTHONPATH=worker-image $(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive operator worker-image/taskfleet_worker
	$(BIN)/python -m taskfleet.crds --check
	$(BIN)/python -m tests.tools.schema_diff
	$(BIN)/python -m tests.tools.chart_score
	$(BIN)/python -m tests.tools.workflows
	$(BIN)/codespell
	$(BIN)/python -m tests.tools.prose
	$(if $(shell command -v npm),$(MAKE) --no-print-directory ui-check)

unit: venv ## the tests that need neither a cluster nor a worker: two minutes
	$(BIN)/pytest tests/unit tests/tools/tests -m 'not long'

test: lint $(CELERY_53_STAMP) $(CELERY_57_STAMP) ## all regular tests and lint, as CI runs them
	$(BIN)/pytest tests/e2e tests/envtest tests/install $(RUNTIME_SMOKE) tests/unit tests/tools/tests -m 'not long' --celery $(CELERY_53) --celery $(CELERY_57) $(LANES)

##@ Generated files

generate: venv ## crds/, docs/reference/api.md and the chart's list of kinds, from the models
	$(BIN)/python -m taskfleet.crds

golden: venv ## renew the golden files of the objects that the operator builds
	UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/unit/resources/test_golden.py

pictures: venv ## docs/images, drawn by the simulation
	$(BIN)/taskfleet simulate -f examples/autoscale/workerpool.yaml --arrivals burst:400@30s+poisson:0.2/s --service lognormal:20s --duration 20m --out docs/images/burst.svg

ui-pictures: venv ## docs/images/ui-*.png, of a fleet in memory; looked at before they are committed
	$(BIN)/python -m tests.ui.pictures docs/images ui-fleet ui-pool

ui: $(UI_STAMP) ## the page of `kubectl taskfleet ui`, from its sources in ui/; needs npm
	cd ui && npm run --silent build

ui-check: $(UI_STAMP) ## the page's types, and that the built page is what its sources build; needs npm
	cd ui && npm run --silent check

docs: venv $(DOCS_STAMP) ## the site of the documentation, in dist/docs/VERSION; strict: a dead link or an orphan fails it
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. .venvs/docs/bin/mkdocs build --strict --quiet --site-dir dist/docs/$(VERSION)
	$(BIN)/python -m tests.tools.docs_versions dist/docs $(VERSION)

lock: venv ## renew the lock files from requirements/*.in
	@for f in $(addprefix requirements/,build operator dev worker $(OLD_CELERIES:%=worker-%) go fuzz peers docs) examples/django/requirements; do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	    --python-version 3.11 --custom-compile-command "make lock" --upgrade $$f.in -o $$f.txt; done
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-deps \
	  --python-version 3.11 --custom-compile-command "make lock" --upgrade requirements/worker-tests.in -o requirements/worker-tests.txt

##@ Longer tests: the worker

SECONDS ?= 3600

test-runtime: venv $(CELERY_57_STAMP) ## all tests of the worker, on the newest Celery: real workers against a real Redis
	$(BIN)/pytest tests/runtime --celery $(CELERY_57) $(LANES)

test-versions: venv $(CELERY_57_STAMP) $(OLD_CELERY_STAMPS) ## all tests of the worker, on Celery 5.3 to 5.7: an hour and more
	$(BIN)/pytest tests/runtime $(foreach v,$(OLD_CELERIES) 5.7,--celery .venvs/celery-$(v)) $(LANES)

test-brokers: venv $(CELERY_57_STAMP) ## external brokers of every kind: sent, executed, executed twice, lost
	$(BIN)/pytest tests/runtime/brokers tests/runtime/test_rabbitmq.py tests/e2e/test_rabbitmq.py --celery $(CELERY_57) --numprocesses 3

KILLS ?= 350

test-fetch: venv $(CELERY_57_STAMP) ## workers killed and connections cut KILLS=350 times each on three pools, with a ledger: an hour
	$(BIN)/pytest tests/runtime/fetch --celery $(CELERY_57) --kills $(KILLS) --numprocesses 2 --capture=no

test-peers: venv $(PEERS_STAMP) ## what projects run beside Celery, on a plain worker and on this one, in a table
	$(BIN)/pytest tests/peers --numprocesses 2

test-django: venv $(DJANGO_STAMP) ## the Django example, as processes and on a full cluster
	$(BIN)/pytest tests/django tests/e2e/test_django.py tests/e2e/test_django_rabbitmq.py

test-release: venv ## a release built, published, signed, verified and installed; builds cosign once
	$(BIN)/pytest tests/tools/tests/release tests/install --capture=no

fuzz: venv $(FUZZ_STAMP) ## an hour of fuzzing of every parser of what tenants control: SECONDS=3600
	@PYTHONPATH=$$(echo .venvs/celery-fuzz/lib/python*/site-packages) $(BIN)/python -m tests.fuzz --seconds $(SECONDS)

##@ Longer tests: the operator

SEEDS ?= 1 2 3

test-mutations: venv ## every property of every kind, changed on a living object and taken back; counts at the end
	$(BIN)/pytest tests/envtest/mutations --capture=no

test-interruptions: venv ## the operator killed at each of its writes, each watch event dropped, late and doubled; with counts
	$(BIN)/pytest tests/envtest/interruptions --capture=no

soak: venv ## ten minutes of random bursts on a full cluster: nothing lost, doubled, or stopped at work
	$(BIN)/pytest tests/e2e/test_soak.py --soak-seconds 600 --capture=no

test-lost-node: venv ## a node is lost and comes back, on a full cluster of two: five minutes
	$(BIN)/pytest tests/e2e/test_lost_node.py --cluster two-nodes --nodes 2 --capture=no

test-chaos: venv ## half an hour of faults for each of SEEDS="1 2 3" on a full cluster of two nodes, with a ledger at the end
	$(foreach seed,$(SEEDS),$(BIN)/pytest tests/e2e/chaos --cluster two-nodes --nodes 2 --seed $(seed) --capture=no &&) true

test-ui: venv $(UI_STAMP) ## the page in Chromium at 1,000 pools, with a table of clicks, milliseconds and bytes; needs npm
	$(BIN)/pytest tests/ui --capture=no

##@ Figures

bench: venv $(CELERY_57_STAMP) ## the benchmarks, a line of JSON each; ONLY=<name> runs one, LIST=1 lists them
	@PYTHONPATH=worker-image $(BIN)/python -m tests.tools.load $(if $(LIST),--list) $(if $(ONLY),--only $(ONLY))

django-sizing: venv $(DJANGO_STAMP) ## tasks a second of the Django example by pool and concurrency: docs/images/django-sizing.svg
	@$(BIN)/python -m tests.django.sizing

##@ Clusters and images

CLUSTER ?= dev
PROFILE ?= full
NODES ?= 1

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
BUILDER ?= $(notdir $(firstword $(shell command -v docker podman buildah) docker))
TAG ?= $(VERSION)
override PREFIX := $(if $(PREFIX),$(PREFIX:%/=%)/)
IMAGES := operator worker celery quickstart django

cluster: venv ## a Kubernetes cluster for tests: CLUSTER=dev PROFILE=full|control-plane NODES=1|2
	@$(BIN)/python -m tests.tools.cluster up --name $(CLUSTER) --profile $(PROFILE) --nodes $(NODES)

cluster-status: venv ## the parts of the cluster, and whether each works
	@$(BIN)/python -m tests.tools.cluster status --name $(CLUSTER)

cluster-down: venv ## remove the cluster and every trace of it
	@$(BIN)/python -m tests.tools.cluster down --name $(CLUSTER)

images: ## build the images with BUILDER (docker): make images PREFIX=registry.example/me/ PUSH=1
	$(BUILDER) build $(BUILD_ARGS) --file operator/Dockerfile --tag $(PREFIX)taskfleet-operator:$(TAG) .
	$(BUILDER) build $(BUILD_ARGS) --file worker-image/Dockerfile --target worker --tag $(PREFIX)taskfleet-worker:$(TAG) .
	$(BUILDER) build $(BUILD_ARGS) --file worker-image/Dockerfile --target celery --tag $(PREFIX)taskfleet-celery:$(TAG) .
	$(BUILDER) build --build-arg BASE=$(PREFIX)taskfleet-celery:$(TAG) --tag $(PREFIX)taskfleet-quickstart:$(TAG) examples/quickstart
	$(BUILDER) build $(BUILD_ARGS) --tag $(PREFIX)taskfleet-django:$(TAG) examples/django
	$(if $(PUSH),@for name in $(IMAGES); do $(BUILDER) push $(PREFIX)taskfleet-$$name:$(TAG); done)

REGISTRY ?=
OUT ?= dist/release

release: venv ## a release of the last commit, in OUT=dist/release: make release VERSION=1.2.3 REGISTRY=registry.example/me
	@$(BIN)/python -m tests.tools.release build --version $(VERSION) --registry "$(REGISTRY)" --out $(OUT) $(if $(BUILDER_ID),--builder $(BUILDER_ID)) $(if $(BASE),--base $(BASE)) $(if $(PLATFORMS),--platforms $(PLATFORMS)) $(if $(DOWNLOADS),--downloads $(DOWNLOADS))

base-images: venv ## pin the images that the Dockerfiles start from to what their tags are today
	@$(BIN)/python -m tests.tools.release.base_images

base-images-pull-request: ## the change that `make base-images` made, as a pull request, by the program gh
	git diff --quiet || { git switch --create base-images-$$(date +%F) && git commit --all --message "Renew the base images" \
	  && git push origin HEAD && gh pr create --fill; }

publish: venv ## push the images and the chart of OUT to REGISTRY, as REGISTRY_USER with REGISTRY_PASSWORD if set
	@$(BIN)/python -m tests.tools.release publish --registry "$(REGISTRY)" --release $(OUT)

sign: venv ## sign what is published, with cosign: KEY=FILE and COSIGN_PASSWORD, or the identity of a workflow
	@$(BIN)/python -m tests.tools.release sign --release $(OUT) $(if $(KEY),--key $(KEY))

release-page: ## a draft of the release's page with its files, by the program gh
	gh release create v$(VERSION) --draft --verify-tag --title v$(VERSION) --notes "CHANGELOG.md has the changes." $(OUT)/*

demo: venv ## a cluster with the operator, a fleet and 1,000 tasks; it stays until `make demo-down`
	@$(BIN)/python -m tests.tools.demo

demo-down: venv ## remove the demo and every trace of it
	@$(BIN)/python -m tests.tools.demo down

example-django: venv ## a cluster with the Django example on it; it stays until `make example-django-down`
	@$(BIN)/python -m tests.django

example-django-down: venv ## remove the Django example and every trace of it
	@$(BIN)/python -m tests.django down

.PHONY: help venv lint unit test generate golden pictures ui ui-check ui-pictures docs lock test-runtime test-versions test-brokers test-peers test-django test-ui fuzz test-mutations test-interruptions soak test-lost-node test-chaos bench django-sizing cluster cluster-status cluster-down images demo demo-down example-django example-django-down release test-release base-images base-images-pull-request publish sign release-page
