# SPDX-License-Identifier: BSD-2-Clause
NAME           := shmif_dumpbus
SRCS           := shmif_dumpbus.c bus.c pcapng.c
MAN            := shmif_dumpbus.1
CPPFLAGS_EXTRA := -D_GNU_SOURCE -Icomponents/net/shmif
