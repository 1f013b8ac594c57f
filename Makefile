# Builds bin/, the local cluster and the tests. `make help` lists the targets.
SHELL := /bin/bash
GO    ?= go
TOOL  := $(GO) tool -modfile=tools/go.mod

VERSION  := 2.9.5
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X github.com/alluxio-go/alluxio/internal/version.Revision=$(REVISION)
SCRIPTS  := $(wildcard scripts/*.sh)

.DEFAULT_GOAL := build
.PHONY: help build local stop test test-race interop lint generate check-generate dist clean bench bench-namespace bench-worker bench-kodo soak-kodo

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

build: ## build bin/alluxio, bin/kodo-emulator and put the scripts beside them
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...
	@install -m 755 $(SCRIPTS) bin/

local: build ## start a local cluster, run the smoke suite, print the web address
	@scripts/make-local.sh

stop: ## stop the local cluster
	@bin/alluxio-stop.sh local

test: build lint check-generate ## everything: unit, conformance, in-process clusters, real binaries, web
	$(GO) test -timeout 15m ./...

test-race: ## the same packages under the race detector
	$(GO) test -race -timeout 30m ./...

lint: ## gofmt, vet, staticcheck (the import table is a test)
	@out=$$(gofmt -l $$(git ls-files '*.go' | grep -v '\.pb\.go$$')); [ -z "$$out" ] || { echo "not gofmt-clean:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

generate: ## regenerate the Go code of proto/ with the pinned generators
	GO=$(GO) proto/generate.sh

check-generate: ## fail when the generated Go code of proto/ is not what generate makes
	@proto/generate.sh --check

ARCH := $(shell $(GO) env GOARCH)
DIST := alluxio-$(VERSION)-linux-$(ARCH)

interop: build ## clients that others wrote (Java, Hadoop, shells, SDKs); needs Java and Maven
	$(GO) test -tags interop -count=1 -v -timeout 30m ./test/interop/...

dist: build ## dist/alluxio-VERSION-linux-ARCH.tar.gz: runs where it is unpacked
	@rm -rf dist && mkdir -p dist/$(DIST)/conf
	@cp -r bin docs README.md LICENSE NOTICE dist/$(DIST)/
	@cp conf/masters conf/workers conf/*.template dist/$(DIST)/conf/
	@rm -f dist/$(DIST)/bin/make-local.sh
	@tar -C dist -czf dist/$(DIST).tar.gz $(DIST) && ls -lh dist/$(DIST).tar.gz

bench: bench-namespace bench-worker bench-kodo ## every benchmark: ratios within one run

bench-namespace: build ## memory of a million files, restart, create rate
	$(GO) run ./test/namespacebench

bench-worker: build ## reads and writes of a worker against plain files and bare gRPC
	$(GO) run ./test/workerbench

bench-kodo: build ## the Kodo connector against the SDK, over an emulated link
	$(GO) run ./test/kodobench

soak-kodo: ## a million Kodo requests, a fifth of them faulted
	$(GO) run ./test/kodobench --soak 1000000

clean: ## remove build output
	rm -rf bin dist
