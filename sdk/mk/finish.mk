# SPDX-License-Identifier: BSD-2-Clause
#
# What remains when every library is declared: all of them together, a look at
# their symbols, and their installation.

$(O)/.headers: $(UAPI)/.made $(PUBLISHED)
	@touch $@
libraries: $(MODULES:%=$(O)/pkgconfig/%.pc) $(foreach m,$(MODULES),$(A.$m) $(SO.$m))
.PHONY: libraries

# make symbols COMPONENT=x
COMPONENT ?= $(if $(word 2,$(NAMES)),,$(NAMES))
ifneq ($(filter symbols,$(MAKECMDGOALS)),)
symbols: $(or $(BUILD.$(COMPONENT)),$(error COMPONENT= one of: $(sort $(NAMES)))).kernel.o
	@sed 's/ / -> /' $(<:.kernel.o=.map)
	@sed 's/$$/ is kept/' $(<:.kernel.o=.kept)
endif
.PHONY: symbols

# make modules: a table of them; make graph: who needs whom, for dot(1).
modules:
	$(info | module | plugs into | needs | what it is |)
	$(info |---|---|---|---|)
	$(foreach m,$(sort $(MODULES)),$(info $(ROW.$m)))@:
graph:
	$(info digraph rump { rankdir=BT; $(EDGES) })@:
.PHONY: modules graph

# What is installed is what was built; only the modules learn their places.
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include

under    = $(patsubst $(PREFIX)/%,$${prefix}/%,$1)
PC_THERE = $(call subst-pc,prefix,$(PREFIX)) \
	$(call subst-pc,libdir,$(call under,$(LIBDIR))) \
	$(call subst-pc,includedir,$(call under,$(INCLUDEDIR))) \
	$(call subst-pc,kerndir,$${includedir}/rump-kern) \
	$(call subst-pc,mkdir,$${prefix}/share/rump/mk) \
	$(call subst-pc,cflags,-I$${includedir}) \
	$(call subst-pc,rpath,)

install: $(MODULES:%=install-%)
install-%: libraries
	@mkdir -p $(DESTDIR)$(LIBDIR)/pkgconfig
	$(Q)$(call say,INSTALL,$*)cp -P $(A.$*) $(SO.$*) $(SO.$*).$(MAJOR) $(SO.$*).$(VERSION) $(DESTDIR)$(LIBDIR)
	@sed $(PC_THERE) $(TIDY) $(PC.$*) >$(DESTDIR)$(LIBDIR)/pkgconfig/$*.pc
ifneq ($(strip $(PUBLISHED)),)
install: install.headers
install.headers: libraries
	@mkdir -p $(DESTDIR)$(INCLUDEDIR)/rump
	$(Q)install -m 644 $(PUBLISHED) $(DESTDIR)$(INCLUDEDIR)/rump
endif
.PHONY: install install.headers
