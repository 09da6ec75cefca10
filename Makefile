# Every target is one line into scripts/. RK3S_* variables (see README) move directories and ports.
.DEFAULT_GOAL := help
.PHONY: help build run stop clean-node test test-cluster lint bench bench-node bench-api bench-store fuzz

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

build: ## install what the build needs, leave the static binary at target/rk3s
	@scripts/build.sh

run: build ## start a node, deploy packaging/examples/hello.yaml on it, show it
	@scripts/run.sh

stop: ## stop the server; pods go on
	@scripts/stop.sh

clean-node: ## stop the server and remove every trace of rk3s from this machine
	@scripts/clean-node.sh

test: ## formatting, lints, all tests, and the real binary with a real kubectl
	@scripts/test.sh

test-cluster: build ## only the tests of the real binary with a real kubectl
	@scripts/test-cluster.sh

lint: ## formatting and lints
	@scripts/lint.sh

bench: bench-node bench-api bench-store ## all figures of README and of src/store/README.md

bench-node: build ## sizes, start and pods: README's first table
	@scripts/bench-node.sh

bench-api: build ## requests, lists, watches and memory of the API beside etcd and axum
	@scripts/bench-api.sh

bench-store: ## the store's puts, reads, lists and memory beside etcd
	@scripts/bench-store.sh

fuzz: ## every fuzz target for ten minutes
	@scripts/fuzz.sh
