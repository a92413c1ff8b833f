# Builds Troupe, runs it and tests it. `make help` lists the targets.
#
# What is built for one purpose is a flavour and lives in build/<flavour>/, objects in the same tree as their sources:
#   release  the program
#   kit      the spec kit troupe_host.so, which runs the host inside a busted process, and the tests in C
#   asan     program, kit and tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan     the same under ThreadSanitizer
#   debug    the same without optimization, for gdb
#   clang    objects only, for clang's warnings

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
LUA_SHARE = $(DESTDIR)$(PREFIX)/share/lua/5.4
LUA_LIB = $(DESTDIR)$(PREFIX)/lib/lua/5.4

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings \
            -Wconversion -Werror
C_FLAGS := -std=c11 -D_GNU_SOURCE -Ihost -I/usr/include/lua5.4 -MMD -MP -pthread $(WARNINGS)

flags_release := -O2 -g -flto=auto
flags_kit     := -O2 -g -fPIC -DTROUPE_FAULTS
flags_asan    := -O1 -g -fPIC -DTROUPE_FAULTS -fsanitize=address,undefined -fno-sanitize-recover=undefined \
                 -fno-omit-frame-pointer
flags_tsan    := -O1 -g -fPIC -DTROUPE_FAULTS -fsanitize=thread -fno-omit-frame-pointer
flags_debug   := -O0 -g3 -fPIC -DTROUPE_FAULTS
flags_clang   := -O2 -g -DTROUPE_FAULTS

# --- What is built from what ---------------------------------------------------------------------------------------

