# SPDX-License-Identifier: BSD-3-Clause
# One door to everything. CMake does the work; `make help` lists the targets.
JOBS ?= $(shell nproc)
CMAKE ?= cmake
PREFIX ?= /usr/local
DESTDIR ?=
# Tools that the set-up could only put into the private prefix.
export PATH := $(PATH):$(or $(WEIR_PREFIX),$(CURDIR)/.deps)/usr/bin

.DEFAULT_GOAL := release
.PHONY: help release dev asan tsan fuzz clang core setup demo check serve serve-stop bench bars \
  format lint stats docs dist install clean

help: ## this list
	@awk -f scripts/help.awk Makefile

##@ Run
demo: ## install what is needed, build, run the ocean with a learned closure
	scripts/setup.sh core onnx || test $$? -ge 3 # configure says what it lacks
	$(MAKE) release
	apps/ocean/demo.sh build/release build/demo

check: ## install what is needed, build with sanitizers, run lint and every test
	JOBS=$(JOBS) scripts/check.sh

serve: release ## a private Redis or Valkey with Weir's module; prints its address; Ctrl-C ends it
	LD_LIBRARY_PATH=$(wildcard $(or $(WEIR_PREFIX),$(CURDIR)/.deps)/usr/lib/*-linux-gnu) \
	  build/release/bin/weir redis $(SERVE)

serve-stop: ## end it from elsewhere
	build/release/bin/weir redis --stop

##@ Build
release: build/release ## optimised (the default)
dev: build/dev ## -Og, asserts, warnings are errors
asan: build/asan ## address and undefined-behaviour sanitizers
tsan: build/tsan ## thread sanitizer
clang: build/clang ## dev with clang
core: build/core ## library, module and program alone, no backend
fuzz: ## libFuzzer programs; runs each for FUZZ_SECONDS (default 30)
	$(MAKE) build/fuzz TARGET=weir_fuzz_targets
	scripts/fuzz.sh build/fuzz $(or $(FUZZ_SECONDS),30)

.PHONY: build/release build/dev build/asan build/tsan build/fuzz build/clang build/core
build/release build/dev build/asan build/tsan build/fuzz build/clang build/core:
	$(CMAKE) --preset $(@F) -Wno-dev
	$(CMAKE) --build $@ -j $(JOBS) --target $(or $(TARGET),all)

##@ Measure
bench: release ## all benchmarks
	bench/bench.sh build/release

bars: release ## the speed promises, each beside the direct library call
	bench/bars.sh build/release

stats: ## the budgets of the code: function and file sizes, duplication, exports
	/usr/bin/python3 scripts/stats.py

##@ Keep clean
format: ## clang-format over our C and C++
	/usr/bin/python3 scripts/lint_format.py --fix

lint: ## all static checks
	scripts/lint.sh

##@ Deliver
setup: ## install what is needed (scripts/setup.sh --list says what and why)
	scripts/setup.sh

docs: ## the pages in docs/ are Markdown; this checks their links
	/usr/bin/python3 scripts/lint_links.py

dist: ## build/weir-VERSION.tar.gz of what is committed
	scripts/dist.sh

install: release ## into PREFIX (default /usr/local), honours DESTDIR
	DESTDIR=$(DESTDIR) $(CMAKE) --install build/release --prefix $(PREFIX)

clean: ## remove build/
	$(CMAKE) -E rm -rf build
