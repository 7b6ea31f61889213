# SPDX-License-Identifier: BSD-2-Clause
#
# The front door.  `make help' lists what there is to ask for.

MAKEFLAGS += -r
.SUFFIXES:
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

WORK := demo check check-long bench

ifneq ($(filter clean dist docs help setup,$(MAKECMDGOALS)),)
include sdk/mk/chores.mk
else ifeq ($(filter-out $(WORK),$(or $(MAKECMDGOALS),all))$(filter no,$(SETUP)),)
# First the machine, then, in another make that can find its compiler, the rest.
$(WORK):
	@sh sdk/mk/setup.sh $@
	@$(MAKE) --no-print-directory SETUP=no $@
.PHONY: $(WORK)
else
include sdk/mk/tree.mk
include sdk/mk/tools.mk
include sdk/mk/tests.mk
all: libraries tools
.PHONY: all
endif