LEDGER_ROOMS  := base codec ledger
LUA_ROOMS     := vm marshal state kv schedule script
ledger_sources := $(foreach room,$(LEDGER_ROOMS),$(wildcard host/$(room)/*.c))
kit_sources    := $(ledger_sources) $(foreach room,$(LUA_ROOMS) stage kit,$(wildcard host/$(room)/*.c))
host_sources   := $(wildcard host/*.c) $(ledger_sources) $(foreach room,$(LUA_ROOMS) stage door,$(wildcard host/$(room)/*.c))
test_sources   := $(wildcard spec/c/*_test.c spec/fuzz/*_test.c)
helper_sources := $(filter-out $(test_sources),$(wildcard spec/c/*.c))
bench_sources  := $(wildcard spec/bench/*.c)
crash_sources  := $(wildcard spec/crash/*.c)
all_sources    := $(sort $(host_sources) $(kit_sources) $(test_sources) $(helper_sources) $(bench_sources) $(crash_sources))
lua_sources    := $(wildcard lua/troupe/*.lua)

# The program brings its own Lua and what belongs to it. The kit is loaded by lua5.4, which has Lua's symbols already: a
# second Lua in one process would be another Lua. It stays loaded to the end, so that a leak that a sanitizer reports then
# still has its names.
host_libraries := -Wl,--as-needed -rdynamic -l:liblua5.4.a -l:liblua5.4-cjson.a -l:liblmdb.a -l:libyajl_s.a -l:libmd.a -lisal \
                  -lh2o-evloop -lwslay -lm
heap_release   := -lmimalloc
kit_libraries  := -Wl,--as-needed -l:liblua5.4-cjson.so.0 -llmdb -lyajl -lmd -lisal -lm
test_libraries := -Wl,--as-needed -llmdb -lyajl -lmd -lisal -lwslay -lcmocka -lm

objects = $(patsubst %.c,build/$(1)/%.o,$(2))
tests = $(patsubst %.c,build/$(1)/%,$(test_sources))
kit = build/$(1)/troupe_host.so build/$(1)/simulated_disk.so

define flavour
build/$(1)/%.o: %.c Makefile | packages
	@mkdir -p $$(@D)
	@echo "cc    $$@"
	@$(or $(2),$$(CC)) $$(C_FLAGS) $$(flags_$(1)) $$(EXTRA) -c -o $$@ $$<

build/$(1)/troupe: $(call objects,$(1),$(host_sources))
	@echo "link  $$@"
	@$$(CC) $$(flags_$(1)) -pthread -o $$@ $$^ $$(host_libraries) $$(heap_$(1))

build/$(1)/troupe_host.so: $(call objects,$(1),$(kit_sources))
	@echo "link  $$@"
	@$$(CC) $$(flags_$(1)) -pthread -shared -Wl,-Bsymbolic -Wl,-z,nodelete -o $$@ $$^ $$(kit_libraries)

# What stands in front of the C library's calls in the crash simulation.
build/$(1)/simulated_disk.so: $(call objects,$(1),$(crash_sources))
	@echo "link  $$@"
	@$$(CC) $$(flags_$(1)) -pthread -shared -Wl,-Bsymbolic -Wl,-z,nodelete -o $$@ $$^

# What the tests in C are linked with: an archive, of which each takes what it needs, and so neither Lua nor h2o. Only
# those of turns need Lua.
build/$(1)/rooms.a: $(call objects,$(1),$(filter-out host/kit/%,$(kit_sources)) $(wildcard host/door/*.c) $(helper_sources))
	@echo "ar    $$@"
	@rm -f $$@ && ar rcs $$@ $$^

$(call tests,$(1)): build/$(1)/%: build/$(1)/%.o build/$(1)/rooms.a
	@echo "link  $$@"
	@$$(CC) $$(flags_$(1)) -pthread -o $$@ $$^ $$(test_libraries)

build/$(1)/spec/c/stay_test build/$(1)/spec/c/connection_turn_test: test_libraries += -l:liblua5.4.a -l:liblua5.4-cjson.a

build/$(1)/spec/c/simulated_disk_test: $(call objects,$(1),$(filter-out %/disk_module.c,$(crash_sources)))

build/$(1)/host/script/embedded.o: $(lua_sources)
build/$(1)/host/door/bundle.o: host/client/client.js host/client/client.d.ts
build/$(1)/host/door/%.o: EXTRA := -DH2O_USE_LIBUV=0
endef

$(foreach name,release kit asan tsan debug,$(eval $(call flavour,$(name))))
$(eval $(call flavour,clang,clang))

# What the benchmarks measure with; with the program's own Lua and LMDB.
bench_tools := $(patsubst spec/bench/%.c,build/bench/%,$(bench_sources))

$(bench_tools): build/bench/%: spec/bench/%.c spec/bench/tool.h Makefile | packages
	@mkdir -p $(@D)
	@echo "cc    $@"
	@$(CC) $(C_FLAGS) -O2 -g -o $@ $< -l:liblua5.4.a -l:liblmdb.a -lm

bench_paths := TROUPE_PROGRAM=build/release/troupe TROUPE_BENCH=build/bench LUA_PATH="lua/?.lua;;" LUA_CPATH="build/kit/?.so;;"
run_bench   := lua5.4 spec/bench/run.lua

.SECONDARY:
-include $(foreach name,release kit asan tsan debug clang,$(patsubst %.o,%.d,$(call objects,$(name),$(all_sources))))

# --- Packages ------------------------------------------------------------------------------------------------------

package_groups := build $(if $(filter test asan tsan check crash fuzz bench kit clang debug profile,$(MAKECMDGOALS)),test) \
                  $(filter check bench debug profile,$(MAKECMDGOALS)) $(if $(filter profile,$(MAKECMDGOALS)),bench) \
                  $(if $(filter clang lint,$(MAKECMDGOALS)),check)

# Asks dpkg each time, which takes milliseconds, and touches apt only where something is missing. The services that come
# with a package are not started: what is needed of them is started by who needs it, and stopped again.
#
# Tarantool's package makes itself `lua` where no other is preferred, and then `busted` and `luacheck`, which are run by
# `lua`, end in an error. Where it came by this recipe, be it long ago, that is taken back; what somebody has installed or
# chosen by hand stays.
.PHONY: packages
packages:
	@command -v dpkg-query >/dev/null || { echo "This is no Debian: see .packages for what is needed." >&2; exit 0; }; \
	wanted=$$(awk -v groups=" $(package_groups) " '/^[a-z]/ && index(groups, " " $$2 " ") { print $$1 }' .packages); \
	there=$$(dpkg-query -W -f '$${db:Status-Status} $${Package}\n' $$wanted 2>/dev/null | sed -n 's/^installed //p'); \
	missing=$$(for name in $$wanted; do \
	  printf '%s\n' "$$there" | grep -qxF "$$name" || printf '%s ' "$$name"; done); \
	[ "$$(id -u)" = 0 ] && root= || root=sudo; \
	if [ -n "$$missing" ]; then \
	  echo "Installing from Debian: $$missing"; \
	  policy=/usr/sbin/policy-rc.d; \
	  [ -e $$policy ] || { trap "$$root rm -f $$policy" EXIT; \
	    printf '#!/bin/sh\nexit 101\n' | $$root tee $$policy >/dev/null && $$root chmod 755 $$policy; }; \
	  $$root apt-get -q -o DPkg::Lock::Timeout=120 update </dev/null && \
	  $$root env DEBIAN_FRONTEND=noninteractive \
	    apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends $$missing </dev/null || exit 1; \
	fi; \
	if update-alternatives --query lua-interpreter 2>/dev/null | awk '/^Status: auto/ { auto = 1 } \
	    /^Alternative: .*\/tarantool$$/ { there = 1 } END { exit !(auto && there) }' && \
	  zgrep -qs 'Timeout=120 install --no-install-recommends .*tarantool' /var/log/apt/history.log* 2>/dev/null; then \
	  echo "Taking back that Tarantool is lua"; \
	  $$root update-alternatives --remove lua-interpreter /usr/bin/tarantool || :; \
	fi

# --- Targets -------------------------------------------------------------------------------------------------------

.PHONY: build kit run test check lint clang asan tsan debug compdb map crash fuzz bench bench_briefly profile npm install \
        uninstall clean help

build: build/release/troupe  ## build the program, build/release/troupe

kit: $(call kit,kit)  ## build the spec kit, so that plain `busted` runs here

run: build/release/troupe  ## serve the actors in actors/; flags in ARGS="--dev ..."
	@build/release/troupe serve actors $(ARGS)

test: build/release/troupe $(call kit,kit) $(call tests,kit)  ## run all tests; only some: ONLY=kv
	@TROUPE_PROGRAM=build/release/troupe lua5.4 spec/run.lua kit $(ONLY)

check: build/release/troupe $(call kit,kit) $(call tests,kit) $(bench_tools)  ## run all tests, luacheck, clang's warnings, each benchmark for a moment
	@TROUPE_PROGRAM=build/release/troupe TROUPE_LINT=1 lua5.4 spec/run.lua kit $(ONLY)

asan: build/asan/troupe $(call kit,asan) $(call tests,asan)  ## the tests under address and undefined sanitizers
	@TROUPE_PROGRAM=build/asan/troupe lua5.4 spec/run.lua asan $(ONLY)

tsan: build/tsan/troupe $(call kit,tsan) $(call tests,tsan)  ## the tests under the thread sanitizer
	@TROUPE_PROGRAM=build/tsan/troupe lua5.4 spec/run.lua tsan $(ONLY)

debug: build/debug/troupe $(call kit,debug) $(call tests,debug)  ## program, kit and tests for gdb, in build/debug
	@echo "gdb --args build/debug/troupe serve actors"

# Where clangd looks for it.
compdb: packages  ## write build/compile_commands.json, for editors that speak with clangd
	@mkdir -p build
	@{ separator='['; for source in $(all_sources); do \
	  printf '%s\n{ "directory": "%s", "file": "%s", "command": "%s" }' "$$separator" "$(CURDIR)" "$$source" \
	    "$(CC) $(C_FLAGS) $(flags_kit) -DH2O_USE_LIBUV=0 -c $$source"; separator=','; done; echo; echo ']'; } \
	  > build/compile_commands.json

headers := $(wildcard host/*.h host/*/*.h)

map:  ## list the files of the host by room, and what each is for, as its header says
	@awk 'FNR == 1 { text = ""; told = 0 } \
	  !told { told = /\*\/$$|^ \*$$/; gsub(/^\/\* [^ ]+ -- |^ \* ?| *\*\/$$/, ""); text = text (FNR > 1 && $$0 != "" ? " " : "") $$0; \
	    if (told) printf "%-30s %s\n", FILENAME, text }' \
	  $(headers) $(filter-out $(headers:.h=.c),$(wildcard host/*.c host/*/*.c)) | sort

crash: build/release/troupe $(call kit,kit) packages  ## 100,000 simulated crashes of actors alone, of chains, and of messages, schedules and ends; then 500 kills under load: nothing may be missing
	@LUA_PATH="./?.lua;lua/?.lua;;" LUA_CPATH="build/kit/?.so;;" LD_PRELOAD=build/kit/simulated_disk.so \
	  TROUPE_CRASHES=$${TROUPE_CRASHES:-100000} lua5.4 spec/crash/run.lua
	@TROUPE_PROGRAM=build/release/troupe TROUPE_ROUNDS=$${TROUPE_ROUNDS:-500} busted \
	  spec/host/kill_spec.lua spec/host/transfer_spec.lua spec/host/transfer_mail_spec.lua spec/host/linearizable_spec.lua

fuzz: build/asan/troupe $(call kit,asan) $(filter build/asan/spec/fuzz/%,$(call tests,asan))  ## bytes that nobody should have written: FUZZ_SECONDS=30 for each reader of bytes
	@TROUPE_PROGRAM=build/asan/troupe FUZZ_SECONDS=$${FUZZ_SECONDS:-30} lua5.4 spec/run.lua asan \
	  $(or $(addprefix spec/fuzz/,$(ONLY)),spec/fuzz/)

lint: packages  ## luacheck over all Lua files
	@luacheck --quiet --no-color $(wildcard lua actors examples spec)

clang: $(call objects,clang,$(all_sources))  ## compile everything with clang, for its warnings

bench: build/release/troupe build/kit/troupe_host.so $(bench_tools)  ## measure against peers; only some topics: ONLY=kv
	@$(bench_paths) $(run_bench) $(ONLY)

# What `make check` runs of it, with the peers that are there: see spec/bench/run.lua.
bench_briefly: build/release/troupe build/kit/troupe_host.so $(bench_tools)
	@ROUNDS=1 SECONDS=0.2 MANY=1000 $(bench_paths) $(run_bench)

profile: build/release/troupe build/kit/troupe_host.so $(bench_tools)  ## where the program's time goes in a benchmark: ONLY=kv
	@mkdir -p build/profile
	@$(bench_paths) perf record --quiet --freq=999 --call-graph=fp --output=build/profile/perf.data $(run_bench) $(ONLY)
	@perf report --input=build/profile/perf.data --comm=troupe --percentage=relative --no-children --sort=symbol --stdio \
	  --percent-limit=0.5 -g none

# The package of the client for Node, as `npm pack` makes it, by tar alone: the same files give the same bytes. What its README
# links to is not in it.
npm_version := $(shell sed -n 's/^\#define TROUPE_VERSION "\(.*\)"$$/\1/p' host/options.h)
npm_package := build/npm/troupe-client-$(npm_version).tgz
npm_files   := client.js client.d.ts package.json README.md

$(npm_package): $(addprefix host/client/,$(npm_files)) host/options.h Makefile
	@rm -rf build/npm && mkdir -p build/npm/package
	@cp $(addprefix host/client/,$(npm_files)) build/npm/package
	@sed -i 's/"version": "[^"]*"/"version": "$(npm_version)"/' build/npm/package/package.json
	@sed -i 's/\[\([^]]*\)\](\.\.\/[^)]*)/\1/g' build/npm/package/README.md
	@tar --create --directory=build/npm --sort=name --format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner \
	  --mode=u=rwX,go=rX package | gzip --no-name >$@
	@rm -r build/npm/package
	@echo "$@"

npm: $(npm_package)  ## make the JavaScript client's package for Node, build/npm/troupe-client-VERSION.tgz

install: build/release/troupe build/kit/troupe_host.so  ## install to PREFIX (/usr/local), below DESTDIR if set
	install -D -m 755 build/release/troupe $(DESTDIR)$(PREFIX)/bin/troupe
	install -D -m 755 build/kit/troupe_host.so $(LUA_LIB)/troupe_host.so
	install -d $(LUA_SHARE)/troupe
	$(if $(lua_sources),install -m 644 $(lua_sources) $(LUA_SHARE)/troupe)

uninstall:  ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/troupe $(LUA_LIB)/troupe_host.so
	rm -f $(patsubst lua/%,$(LUA_SHARE)/%,$(lua_sources))
	[ ! -d $(LUA_SHARE)/troupe ] || rmdir $(LUA_SHARE)/troupe

clean:  ## remove build/
	rm -rf build

help:  ## list the targets
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
