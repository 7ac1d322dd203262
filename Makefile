# SPDX-License-Identifier: Apache-2.0
# Short names for the common tasks: meson and ninja do the work, in the folder BUILD.

BUILD ?= build
PREFIX ?= /usr/local
MESON_FLAGS ?=
FUZZ_SECONDS ?= 30
TEST_FLAGS ?=
CRASH_JOBS ?= 2

.PHONY: all demo test test-vm test-hosts wheel crash-full kill-full proof lint fuzz bench deb
.PHONY: install clean help

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "no meson: run tools/setup first" >&2; exit 1; }
	meson setup --prefix=$(PREFIX) $(MESON_FLAGS) $(BUILD)

demo:
	@tools/setup
	@$(MAKE) --no-print-directory all
	@tools/demo $(BUILD)

test:
	@tools/setup
	@$(MAKE) --no-print-directory all
	@tools/run-tests $(TEST_FLAGS) $(BUILD)

test-vm:
	@tools/setup
	@$(MAKE) --no-print-directory all
	@tools/run-tests --suite vm $(BUILD)

wheel:
	@tools/setup --python
	@tools/wheel

test-hosts:
	@tools/setup --python
	@tools/test-hosts

crash-full:
	@tools/setup
	@$(MAKE) --no-print-directory all
	@$(BUILD)/tests/crash/crash --jobs $(CRASH_JOBS) --second tools/recover.py

kill-full:
	@tools/setup
	@$(MAKE) --no-print-directory all
	@WEIR_TEST_KILLS=2000 $(BUILD)/tests/unit/test_store_kill

proof:
	@tools/setup
	@$(MAKE) --no-print-directory all
	@tools/proof $(BUILD)

lint:
	@tools/setup --lint
	@tools/lint

fuzz:
	@tools/setup --fuzz
	@[ -f build-fuzz/build.ninja ] || CC=clang meson setup -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false build-fuzz
	ninja -C build-fuzz fuzz
	@tests/fuzz/run build-fuzz $(FUZZ_SECONDS)

bench:
	@tools/setup --bench
	@$(MAKE) --no-print-directory all
	@bench/run $(BUILD)

deb:
	@tools/setup --deb
	@tools/deb build-deb

install: all
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)

help:
	@echo "make           builds into $(BUILD)/"
	@echo "make demo      shows the main job of weir, on a file in a temporary folder"
	@echo "make test      builds and runs every test"
	@echo "make test-vm   tests with an emulated NVMe drive, in a guest (downloads QEMU)"
	@echo "make wheel     builds the package for Python into python/dist/"
	@echo "make test-hosts  tests it below LMCache, vLLM and SGLang (downloads 2 GB once)"
	@echo "make crash-full  every power cut in all programs of three steps: takes long"
	@echo "make kill-full   kills a process that writes to a store 2,000 times"
	@echo "make proof       runs what docs/proof.md is made of, and makes it anew"
	@echo "make lint      checks format, clang-tidy, cppcheck, and the rules of the code"
	@echo "make fuzz      gives generated texts to each reader (FUZZ_SECONDS=$(FUZZ_SECONDS))"
	@echo "make bench     measures weir and compares it with fio"
	@echo "make deb       builds Debian packages into build-deb/"
	@echo "make install   PREFIX=$(PREFIX), DESTDIR as usual"
	@echo "make clean     removes $(BUILD)/"
	@echo "demo, test, lint, fuzz, bench and deb first install missing packages:"
	@echo "see tools/setup"
