# SPDX-License-Identifier: BSD-2-Clause
#
# This tree's libraries: every folder that has a component.mk.

MK      := sdk/mk
PUBLIC   = -Isdk/include -I$(O)/include
KERN    := -Isdk/include
KDEFS   := -D_KERNEL $(if $(filter host,$(KMEM)),-DKMEM_HOST) \
	   $(if $(filter-out 0,$(DIAGNOSTIC)),-DDIAGNOSTIC)
VERSION := $(file <VERSION)
MAJOR   := $(firstword $(subst ., ,$(VERSION)))

# A component.mk says PLATFORM too, and means the only one it is for.
TARGET := $(or $(PLATFORM),posix)
override undefine PLATFORM

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
MODULES   :=
NAMES     :=
PUBLISHED :=
$(strip $(foreach f,$(FOLDERS),$(call load,$f)))

LIBRARIES := $(MODULES:%=$(O)/pkgconfig/%.pc) $(foreach m,$(MODULES),$(A.$m) $(SO.$m))

$(O)/.headers: $(UAPI)/.made $(PUBLISHED)
	@touch $@

libraries: $(O)/.headers $(LIBRARIES)
.PHONY: libraries

# make symbols COMPONENT=x
symbols:
	$(if $(BUILD.$(COMPONENT)),,$(error symbols: COMPONENT=name of one of: $(sort $(NAMES))))
	@$(MAKE) --no-print-directory -s $(BUILD.$(COMPONENT)).kernel.o
	@echo '# renamed'; cat $(BUILD.$(COMPONENT)).map
	@echo '# kept'; cat $(BUILD.$(COMPONENT)).kept
.PHONY: symbols
