# SPDX-License-Identifier: BSD-2-Clause
#
# One library, from the variables that its component.mk declared: included
# once for each.  DIR is the component's folder.
#
#	NAME		the component's name; its library is librump-NAME
#	KIND		component (default), core, faction, platform, userlib
#	FACTION		the subsystem it plugs into: dev, net, vfs; or nothing
#	NEEDS		names of other components or factions
#	CONFLICTS	names of components it cannot be linked with
#	ABOUT		one line
#	SRCS		sources; in the kernel namespace, but for the last two kinds
#	USER_SRCS	the host half's sources
#	USER_PKGS	pkg-config modules that the host half needs
#	USER_LIBS	other host libraries, as -lname
#	INIT		the init function (default NAME_init)
#	PLATFORM	the only platform it exists on (default: every one)
#	NORENAME	symbols that keep their names (only with PLATFORM): regular
#			expressions, anchored at the start, between bars or
#			spaces; make wants $ doubled: xenbus_|wake$$|block$$
#	EXPORT		what the shared library shows (default rump*)
#	GENERATOR	a shell script and its inputs; run as: sh script outdir inputs
#	GEN		what it writes: .c files join SRCS, rump/*.h are published
#	HEADERS		headers of its folder to publish as rump/*.h
#	CPPFLAGS_EXTRA, CFLAGS_file.o	more flags, for all files or for one;
#			those that the compiler does not know are left out
#	MODULE		another name for the .pc and the library
#
# A kernel library goes through these files, in $(O)/obj/DIR:
#
#	*.o -> NAME.kernel.o	all kernel objects, joined and renamed
#	    -> NAME.lib.o	and the host half, not renamed
#	    -> lib/*.a, *.so	in $(O)

KIND := $(or $(KIND),component)
ifeq ($(filter core faction component platform userlib,$(KIND)),)
$(error $(DIR): KIND = $(KIND) is not known)
endif
NORENAME := $(strip $(NORENAME) $(NORENAME_$(NAME)))
ifneq ($(and $(NORENAME),$(if $(PLATFORM),,x)),)
$(error $(NAME): NORENAME without PLATFORM, but it claims to run on every one)
endif

B      := $(patsubst %/.,%,$(O)/obj/$(DIR))
HOST   := $(filter platform userlib,$(KIND))
MODULE := $(or $(MODULE),$(module.$(KIND)),$(NAME))
INIT   := $(or $(INIT),$(NAME)_init)
EXPORT := $(or $(EXPORT),rump*)
SYMBOL := $(if $(HOST)$(filter core,$(KIND)),,rump_component_$(subst -,_,$(NAME)))

# Its needs: other modules, first those that are nearest.
SUBSYSTEM := $(if $(filter component,$(KIND)),$(filter-out rumpkern,$(FACTION:%=rump%)))
NEEDED    := $(strip $(SUBSYSTEM) $(NEEDS))
REQUIRES  := $(if $(HOST),$(NEEDS),$(call modules,$(NEEDED)) $(rest.$(KIND)))
LIBS      := $(foreach m,$(REQUIRES),$(call liboff,$m))

# Its objects.
G        := $(B)/gen
GEN_C    := $(filter %.c,$(GEN))
GEN_H    := $(addprefix $(O)/include/,$(filter rump/%.h,$(GEN)))
sources  := $(basename $(SRCS) $(GEN_C))
KOBJS    := $(if $(HOST),,$(sources:%=$(B)/%.o) $(if $(SYMBOL),$(B)/register.o))
UOBJS    := $(addprefix $(B)/,$(addsuffix .user.o,$(basename $(USER_SRCS)) \
	    $(if $(HOST),$(sources))))
INCLUDES := -I$(DIR) $(if $(GEN),-I$(G)) $(CPPFLAGS_EXTRA)
USER_CFLAGS := $(if $(USER_PKGS),$(shell $(PKGCONFIG) --cflags $(USER_PKGS)))
USER_LINK   := $(if $(USER_PKGS),$(shell $(PKGCONFIG) --libs $(USER_PKGS))) $(USER_LIBS)
each-flags  := $(foreach s,$(sources),$(CFLAGS_$(notdir $s).o))

