# SPDX-License-Identifier: BSD-2-Clause
#
# The tools, the two namespaces' flags, and how a step is shown.  Included by
# the tree's Makefile and by component.mk out of the tree, which set, before:
#
#	MK		this folder
#	TARGET		the platform
#	PUBLIC, KERN	preprocessor flags for the public and the kern/ headers
#	KDEFS		macros that the kernel was built with
#	VERSION, MAJOR	of the libraries

override O := $(abspath $(or $(O),build))

ifeq ($(origin CC),default)
CC := gcc
endif
prog = $(shell $(CC) -print-prog-name=$1)
ifeq ($(origin LD),default)
LD := $(call prog,ld)
endif
ifeq ($(origin AR),default)
AR := $(call prog,ar)
endif
NM        := $(or $(NM),$(call prog,nm))
OBJCOPY   := $(or $(OBJCOPY),$(call prog,objcopy))
PKGCONFIG ?= pkg-config
TOOLS     := CC='$(CC)' NM='$(NM)' OBJCOPY='$(OBJCOPY)'
CFLAGS    ?= -O2 -g

# make V=1 shows commands, otherwise one line a step; make -s shows nothing.
quiet := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q     := $(if $(V),,@)
say    = $(if $(V)$(quiet),,printf '  %-7s %s\n' '$1' '$(patsubst ./%,%,$(2:$(O)/%=%))';)

# $(call stamp,file dirs,text): rewrite the file, at parse time, if its text
# differs, and make the folders.
stamp  = $(call stamp1,$(firstword $1),$1,$(strip $2))
stamp1 = $(if $(call differ,$(file <$1),$3),$(shell mkdir -p $(sort $(dir $2)))$(file >$1,$3))
differ = $(subst x$1x,,x$2x)$(subst x$2x,,x$1x)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wvla $(if $(WERROR),-Werror)
comma    := ,
# With a fixed date, nothing of a build depends on where it was made.
MAPPED    := $(if $(SOURCE_DATE_EPOCH),-ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)=build)
SANITIZER := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	    $(if $(findstring undefined,$(SANITIZE)),-fno-sanitize-recover=undefined))

# The host namespace: the host's own libc.
HOSTC := -std=gnu11 $(CFLAGS) $(WARNINGS) $(SANITIZER) $(MAPPED) -fPIC $(CPPFLAGS) $(PUBLIC)

# The kernel namespace: the compiler's freestanding headers, the kernel's
# exported headers (linux, asm, asm-generic, in folders of their own, because
# the place where a distribution keeps them holds libc's as well), kern/.
UAPI    := $(O)/uapi
KERNELC := -std=gnu11 $(CFLAGS) $(WARNINGS) $(SANITIZER) $(MAPPED) -fPIC \
	-ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	-isystem $(UAPI) $(KERN) $(KDEFS) \
	-ftls-model=initial-exec -fno-semantic-interposition -fno-plt \
	-fno-stack-protector -fno-strict-aliasing -fno-common \
	-ffunction-sections -fdata-sections

# What the linker makes of a library's one object.  A shared library finds
# its neighbours beside itself, wherever the folder is moved to; a library's
# use of its own symbols is bound at once, and costs as in a static program.
SHARED := -shared -Wl,-z,now -Wl,-Bsymbolic -Wl,-rpath,'$$ORIGIN' \
	$(LDFLAGS) $(SANITIZER) $(if $(SANITIZE),,-Wl,--no-undefined)

# Those of some flags that the compiler knows.
known = $(strip $(foreach f,$1,$(shell $(CC) -Werror $f -fsyntax-only -x c /dev/null \
	2>/dev/null && echo '$f')))

define compile
$(Q)$(call say,CC,$<)$(CC) $(FLAGS) $(EACH) -MMD -MP -c -o $@ $<
endef

# What a component.mk may say; library.mk explains.
DECLARED := NAME KIND FACTION NEEDS CONFLICTS ABOUT SRCS USER_SRCS USER_PKGS \
	USER_LIBS INIT PLATFORM NORENAME EXPORT GENERATOR GEN CPPFLAGS_EXTRA \
	HEADERS MODULE

# What has been declared so far.
MODULES   :=
NAMES     :=
PUBLISHED :=
EDGES     :=

# What a kind of library is called and, besides its needs, requires; the
# module of a name in NEEDS or CONFLICTS; a module's shared library.
module.core      := rump
module.platform  := rumpuser
module.component  = rump-$(NAME)
rest.core        := rumpuser
rest.faction     := rump rumpuser
rest.component   := rump rumpuser
modules = $(foreach n,$1,$(if $(filter rump%,$n),$n,rump-$n))
liboff  = $(O)/lib/lib$1.so

# A .pc is made in two steps: what depends on the module first (left open are
# the places), then the places, of this tree or of where it is installed.
#
# Linkers called with --as-needed drop a library that only registers itself,
# and leave it in its archive: hence the -u and the push-state, as one word,
# because pkg-config removes words that it has seen before.
PCIN      := $(firstword $(wildcard $(MK)/library.pc.in $(MK)/../../pkgconfig/library.pc.in))
quote      = $(subst ','\'',$(subst |,\|,$(subst &,\&,$(subst \,\\,$(strip $1)))))
subst-pc   = -e 's|@$1@|$(call quote,$2)|'
TIDY      := -e 's/   */ /g' -e 's/ $$//' -e '/^[A-Z][A-Za-z.]*:$$/d'
forced     = -Wl,-u,$1 -Wl,--push-state,--no-as-needed,-l$2,--pop-state

$(UAPI)/.made: $(MK)/uapi.sh
	$(Q)CC='$(CC)' sh $< $(@D) && touch $@
