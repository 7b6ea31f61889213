# SPDX-License-Identifier: BSD-2-Clause
#
# Programs for the host: every folder of sdk/tools that has a tool.mk, with
#
#	NAME		the program's name; it goes to bin
#	SRCS		sources, in the host namespace
#	LINK		modules that it links, as pkg-config knows them
#	MAN		its manual page, NAME.1
#	CPPFLAGS_EXTRA	more flags

TOOLS_DECLARED := NAME SRCS LINK MAN CPPFLAGS_EXTRA
PROGRAMS :=
MANUALS  :=

# $(call tool,folder)
define tool
$(foreach v,$(TOOLS_DECLARED),$(eval $v :=))
$(eval include $1/tool.mk)
$(eval $(call tool-rules,$1,$(O)/bin/$(NAME),$(patsubst %.c,$(O)/obj/$1/%.o,$(SRCS))))
endef

define tool-rules
PROGRAMS += $2
MANUALS  += $(MAN:%=$1/%)
$(call stamp,$(O)/obj/$1/settings,$(foreach v,$(TOOLS_DECLARED),$($v);) $(CC) $(HOSTC))
$3: FLAGS := $(HOSTC) -I$1 $(CPPFLAGS_EXTRA)
$3: $(O)/obj/$1/settings | $(O)/.headers
$3: $(O)/obj/$1/%.o: $1/%.c
	$$(compile)
-include $(3:.o=.d)
$2: LINK := $(LINK)
$2: $3 $(if $(LINK),| libraries)
	$$(Q)$$(call say,LD,$$@)mkdir -p $$(@D); \
	libs="$$(if $$(LINK),$$$$(PKG_CONFIG_PATH=$(O)/pkgconfig $$(PKGCONFIG) --libs $$(LINK)))" && \
	$$(CC) $$(SANITIZER) -o $$@ $$(filter %.o,$$^) $$$$libs $$(LDFLAGS)
endef
$(strip $(foreach f,$(patsubst %/tool.mk,%,$(wildcard sdk/tools/*/tool.mk)),$(call tool,$f)))

tools: $(PROGRAMS)
install: install.tools
install.tools: $(PROGRAMS)
	@install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	$(if $(PROGRAMS),$(Q)install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin)
	$(if $(MANUALS),$(Q)install -m 644 $(MANUALS) $(DESTDIR)$(PREFIX)/share/man/man1)
.PHONY: tools install.tools