# A change of any of these, in component.mk or on the command line, rebuilds.
$(call stamp,$(B)/settings $(dir $(KOBJS) $(UOBJS)),$(foreach v,$(DECLARED),$($v);) \
	$(CC) $(KERNELC) $(HOSTC) $(SHARED) $(VERSION) $(each-flags))

A  := $(O)/lib/lib$(MODULE).a
SO := $(O)/lib/lib$(MODULE).so

$(B)/%: DIR := $(DIR)
$(KOBJS): FLAGS := $(KERNELC) $(INCLUDES)
$(UOBJS): FLAGS := $(HOSTC) $(INCLUDES) $(USER_CFLAGS)
$(foreach s,$(sources),$(eval $(B)/$s.o $(B)/$s.user.o: EACH := $(call known,$(CFLAGS_$(notdir $s).o))))
$(foreach s,$(sources),$(eval undefine CFLAGS_$(notdir $s).o))

$(KOBJS) $(UOBJS): $(B)/settings | $(O)/.headers
$(B)/%.o: $(DIR)/%.c
	$(compile)
$(B)/%.o: $(DIR)/%.S
	$(compile)
$(B)/%.o: $(B)/%.c
	$(compile)
$(B)/%.o: $(G)/%.c
	$(compile)
$(B)/%.user.o: $(DIR)/%.c
	$(compile)
$(B)/%.user.o: $(G)/%.c
	$(compile)
-include $(KOBJS:.o=.d) $(UOBJS:.o=.d)

# The registration.
$(B)/register.c: RECORD := $(NAME) \
	$(or $(FACTION),$(if $(filter faction,$(KIND)),$(NAME:rump%=%)),kern) \
	$(INIT) '$(NEEDED)' '$(CONFLICTS)'
$(B)/register.c: $(MK)/register.sh $(B)/settings
	$(Q)mkdir -p $(@D); sh $< $(RECORD) >$@

# Generated sources, and public headers.
ifneq ($(GEN),)
GENERATED := $(addprefix $(G)/,$(GEN))
GENERATOR := $(foreach f,$(GENERATOR),$(firstword $(wildcard $(DIR)/$f) $f))
$(GENERATED): RUN := $(firstword $(GENERATOR)) $(G) $(wordlist 2,99,$(GENERATOR))
$(GENERATED) &: $(GENERATOR)
	$(Q)$(call say,GEN,$(firstword $(RUN)))mkdir -p $(@D) $(word 2,$(RUN))/rump; sh $(RUN)
$(KOBJS) $(UOBJS): | $(GENERATED)
$(GEN_H): $(O)/include/%: $(G)/%
	$(Q)mkdir -p $(@D); cp $< $@
endif
ifneq ($(HEADERS),)
$(HEADERS:%=$(O)/include/rump/%): $(O)/include/rump/%: $(DIR)/%
	$(Q)mkdir -p $(@D); cp $< $@
endif
PUBLISHED += $(GEN_H) $(HEADERS:%=$(O)/include/rump/%)

# Joined, checked, renamed, joined with the host half.
$(B)/$(NAME).kernel.o: KIND := $(KIND)
$(B)/$(NAME).kernel.o: KEEP := $(NORENAME)
$(B)/$(NAME).kernel.o: $(KOBJS) $(MK)/layers.sh $(MK)/rename.sh
	$(Q)$(call say,RENAME,$@)sh $(MK)/layers.sh $(KIND) $(DIR) \
		$(patsubst %.o,%.d,$(filter %.o,$^)) && \
	$(LD) -r -o $@.tmp $(filter %.o,$^) && \
	$(TOOLS) sh $(MK)/rename.sh $@.tmp $(@:.kernel.o=) '$(KEEP)' && \
	mv $@.tmp $@
