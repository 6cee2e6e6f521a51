# The front door: every target installs what it needs and is safe to repeat. `make help` lists them.
# CXX=g++-13 (or newer) builds with another compiler; JOBS=n bounds the parallel work.
ifeq ($(origin CXX),default)
CXX := clang++-19
endif
JOBS ?= $(shell nproc)
export CXX JOBS

# LANG=pt_BR.UTF-8 behind `make run` or `make notebooks` says in which language they speak, whatever the environment says.
ifeq ($(origin LANG),command line)
unexport LC_ALL LC_MESSAGES
endif

.DEFAULT_GOAL := help
.PHONY: help run notebooks build test test-threads test-clients package test-package package-arm64 test-arm64 bench bench-peers compare format lint clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

run: ## install, build, serve on 127.0.0.1:4566 and show records flowing, until Ctrl-C
	@tools/setup.sh run
	@tools/build.sh release riacho
	@exec .venv/bin/python tools/tutorial.py

notebooks: ## open the tutorial in JupyterLab, beside a `make run` in another terminal (JUPYTER="--port 8889")
	@tools/setup.sh notebooks
	@exec .venv/bin/python tools/notebooks.py $(JUPYTER)

build: ## build/riacho, optimised
	@tools/setup.sh build
	@tools/build.sh release riacho

test: ## install, build and run every test
	@tools/setup.sh test
	@tools/build.sh release
	@tools/build.sh asan
	@.venv/bin/python tools/run_tests.py

THREAD_TESTS ?= core_test io_test log_test catalog_test http_test aws_test outbound_test streams_test video_test server_test
# The other tests of the log run on one thread, and for many minutes.
THREAD_FILTER_log_test = LogTest.*:LogMemory.*
test-threads: ## unit tests and a tour of a server under ThreadSanitizer; builds for ten minutes or more (THREAD_TESTS="core_test log_test" for some)
	@tools/setup.sh test
	@tools/build.sh tsan $(THREAD_TESTS) riacho
	@$(foreach test,$(THREAD_TESTS),TSAN_OPTIONS=halt_on_error=1 build/tsan/bin/$(test) --gtest_brief=1 \
		--gtest_filter='$(or $(THREAD_FILTER_$(test)),*)' &&) true
	@RIACHO_BIN=build/tsan/bin/riacho .venv/bin/python -m pytest tests/threads -q --no-header -p no:cacheprovider --timeout 900

test-clients: ## the SDKs of Java, Go and Rust, KCL, KPL and Flink against riacho; downloads a lot (CLIENTS="-k kcl" for one)
	@tools/setup.sh clients
	@tools/build.sh release riacho
	@RIACHO_BIN=build/riacho .venv/bin/python -m pytest tests/sdk -q --no-header -p no:cacheprovider --timeout 900 $(CLIENTS)

package: ## build/package: a .deb, a tarball that needs nothing but glibc, a container image
	@tools/setup.sh package
	@tools/archives.sh
	@tools/build.sh release riacho
	@python3 packaging/package.py

test-package: package ## the packages on fresh Debian 12 and 13, and the image's root file system; as root, downloads 150 MB
	@tools/setup.sh test-package
	@.venv/bin/python -m pytest tests/package -q --no-header -p no:cacheprovider --timeout 600

package-arm64: ## the same for arm64, cross-built on another Debian with what tools/sysroot.sh fetches (50 MB)
	@tools/setup.sh arm64
	@tools/sysroot.sh arm64
	@tools/archives.sh arm64 $(CURDIR)/build/sysroot-arm64
	@tools/build.sh arm64 riacho
	@python3 packaging/package.py --architecture arm64 --binary build/arm64/bin/riacho --system build/sysroot-arm64 \
		--runner "qemu-aarch64-static -L build/sysroot-arm64 build/arm64/bin/riacho"

# qemu-user has neither seccomp nor Landlock for the programs that it runs, and starts only programs of this machine.
ARM64_TESTS ?= base_test formats_test wire_test core_test io_test log_test
QEMU_CANNOT = Children.*:ChildOfADeadProcess.*
test-arm64: package-arm64 ## unit tests and a server for arm64 under qemu-user; builds for half an hour
	@tools/build.sh arm64 $(ARM64_TESTS)
	@for test in $(ARM64_TESTS); do qemu-aarch64-static -L build/sysroot-arm64 build/arm64/bin/$$test --gtest_brief=1 \
		--gtest_filter='-$(QEMU_CANNOT)' || exit 1; done
	@.venv/bin/python -m pytest tests/arm64 -q --no-header -p no:cacheprovider --timeout 900

bench: ## the figures of docs/performance.md, side by side with nginx and fio (BENCH="--quick" for a short run)
	@tools/setup.sh bench
	@tools/build.sh release riacho gzip_bench
	@python3 tests/bench/run.py $(BENCH)
	@tools/build.sh release sql_bench
	@.venv/bin/python tests/bench/sql.py

bench-peers: ## riacho beside kinesalite, kinesis-local, ferrokinesis, moto and Kafka, which it installs in build/peers (BENCH="--quick")
	@tools/setup.sh bench-peers
	@tools/build.sh release riacho
	@python3 tests/bench/peers.py $(BENCH)
	@python3 tests/bench/plot.py build/bench-peers.json build

compare: ## build/riacho beside another binary, OLD=PATH: is a change slower?
	@tools/setup.sh bench
	@tools/build.sh release riacho
	@python3 tests/bench/compare.py $(OLD)

format: ## rewrite the C++ sources with clang-format
	@tools/setup.sh test
	@git ls-files -z '*.cc' '*.h' | xargs -0 -P $(JOBS) -n 16 clang-format-19 -i

lint: ## include table, repository rules, clang-format, clang-tidy over all sources (minutes)
	@tools/setup.sh test
	@python3 tools/tidy.py
	@git ls-files -z '*.cc' '*.h' | xargs -0 -P $(JOBS) -n 16 clang-format-19 --dry-run -Werror
	@tools/build.sh lint
	@git ls-files -z 'src/*.cc' | xargs -0 -P $(JOBS) -n 1 tools/clang_tidy.sh

clean: ## remove what the other targets made, but no data and no Python environment
	rm -rf build/release build/arm64 build/asan build/tsan build/lint build/riacho
