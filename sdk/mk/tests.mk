# SPDX-License-Identifier: BSD-2-Clause
#
# Tests, benchmarks, examples.  A C program under tests/ names the modules
# that it links in the comment on top: " * Link: rump-tmpfs rump-ext2fs".
# A test t_x.c that reaches into the kernel has a half there, k_x.c, which
# is compiled and renamed like a component; its rumptest_* functions are called.

PKG := PKG_CONFIG_PATH=$(O)/pkgconfig:$$PKG_CONFIG_PATH $(PKGCONFIG)

# $(call program,extra modules): build $@ as a user would.
define program
$(Q)$(call say,TEST,$<)mkdir -p $(@D); \
mods="$$(sed -n 's/^ \* Link: //p' $< | tr '\n' ' ') $1"; \
cflags=$$($(PKG) --cflags $$mods) && libs=$$($(PKG) --libs $$mods) && \
$(CC) -std=gnu11 $(CFLAGS) $(WARNINGS) $(SANITIZER) -Itests/lib $$cflags $(CPPFLAGS) \
	-MMD -MP -MT $@ -MF $@.d -o $@ $< $(filter %.o %.a,$^) $$libs $(LDFLAGS) -lpthread
endef

TESTLIB  := $(O)/tests/libtest.a
testobjs := $(patsubst %.c,$(O)/%.o,$(wildcard tests/lib/*.c))
$(testobjs): FLAGS := $(HOSTC) -Itests/lib
$(O)/tests/lib/%.o: tests/lib/%.c $(O)/tests/settings | $(O)/.headers
	$(Q)mkdir -p $(@D)
	$(compile)
$(TESTLIB): $(testobjs)
	$(Q)mkdir -p $(@D); rm -f $@; $(AR) rcsD $@ $^
$(call stamp,$(O)/tests/settings,$(CC) $(KERNELC) $(HOSTC))

$(O)/tests/%.kern.o: tests/%.c $(O)/tests/settings $(MK)/rename.sh | $(O)/.headers
	$(Q)$(call say,CC,$<)mkdir -p $(@D); \
	$(CC) $(KERNELC) -Itests/lib -MMD -MP -MF $@.d -o $@ -c $< && \
	$(TOOLS) sh $(MK)/rename.sh $@ $(@:.o=) ''
halves := $(wildcard tests/*/k_*.c tests/*/long/k_*.c)
$(foreach h,$(halves:%.c=%),$(eval $(O)/$(subst /k_,/t_,$h): $(O)/$h.kern.o))

QUICK := $(wildcard tests/*/t_*.c tests/*/t_*.sh)
LONG  := $(wildcard tests/*/long/t_*.c tests/*/long/t_*.sh)

# TESTS= chooses by the beginning of a path.
chosen   = $(if $(TESTS),$(filter $(addsuffix %,$(basename $(TESTS))),$1),$1)
runnable = $(patsubst %.c,$(O)/%,$(call chosen,$1))

$(O)/tests/%: tests/%.c $(TESTLIB) $(O)/tests/settings | libraries
	$(call program,cmocka)
$(O)/bench/%: tests/bench/%.c $(TESTLIB) $(O)/tests/settings | libraries
	$(call program,rump)
-include $(shell find $(O)/tests $(O)/bench -name '*.d' 2>/dev/null)

# Timing never decides, so two tests may share the machine.
define prove
$(if $2,,$(error no test begins with $(TESTS)))@RUMP_O='$(O)' RUMP_SRC='$(CURDIR)' CC='$(CC)' SANITIZE='$(SANITIZE)' \
PKG_CONFIG_PATH='$(O)/pkgconfig' CMOCKA_MESSAGE_OUTPUT=TAP \
prove -f -j2 $(if $(V),-v) --exec 'timeout -k 10 $1 sh sdk/mk/runtest.sh' $(2:$(CURDIR)/%=%)
endef

# What `make install' installs, for the tests of building outside of the tree.
stage: libraries
	@rm -rf $(O)/stage; $(MAKE) -s install PREFIX=$(O)/stage
ifneq ($(filter tests/build/%,$(call chosen,$(QUICK))),)
check check-long: | stage
endif

check: $(call runnable,$(QUICK)) | libraries tools
	$(call prove,900,$^)
check-long: $(call runnable,$(QUICK) $(LONG)) | libraries tools
	$(call prove,7200,$^)

demo: | libraries
	@test -f examples/fsdemo/run.sh || { echo 'demo: examples/fsdemo/run.sh is missing' >&2; exit 1; }
	@RUMP_O='$(O)' CC='$(CC)' PKG_CONFIG_PATH='$(O)/pkgconfig' sh examples/fsdemo/run.sh

# Each bench_GROUP appends rows to the file that BENCH_TSV names.
BENCHES   := $(filter bench_%,$(notdir $(basename $(wildcard tests/bench/bench_*.c))))
benchobjs := $(patsubst %.c,$(O)/%.o,$(filter-out tests/bench/bench_% tests/bench/k_%,$(wildcard tests/bench/*.c)))
$(benchobjs): FLAGS := $(HOSTC) -Itests/lib
$(O)/tests/bench/%.o: tests/bench/%.c $(O)/tests/settings | $(O)/.headers
	$(Q)mkdir -p $(@D)
	$(compile)
groups := $(if $(GROUP),$(filter $(GROUP:%=bench_%),$(BENCHES)),$(BENCHES))
$(groups:%=$(O)/bench/%): $(benchobjs)
bench: $(groups:%=$(O)/bench/%) | libraries
	@PKG_CONFIG_PATH='$(O)/pkgconfig' RUMP_O='$(O)' RUMP_SRC='$(CURDIR)' \
	sh sdk/mk/bench.sh $(O)/bench.tsv $^

.PHONY: check check-long demo bench stage
