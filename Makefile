#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Every target sets up what it needs, says what it does, asks nothing, and is quick when nothing is missing.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BINARY := .build/release/nightjar
# Both products, or each build would begin anew. The dynamic checks of exclusive access, NIO's too, cost 1.5 % of a message's time
# at depth 1 and a tenth at depth 16; tests, fuzzing and the sanitizers keep them.
RELEASE := -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
PYTEST := .venv/bin/python -m pytest Tests/EndToEnd
BROWSER := Tests/EndToEnd/browser
OOM := Tests/CLuaRuntimeTests/oom.c

# What a target adds: make run SCRIPTS=examples/chat/scripts ARGS='--port 9000', make test-e2e ARGS='-k chat',
# make autobahn CASES='6.*', make fuzz TIME=60 TARGETS='frames', make sanitize SANITIZERS='thread', make bench ROUNDS=3 SECS=2 PEERS=no.
ARGS ?=
SCRIPTS ?= scripts
CASES ?=
TIME ?=
TARGETS ?=
SANITIZERS ?=
ROUNDS ?=
SECS ?=
PEERS ?=
UPDATE ?=

.NOTPARALLEL:
.PHONY: help run build test test-unit test-e2e test-browser test-oom test-lint test-autobahn soak lint format autobahn interop bench bench-instructions fuzz sanitize clean

help: ## shows this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

run: build ## builds what is missing and serves scripts/, or SCRIPTS=folder, on 127.0.0.1:8080
	@echo "==> serving $(SCRIPTS)/"
	@exec $(BINARY) serve $(SCRIPTS) --dev $(ARGS)

build: ## builds .build/release/nightjar
	@dev/setup.sh build
	@echo "==> building $(BINARY)"
	@swift build $(RELEASE) --product nightjar

test: test-lint test-unit test-e2e test-browser test-oom bench-instructions test-autobahn ## runs every test
	@echo "==> all tests passed"

test-lint:
	@dev/setup.sh test
	@echo "==> testing the lint"
	@dev/lint-test.sh

test-unit: ## runs the tests of the Swift and C targets
	@dev/setup.sh test
	@echo "==> running the unit tests"
	@swift test $(ARGS)
	@$(if $(ARGS),,echo "==> judging the CPU time of scripts, with nothing beside")
	@$(if $(ARGS),,NIGHTJAR_CPU_TIME=1 swift test --skip-build --no-parallel --filter 'AttackTests|BudgetTests')

test-e2e: build ## runs the tests that talk to the built binary
	@dev/setup.sh test
	@echo "==> running the end-to-end tests"
	@NIGHTJAR_BIN=$(BINARY) $(PYTEST) --ignore=$(BROWSER) $(ARGS)

# What they see: NIGHTJAR_SCREENSHOTS=folder make test-browser.
test-browser: build ## clicks through the console and the examples' pages in headless Chromium
	@dev/setup.sh browser
	@echo "==> running the browser tests"
	@NIGHTJAR_BIN=$(BINARY) .venv/bin/python -m pytest $(BROWSER) $(ARGS)

# Fails each allocation of a script in turn, under valgrind.
test-oom: ## runs the Lua runtime out of memory under valgrind
	@dev/setup.sh test
	@if [ -f $(OOM) ]; then \
		echo "==> running out of memory in every place under valgrind"; \
		mkdir -p .build/dev; \
		$$(command -v cc || command -v clang || command -v gcc) -std=c11 -g -O1 -Wall -Wextra -ISources/CLuaRuntime/include \
			$$(pkg-config --cflags lua5.4) $(OOM) Sources/CLuaRuntime/*.c -o .build/dev/oom $$(pkg-config --libs lua5.4); \
		valgrind --quiet --error-exitcode=1 --leak-check=full .build/dev/oom; \
	fi

# 2: this machine has no Python 2.7, which the suite needs; any other failure is one.
test-autobahn: build ## runs the quick part of the Autobahn suite over ws and wss
	@dev/setup.sh autobahn
	@python3 dev/autobahn/results_test.py
	@status=0; dev/autobahn/install.sh || status=$$?; \
	case $$status in \
	0) dev/autobahn/run.sh gate ;; \
	2) echo "==> Autobahn skipped: no Python 2.7" ;; \
	*) exit $$status ;; \
	esac

soak: build ## reads 20 MB at 100 KB/s, and attacks in full size (15 minutes)
	@dev/setup.sh test
	@echo "==> reading 20 MB of echoes at 100 KB/s"
	@NIGHTJAR_BIN=$(BINARY) NIGHTJAR_TEST_READ_RATE=100000 $(PYTEST) -k slow_reader $(ARGS)
	@echo "==> attacking in full size"
	@ulimit -n "$$(ulimit -Hn)"; NIGHTJAR_BIN=$(BINARY) NIGHTJAR_SOAK=1 $(PYTEST)/attacks --override-ini timeout=600 $(ARGS)

lint: ## checks imports, includes, licence headers and formatting
	@dev/lint.sh

format: ## formats the Swift files in place
	@echo "==> formatting"
	@swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzz Benchmarks

autobahn: build ## runs the whole Autobahn suite over ws and wss, or CASES='9.*'
	@dev/setup.sh autobahn
	@dev/autobahn/install.sh
	@dev/autobahn/run.sh $(if $(CASES),'$(CASES)',all)

interop: build ## has websockets, curl, node-ws and Chromium talk to /echo over ws and wss
	@dev/setup.sh interop
	@dev/interop/run.sh $(ARGS)

# Half a minute, of ours alone: make bench ROUNDS=1 SECS=0.5 PEERS=no.
bench: build ## measures the server against the bare loop and others, and writes docs/performance.md
	@PEERS='$(PEERS)' dev/setup.sh bench
	@echo "==> measuring"
	@ROUNDS='$(ROUNDS)' SECS='$(SECS)' PEERS='$(PEERS)' python3 dev/bench/bench.py

# The counts are there to be met, by whatever machine; UPDATE=yes writes them anew.
bench-instructions: ## counts the instructions of the cores, and fails where they are 5 % more than before
	@dev/setup.sh test
	@python3 dev/bench/tables_test.py
	@echo "==> building the benches of the cores"
	@NIGHTJAR_BENCH=1 swift build $(RELEASE) --product cores
	@echo "==> counting instructions under callgrind"
	@UPDATE='$(UPDATE)' python3 dev/bench/instructions.py

fuzz: ## fuzzes each target for TIME seconds (600), or TARGETS='frames'
	@dev/setup.sh build
	@dev/fuzz.sh $(if $(TIME),--time $(TIME)) $(TARGETS)

sanitize: ## runs the unit tests under ASan and TSan, and the Lua runtime under ASan and UBSan
	@dev/setup.sh test
	@dev/sanitize.sh $(SANITIZERS)

clean: ## removes what was built
	@echo "==> removing .build and .venv"
	@rm -rf .build .venv
