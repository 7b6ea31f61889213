# SPDX-License-Identifier: BSD-2-Clause
NAME           := rumpuser
KIND           := platform
ABOUT          := hypercalls on POSIX threads and Linux files
SRCS           := init.c process.c param.c console.c random.c fault.c \
		  memory.c thread.c park.c clock.c vclock.c \
		  file.c dir.c rwv.c bio.c bio_uring.c bio_pool.c bio_range.c \
		  daemon.c dl.c sp.c sp_url.c
USER_PKGS      := liburing
CPPFLAGS_EXTRA := -D_GNU_SOURCE