$(B)/$(NAME).lib.o: $(if $(HOST),,$(B)/$(NAME).kernel.o) $(UOBJS)
	$(Q)$(if $(filter %.user.o,$^),! $(NM) -u -A $(filter %.user.o,$^) | \
		sed -n '/ rumpns_/s/$$/: a host half calls rump_* only/p' | grep . >&2 &&) \
	$(LD) -r -o $@ $^

$(A): $(B)/$(NAME).lib.o
	$(Q)$(call say,AR,$@)mkdir -p $(@D); rm -f $@; $(AR) rcsD $@ $<

$(SO): LINK := $(foreach l,$(LIBS),-L$(dir $l)) \
	-Wl,--no-as-needed $(patsubst %,-l%,$(filter-out $(rest.$(KIND)),$(REQUIRES))) \
	-Wl,--as-needed $(rest.$(KIND):%=-l%) $(USER_LINK)
$(SO): CHECK := $(if $(HOST),,$(TOOLS) sh $(MK)/undefined.sh $(MODULE) \
	$(B)/$(NAME).kernel.o '$(subst $() ,|,$(NORENAME))' $(LIBS) &&)
$(SO): EXPORT := $(foreach e,$(EXPORT),$e;)
$(SO): $(B)/$(NAME).lib.o $(LIBS) $(MK)/undefined.sh
	$(Q)$(call say,LD,$@)mkdir -p $(@D); $(CHECK) \
	echo '{ global: $(EXPORT) local: *; };' >$<.map && \
	$(CC) $(SHARED) -Wl,--version-script,$<.map -Wl,-soname,$(@F).$(MAJOR) \
		-o $@.$(VERSION) $< $(LINK) && \
	ln -sf $(@F).$(VERSION) $@.$(MAJOR) && ln -sf $(@F).$(MAJOR) $@

# The module: once with its places left open, for install, and once for use
# from here.
$(B)/$(MODULE).pc: VARS := $(if $(filter core,$(KIND)),\
	'kerndir=@kerndir@' 'mkdir=@mkdir@' 'kdefs=$(KDEFS)' 'platform=$(TARGET)',\
	'faction=$(FACTION)' 'needs=$(NEEDS)' 'platform=$(PLATFORM)' 'norename=$(NORENAME)')
$(B)/$(MODULE).pc: SED := $(call subst-pc,module,$(MODULE)) \
	$(call subst-pc,about,$(ABOUT)) \
	$(call subst-pc,version,$(VERSION)) \
	$(call subst-pc,requires,$(REQUIRES)) \
	$(call subst-pc,conflicts,$(call modules,$(CONFLICTS))) \
	$(call subst-pc,libs,$(if $(SYMBOL),$(call forced,$(SYMBOL),$(MODULE)),-l$(MODULE))) \
	$(call subst-pc,private,$(USER_LINK) $(if $(HOST),-lpthread))
$(B)/$(MODULE).pc: $(PCIN) $(B)/settings
	$(Q)printf '%s\n' $(VARS) | sed $(SED) -e '/@variables@/{r /dev/stdin' -e 'd;}' $< >$@
$(O)/pkgconfig/$(MODULE).pc: $(B)/$(MODULE).pc
	$(Q)$(call say,PC,$@)mkdir -p $(@D); sed $(PC_HERE) $(TIDY) $< >$@

MODULES         += $(MODULE)
NAMES           += $(NAME)
BUILD.$(NAME)   := $(B)/$(NAME)
BUILD.$(MODULE) := $(B)/$(NAME)
PC.$(MODULE)    := $(B)/$(MODULE).pc
A.$(MODULE)     := $(A)
SO.$(MODULE)    := $(SO)
ROW.$(MODULE)   := | `$(MODULE)` | $(or $(FACTION),$(KIND)) | $(NEEDS) | $(ABOUT) |
EDGES           += $(foreach r,$(or $(filter-out $(rest.component),$(REQUIRES)),$(REQUIRES)),"$(MODULE)" -> "$r";)
