# SPDX-License-Identifier: BSD-2-Clause
#
# A component out of the tree.  Its Makefile declares the variables that
# library.mk explains, and VERSION, and then says
#
#	include $(shell pkg-config --variable=mkdir rump)/component.mk
#
# which gives it the targets all, install, symbols and clean, and the options
# O, V, CC, SANITIZE, DESTDIR, PREFIX, LIBDIR and NORENAME_name of the tree's
# own.  Needs are found by pkg-config.

MK     := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
MAKEFLAGS += -r
.SUFFIXES:
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:


PKGCONFIG ?= pkg-config
of     = $(shell $(PKGCONFIG) --variable=$1 rump)
PUBLIC := $(shell $(PKGCONFIG) --cflags rump)
KERN  := -I$(call of,kerndir) -I$(call of,kerndir)/kern/compat
KDEFS := $(call of,kdefs)
TARGET  := $(call of,platform)
VERSION ?= 0
MAJOR   := $(firstword $(subst ., ,$(VERSION)))
DIR     := .
include $(MK)/toolchain.mk

liboff  = $(or $(shell $(PKGCONFIG) --variable=libdir $1),$(error \
	$(NAME) needs $1, which pkg-config does not find))/lib$1.so
PC_HERE = $(call subst-pc,prefix,$(O)) $(call subst-pc,libdir,$(O)/lib) \
	$(call subst-pc,includedir,$(O)/include) \
	$(call subst-pc,cflags,-I$${includedir}) \
	$(call subst-pc,rpath,-Wl$(comma)-rpath$(comma)$${libdir})

ifneq ($(filter-out $(TARGET),$(PLATFORM)),)
$(error $(NAME) is for $(PLATFORM); this rump kernel is for $(TARGET))
endif
include $(MK)/library.mk
include $(MK)/finish.mk

all: libraries
clean:
	rm -rf $(O)
.PHONY: all clean
