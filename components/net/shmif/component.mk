# SPDX-License-Identifier: BSD-2-Clause
NAME           := shmif
FACTION        := net
NEEDS          := net wire
ABOUT          := a memory-mapped file as an Ethernet between processes
SRCS           := shmif.c shmif_join.c shmif_tx.c shmif_rx.c shmif_bell.c
USER_SRCS      := shmif_user.c
CPPFLAGS_EXTRA := -D_GNU_SOURCE
PLATFORM       := posix
