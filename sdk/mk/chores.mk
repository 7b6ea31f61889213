# SPDX-License-Identifier: BSD-2-Clause
#
# What can be done without a compiler.

O       := $(or $(O),build)
VERSION := $(file <VERSION)

define HELP
  make                  build everything into O (default: build)
  make demo             set up, build, and work on a real ext4 image
  make check            set up, build, run the tests; TESTS=tests/vfs/t_namei
  make check-long       and the long ones
  make bench            set up, build, measure; GROUP=vfs
  make install          DESTDIR= PREFIX=/usr/local LIBDIR=
  make symbols          COMPONENT=tmpfs: what was renamed, and what not
  make modules          a table of the modules; make graph: for dot(1)
  make setup            only install the packages of sdk/mk/packages.txt
  make docs             the interfaces, by Doxygen, into O/docs
  make dist, make clean

  O=dir                 build there
  V=1                   show commands; a test's every line
  CC=clang              and CFLAGS, CPPFLAGS, LDFLAGS, LD, AR, NM, OBJCOPY, PKGCONFIG
  DIAGNOSTIC=1          assertions
  KMEM=host             every allocation from the host's malloc
  SANITIZE=address,undefined    or thread
  PLATFORM=posix        the folder of platforms/ to build for
  WERROR=1              warnings are errors
  SETUP=no              install nothing
  NORENAME_name=regex   more symbols of a component that keep their names
endef

help: ; $(info $(HELP)) @:
setup: ; @sh sdk/mk/setup.sh check
clean: ; rm -rf $(O)

# An archive of what is committed; its times are the commit's.
dist: NAME := rump-$(VERSION)
dist:
	mkdir -p $(O)
	git archive --format=tar --prefix=$(NAME)/ HEAD | gzip -n9 >$(O)/$(NAME).tar.gz

# The declarations' comments are the documentation.
define DOXYFILE
PROJECT_NAME           = "rump SDK"
PROJECT_NUMBER         = $(VERSION)
INPUT                  = README.md docs sdk/include
USE_MDFILE_AS_MAINPAGE = README.md
RECURSIVE              = YES
OUTPUT_DIRECTORY       = $(O)/docs
GENERATE_LATEX         = NO
JAVADOC_AUTOBRIEF      = YES
TYPEDEF_HIDES_STRUCT   = YES
OPTIMIZE_OUTPUT_FOR_C  = YES
MACRO_EXPANSION        = YES
HTML_TIMESTAMP         = NO
HAVE_DOT               = NO
QUIET                  = YES
WARN_IF_UNDOCUMENTED   = NO
WARN_IF_INCOMPLETE_DOC = NO
endef
docs:
	$(if $(filter no,$(SETUP)),,@sh sdk/mk/setup.sh docs)
	$(if $(shell mkdir -p $(O)/docs),)$(file >$(O)/docs/Doxyfile,$(DOXYFILE))doxygen $(O)/docs/Doxyfile
	@echo $(O)/docs/html/index.html

.PHONY: help setup clean dist docs
