# The front door; the house is Meson's. `make help` lists what there is.
#   BUILD=dir     build folder (build)          SETUP="-Dx=y"  options of a new one
#   INSTALL=no    make check installs nothing   SPEC="dir..."  folders of make spec
#   PREFIX=dir    where make install puts it    V=1            say more

BUILD ?= build
PREFIX ?= /usr/local
INSTALL ?= $(if $(MOTE_NO_INSTALL),no,yes)
SPEC ?=
SECONDS ?= 60
CONFIGURE = [ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) --prefix=$(PREFIX) $(SETUP)
NINJA = ninja -C $(BUILD) $(if $(V),-v,--quiet)

all: ## build/mote, build/mote-compile, build/libmote.so and build/libmote.a
	@$(CONFIGURE)
	@$(NINJA)

deps: ## installs what building and testing need (Debian, as root); ARGS=--guests: guests too
	@tools/install-deps $(ARGS)

check: ## builds, runs every test, ends with `N passed, N failed, N skipped`
	@if [ "$(INSTALL)" != no ]; then tools/install-deps; fi
	@$(MAKE) --no-print-directory all
	@tools/run-tests $(BUILD)

sanitize: ## make check again, under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory check BUILD=$(BUILD)-sanitize INSTALL=no \
	    SETUP="-Db_sanitize=address,undefined -Db_lundef=false -Dman=false $(SETUP)"

tsan: ## the tests of threads under the thread sanitizer
	@$(MAKE) --no-print-directory all BUILD=$(BUILD)-tsan \
	    SETUP="-Db_sanitize=thread -Db_lundef=false -Dman=false $(SETUP)"
	@tools/run-tests $(BUILD)-tsan --suite threads

clang: ## make check, built by clang
	@CC=clang-19 CXX=clang++-19 $(MAKE) --no-print-directory check BUILD=$(BUILD)-clang INSTALL=no

fuzz: ## every fuzz target for SECONDS (60) in all, built by clang with the sanitizers
	@CC=clang-19 CXX=clang++-19 $(MAKE) --no-print-directory all BUILD=$(BUILD)-fuzz \
	    SETUP="-Db_sanitize=address,undefined -Db_lundef=false -Dman=false -Dfuzz=true -Dtests=false -Dcompiler=disabled $(SETUP)"
	@tools/fuzz $(BUILD)-fuzz $(SECONDS)

guests: ## builds the guest programs from registry packages; ONLY=c,go for some only
	@guests/build $(if $(ONLY),--only $(ONLY))

check-go: all ## Go's standard library's own tests; PACKAGES="strings os", ARGS="--wasmtime"
	@tests/go/run $(ARGS) $(BUILD)/mote $(PACKAGES)

spec: all ## the specification's scripts; SPEC="FOLDER..." for some only, ARGS="-O0 --verbose"
	@tools/spec $(BUILD) $(ARGS) $(SPEC)

demo: all ## builds the example application, in every language there is, and serves it until Ctrl-C
	@tools/demo $(if $(filter no,$(INSTALL)),,--install) $(ARGS) $(BUILD)

bench: all ## every benchmark, in 45 seconds together
	@lab/bench --quick

lab: all ## the study: native, containers, other runtimes and mote; ARGS=--quick: 3 minutes
	@lab/run $(ARGS)

install: all ## programs, libraries, headers, manual pages
	@meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))

clean: ## removes what was built
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-tsan $(BUILD)-clang $(BUILD)-fuzz

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

.PHONY: all deps check sanitize tsan clang fuzz guests check-go spec demo bench lab install clean help
