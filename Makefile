# The verbs of this project. Each does its own set-up: on Debian as root it is
# installed, elsewhere what is missing is said.
SHELL := /bin/bash
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
ARCHES := amd64 arm64
INIT := $(ARCHES:%=internal/initbin/bin/sandwright-init-linux-%.gz)
GOFLAGS_RELEASE := -trimpath -buildvcs=false
GO_SOURCES := $(shell find cmd internal -name '*.go' -not -name '*_test.go') go.mod go.sum
TEST_TIMEOUT ?= 40m
# Races inside BuildKit that no code of ours can prevent, one a line with its reason.
RACES := GORACE="suppressions=$(CURDIR)/scripts/races.txt print_suppressions=0"

.PHONY: demo test bench lint build clean
.DELETE_ON_ERROR:

## demo: build sandwright and bring the example up
demo: setup-demo build
	@scripts/demo.sh

## test: every test, with the race detector, against real BuildKit, runc and s6
test: setup-test $(INIT) bin/sandwright bin/sandwright-init bin/buildkitd bin/dockerd
	go vet ./...
	$(RACES) go test -race -timeout $(TEST_TIMEOUT) ./...

## bench: every benchmark; figures are ratios against a peer in the same run
bench: setup-test build
	go test -run '^$$' -bench . -benchmem -timeout 60m ./...

## lint: golangci-lint with this repository's rules
lint:
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run

## build: bin/sandwright, which carries sandwright-init, and bin/sandwright-init
build: bin/sandwright bin/sandwright-init

bin/sandwright: $(GO_SOURCES) $(INIT)
	CGO_ENABLED=0 go build $(GOFLAGS_RELEASE) -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/sandwright

bin/sandwright-init: $(GO_SOURCES) scripts/build-init.sh
	scripts/build-init.sh $$(go env GOARCH) $@

# What the tests take for a builder elsewhere.
bin/buildkitd: scripts/buildkitd/go.mod
	cd scripts/buildkitd && CGO_ENABLED=0 go build -trimpath -o ../../$@ github.com/moby/buildkit/cmd/buildkitd

# A Docker engine that keeps its images in containerd's store, newer than Debian's.
bin/dockerd: scripts/dockerd/go.mod
	cd scripts/dockerd && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o ../../$@ github.com/moby/moby/v2/cmd/dockerd

internal/initbin/bin/sandwright-init-linux-%.gz: $(GO_SOURCES) scripts/build-init.sh
	scripts/build-init.sh $* $(@:.gz=)
	gzip -9nf $(@:.gz=)

.PHONY: setup-demo setup-test
setup-demo:
	@scripts/setup.sh demo
setup-test:
	@scripts/setup.sh test

## clean: what make made here; the store of built images is `sandwright gc`'s
clean:
	rm -rf bin internal/initbin/bin/*.gz
