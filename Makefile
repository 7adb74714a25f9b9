# Type 'make help'. Everything that is built lands in bin and web/dist; nothing is installed outside this folder but
# Chromium and a C compiler, and those only by 'make test', as root, with apt.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Change these on the command line: make run ARGS='--listen :9000', make fuzz FUZZTIME=10m.
ARGS ?=
FUZZTIME ?= 60s
SEEDS ?= 200
TESTFLAGS ?=

VERSION ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed s/^v// || true)
ifeq ($(VERSION),)
VERSION := dev
endif
# A copy without git history, or of another user's, has no commit to stamp.
BUILDVCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo -buildvcs=true || echo -buildvcs=false)
BUILDFLAGS := -trimpath $(BUILDVCS) -ldflags '-X main.version=$(VERSION)'

GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)

# The sources of the web app, to build it again only when one of them changed.
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path 'web/e2e/*' 2>/dev/null)
NODE_MODULES := web/node_modules/.package-lock.json

CHROMIUM ?= $(shell command -v chromium chromium-browser google-chrome google-chrome-stable 2>/dev/null | head -n 1)

##@ Use
.PHONY: run
run: build ## Build everything, start the server, and print the address to open
	@exec bin/hiroba serve $(ARGS)

.PHONY: test
test: browser compiler operating lint layers race web-test e2e ## Run every check and test there is (installs what it needs)
	@echo 'All tests passed.'

.PHONY: build
build: web ## Build bin/hiroba with the web app inside
	go build $(BUILDFLAGS) -o bin/hiroba ./cmd/hiroba

.PHONY: web
web: web/dist/index.html ## Build the web app into web/dist

web/dist/index.html: $(NODE_MODULES) $(WEB_SOURCES)
	cd web && npm run --silent build
	@touch $@

# npm writes this file last, so it is as new as the last complete installation.
$(NODE_MODULES): web/package-lock.json
	@./.ci/need-node
	cd web && npm ci --no-audit --no-fund
	@touch $@

# Colours only on a terminal.
BOLD := $(if $(MAKE_TERMOUT),\033[1m)
PLAIN := $(if $(MAKE_TERMOUT),\033[0m)

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  $(BOLD)%-12s$(PLAIN) %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nNew here? Type "make run", open http://localhost:8080, and choose a room.\n'

##@ Check
.PHONY: lint
lint: $(GOLANGCI) $(NODE_MODULES) ## Look for mistakes and for code that is not written our way
	$(GOLANGCI) run ./...
	cd web && npm run --silent format:check && npm run --silent lint

.PHONY: format
format: $(GOLANGCI) $(NODE_MODULES) ## Write all code the way lint wants it
	$(GOLANGCI) fmt ./...
	cd web && npm run --silent format

$(GOLANGCI):
	@echo "Building golangci-lint $(GOLANGCI_VERSION) into bin (once, about two minutes) ..."
	@mkdir -p bin
	GOBIN='$(CURDIR)/bin' go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/golangci-lint $@

.PHONY: layers
layers: ## Check that packages import only what stands below them
	go test $(TESTFLAGS) ./cmd/hiroba/layers_test.go

.PHONY: unit
unit: ## Run the Go tests, quickly
	go test $(TESTFLAGS) ./...

.PHONY: race
race: ## Run the Go tests and fuzz seeds with the race detector
	go test -race -timeout 8m $(TESTFLAGS) ./...

.PHONY: fuzz-seeds
fuzz-seeds: ## Run every fuzz target on its stored inputs only
	go test -run '^Fuzz' $(TESTFLAGS) ./...

.PHONY: web-test
web-test: $(NODE_MODULES) ## Check the types of the SDK and the app and run their unit tests
	cd web && npm run --silent typecheck && npm run --silent test

.PHONY: e2e
e2e: build browser ## Run the tests in real browsers
	cd web && CHROMIUM='$(or $(CHROMIUM),/usr/bin/chromium)' npm run --silent e2e -w e2e

.PHONY: e2e-all
e2e-all: build browser ## Run the tests in real browsers, those of layers and of Firefox too
	cd web && HIROBA_E2E_ALL=1 CHROMIUM='$(or $(CHROMIUM),/usr/bin/chromium)' npm run --silent e2e -w e2e

.PHONY: deploy-test
deploy-test: browser $(NODE_MODULES) ## Start the containers of deploy and have a call through them (as root on Debian; minutes)
	./deploy/test/run

##@ Measure
.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (60s) each
	@grep -rlE '^func Fuzz' --include='*_test.go' cmd metrics room sfu signaling | sort | while read -r file; do \
	  grep -oE '^func Fuzz[A-Za-z0-9_]*' "$$file" | awk '{ print $$2 }' | while read -r target; do \
	    echo "== $$target in $$(dirname "$$file")"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	  done; \
	done

.PHONY: load
load: ## Put load on a running server and measure it; ARGS='--help' shows what there is
	go build $(BUILDFLAGS) -o bin/hiroba-load ./cmd/hiroba-load
	@bin/hiroba-load $(ARGS)

.PHONY: sim
sim: ## Play every scenario of the simulation with SEEDS (200) seeds and print what was measured
	go test ./sfu/sim -run '^TestTable$$' -v -timeout 60m $(TESTFLAGS) -seeds $(SEEDS) | grep -v '^ *\(===\|---\)'
	go test ./room/speaker -run '^TestSimulated' -v $(TESTFLAGS) -seeds $(SEEDS) | grep -v '^ *\(===\|---\)'

.PHONY: bench
bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem -timeout 60m $(TESTFLAGS) ./...

.PHONY: clean
clean: ## Remove everything that was built or installed here
	rm -rf bin web/node_modules web/e2e/out
	find web/dist -mindepth 1 -not -name .gitkeep -delete

# What the tests need from the system. As root on Debian and its kin it is installed; else one line says what to do.
.PHONY: browser
browser:
	@./.ci/need-browser '$(CHROMIUM)'

.PHONY: compiler
compiler:
	@./.ci/need-compiler

.PHONY: operating
operating:
	@./.ci/need-operating
