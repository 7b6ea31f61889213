# SPDX-License-Identifier: BSD-2-Clause
#
# This tree's libraries: every folder that has a component.mk.

MK      := sdk/mk
PUBLIC   = -Isdk/include -I$(O)/include
KERN    := -Isdk/include -Isdk/include/kern/compat
# AddressSanitizer wants to see each allocation.  At the end of a process its
# leak detector stays on: what the kernel still points to is no leak to it.
KMEM    ?= $(if $(findstring address,$(SANITIZE)),host)
ALLOCATOR := $(if $(filter host,$(KMEM)),host,own)
KDEFS   := -D_KERNEL $(if $(filter host,$(KMEM)),-DKMEM_HOST) \
	   $(if $(filter-out 0,$(DIAGNOSTIC)),-DDIAGNOSTIC)
VERSION := $(file <VERSION)
MAJOR   := $(firstword $(subst ., ,$(VERSION)))

# A component.mk says PLATFORM too, and means the only one it is for.
TARGET := $(or $(PLATFORM),posix)
override undefine PLATFORM
ifeq ($(wildcard platforms/$(TARGET)),)
$(error PLATFORM=$(TARGET), but there is no folder platforms/$(TARGET))
endif

include $(MK)/toolchain.mk

PC_HERE := $(call subst-pc,prefix,$(O)) $(call subst-pc,libdir,$(O)/lib) \
	$(call subst-pc,includedir,$(CURDIR)/sdk/include) \
	$(call subst-pc,kerndir,$(CURDIR)/sdk/include) \
	$(call subst-pc,mkdir,$(CURDIR)/sdk/mk) \
	$(call subst-pc,cflags,-I$${includedir} -I$${prefix}/include) \
	$(call subst-pc,rpath,-Wl$(comma)-rpath$(comma)$${libdir})

FOLDERS := $(patsubst %/component.mk,%,$(wildcard sdk/lib/*/component.mk \
	components/*/*/component.mk platforms/$(TARGET)/component.mk))

# $(call load,folder)
define load
$(foreach v,$(DECLARED),$(eval $v :=))
$(eval DIR := $1)
$(eval include $1/component.mk)
$(if $(filter-out $(TARGET),$(PLATFORM)),,$(eval include $(MK)/library.mk))
endef
$(strip $(foreach f,$(FOLDERS),$(call load,$f)))

include $(MK)/finish.mk

install: install.tree
install.tree:
	@cd sdk/include && for f in $$(find rump -name '*.h'); do \
		install -Dm 644 $$f $(DESTDIR)$(INCLUDEDIR)/$$f || exit; done
	@cd sdk/include && for f in $$(find kern -name '*.h'); do \
		install -Dm 644 $$f $(DESTDIR)$(INCLUDEDIR)/rump-kern/$$f || exit; done
	@install -d $(DESTDIR)$(PREFIX)/share/rump/mk $(DESTDIR)$(PREFIX)/share/examples/rump
	@install -m 644 $(PCIN) $(MK)/toolchain.mk $(MK)/library.mk $(MK)/component.mk \
		$(MK)/finish.mk \
		$(addprefix $(MK)/,uapi.sh register.sh layers.sh rename.sh undefined.sh) \
		$(DESTDIR)$(PREFIX)/share/rump/mk
	@test ! -d examples || cp -R examples/. $(DESTDIR)$(PREFIX)/share/examples/rump
.PHONY: install.tree
