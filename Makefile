# connsh: one Makefile, everything it makes is in build/.
#
#   make run    build, then count the connections on port 80
#   make test   build, then run every test
#   make deps   install what both need (Debian; as root)

VERSION := 0.1.0

CC ?= cc
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build

WARN := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla -Wformat=2
HARDEN ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2
PKGS := lua5.4 libmnl readline
# asked for when they are first needed: make deps runs without them
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)) -lm)$(PKG_LIBS)
TEST_LIBS = $(eval TEST_LIBS := $(shell pkg-config --libs cmocka))$(TEST_LIBS)
CPPFLAGS_ALL = -Iinclude -DCONNSH_VERSION=\"$(VERSION)\" $(PKG_CFLAGS) $(CPPFLAGS)
COMPILE = $(CC) $(WARN) $(HARDEN) $(CPPFLAGS_ALL) $(CFLAGS) -MMD -MP

SRC := $(wildcard src/*.c src/*/*.c)
OBJ := $(SRC:%.c=$(BUILD)/%.o) $(BUILD)/embedded.o
LIB := $(filter-out $(BUILD)/src/main.o,$(OBJ))
LUA := $(wildcard lua/*.lua)

UNIT_SRC := $(wildcard tests/unit/test_*.c tests/pty/test_*.c)
UNIT := $(addprefix $(BUILD)/tests/unit/,$(basename $(notdir $(UNIT_SRC))))
TOOLS := $(addprefix $(BUILD)/tests/,sockmaker named oddmaker ownermaker ptyrun routemaker \
	unixmaker nlshim.so nlfeed.so openlog.so)
LUA_TESTS := $(wildcard tests/lua/test_*.lua tests/cli/test_*.lua tests/compat/test_*.lua)

.PHONY: all run test test-asan fuzz lint bench deps deps-run deps-test install clean format
.DEFAULT_GOAL := all

all: $(BUILD)/connsh

# ---- what users do -----------------------------------------------------------

run: deps-run
	@$(MAKE) --no-print-directory -s all
	$(BUILD)/connsh -e 'print(count<state="established", lport=80>)'

test: deps-test
	@$(MAKE) --no-print-directory check

deps:
	@sh .ci/deps install run test

deps-run:
	@sh .ci/deps ensure run

deps-test:
	@sh .ci/deps ensure run test

install: all
	install -D -m 755 $(BUILD)/connsh $(DESTDIR)$(PREFIX)/bin/connsh
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/connsh/README.md
	install -d $(DESTDIR)$(PREFIX)/share/doc/connsh/examples
	install -m 644 examples/*.lua $(DESTDIR)$(PREFIX)/share/doc/connsh/examples

clean:
	rm -rf $(BUILD)

# ---- the program -------------------------------------------------------------

$(BUILD)/connsh: $(BUILD)/src/main.o $(BUILD)/libconnsh.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# All but main, for the program and for the tests in C.
$(BUILD)/libconnsh.a: $(LIB)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# Each module of lua/ becomes an array; the name is that of require.
$(BUILD)/embedded.c: $(LUA) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "src/lua/embedded.h"'; n=0; \
	for f in $(LUA); do n=$$((n + 1)); \
		echo "static const unsigned char text$$n[] = {"; \
		od -An -v -tx1 $$f | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; \
		echo '};'; \
	done; \
	echo 'const struct embedded embedded_modules[] = {'; n=0; \
	for f in $(LUA); do n=$$((n + 1)); \
		echo "{ \"$$(basename $$f .lua)\", text$$n, sizeof(text$$n) },"; \
	done; \
	echo '{ 0, 0, 0 } };'; } >$@

$(BUILD)/embedded.o: $(BUILD)/embedded.c
	$(COMPILE) -I. -c -o $@ $<

# ---- tests -------------------------------------------------------------------

.PHONY: check
check: all $(UNIT) $(TOOLS)
	CONNSH=$(BUILD)/connsh BUILD=$(BUILD) sh tests/run $(UNIT) $(LUA_TESTS)

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libconnsh.a
	@mkdir -p $(@D)
	$(COMPILE) -Isrc -o $@ $< $(BUILD)/libconnsh.a $(LDFLAGS) $(PKG_LIBS) $(TEST_LIBS)

$(BUILD)/tests/unit/%: tests/pty/%.c $(BUILD)/libconnsh.a
	@mkdir -p $(@D)
	$(COMPILE) -Isrc -o $@ $< $(BUILD)/libconnsh.a $(LDFLAGS) $(PKG_LIBS) $(TEST_LIBS) -lutil

$(BUILD)/tests/sockmaker: $(wildcard tests/tool/sockmaker*.c tests/tool/sockmaker.h)
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/tests/named: tests/tool/named.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -o $@ $<

$(BUILD)/tests/routemaker: tests/tool/routemaker.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -o $@ $<

$(BUILD)/tests/ownermaker: tests/tool/ownermaker.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -o $@ $<

$(BUILD)/tests/unixmaker: tests/tool/unixmaker.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -o $@ $<

$(BUILD)/tests/oddmaker: tests/tool/oddmaker.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -o $@ $< -lpthread

$(BUILD)/tests/ptyrun: tests/tool/ptyrun.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -o $@ $< -lutil

$(BUILD)/tests/%.so: tests/tool/%.c
	@mkdir -p $(@D)
	$(CC) $(WARN) -O2 -g -fPIC -shared -o $@ $< -ldl

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

test-asan: deps-test
	ASAN_OPTIONS=detect_leaks=1:verify_asan_link_order=0 \
	$(MAKE) --no-print-directory check BUILD=$(BUILD)/asan HARDEN= CFLAGS='-O1 -g $(SANITIZE)'

# Bounded: FUZZ_RUNS inputs a harness, beside its corpus.
FUZZ_RUNS ?= 200000
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_LIB := $(filter-out src/main.c src/lua/% src/repl/%,$(SRC))

fuzz: deps-test
	@set -e; for name in $(FUZZ); do \
		$(MAKE) --no-print-directory $(BUILD)/fuzz/fuzz_$$name; \
		mkdir -p $(BUILD)/fuzz/corpus-$$name; \
		$(BUILD)/fuzz/fuzz_$$name -runs=$(FUZZ_RUNS) -max_total_time=120 -verbosity=0 \
			$(BUILD)/fuzz/corpus-$$name tests/fuzz/corpus/$$name; \
		echo "fuzz_$$name: clean"; \
	done

$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_LIB)
	@mkdir -p $(@D)
	clang $(WARN) -Isrc $(CPPFLAGS_ALL) -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $@ $< $(FUZZ_LIB) -lmnl -lm

# ---- keeping it clean --------------------------------------------------------

C_FILES := $(SRC) $(wildcard include/connsh/*.h src/*/*.h tests/*/*.c tests/*/*.h)

format:
	clang-format -i $(C_FILES)

lint: deps-test
	clang-format --dry-run -Werror $(C_FILES)
	luacheck -q lua tests examples
	cppcheck --quiet --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--std=c11 -D_GNU_SOURCE -Iinclude --suppress=missingIncludeSystem src
	$(MAKE) --no-print-directory all BUILD=$(BUILD)/lint-gcc CC=gcc CFLAGS='-O2 -Werror'
	$(MAKE) --no-print-directory all BUILD=$(BUILD)/lint-clang CC=clang CFLAGS='-O2 -Werror'

bench: deps-test
	@$(MAKE) --no-print-directory all $(TOOLS)
	BUILD=$(BUILD) sh tests/bench/run

-include $(OBJ:.o=.d) $(UNIT:%=%.d)
